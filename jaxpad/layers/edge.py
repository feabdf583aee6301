"""`EdgeConv`: a convolution whose border has kernels of its own."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from flax import nnx
from flax.nnx.nn import dtypes
from jaxtyping import Shaped

from ..conv import edge_conv
from ..conv.geometry import check_image, per_axis
from ..padding import Padding
from ..typing import Amount, AnyArray, Array, PerAxis
from .padded import as_batch


class EdgeConv(nnx.Module):
    """`jaxpad.conv.edge_conv` as a layer: 3 kernels for each space axis, one bias.

    It has no padding to replace: what a border means is learned. All kernels begin
    equal, so that it begins as a convolution with zero padding.

    Args:
        in_features: channels of the input.
        out_features: channels of the output.
        kernel_size: taps along each space axis; an int means one axis.
        strides: cells between windows.
        amount: as in `jaxpad.layers.Conv`.
        use_bias: whether a bias is added.
        dtype: of the computation; None infers it from input and parameters.
        param_dtype: of the parameters.
        rngs: keys for the initializer, from the stream "params".

    Example:
        >>> layer = EdgeConv(3, 8, (3, 3), rngs=nnx.Rngs(0))
        >>> layer(jnp.ones((2, 5, 5, 3))).shape
        (2, 5, 5, 8)
        >>> layer.kernels.shape
        (3, 3, 3, 3, 3, 8)

    "Learning on the Edge" (Innamorati et al., 2018).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: int | Sequence[int],
        strides: PerAxis = 1,
        *,
        amount: Amount = "same",
        use_bias: bool = True,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
        rngs: nnx.Rngs,
    ):
        size = (kernel_size,) if isinstance(kernel_size, int) else tuple(kernel_size)
        self.kernel_size, self.dtype = size, dtype
        self.strides = per_axis("strides", strides, len(size))
        self.amount = amount
        shape = (*size, in_features, out_features)
        kernel = nnx.initializers.lecun_normal()(rngs.params(), shape, param_dtype)
        zones = (3,) * len(size)
        self.kernels = nnx.Param(jnp.broadcast_to(kernel, (*zones, *shape)))
        self.bias: nnx.Param | None = nnx.data(None)
        if use_bias:
            self.bias = nnx.Param(jnp.zeros(out_features, param_dtype))

    @property
    def padding(self) -> Padding:
        """Cells beyond the border are absent; what that means, the kernels learn."""
        return Padding("zero", self.amount)

    def __call__(
        self, inputs: Shaped[AnyArray, "*batch_space_in"]
    ) -> Shaped[Array, "*batch_space_out"]:
        """Applies the layer to `[*batch, *space, in_features]`, any batch axes."""
        x, batch = as_batch(jnp.asarray(inputs), len(self.kernel_size))
        check_image("EdgeConv", x, len(self.kernel_size))
        bias = None if self.bias is None else self.bias[...]
        x, kernels, bias = dtypes.promote_dtype(
            (x, self.kernels[...], bias), dtype=self.dtype
        )
        y = edge_conv(x, kernels, stride=self.strides, amount=self.amount, bias=bias)
        return y.reshape(*batch, *y.shape[1:])
