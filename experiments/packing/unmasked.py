"""BERT that is trained as if texts were packed without a mask."""

from typing import Any

import jax.numpy as jnp
from flax import nnx

from jaxpad.batching import Ragged, ragged
from jaxpad.models import MODELS


class Unmasked(nnx.Module):
    """A network to which a row is one text while it is trained; tests are as ever."""

    def __init__(self, network: nnx.Module):
        self.network = network
        self.deterministic = False

    def __call__(self, batch: Ragged) -> Ragged:
        if self.deterministic:
            return self.network(batch)
        ids = (batch.segment_ids > 0).astype(jnp.int32)
        told = self.network(ragged(batch.values, ids, sequences=batch.rows))
        return batch.replace(told.values)


def bert_tiny(channels: int, classes: int | None, **options: Any) -> Unmasked:
    """For `config.model`, with the options of the model of that name."""
    return Unmasked(MODELS["bert_tiny"](channels, classes, **options))
