"""Convolution layers that are orthogonal whatever their parameters are."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from flax import nnx
from jax import lax

from ..conv import Strategy
from ..orthogonal import Free, exists, orthogonal_kernel, orthogonal_parameters
from ..padding import Padding
from ..typing import Amount, Array, Mode, PerAxis
from .conv import Conv
from .transposed import ConvTranspose


_bias_init = nnx.initializers.zeros_init()


class OrthogonalConv(Conv):
    """A convolution with all singular values 1, before training and after.

    It holds the free parameters of `jaxpad.orthogonal.orthogonal_kernel`, from which
    each call makes the kernel. With as many outputs as input numbers or fewer
    (`out_features <= in_features * prod(strides)`) it keeps the lengths of gradients,
    else of inputs; a square layer keeps both.

    That holds under circular padding, at every size that the strides divide. Of the
    others "zero" and "valid" never lengthen anything, but shorten what lies at the
    border; "reflect", "symmetric", "replicate" and "partial" can lengthen it too: the
    layer is then not 1-Lipschitz.

    Args:
        in_features: channels of the input.
        out_features: channels of the output.
        kernel_size: taps along each space axis; an int means one axis, as in flax.
        strides: cells between windows.
        padding, amount: as in `jaxpad.layers.Conv`, as are the next two lines.
        kernel_dilation, feature_group_count: cells between taps; groups of channels.
        use_bias, dtype, precision, strategy, bias_init: of the convolution.
        param_dtype: float32 or float64; also the kernel's.
        rngs: keys for the parameters.

    Attributes:
        base, turns: the free parameters; see `jaxpad.orthogonal.Free`.

    Raises:
        ValueError: if no orthogonal kernel has this shape, with the reason; see
            `jaxpad.orthogonal.exists`; or for another param_dtype.

    Example:
        >>> layer = OrthogonalConv(4, 4, (3, 3), rngs=nnx.Rngs(0))
        >>> x = jnp.arange(144.0).reshape(1, 6, 6, 4)
        >>> jnp.linalg.norm(layer(x)) / jnp.linalg.norm(x)
        Array(1., dtype=float32)
        >>> layer.to_conv().kernel.shape
        (3, 3, 4, 4)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: int | Sequence[int],
        strides: PerAxis = 1,
        *,
        padding: Mode | Padding = "circular",
        amount: Amount = "same",
        kernel_dilation: PerAxis = 1,
        feature_group_count: int = 1,
        use_bias: bool = True,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
        precision: lax.PrecisionLike = None,
        strategy: str | Strategy = "auto",
        bias_init: Any = _bias_init,
        rngs: nnx.Rngs,
    ):
        super().__init__(
            in_features,
            out_features,
            kernel_size,
            strides,
            padding=padding,
            amount=amount,
            kernel_dilation=kernel_dilation,
            feature_group_count=feature_group_count,
            use_bias=use_bias,
            dtype=dtype,
            param_dtype=param_dtype,
            precision=precision,
            strategy=strategy,
            bias_init=bias_init,
            rngs=rngs,
        )

    def set_kernel(self, init: Any, shape: tuple[int, ...], rngs: nnx.Rngs) -> None:
        """Makes the free parameters; the initializer of a kernel has no part in it."""
        _set_free(self, rngs)

    @property
    def kernel(self) -> Array:
        """`[*kernel_size, in / groups, out]`, of param_dtype."""
        return _kernel(self)

    def to_conv(self) -> Conv:
        """A plain `Conv` with this kernel, and a copy of the bias."""
        return Conv(strategy=self.strategy, **_exported(self))


