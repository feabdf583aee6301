"""What decides whether an orthogonal convolution exists: channels, taps and strides."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..conv.arguments import whole, window_of
from ..conv.geometry import per_axis
from ..typing import PerAxis


class Axis(NamedTuple):
    """One space axis.

    Attributes:
        taps: of the kernel.
        stride: cells between windows.
        dilation: cells between taps.
    """

    taps: int
    stride: int
    dilation: int

    @property
    def common(self) -> int:
        """The layer reads every so many-th cell and skips the others."""
        return math.gcd(self.stride, self.dilation)

    @property
    def block(self) -> int:
        """Phases of the input that the taps reach.

        The cells that are read are an image of their own, on which the layer has the
        stride `S' = stride / common`. Its taps `t` then fall on the phases
        `t dilation / common mod S'`: `min(taps, S')` different ones.
        """
        return min(self.taps, self.stride // self.common)


class Architecture(NamedTuple):
    """The shape of a convolution.

    Attributes:
        inputs: channels of a group's input.
        outputs: channels of a group's output.
        axes: one entry per space axis.
        groups: of channels.
    """

    inputs: int
    outputs: int
    axes: tuple[Axis, ...]
    groups: int

    @property
    def cells(self) -> int:
        """Input numbers of a group for each of its output cells."""
        return self.inputs * math.prod(axis.stride for axis in self.axes)

    @property
    def rank(self) -> int:
        """How many of them the taps can tell apart, in the limit of a large image."""
        return self.inputs * math.prod(axis.block for axis in self.axes)

    @property
    def wide(self) -> bool:
        """Whether orthogonal means `K K^T = I`, orthonormal rows; else `K^T K = I`."""
        return self.outputs <= self.cells

    @property
    def described(self) -> str:
        """In words: "a 3x3 kernel with stride 2x2"."""
        lines = zip(*self.axes, strict=True)
        window, stride, dilation = ("x".join(map(str, line)) for line in lines)
        dilated = any(axis.dilation > 1 for axis in self.axes)
        also = f" and dilation {dilation}" if dilated else ""
        return f"a {window} kernel with stride {stride}{also}"


class Existence(NamedTuple):
    """Whether an orthogonal kernel exists; true only if it does.

    Attributes:
        possible: True, False, or None where neither is proven.
        reason: in words, with what to change; for True what the kernels look like.
    """

    possible: bool | None
    reason: str

    def __bool__(self) -> bool:
        return self.possible is True


def architecture(
    in_features: Any,
    out_features: Any,
    kernel_size: Sequence[int],
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    groups: Any = 1,
) -> Architecture:
    """Reads the arguments of a layer.

    Raises:
        ValueError: for a number out of range, or channels that groups do not divide.
        TypeError: for a number that is not whole.
    """
    inputs = whole("in_features", in_features)
    outputs = whole("out_features", out_features)
    window, groups = window_of("kernel_size", kernel_size), whole("groups", groups)
    if not 1 <= len(window) <= 3:
        raise ValueError(
            f"kernel_size={tuple(window)}: expected 1, 2 or 3 ints, one per space axis."
        )
    if inputs % groups or outputs % groups:
        raise ValueError(
            f"groups={groups} must divide both in_features={inputs} and "
            f"out_features={outputs}."
        )
    strides = per_axis("stride", stride, len(window))
    dilations = per_axis("dilation", dilation, len(window))
    axes = map(Axis, window, strides, dilations)
    return Architecture(inputs // groups, outputs // groups, tuple(axes), groups)
