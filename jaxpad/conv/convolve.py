"""XLA's convolution, which adds zeros and no other cells."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from jax import lax

from ..typing import Array


@runtime_checkable
class Convolve(Protocol):
    """A convolution whose groups and precision are settled.

    `x` is `[batch, *space, in]`, `kernel` `[*window, in / groups, out]`; `zeros` are
    the widths of zeros that are added to each space axis.
    """

    def __call__(
        self,
        x: Array,
        kernel: Array,
        stride: Sequence[int],
        zeros: Sequence[tuple[int, int]],
        dilation: Sequence[int],
        /,
    ) -> Array: ...


def convolve(
    x: Array,
    kernel: Array,
    stride: Sequence[int],
    zeros: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    *,
    groups: int = 1,
    precision: lax.PrecisionLike = None,
) -> Array:
    """A `Convolve`, with its groups and precision by name."""
    return lax.conv_general_dilated(
        x,
        kernel,
        stride,
        zeros,
        rhs_dilation=dilation,
        dimension_numbers=_channels_last(x.ndim),
        feature_group_count=groups,
        precision=precision,
    )


def _channels_last(rank: int) -> lax.ConvDimensionNumbers:
    image = (0, rank - 1, *range(1, rank - 1))
    return lax.ConvDimensionNumbers(
        image, (rank - 1, rank - 2, *range(rank - 2)), image
    )
