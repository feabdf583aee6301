"""The transposed convolution layer: flax's parameters, and a padding of its own."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Shaped

from ..conv import conv_transpose
from ..conv.arguments import whole, window_of
from ..conv.geometry import per_axis
from ..conv.transposed import check_linear
from ..padding import Padding
from ..typing import Amount, AnyArray, Array, Mode, PerAxis
from .conv import operands
from .padded import Padded


# flax's own
_kernel_init = nnx.initializers.lecun_normal()
_bias_init = nnx.initializers.zeros_init()


class ConvTranspose(Padded):
    """`jaxpad.conv_transpose` as a layer, with `flax.nnx.ConvTranspose`'s parameters.

    `kernel` and `bias` have flax's names, shapes, initial values and dtypes. The
    amount is what the convolution that is transposed adds, as in PyTorch: `p` cells
    here are `kernel_dilation * (kernel_size - 1) - p` in flax, whose numbers say what
    is added around the input. flax's "SAME" is "same", its "VALID" is "valid".

    Args:
        in_features: channels of the input.
        out_features: channels of the output.
        kernel_size: taps along each space axis; an int means one axis, as in flax.
        strides: output cells from one input cell to the next.
        padding: as in `jaxpad.layers.Conv`; the mode must be linear.
        amount: as in `jaxpad.conv_transpose`.
        output_padding: cells added after; as in `jaxpad.conv_transpose`.
        kernel_dilation: cells between taps.
        feature_group_count: groups of channels.
        transpose_kernel: True holds the kernel of the convolution that is
            transposed, `[*window, out, in]`; False, flax's default, the kernel
            `[*window, in, out]` that slides over the stretched input, which is the
            other with its window reversed. With groups `out` is `out / groups`.
        use_bias, dtype, param_dtype, precision, kernel_init, bias_init, rngs: as in
            `jaxpad.layers.Conv`.

    Raises:
        ValueError: for an unknown padding, one that is not linear, or channels that
            groups do not divide.

    Example:
        >>> layer = ConvTranspose(3, 8, (3, 3), 2, padding="circular", rngs=nnx.Rngs(0))
        >>> layer(jnp.ones((2, 5, 5, 3))).shape
        (2, 10, 10, 8)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: int | Sequence[int],
        strides: PerAxis = 1,
        *,
        padding: Mode | Padding = "zero",
        amount: Amount = "same",
        output_padding: PerAxis = 0,
        kernel_dilation: PerAxis = 1,
        feature_group_count: int = 1,
        transpose_kernel: bool = False,
        use_bias: bool = True,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
        precision: lax.PrecisionLike = None,
        kernel_init: Any = _kernel_init,
        bias_init: Any = _bias_init,
        rngs: nnx.Rngs,
    ):
        if isinstance(kernel_size, int):
            kernel_size = (kernel_size,)
        self.kernel_size = window_of("kernel_size", kernel_size)
        groups, rank = whole("feature_group_count", feature_group_count), self.rank
        if in_features % groups or out_features % groups:
            raise ValueError(
                f"feature_group_count={groups} must divide both "
                f"in_features={in_features} and out_features={out_features}."
            )
        self.in_features, self.out_features = in_features, out_features
        self.strides = per_axis("strides", strides, rank)
        self.kernel_dilation = per_axis("kernel_dilation", kernel_dilation, rank)
        self.output_padding = per_axis("output_padding", output_padding, rank, least=0)
        self.feature_group_count = groups
        self.transpose_kernel, self.use_bias = transpose_kernel, use_bias
        self.dtype, self.param_dtype, self.precision = dtype, param_dtype, precision
        self.set_padding(padding, amount, rngs=rngs)
        features = (in_features, out_features // groups)
        shape = (*self.kernel_size, *features[:: -1 if transpose_kernel else 1])
        self.set_kernel(kernel_init, shape, rngs)
        self.bias: nnx.Param | None = nnx.data(None)
        if use_bias:
            self.bias = nnx.Param(
                bias_init(rngs.params(), (out_features,), param_dtype)
            )

    def set_kernel(self, init: Any, shape: tuple[int, ...], rngs: nnx.Rngs) -> None:
        """Makes the parameters of the kernel, which a subclass may hold otherwise."""
        self.kernel = nnx.Param(init(rngs.params(), shape, self.param_dtype))

    def check_mode(self, mode: Mode) -> None:
        """As every layer's, and the mode must have an adjoint."""
        super().check_mode(mode)
        check_linear(mode, self.rank)

    @property
    def padded_features(self) -> int:
        """What is padded is the output, the image of the convolution transposed."""
        return self.out_features

    def __call__(
        self, inputs: Shaped[AnyArray, "*batch_space_in"]
    ) -> Shaped[Array, "*batch_space_out"]:
        """Applies the layer to `[*batch, *space, in_features]`, any batch axes."""
        (x, kernel, bias), batch = operands(self, inputs)
        if self.transpose_kernel:
            kernel = jnp.swapaxes(kernel, -1, -2)
        else:
            kernel = lax.rev(kernel, range(len(self.kernel_size)))
        y = conv_transpose(
            x,
            kernel,
            stride=self.strides,
            dilation=self.kernel_dilation,
            groups=self.feature_group_count,
            padding=self.drawn(),
            output_padding=self.output_padding,
            bias=bias,
            precision=self.precision,
        )
        return y.reshape(*batch, *y.shape[1:])
