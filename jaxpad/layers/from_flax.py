"""flax's convolutions as jaxpad's: the same variables on the same sampling grid."""

from typing import Any

from flax import nnx

from ..arith import span
from ..conv.geometry import per_axis
from ..typing import Amount
from .conv import Conv
from .padded import Padded
from .transposed import ConvTranspose


# Other strings than these are amounts.
_MODES = {"CIRCULAR": "circular", "REFLECT": "reflect"}
# Options of flax's layers that jaxpad's have not.
_FLAX_ONLY = (
    "mask",
    "conv_general_dilated",
    "promote_dtype",
    "preferred_element_type",
    "input_dilation",
)


def from_flax(
    name: str,
    layer: nnx.Conv | nnx.ConvTranspose,
    without: str = 'replace_padding(model, {"regex of a path": padding})',
) -> Padded:
    """A jaxpad layer that means the same and holds the very variables of a flax one.

    Raises:
        ValueError: where jaxpad has no such layer; it calls the layer `name`, and
            `without` is how the caller is told to leave it out.
    """
    flax_type = nnx.Conv if isinstance(layer, nnx.Conv) else nnx.ConvTranspose
    plain = nnx.eval_shape(lambda: flax_type(1, 1, 1, rngs=nnx.Rngs(0)))
    odd = [o for o in _FLAX_ONLY if _differs(layer, plain, o)]
    if type(layer) is not flax_type or odd:
        what = (
            f"with {', '.join(odd)}"
            if odd
            else f"that overrides nnx.{flax_type.__name__}"
        )
        raise ValueError(_no_counterpart(name, layer, what, without))
    options: dict[str, Any]
    if isinstance(layer, nnx.Conv):
        make, amount = Conv, _amount(layer)
        options = {"feature_group_count": layer.feature_group_count}
    else:
        make, (amount, extra) = ConvTranspose, _transposed(name, layer, without)
        options = {"transpose_kernel": layer.transpose_kernel, "output_padding": extra}
    new = nnx.eval_shape(
        lambda: make(
            layer.in_features,
            layer.out_features,
            tuple(layer.kernel_size),
            _ints(layer, layer.strides),
            kernel_dilation=_ints(layer, layer.kernel_dilation),
            use_bias=layer.use_bias,
            dtype=layer.dtype,
            param_dtype=layer.param_dtype,
            precision=layer.precision,
            rngs=nnx.Rngs(0),
            **options,
        )
    )
    new.kernel, new.bias = layer.kernel, layer.bias
    new.set_padding(_MODES.get(str(layer.padding), "zero"), amount)
    return new


def _differs(layer: Any, plain: Any, option: str) -> bool:
    value = getattr(layer, option, None)
    if option == "input_dilation":
        return any(d != 1 for d in _ints(layer, value))
    return value is not getattr(plain, option, None)


def _no_counterpart(name: str, layer: Any, what: str, without: str) -> str:
    return (
        f"{name}: a {type(layer).__name__} {what} has no counterpart in jaxpad; "
        f"leave it out by giving rules for the other paths: {without}."
    )


def _ints(layer: Any, value: Any) -> tuple[int, ...]:
    """One number per axis of what flax takes as None, an int or several."""
    rank = len(layer.kernel_size)
    return per_axis("strides", 1 if value is None else value, rank)


def _spans(layer: Any) -> list[int]:
    dilations = _ints(layer, layer.kernel_dilation)
    return [span(k, d) for k, d in zip(layer.kernel_size, dilations, strict=True)]


def _amount(layer: nnx.Conv) -> Amount:
    """The cells that flax adds, as an amount of ours.

    Flax's "CIRCULAR" and "REFLECT" add the same cells at every stride, unlike its
    "SAME": that is why they sample another grid there.
    """
    padding = layer.padding
    if padding in ("CIRCULAR", "REFLECT"):
        return tuple(((k - 1) // 2, k // 2) for k in _spans(layer))
    if isinstance(padding, str):
        return padding.lower()
    return padding if isinstance(padding, int) else _pairs(padding)


def _pairs(padding: Any) -> tuple[tuple[int, int], ...]:
    return tuple((p, p) if isinstance(p, int) else (p[0], p[-1]) for p in padding)


def _transposed(
    name: str, layer: nnx.ConvTranspose, without: str
) -> tuple[Amount, int | tuple[int, ...]]:
    """Amount and output_padding of a flax ConvTranspose.

    Flax's numbers are cells around the stretched input, `p`; the convolution that is
    transposed adds `k' - 1 - p`. Fewer than none is output_padding.
    """
    padding, spans = layer.padding, _spans(layer)
    strides = _ints(layer, layer.strides)
    if padding == "SAME":
        return "same", 0
    if padding == "VALID":
        sides = [(0, k - max(k, s)) for k, s in zip(spans, strides, strict=True)]
    elif padding == "CIRCULAR":
        # The whole transposed convolution has k' - s cells more than a period, of
        # which flax puts the odd one before or after, by the kind of kernel.
        more = [k - s for k, s in zip(spans, strides, strict=True)]
        first = [-(-m // 2) if layer.transpose_kernel else m // 2 for m in more]
        sides = [(lo, m - lo) for lo, m in zip(first, more, strict=True)]
    else:
        pairs = _pairs([padding] * len(spans) if isinstance(padding, int) else padding)
        sides = [(k - 1 - p, k - 1 - q) for k, (p, q) in zip(spans, pairs, strict=True)]
    extra = tuple(max(-hi, 0) for _, hi in sides)
    if any(lo < 0 for lo, _ in sides) or any(map(int.__ge__, extra, strides)):
        what = f"of window {layer.kernel_size}, strides {strides}, padding={padding!r}"
        raise ValueError(_no_counterpart(name, layer, what, without))
    return tuple((lo, max(hi, 0)) for lo, hi in sides), extra
