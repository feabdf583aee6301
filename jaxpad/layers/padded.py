"""What every layer with a border has in common."""

import math
from collections.abc import Callable
from typing import Any

from flax import nnx
from jax import lax

from ..padding import (
    MODES,
    Padding,
    as_padding,
    per_axis_amounts,
    per_axis_modes,
)
from ..typing import Amount, Array, Mode
from .learned import with_state


class Padded(nnx.Module):
    """A layer whose padding can be read and replaced.

    The mode is an attribute of its own, not inside a `Padding`, because one with
    parameters must be found by nnx.
    """

    # Channels of the input, where the layer knows them.
    in_features: int | None = None

    @property
    def padded_features(self) -> int | None:
        """Channels of the image that the padding fills, where the layer knows them."""
        return self.in_features

    @property
    def rank(self) -> int:
        """Space axes of the window."""
        window = getattr(self, "kernel_size", None) or getattr(self, "window", ())
        return len(window)

    def set_padding(
        self,
        padding: Mode | Padding,
        amount: Amount,
        *,
        rngs: nnx.Rngs | None = None,
    ) -> None:
        """Stores the padding; an amount of its own comes before `amount`.

        Args:
            padding: of the layer.
            amount: cells that are added, unless the padding brings its own.
            rngs: for a mode that draws.

        Raises:
            ValueError: for an unknown padding, or one for another number of axes.
        """
        spec = as_padding(padding)
        amount = amount if spec.amount is None else spec.amount
        spec = Padding(spec.mode, amount, spec.reweight)  # raises for a wrong amount
        self.check_mode(spec.mode)
        if self.rank:
            per_axis_amounts(spec.amount, self.rank)
        mode = with_state(spec.mode, spec.amount, self.padded_features, self.rank, rngs)
        if isinstance(mode, str) and ":" in mode:
            mode = MODES.resolve(mode)  # it may have parameters, which nnx must see
        # Said each time, since another kind of mode may have stood here before.
        self.mode = nnx.data(mode) if nnx.is_data(mode) else nnx.static(mode)
        self.amount: Any = spec.amount
        self.reweight = spec.reweight

    def check_mode(self, mode: Mode) -> None:
        """Raises a ValueError for a mode that the layer cannot have."""
        if self.rank:  # else the layer has not said how many axes it has
            per_axis_modes(mode, self.rank)

    @property
    def padding(self) -> Padding:
        """What this layer does at the border."""
        return Padding(_release(self.mode), self.amount, self.reweight)

    def drawn(self) -> Padding:
        """The padding of one call, in which a mode that draws has drawn its key.

        An operation may call its mode inside a trace of its own (of a transpose, of
        one device's part), where a layer's state must not change. And sequences in rows
        know a mode by its function.
        """
        mode = _release(self.mode, lambda m: getattr(m, "as_function", lambda: m)())
        return Padding(mode, self.amount, self.reweight)


def _release(mode: Any, each: Callable[[Any], Any] = lambda mode: mode) -> Any:
    if isinstance(mode, (nnx.List, tuple)):
        return tuple(_release(m, each) for m in mode)
    return each(mode)


def as_batch(x: Array, rank: int) -> tuple[Array, tuple[Any, ...]]:
    """Folds all batch axes of `[..., *space, channels]` into one; also unbatched.

    The sizes of the batch are ints, or symbols while `jax.export` traces.
    """
    if x.ndim < rank + 1:
        raise ValueError(
            f"the input has shape {x.shape}; a layer with {rank} space axes takes "
            "[*batch, *space, channels]."
        )
    batch = x.shape[: x.ndim - rank - 1]
    return lax.reshape(x, (math.prod(batch), *x.shape[len(batch) :])), batch
