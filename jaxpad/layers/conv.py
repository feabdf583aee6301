"""`Conv`: flax's convolution layer with the padding as an argument of its own."""

from collections.abc import Sequence
from typing import Any, overload

import jax.numpy as jnp
from flax import nnx
from flax.nnx.nn import dtypes
from jax import lax
from jaxtyping import Bool, Shaped

from ..batching import Ragged, segment_conv
from ..batching.batch import one_array
from ..conv import STRATEGIES, Strategy, conv
from ..conv.arguments import whole, window_of
from ..conv.geometry import check_image, per_axis
from ..padding import Padding
from ..typing import Amount, AnyArray, Array, Mode, PerAxis
from .padded import Padded, as_batch


# flax's own
_kernel_init = nnx.initializers.lecun_normal()
_bias_init = nnx.initializers.zeros_init()


class Conv(Padded):
    """Convolution whose padding is named, with `flax.nnx.Conv`'s parameters.

    Of a `jaxpad.batching.Ragged` a layer with one space axis convolves each sequence
    alone, padded at its own borders, as `jaxpad.batching.segment_conv` does.

    `kernel` and `bias` have flax's names, shapes, initial values and dtypes, so a
    checkpoint of an `nnx.Conv` loads into this layer and the other way round.

    Args:
        in_features: channels of the input.
        out_features: channels of the output.
        kernel_size: taps along each space axis; an int means one axis, as in flax.
        strides: cells between windows.
        padding: a name in `jaxpad.PADDINGS`, a mode as in `jaxpad.pad` (an
            `nnx.Module` too: its parameters become the layer's), or a
            `jaxpad.Padding`.
        amount: cells that are added; as in `jaxpad.conv`.
        kernel_dilation: cells between taps.
        feature_group_count: groups of channels.
        use_bias: whether a bias is added.
        dtype: of the computation; None infers it from input and parameters.
        param_dtype: of the parameters.
        precision: as in `jax.lax.conv_general_dilated`.
        strategy: how the padded image comes about; as in `jaxpad.conv`.
        kernel_init: initializer of the kernel.
        bias_init: initializer of the bias.
        rngs: keys for the initializers, from the stream "params"; for the mode
            "random" from the stream "padding".

    Raises:
        ValueError: for an unknown padding, or channels that groups do not divide.

    Example:
        >>> layer = Conv(3, 8, (3, 3), padding="circular", rngs=nnx.Rngs(0))
        >>> layer(jnp.ones((2, 5, 5, 3))).shape
        (2, 5, 5, 8)
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
        kernel_dilation: PerAxis = 1,
        feature_group_count: int = 1,
        use_bias: bool = True,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
        precision: lax.PrecisionLike = None,
        strategy: str | Strategy = "auto",
        kernel_init: Any = _kernel_init,
        bias_init: Any = _bias_init,
        rngs: nnx.Rngs,
    ):
        if isinstance(kernel_size, int):
            kernel_size = (kernel_size,)
        groups = whole("feature_group_count", feature_group_count)
        if in_features % groups or out_features % groups:
            raise ValueError(
                f"feature_group_count={groups} must divide both "
                f"in_features={in_features} and out_features={out_features}."
            )
        self.in_features, self.out_features = in_features, out_features
        self.kernel_size = window_of("kernel_size", kernel_size)
        self.strides = per_axis("strides", strides, len(self.kernel_size))
        self.kernel_dilation = per_axis(
            "kernel_dilation", kernel_dilation, len(self.kernel_size)
        )
        self.feature_group_count = groups
        self.use_bias = use_bias
        self.dtype, self.param_dtype, self.precision = dtype, param_dtype, precision
        STRATEGIES.resolve(strategy)  # raises now for a name that is none
        self.strategy = strategy
        self.set_padding(padding, amount, rngs=rngs)
        shape = (*self.kernel_size, in_features // groups, out_features)
        self.set_kernel(kernel_init, shape, rngs)
        self.bias: nnx.Param | None = nnx.data(None)
        if use_bias:
            self.bias = nnx.Param(bias_init(rngs.params(), shape[-1:], param_dtype))

    def set_kernel(self, init: Any, shape: tuple[int, ...], rngs: nnx.Rngs) -> None:
        """Makes the parameters of the kernel, which a subclass may hold otherwise."""
        self.kernel = nnx.Param(init(rngs.params(), shape, self.param_dtype))

    @overload
    def __call__(self, inputs: Ragged) -> Ragged: ...
    @overload
    def __call__(
        self,
        inputs: Shaped[AnyArray, "*batch_space_in"],
        mask: Bool[AnyArray, "*batch_space_one_or_in"] | None = None,
    ) -> Shaped[Array, "*batch_space_out"]: ...
    def __call__(self, inputs: Any, mask: Any = None) -> Any:
        """Applies the layer to `[*batch, *space, in_features]`, any batch axes.

        `mask` is true where the input is real: `[*batch, *space, 1 or in_features]`,
        as in `jaxpad.conv`. A `Ragged` has values `[rows, capacity, in_features]` and
        says itself what is real.

        Raises:
            ValueError: for a `Ragged` if the layer has several space axes, a stride, a
                strategy or a mask, or what `segment_conv` refuses.
        """
        if isinstance(inputs, Ragged):
            return self._on_segments(inputs, mask)
        (x, kernel, bias), batch = operands(self, inputs)
        if mask is not None:
            mask, _ = as_batch(jnp.asarray(mask), len(self.kernel_size))
        y = conv(
            x,
            kernel,
            stride=self.strides,
            dilation=self.kernel_dilation,
            groups=self.feature_group_count,
            padding=self.drawn(),
            bias=bias,
            mask=mask,
            strategy=self.strategy,
            precision=self.precision,
        )
        return y.reshape(*batch, *y.shape[1:])

    def _on_segments(self, inputs: Ragged, mask: Any) -> Ragged:
        _check_segments(self, mask)
        (x, kernel, bias), _ = operands(self, one_array("Conv", inputs))
        return segment_conv(
            inputs.replace(x),
            kernel,
            dilation=self.kernel_dilation[0],
            groups=self.feature_group_count,
            padding=self.drawn(),
            bias=bias,
            precision=self.precision,
        )


def _check_segments(layer: Conv, mask: Any) -> None:
    """Raises for what convolves no sequences in rows."""
    wrong = {
        f"kernel_size={layer.kernel_size} has {len(layer.kernel_size)} space axes; "
        "sequences have one": len(layer.kernel_size) != 1,
        f"strides={layer.strides} would change the lengths of sequences": (
            set(layer.strides) != {1}
        ),
        f"strategy={layer.strategy!r} is for images; here there is one way, "
        'strategy="auto"': layer.strategy != "auto",
        "mask came, but a Ragged says itself which cells are real": mask is not None,
    }
    if reasons := [reason for reason, given in wrong.items() if given]:
        raise ValueError(f"Conv of a Ragged: {'; '.join(reasons)}.")


def operands(
    layer: Any, inputs: AnyArray
) -> tuple[tuple[Array, Array, Array | None], tuple[Any, ...]]:
    """What a layer with a kernel computes with, in one dtype; and the batch axes.

    Raises:
        ValueError: for an input of the wrong shape.
        TypeError: for an input of whole numbers, or a batch that is no array.
    """
    if isinstance(inputs, Ragged):
        raise TypeError(
            f"{type(layer).__name__} takes arrays, and a Ragged came: only Conv keeps "
            "the lengths of sequences. Give it batch.values, and mask what it returns."
        )
    rank = len(layer.kernel_size)
    x, batch = as_batch(jnp.asarray(inputs), rank)
    check_image(type(layer).__name__, x, rank)
    if x.shape[-1] != layer.in_features:
        raise ValueError(
            f"the input has {x.shape[-1]} channels, but the layer was made for "
            f"in_features={layer.in_features}."
        )
    bias = None if layer.bias is None else layer.bias[...]
    arrays = (x, layer.kernel[...], bias)
    return dtypes.promote_dtype(arrays, dtype=layer.dtype), batch
