"""A stack of circular convolutions as one matrix per frequency."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex

from ...conv.geometry import per_axis
from ...typing import Amount, AnyArray, Array, Kernel, PerAxis
from ..operator import Operator, is_torus, read_operator
from ..transfer import transfer
from .waves import outer


class Layer(NamedTuple):
    """A convolution in a stack, with circular padding.

    Attributes:
        kernel: `[*window, in / groups, out]`.
        bias: `[out]`; None for none.
        stride, dilation, groups, amount: as in `jaxpad.conv`.
    """

    kernel: Kernel
    bias: AnyArray | None = None
    stride: PerAxis = 1
    dilation: PerAxis = 1
    groups: int = 1
    amount: Amount = "same"


class Stack(NamedTuple):
    """What a stack of convolutions does to a spectrum.

    Attributes:
        transfer: complex `[*size, out, in]`, by the frequency of the input.
        bias: complex `[*outputs, out]`, what the biases add to the output's spectrum:
            zero but at frequency 0.
    """

    transfer: Array
    bias: Array


def stack_transfer(layers: Sequence[Layer], size: PerAxis) -> Stack:
    """One matrix per frequency for a whole stack of circular convolutions.

    `h[g] = sum_{f = g mod outputs} T[f] x[f] + bias[g]`, `T[f] = T_L[f] ... T_1[f]`. A
    stride folds the frequencies `f` that its outputs cannot tell apart onto one, so
    each frequency of the input goes to one of the output. Under stride 1 that is its
    own. The phases are those of `jaxpad.conv`, whose amount says where windows start.

    Args:
        layers: first to last.
        size: cells of the image along each axis.

    Returns:
        The transfer `[*size, out, in]` and the spectrum of the biases.

    Raises:
        ValueError: for no layers, channels that do not fit together, or a layer whose
            windows do not go round: outputs times stride must be its input's size.

    Example:
        >>> blur = Layer(jnp.ones((3, 1, 1)) / 3)
        >>> stack_transfer([blur, blur], 6).transfer[:, 0, 0].real.round(3) + 0
        Array([1.   , 0.444, 0.   , 0.111, 0.   , 0.444], dtype=float32)

    Corollary 3.3 of "Defects of Convolutional Decoder Networks in Frequency
    Representation", Tang et al., 2023, has stride 1.
    """
    if not layers:
        raise ValueError("stack_transfer: layers is empty; one Layer was expected.")
    total, offset = None, None
    for number, layer in enumerate(layers):
        operator = _read(number, layer, size, total)
        step = _transfer(operator)
        total = step if total is None else _after(step, total)
        offset = _offset(step, offset, layer, operator)
        size = operator.window.outputs
    assert total is not None
    assert offset is not None
    rank = total.ndim - 2
    spectrum = jnp.zeros((*per_axis("size", size, rank), len(offset)), total.dtype)
    return Stack(total, spectrum.at[(0,) * rank].set(offset))


def through(
    stack: Stack, spectrum: Complex[AnyArray, "batch *size in_features"]
) -> Complex[Array, "batch *outputs out"]:
    """The spectrum that a stack makes of a spectrum.

    Args:
        stack: from `stack_transfer`.
        spectrum: complex `[batch, *size, in]`, as `jaxpad.spectral.propagate.spectrum`
            gives it.

    Returns:
        Complex `[batch, *outputs, out]`.

    Raises:
        ValueError: for a spectrum of another size or number of channels.

    Example:
        >>> stack = stack_transfer([Layer(2 * jnp.ones((1, 1, 1)))], 3)
        >>> through(stack, jnp.ones((1, 3, 1), complex))[0, :, 0]
        Array([2.+0.j, 2.+0.j, 2.+0.j], dtype=complex64)
    """
    matrix, offset = stack
    *size, _, features = matrix.shape
    if spectrum.shape[1:] != (*size, features):
        raise ValueError(
            f"through: the spectrum has shape {spectrum.shape}, but the stack was made "
            f"for [batch, *{tuple(size)}, {features}]."
        )
    y = jnp.einsum("...oi,...i->...o", matrix[None], spectrum, precision="highest")
    for axis, outputs in enumerate(offset.shape[:-1], 1):
        folds = (*y.shape[:axis], -1, outputs, *y.shape[axis + 1 :])
        y = y.reshape(folds).sum(axis)
    return y + offset[None]


def _read(number: int, layer: Layer, size: PerAxis, before: Array | None) -> Operator:
    name = f"stack_transfer: layers[{number}]"
    operator = read_operator(
        name,
        layer.kernel,
        size,
        stride=layer.stride,
        dilation=layer.dilation,
        groups=layer.groups,
        padding="circular",
        amount=layer.amount,
    )
    features = operator.kernel.shape[-2] * operator.groups
    if before is not None and before.shape[-2] != features:
        raise ValueError(
            f"{name} takes {features} channels, but the layer before it makes "
            f"{before.shape[-2]}: expected a kernel [*window, "
            f"{before.shape[-2]} / groups, out]."
        )
    if not is_torus(operator):
        space, stride, outputs = (
            getattr(operator.window, key) for key in ("space", "stride", "outputs")
        )
        raise ValueError(
            f"{name} makes {outputs} outputs of {space} cells at stride {stride}, so "
            "its windows do not go round and frequencies mix. Use the amount "
            '"same" and a size that the strides divide, or '
            "jaxpad.spectral.propagate.leakage, which takes any."
        )
    return operator


def _transfer(operator: Operator) -> Array:
    """`[*space, out, in]` with the phase of the first window and a stride's share."""
    kernel, window, _, groups = operator
    blocks = transfer(kernel, window.space, dilation=window.dilation, groups=groups)
    one = jnp.eye(groups, dtype=blocks.dtype)
    whole = jnp.einsum("...goi,gh->...gohi", blocks, one)
    whole = whole.reshape(*window.space, kernel.shape[-1], -1)
    starts = [
        np.exp(-2j * np.pi * np.arange(n) * lo / n)
        for n, (lo, _) in zip(window.space, window.widths, strict=True)
    ]
    # Every s-th cell of an image has 1 / s of the sum of the folded frequencies.
    phase = outer(starts) / math.prod(window.stride)
    return whole * jnp.asarray(phase, whole.dtype)[..., None, None]


def _after(step: Array, total: Array) -> Array:
    """The product at each frequency of the stack's input, which the step has folded."""
    sizes = zip(total.shape[:-2], step.shape[:-2], strict=True)
    step = jnp.tile(step, (*(n // m for n, m in sizes), 1, 1))
    return jnp.matmul(step, total, precision="highest")


def _offset(
    step: Array, before: Array | None, layer: Layer, operator: Operator
) -> Array:
    """What all biases up to this layer add at frequency 0, `[out]`."""
    made = jnp.zeros(step.shape[-2], step.dtype)
    if before is not None:
        mean = step[(0,) * (step.ndim - 2)]
        made = jnp.matmul(mean, before, precision="highest")
    if layer.bias is None:
        return made
    bias = jnp.asarray(layer.bias)
    if bias.shape != made.shape:
        raise ValueError(
            f"stack_transfer: a bias has shape {bias.shape}; expected {made.shape}."
        )
    return made + math.prod(operator.window.outputs) * bias.astype(step.dtype)
