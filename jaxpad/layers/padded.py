"""What every layer with a border has in common."""

from typing import Any

import numpy as np
from flax import nnx
from jax import lax

from ..padding import MODES, Padding, as_padding
from ..typing import Amount, Array, Mode


class Padded(nnx.Module):
    """A layer whose padding can be read and replaced.

    The mode is an attribute of its own, not inside a `Padding`, because one with
    parameters must be found by nnx.
    """

    def set_padding(self, padding: Mode | Padding, amount: Amount) -> None:
        """Stores the padding; an amount of its own comes before `amount`."""
        spec = as_padding(padding)
        amount = amount if spec.amount is None else spec.amount
        spec = Padding(spec.mode, amount, spec.reweight)  # raises for a wrong amount
        mode = _hold(spec.mode)
        if isinstance(mode, str) and ":" in mode:
            mode = MODES.resolve(mode)  # it may have parameters, which nnx must see
        # Said each time, since another kind of mode may have stood here before.
        self.mode = nnx.data(mode) if nnx.is_data(mode) else nnx.static(mode)
        self.amount: Any = spec.amount
        self.reweight = spec.reweight

    @property
    def padding(self) -> Padding:
        """What this layer does at the border."""
        return Padding(_release(self.mode), self.amount, self.reweight)


def _hold(mode: Any) -> Any:
    """Tuples as lists into which nnx looks for modes with parameters."""
    return nnx.List([_hold(m) for m in mode]) if isinstance(mode, tuple) else mode


def _release(mode: Any) -> Any:
    return tuple(_release(m) for m in mode) if isinstance(mode, nnx.List) else mode


def as_batch(x: Array, rank: int) -> tuple[Array, tuple[int, ...]]:
    """Folds all batch axes of `[..., *space, channels]` into one; also unbatched."""
    if x.ndim < rank + 1:
        raise ValueError(
            f"the input has shape {x.shape}; a layer with {rank} space axes takes "
            "[*batch, *space, channels]."
        )
    batch = x.shape[: x.ndim - rank - 1]
    return lax.reshape(x, (int(np.prod(batch)), *x.shape[len(batch) :])), batch
