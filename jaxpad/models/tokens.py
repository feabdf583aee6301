"""What models of tokens refuse, in words."""

import jax.numpy as jnp
import numpy as np

from ..batching import Ragged
from ..batching.batch import one_array, visible


def check_tokens(batch: Ragged, channels: int, positions: int | None) -> None:
    """Raises for tokens and sequences that a model has no vector for.

    Args:
        batch: of tokens.
        channels: how many different ones there are.
        positions: of the longest sequence; None if there is no longest.

    Raises:
        ValueError: for such numbers, where they are known.
        TypeError: for values that are no whole numbers.
    """
    tokens = one_array("BERT", batch)
    if not jnp.issubdtype(tokens.dtype, jnp.integer):
        raise TypeError(
            f"values are {tokens.dtype}, but tokens are whole numbers: write "
            "batch.replace(batch.values.astype(int)) if they are."
        )
    if tokens.ndim != 2:
        raise ValueError(
            f"values have shape {tokens.shape}: expected [rows, capacity], one token "
            "for each cell."
        )
    if not visible(tokens, batch.positions, batch.segment_ids):
        return
    real = np.asarray(batch.segment_ids) > 0
    found = np.asarray(tokens)[real]
    if found.size and not 0 <= found.min() <= found.max() < channels:
        wrong = found.min() if found.min() < 0 else found.max()
        raise ValueError(
            f"a token is {wrong}, but the model has channels={channels}: tokens are 0 "
            f"to {channels - 1}."
        )
    longest = int(np.asarray(batch.positions).max(initial=0)) + 1
    if positions is not None and longest > positions:
        raise ValueError(
            f"a sequence has {longest} tokens, but the model has "
            f"positions={positions}: make it with positions={longest}, or cut the "
            f'sequences, jaxpad.batching.cut(lengths, {positions}, "split").'
        )
