"""Whether an orthogonal convolution exists, under the padding that it really has."""

from collections.abc import Sequence

from ..padding import Padding
from ..typing import Mode, PerAxis
from .architecture import Architecture, Existence, architecture
from .borders import beyond_circular, circles, read_padding


def exists(
    in_features: int,
    out_features: int,
    kernel_size: Sequence[int],
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    groups: int = 1,
    padding: Mode | Padding = "circular",
    *,
    transpose: bool = False,
) -> Existence:
    """Whether a convolution of this shape can be orthogonal.

    With `M` outputs and `C` inputs in each group, `k` taps, stride `S`, dilation `D`
    and `S' = S / gcd(S, D)` on each axis, orthogonal means

    - `K K^T = I` if `M <= C prod(S)`: a circular one exists iff `M <= C prod(min(k,
      S'))`;
    - `K^T K = I` if `M > C prod(S)`: a circular one exists iff on each axis `S' = S`
      and `S <= k`.

    The answer is for every image that the stride divides and that is large against
    the window. A transposed convolution is orthogonal when the convolution that it
    transposes is, of which the reason then speaks. What other paddings leave:

    - Every one needs what circular padding needs: what the border adds is little
      beside a large image.
    - A kernel whose taps all lie between one window's first cell and the next one's
      never reads a padding cell, so it is orthogonal under every mode. Without
      dilation it has `min(k, S)` taps on each axis and exists whenever a circular one
      does.
    - "zero" has no others: a window at the border loses the other taps, and its row
      (or, of `K^T K`, its column) must have norm 1 all the same.
    - "valid": with `K K^T = I` as under circular padding, of whose rows it keeps some.
      With `K^T K = I` only if `S = k` (and no dilation), or the first cells would be
      seen less than the others.
    - "partial": as the others if no cell is added, and never at stride 1 with an odd
      `k > 1`, because the factor of the border's rows is above 1.

    Args:
        in_features: channels of the input.
        out_features: channels of the output.
        kernel_size: taps, one int per space axis.
        stride: cells between windows.
        dilation: cells between taps.
        groups: of channels; each is a convolution of its own.
        padding: as in `jaxpad.conv`; its amount is "same" unless it brings one.
        transpose: whether the layer is a transposed convolution.

    Returns:
        An `Existence`.

    Raises:
        ValueError: for a number out of range, channels that groups do not divide, or
            an unknown padding.
        TypeError: for a number that is not whole.

    Example:
        >>> bool(exists(8, 16, (3, 3), stride=2))
        True
        >>> exists(8, 16, (1, 1), stride=2).reason
        'a 1x1 kernel with stride 2x2 cannot keep every direction: it tells 8 input
        numbers apart for each output cell, and there are 16 output channels. Use
        kernel_size >= stride, or at most 8 output channels.'

    "Existence, Stability and Scalability of Orthogonal Convolutional Neural
    Networks", Achour, Malgouyres and Mamalet, 2022 (theorem 4, propositions 5 and 6,
    here with even windows, strides of their own for each axis, dilation, and zero
    padding at every stride).
    """
    if transpose:
        features, steps = (out_features, in_features), (stride, dilation, groups)
        found = exists(*features, kernel_size, *steps, padding)
        return found._replace(
            reason=f"{found.reason} (Said of the convolution that is transposed: its "
            "output channels are this layer's input channels.)"
        )
    arch = architecture(
        in_features, out_features, kernel_size, stride, dilation, groups
    )
    border = read_padding(arch, padding)
    if arch.outputs > arch.rank and arch.rank < arch.cells:
        return Existence(False, _lacking(arch))
    if not circles(border):
        return beyond_circular(arch, border)
    equation = "K K^T = I" if arch.wide else "K^T K = I"
    return Existence(True, f"Kernels with {equation} exist.")


def _lacking(arch: Architecture) -> str:
    """Why the taps reach too few of the input's numbers, and what to change."""
    group = " in each group" if arch.groups > 1 else ""
    repairs = []
    if any(axis.taps < axis.stride for axis in arch.axes):
        repairs.append("kernel_size >= stride")
    if any(axis.common > 1 for axis in arch.axes):
        repairs.append("a dilation that has no divisor in common with the stride")
    return (
        f"{arch.described} cannot keep every direction: it tells {arch.rank} "
        f"input numbers apart for each output cell{group}, and there are "
        f"{arch.outputs} output channels{group}. Use {' and '.join(repairs)}, or at "
        f"most {arch.rank} output channels{group}."
    )