class OrthogonalConvTranspose(ConvTranspose):
    """A transposed convolution with all singular values 1: `OrthogonalConv`'s adjoint.

    Args:
        in_features: channels of the input.
        out_features: channels of the output.
        kernel_size: taps along each space axis; an int means one axis, as in flax.
        strides: output cells from one input cell to the next.
        padding, amount, kernel_dilation, feature_group_count: as in `OrthogonalConv`.
        use_bias, dtype, param_dtype, precision, bias_init: as in `OrthogonalConv`.
        rngs: keys for the parameters.

    Attributes:
        base, turns: the free parameters of the convolution that is transposed.

    Raises:
        ValueError: if no orthogonal kernel has this shape, with the reason; see
            `jaxpad.orthogonal.exists`.

    Example:
        >>> layer = OrthogonalConvTranspose(4, 4, (3, 3), 2, rngs=nnx.Rngs(0))
        >>> x = jnp.arange(36.0).reshape(1, 3, 3, 4)
        >>> y = layer(x)
        >>> y.shape, jnp.linalg.norm(y) / jnp.linalg.norm(x)
        ((1, 6, 6, 4), Array(1., dtype=float32))
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: int | Sequence[int],
        strides: PerAxis = 1,
        *,
        padding: Mode | Padding = "circular",
        amount: Amount = "same",
        kernel_dilation: PerAxis = 1,
        feature_group_count: int = 1,
        use_bias: bool = True,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
        precision: lax.PrecisionLike = None,
        bias_init: Any = _bias_init,
        rngs: nnx.Rngs,
    ):
        super().__init__(
            in_features,
            out_features,
            kernel_size,
            strides,
            padding=padding,
            amount=amount,
            kernel_dilation=kernel_dilation,
            feature_group_count=feature_group_count,
            transpose_kernel=True,
            use_bias=use_bias,
            dtype=dtype,
            param_dtype=param_dtype,
            precision=precision,
            bias_init=bias_init,
            rngs=rngs,
        )

    def set_kernel(self, init: Any, shape: tuple[int, ...], rngs: nnx.Rngs) -> None:
        """Makes the free parameters; the initializer of a kernel has no part in it."""
        _set_free(self, rngs)

    @property
    def kernel(self) -> Array:
        """`[*kernel_size, out / groups, in]`, of the convolution that is transposed."""
        return _kernel(self)

    def to_conv(self) -> ConvTranspose:
        """A plain `ConvTranspose` with this kernel, and a copy of the bias."""
        return ConvTranspose(transpose_kernel=True, **_exported(self))


def _arguments(layer: Any) -> dict[str, Any]:
    """Those of `orthogonal_kernel`: of the convolution, or of the one transposed."""
    features = layer.in_features, layer.out_features
    inputs, outputs = features[:: -1 if isinstance(layer, ConvTranspose) else 1]
    return {
        "in_features": inputs,
        "out_features": outputs,
        "kernel_size": layer.kernel_size,
        "stride": layer.strides,
        "dilation": layer.kernel_dilation,
        "groups": layer.feature_group_count,
    }


def _set_free(layer: Any, rngs: nnx.Rngs) -> None:
    _check(layer)
    arguments = _arguments(layer)
    free = orthogonal_parameters(rngs.params(), dtype=layer.param_dtype, **arguments)
    layer.base, layer.turns = nnx.Param(free.base), nnx.Param(free.turns)


def _check(layer: Any) -> None:
    found = exists(
        layer.in_features,
        layer.out_features,
        layer.kernel_size,
        layer.strides,
        layer.kernel_dilation,
        layer.feature_group_count,
        transpose=isinstance(layer, ConvTranspose),
    )
    if not found:
        raise ValueError(f"There is no orthogonal kernel: {found.reason}")
    if layer.param_dtype not in (jnp.float32, jnp.float64):
        raise ValueError(
            f"param_dtype={jnp.dtype(layer.param_dtype)}: expected float32 or float64, "
            "in which the kernel is made; dtype=jnp.bfloat16 is for the convolution."
        )


def _kernel(layer: Any) -> Array:
    free = Free(layer.base[...], layer.turns[...])
    return orthogonal_kernel(free, **_arguments(layer))


def _exported(layer: Any) -> dict[str, Any]:
    """The arguments of a plain layer that does the same; its "rngs" draw nothing."""
    names = (
        "in_features, out_features, kernel_size, strides, padding, kernel_dilation, "
        "feature_group_count, use_bias, dtype, param_dtype, precision"
    )
    return {
        **{name: getattr(layer, name) for name in names.split(", ")},
        "kernel_init": lambda *_: layer.kernel,
        "bias_init": lambda *_: jnp.array(layer.bias[...]),
        "rngs": nnx.Rngs(0),
    }
