"""What a network computes for an image, under each padding."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from settings import Setting

from jaxpad.models import MODELS


CLASSES = 11


def megaflops(setting: Setting, padding: str) -> float:
    """Of the traced forward pass, as XLA counts: two for a product and its sum."""
    make = MODELS.resolve(setting.overrides["model"])
    net = nnx.eval_shape(lambda: make(3, CLASSES, padding=padding, rngs=nnx.Rngs(0)))
    graph, state = nnx.split(net)
    image = jax.ShapeDtypeStruct((1, setting.size, setting.size, 3), jnp.float32)
    lowered = jax.jit(lambda s, x: nnx.merge(graph, s)(x)).lower(state, image)
    costs: Any = lowered.cost_analysis()
    return round(costs["flops"] / 1e6, 3)
