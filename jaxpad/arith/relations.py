"""The fifteen relations of the guide, by number, and what it leaves out.

"A guide to convolution arithmetic for deep learning" (Dumoulin and Visin, 2016)
numbers them. `i` is the input's size, `k` the window's taps, `s` the stride, `p` the
cells added on both sides, `d` the dilation; those of the transposed convolution are
the convolution's that it transposes, and `i` is the transposed one's own input.
`conv_output_size` and `transposed_output_size` hold them all.
"""

import functools
import inspect
from collections.abc import Callable

from .amounts import check_whole


Relation = Callable[..., int]
RELATIONS: dict[int, Relation] = {}
EXTENSIONS: dict[str, Relation] = {}


def _relation(number: int | None) -> Callable[[Relation], Relation]:
    """Enters a relation into its table, and has its numbers checked."""

    def register(law: Relation) -> Relation:
        @functools.wraps(law)
        def checked(*args: int, **kwargs: int) -> int:
            numbers = inspect.signature(law).bind(*args, **kwargs).arguments
            check_whole(**numbers)
            for name, value in numbers.items():
                least = 1 if name in "iksd" else 0
                if value < least:
                    raise ValueError(f"{name}={value} must be at least {least}.")
            if (outputs := law(**numbers)) < 1:
                given = ", ".join(f"{n}={v}" for n, v in numbers.items())
                raise ValueError(f"{law.__name__}({given}): no window fits.")
            return outputs

        if number is None:
            EXTENSIONS[law.__name__] = checked
        else:
            RELATIONS[number] = checked
        return checked

    return register


@_relation(1)
def no_padding_unit_stride(i: int, k: int) -> int:
    """`o = i - k + 1`"""
    return i - k + 1


@_relation(2)
def unit_stride(i: int, k: int, p: int) -> int:
    """`o = i - k + 2 p + 1`"""
    return i - k + 2 * p + 1


@_relation(3)
def half_padding(i: int, k: int) -> int:
    """`o = i`, for an odd window with `p = (k - 1) / 2` at unit stride"""
    if k % 2 == 0:
        raise ValueError(
            f"half_padding: the relation is for an odd window, but k={k}. With an "
            "even one, p = k / 2 gives i + 1: use unit_stride(i, k, k // 2)."
        )
    return i


@_relation(4)
def full_padding(i: int, k: int) -> int:
    """`o = i + k - 1`, with `p = k - 1` at unit stride"""
    return i + k - 1


@_relation(5)
def no_padding(i: int, k: int, s: int) -> int:
    """`o = floor((i - k) / s) + 1`"""
    return (i - k) // s + 1


@_relation(6)
def padding_and_stride(i: int, k: int, s: int, p: int) -> int:
    """`o = floor((i + 2 p - k) / s) + 1`"""
    return (i + 2 * p - k) // s + 1


@_relation(7)
def pooling(i: int, k: int, s: int) -> int:
    """`o = floor((i - k) / s) + 1`, for any function of a window, without padding"""
    return (i - k) // s + 1


@_relation(8)
def transposed_no_padding_unit_stride(i: int, k: int) -> int:
    """`o = i + k - 1`: a convolution with `p' = k - 1`"""
    return i + k - 1


@_relation(9)
def transposed_unit_stride(i: int, k: int, p: int) -> int:
    """`o = i + k - 1 - 2 p`: a convolution with `p' = k - 1 - p`"""
    return i + k - 1 - 2 * p


@_relation(10)
def transposed_half_padding(i: int, k: int) -> int:
    """`o = i`, for an odd window: a convolution with `p' = p = (k - 1) / 2`"""
    return half_padding(i, k)


@_relation(11)
def transposed_full_padding(i: int, k: int) -> int:
    """`o = i - (k - 1)`: a convolution with `p' = 0`"""
    return i - (k - 1)


@_relation(12)
def transposed_no_padding(i: int, k: int, s: int) -> int:
    """`o = s (i - 1) + k`: `s - 1` zeros between the cells, and `p' = k - 1`"""
    return s * (i - 1) + k


@_relation(13)
def transposed_even(i: int, k: int, s: int, p: int) -> int:
    """`o = s (i - 1) + k - 2 p`: as 12, and `p' = k - 1 - p`

    For a convolution that leaves no cell unused.
    """
    return s * (i - 1) + k - 2 * p


@_relation(14)
def transposed_uneven(i: int, k: int, s: int, p: int, a: int) -> int:
    """`o = s (i - 1) + a + k - 2 p`: as 13, and `a` more zeros after

    The convolution left `a = (o + 2 p - k) mod s` cells unused. PyTorch calls `a` the
    output padding. The caption of the guide's figure of this relation says a 2x2
    input; the one it draws and the relation need are 3x3.
    """
    if a >= s:
        raise ValueError(
            f"a={a} at s={s}: a convolution leaves at most s - 1 = {s - 1} unused."
        )
    return s * (i - 1) + a + k - 2 * p


@_relation(15)
def dilated(i: int, k: int, s: int, p: int, d: int) -> int:
    """`o = floor((i + 2 p - k - (k - 1) (d - 1)) / s) + 1`"""
    return (i + 2 * p - k - (k - 1) * (d - 1)) // s + 1


@_relation(None)
def asymmetric(i: int, k: int, s: int, lo: int, hi: int, d: int) -> int:
    """`o = floor((i + lo + hi - d (k - 1) - 1) / s) + 1`"""
    return (i + lo + hi - d * (k - 1) - 1) // s + 1


@_relation(None)
def ceil_mode(i: int, k: int, s: int, p: int, d: int) -> int:
    """`o = min(ceil((i + 2 p - d (k - 1) - 1) / s), floor((i + p - 1) / s)) + 1`

    The last window may hang over the end, but starts inside the image or in the
    padding before it (PyTorch).
    """
    return min(-(-(i + 2 * p - d * (k - 1) - 1) // s), (i + p - 1) // s) + 1


@_relation(None)
def causal(i: int, k: int, s: int, d: int) -> int:
    """`o = ceil(i / s)`, with `d (k - 1)` cells before and none after

    Output `f` sees no cell after `f s`.
    """
    return -(-i // s)


@_relation(None)
def transposed_dilated(i: int, k: int, s: int, p: int, a: int, d: int) -> int:
    """`o = s (i - 1) + a + d (k - 1) + 1 - 2 p`: as 14, and `p' = d (k - 1) - p`"""
    if a >= s:
        raise ValueError(
            f"a={a} at s={s}: a convolution leaves at most s - 1 = {s - 1} unused."
        )
    return s * (i - 1) + a + d * (k - 1) + 1 - 2 * p
