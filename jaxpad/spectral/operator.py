"""The arguments that make a convolution a linear map, read in one place."""

from typing import Any, NamedTuple

import jax.core
import jax.numpy as jnp
import numpy as np

from ..conv.arguments import kernel_of, whole
from ..conv.geometry import Geometry, geometry, missing_ratio, per_axis
from ..padding import MODES, Padding, as_padding, per_axis_modes, sum_dtype, terms_of
from ..typing import Array


class Operator(NamedTuple):
    """A convolution of images of one size.

    Attributes:
        kernel: `[*window, in / groups, out]`, float32 or float64.
        window: its geometry on the image.
        padding: mode and reweight; the amount is in the geometry.
        groups: of channels.
    """

    kernel: Array
    window: Geometry
    padding: Padding
    groups: int

    @property
    def features(self) -> tuple[int, int]:
        """Channels of the input and of the output, in one group."""
        return self.kernel.shape[-2], self.kernel.shape[-1] // self.groups


def read_kernel(name: str, kernel: Any, groups: Any) -> tuple[Array, int]:
    """A kernel of real numbers, in float32 at least, and its groups.

    Raises:
        ValueError: for a shape that is none of a kernel, groups that do not divide the
            output's channels, or numbers that are not finite.
        TypeError: for whole or complex numbers.
    """
    kernel, groups = kernel_of(name, kernel), whole("groups", groups)
    if not 3 <= kernel.ndim <= 5 or 0 in kernel.shape:
        raise ValueError(
            f"{name}: kernel has shape {kernel.shape}; expected [*window, in / groups, "
            "out] with 1, 2 or 3 axes of a window, none of them empty."
        )
    if not jnp.issubdtype(kernel.dtype, jnp.floating):
        raise TypeError(
            f"{name}: kernel has dtype {kernel.dtype}, but real floating-point numbers "
            "were expected: kernel.astype(jnp.float32)."
        )
    if kernel.shape[-1] % groups:
        raise ValueError(
            f"{name}: groups={groups} must divide the {kernel.shape[-1]} channels of "
            "the output, the kernel's last axis."
        )
    if not isinstance(kernel, jax.core.Tracer) and not np.isfinite(kernel).all():
        raise ValueError(
            f"{name}: kernel has {int((~np.isfinite(kernel)).sum())} entries that are "
            "not finite; look at them with jnp.argwhere(~jnp.isfinite(kernel))."
        )
    return kernel.astype(sum_dtype(kernel.dtype)), groups


def read_operator(
    name: str,
    kernel: Any,
    size: Any,
    *,
    stride: Any,
    dilation: Any,
    groups: Any,
    padding: Any,
    amount: Any,
) -> Operator:
    """Reads the arguments of a convolution of images of a size.

    Raises:
        ValueError: for arguments that `jaxpad.conv` would refuse, or as `read_kernel`.
        TypeError: for numbers of the wrong kind.
    """
    kernel, groups = read_kernel(name, kernel, groups)
    rank, padding = kernel.ndim - 2, as_padding(padding)
    amount = amount if padding.amount is None else padding.amount
    space = per_axis("size", size, rank)
    window = geometry(space, kernel.shape[:-2], stride, dilation, amount)
    per_axis_modes(padding.mode, rank)  # raises for modes of another rank
    return Operator(kernel, window, padding, groups)


def acts_on_axes(operator: Operator) -> bool:
    """Whether the mode is a rule on each axis, and so the same for every channel."""
    modes = per_axis_modes(operator.padding.mode, len(operator.window.space))
    return all(terms_of(mode) is not None for pair in modes for mode in pair)


def is_torus(operator: Operator) -> bool:
    """Whether every output sees the same thing: a stride that goes round without a gap.

    Then the map is block diagonal in the Fourier basis. So it is under circular padding
    if the stride divides the size, and where no padding cell is read.
    """
    window, padding = operator.window, operator.padding
    modes = per_axis_modes(padding.mode, len(window.space))
    circular = MODES["circular"]
    for axis, pair in zip(window.axes(), modes, strict=True):
        if axis.outputs * axis.stride != axis.space:
            return False
        if pair != (circular, circular) and axis.widths != (0, 0):
            return False
    ratio = missing_ratio(window, padding)
    return ratio is None or bool(np.all(ratio == 1))
