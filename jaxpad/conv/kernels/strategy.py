"""The strategy "kernel"."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ...padding import Padding, mode_name, per_axis_modes
from ...typing import Array
from ..convolve import Convolve
from ..geometry import Geometry
from . import calls
from .blocks import LANES
from .bodies import Job
from .schedule import Line, adjoint_line, forward_line


# Rows that padding may add up for one padding row: each is another operand.
MOST_TERMS = 4


def kernel(
    x: Array, kernel: Array, window: Geometry, padding: Padding, convolve: Convolve
) -> Array:
    """Pads while it reads, in a Pallas kernel; emulated, slowly, where there is no TPU.

    One kernel for the convolution and for its adjoint, and one for the gradient to the
    weights. Each goes down the rows of its operands once, holding as many in VMEM as
    there are taps, and reads again, where they lie, only the rows that padding copies.

    For gradients of first order, in reverse mode. The compiler does not split a kernel
    over devices: there, call it inside `jax.shard_map`.
    """
    lines = _lines(x, kernel, window, padding)
    batch_last = x.shape[0] % LANES == 0 and any(c % LANES for c in kernel.shape[2:])
    # The batch goes where it fills the lanes, as in XLA's own layouts: no copy.
    to, back = (1, 2, 3, 0), (3, 0, 1, 2)
    if not batch_last:
        to, back = (1, 2, 0, 3), (2, 0, 1, 3)
    precision = getattr(convolve, "keywords", {}).get("precision")

    def job(lines: tuple[Line, Line], interpret: bool) -> Job:
        return Job(*lines, batch_last, precision, interpret)

    def run(lines: tuple[Line, Line], x: Array, kernel: Array) -> Array:
        def call(x: Array, kernel: Array, *, interpret: bool) -> Array:
            y = calls.convolved(x.transpose(to), kernel, job(lines, interpret))
            return y.transpose(back)

        return _on_platform(call, x, kernel)

    def kernel_gradient(x: Array, g: Array, *, interpret: bool) -> Array:
        rows = x.transpose(to), g.transpose(to)
        return calls.kernel_gradient(*rows, kernel.shape, job(lines, interpret))

    @jax.custom_vjp
    def convolved(x: Array, kernel: Array) -> Array:
        return run(lines, x, kernel)

    def gradients(operands: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
        x, kernel = operands
        turned = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)
        dx = run((adjoint_line(lines[0]), adjoint_line(lines[1])), g, turned)
        return dx, _on_platform(kernel_gradient, x, g).astype(kernel.dtype)

    convolved.defvjp(lambda x, kernel: (convolved(x, kernel), (x, kernel)), gradients)
    return convolved(x, kernel)


def _on_platform(call: Callable[..., Any], *operands: Array) -> Any:
    # Known when the program is lowered, which may be on a machine without a TPU.
    return jax.lax.platform_dependent(
        *operands,
        tpu=functools.partial(call, interpret=False),
        default=functools.partial(call, interpret=True),
    )


def _lines(
    x: Array, kernel: Array, window: Geometry, padding: Padding
) -> tuple[Line, Line]:
    """The convolution along both axes.

    Raises:
        ValueError: for what the kernels do not do.
        TypeError: for float64.
    """
    if x.dtype == "float64":
        raise TypeError(
            'strategy="kernel" adds up in float32, but x is float64: use '
            'strategy="auto", or x.astype(jnp.float32).'
        )
    if 0 in x.shape:
        raise ValueError(
            f'strategy="kernel" cannot convolve an image of shape {x.shape}, which has '
            'no cells: use strategy="auto".'
        )
    rank, groups = len(window.window), x.shape[-1] // kernel.shape[-2]
    if rank != 2 or groups != 1 or max(window.dilation) != 1:
        raise ValueError(
            'strategy="kernel" convolves 2 space axes without groups or dilation, but '
            f"{rank} axes, groups={groups} and dilation={window.dilation} came: use "
            'strategy="auto".'
        )
    modes = per_axis_modes(padding.mode, rank)
    down, along = map(forward_line, window.axes(), modes)
    if down is None or along is None or _most_terms(down) > MOST_TERMS:
        raise ValueError(
            'strategy="kernel" needs modes given by a rule, of which a padding row '
            f"adds up at most {MOST_TERMS} rows, but padding {mode_name(padding.mode)} "
            'came: use strategy="auto".'
        )
    return down, along


def _most_terms(line: Line) -> int:
    return max(len(terms) for terms, _ in line.cells)
