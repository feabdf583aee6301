"""Kernels for TPUs that pad an image while they read it: no padded copy is written.

Each of the three kernels (the convolution, its gradients to the image and to the
kernel) goes down the rows of its operands once, holding as many rows in VMEM as there
are taps. Rows that padding copies are read again where they lie: one or two in all.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from ..padding import Padding, per_axis_modes
from ..typing import Array
from .convolve import Convolve
from .geometry import Geometry
from .rows import Job, conv_rows, kernel_rows
from .schedule import adjoint_line, forward_line, Line


def kernel(
    x: Array, kernel: Array, window: Geometry, padding: Padding, convolve: Convolve
) -> Array:
    """Pads while it reads, in a Pallas kernel; emulated, slowly, but on a TPU."""
    lines = _lines(x, kernel, window, padding)
    precision = getattr(convolve, "keywords", {}).get("precision")

    @jax.custom_vjp
    def convolved(x: Array, kernel: Array) -> Array:
        return _run(x, kernel, lines, precision)

    def backward(operands: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
        x, kernel = operands
        turned = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)
        adjoint = (adjoint_line(lines[0]), adjoint_line(lines[1]))
        return _run(g, turned, adjoint, precision), _run_kernel(x, g, lines, precision).astype(kernel.dtype)

    convolved.defvjp(lambda x, kernel: (convolved(x, kernel), (x, kernel)), backward)
    return convolved(x, kernel)


def _run(x, kernel, lines, precision):
    last = _batch_last(x.shape[0], kernel.shape[2:])
    def call(x, kernel, *, interpret):
        y = conv_rows(_to_tiles(x, last), kernel, Job(lines, last, precision, interpret))
        return _from_tiles(y, last)
    return _on_platform(call, x, kernel)


def _run_kernel(x, g, lines, precision):
    last = _batch_last(x.shape[0], (x.shape[-1], g.shape[-1]))
    def call(x, g, *, interpret):
        return kernel_rows(_to_tiles(x, last), _to_tiles(g, last), Job(lines, last, precision, interpret))
    return _on_platform(call, x, g)


def _on_platform(call, *operands):
    return jax.lax.platform_dependent(
        *operands,
        tpu=functools.partial(call, interpret=False),
        default=functools.partial(call, interpret=True),
    )


def _batch_last(batch: int, features) -> bool:
    return batch % 128 == 0 and any(f % 128 for f in features)


def _to_tiles(x: Array, batch_last: bool) -> Array:
    return x.transpose((1, 2, 3, 0) if batch_last else (1, 2, 0, 3))


def _from_tiles(y: Array, batch_last: bool) -> Array:
    return y.transpose((3, 0, 1, 2) if batch_last else (2, 0, 1, 3))


def _lines(x: Array, kernel: Array, window: Geometry, padding: Padding) -> tuple[Line, Line]:
    modes = per_axis_modes(padding.mode, len(window.window))
    lines = [forward_line(a, m) for a, m in zip(window.axes(), modes, strict=True)]
    return lines[0], lines[1]
