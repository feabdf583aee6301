"""Pooling layers: `jaxpad.max_pool` and `jaxpad.avg_pool` with their arguments."""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Bool, Shaped

from ..conv import avg_pool, max_pool
from ..conv.arguments import window_of
from ..conv.geometry import per_axis
from ..padding import Padding
from ..typing import Amount, AnyArray, Array, Mode, PerAxis
from .padded import Padded, as_batch


class _Pool(Padded):
    """A window and a padding; the two layers add the function."""

    def __init__(
        self,
        window: Sequence[int],
        strides: PerAxis | None = None,
        *,
        padding: Mode | Padding = "zero",
        amount: Amount = "valid",
        features: int | None = None,
        rngs: nnx.Rngs | None = None,
    ):
        self.window = window_of("window", window)
        self.strides = strides
        if strides is not None:
            self.strides = per_axis("strides", strides, len(self.window))
        self.in_features = features
        self.set_padding(padding, amount, rngs=rngs)

    def _apply(
        self, pool: Callable[..., Array], inputs: AnyArray, mask: AnyArray | None
    ) -> Array:
        rank = len(self.window)
        x, batch = as_batch(jnp.asarray(inputs), rank)
        if mask is not None:
            mask, _ = as_batch(jnp.asarray(mask), rank)
        padding = self.drawn()
        y = pool(x, self.window, stride=self.strides, padding=padding, mask=mask)
        return y.reshape(*batch, *y.shape[1:])


class MaxPool(_Pool):
    """`jaxpad.max_pool` as a layer.

    Args:
        window: cells of the window along each space axis.
        strides: cells between windows; None means the window itself.
        padding: as in `jaxpad.layers.Conv`.
        amount: as in `jaxpad.layers.Conv`.
        features: channels of the input, for a mode with parameters.
        rngs: for a mode that draws.

    Example:
        >>> layer = MaxPool((3, 3), 2, padding="reflect", amount="half")
        >>> layer(jnp.ones((2, 8, 8, 3))).shape
        (2, 4, 4, 3)
    """

    def __call__(
        self,
        inputs: Shaped[AnyArray, "*batch_space_channels"],
        mask: Bool[AnyArray, "*batch_space_one_or_channels"] | None = None,
    ) -> Shaped[Array, "*batch_space_channels_out"]:
        """Pools `[*batch, *space, channels]`, any batch axes; `mask` as in `Conv`."""
        return self._apply(max_pool, inputs, mask)


class AvgPool(_Pool):
    """`jaxpad.avg_pool` as a layer; the arguments are `MaxPool`'s.

    Example:
        >>> layer = AvgPool((2, 2), amount=1, padding="partial")
        >>> layer(jnp.ones((2, 8, 8, 3))).shape
        (2, 5, 5, 3)
    """

    def __call__(
        self,
        inputs: Shaped[AnyArray, "*batch_space_channels"],
        mask: Bool[AnyArray, "*batch_space_one_or_channels"] | None = None,
    ) -> Shaped[Array, "*batch_space_channels_out"]:
        """Pools `[*batch, *space, channels]`, any batch axes; `mask` as in `Conv`."""
        return self._apply(avg_pool, inputs, mask)
