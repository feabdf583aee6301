"""What to do about what `jaxpad.check` found, in words."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..arith import conv_output_size, span
from ..conv.geometry import zero_sides
from .table import padding_name


def advice(
    rows: Sequence[Any], image: Sequence[int], unknown: frozenset[str]
) -> Iterator[str]:
    """Warnings about the rows of a report, in the order of their weight."""
    yield from _each(rows, (_unfilled,))
    yield from _uneven(rows, image[1:-1])
    yield from _overreach(rows, image[1:-1])
    yield from _each([row for row in rows if row.unused is not None], OF_WINDOW)
    if unknown:
        yield (
            f"What is read through {sorted(unknown)} is not known: behind it every "
            "output counts as seeing all of the image."
        )
    if odd := [row for row in rows if row.window is None]:
        yield (
            f"{_names(odd)}: window and unused cells are not known, for it is no "
            "convolution or pool of jaxpad's, or makes more or fewer cells than one."
        )


def _names(rows: Sequence[Any]) -> str:
    names = list(dict.fromkeys(row.path for row in rows))
    more = f" and {len(names) - 3} more" if len(names) > 4 else ""
    return ", ".join(names[:3] if more else names) + more


def _uneven(rows: Sequence[Any], space: Sequence[int]) -> Iterator[str]:
    uneven = [row for row in rows if row.unused and any(row.unused) and _reads_all(row)]
    if not uneven:
        return
    real = any(
        u > hi
        for row in uneven
        for u, (_, hi) in zip(row.unused, row.window.widths, strict=True)
    )
    what = "cells of the input" if real else "padded cells"
    now = "x".join(map(str, space))
    sizes = [s for s in (_even(rows, space, 1), _even(rows, space, -1)) if s]
    better = f"an input of {' or '.join(sizes)}, or " if sizes else ""
    yield (
        f"{_names(uneven)}: the last {what} are never read at {now} (uneven padding), "
        f'so outputs lie off-centre. Use {better}amount="same".'
    )


def _reads_all(row: Any) -> bool:
    window = row.window
    taps = zip(window.window, window.dilation, window.stride, strict=True)
    return all(s <= span(k, d) for k, d, s in taps)


def _even(rows: Sequence[Any], space: Sequence[int], step: int) -> str | None:
    """The next larger or smaller input at which no layer has unused cells."""
    found = []
    for axis, n in enumerate(space):
        chain = _chain(rows, axis, n)
        # Sizes repeat with the product of the strides; half the image is no advice.
        far = min(math.prod(s for _, s, *_ in chain), n // 2)
        sizes = range(n, n + step * (far + 1), step)
        found.append(next((i for i in sizes if _fits(chain, i)), 0))
    return "x".join(map(str, found)) if all(found) else None


def _chain(rows: Sequence[Any], axis: int, n: int) -> list[tuple[Any, ...]]:
    """The windows that change an axis's size, one after the other.

    Of parallel branches that begin at one size, the first is as good as any.
    """
    chain = []
    for row in rows:
        if row.unused is None or axis >= len(row.input) or row.input[axis] != n:
            continue
        if row.output[axis] != n:
            _, k, s, d, widths, n = (column[axis] for column in row.window)
            chain.append((k, s, widths, d, row.padding.amount))
    return chain


def _fits(chain: Sequence[tuple[Any, ...]], i: int) -> bool:
    for k, s, (lo, hi), d, amount in chain:
        if amount not in ("same", "same_lower") and (i + lo + hi - span(k, d)) % s:
            return False
        padding = amount if amount in ("same", "same_lower") else (lo, hi)
        if i + lo + hi < span(k, d):
            return False
        i = conv_output_size(i, k, s, padding, d)
    return True


def _overreach(rows: Sequence[Any], space: Sequence[int]) -> Iterator[str]:
    large = [
        row
        for row in rows
        if row.field and any(f > n for f, n in zip(row.field, space, strict=True))
    ]
    if large:
        most = max(max(row.field) for row in large)
        yield (
            f"{_names(large)}: the receptive field (up to {most}) is larger than the "
            f"input ({'x'.join(map(str, space))}), so that every output sees padding. "
            "Use a larger input or fewer layers, and choose the mode with care."
        )


def _each(
    rows: Sequence[Any], findings: Sequence[Callable[[Any], str | None]]
) -> Iterator[str]:
    """What is to be said of one layer alone; the same of several is said once."""
    said: dict[str, list[Any]] = {}
    for row in rows:
        for find in findings:
            if text := find(row):
                said.setdefault(text, []).append(row)
    for text, found in said.items():
        yield f"{_names(found)}: {text}"


def _unfilled(row: Any) -> str | None:
    if row.problem is None:
        return None
    return f"{row.problem} The report goes on with zeros there."


def _skips(row: Any) -> str | None:
    if _reads_all(row):
        return None
    read = 1.0
    for k, s in zip(row.window.window, row.window.stride, strict=True):
        read *= min(k / s, 1)
    return (
        f"the stride is larger than the window, so that {100 * (1 - read):.0f}% of the "
        "input is never read. Use a larger window, or a pool before it."
    )


def _inert(row: Any) -> str | None:
    padding, window = row.padding, row.window
    bordered = any(any(pair) for pair in window.widths)
    if padding.reweight is None or not bordered:
        return None
    if any(any(sides) for sides in zero_sides(window, padding)):
        return None
    return (
        f"reweight does nothing in {padding_name(padding)}: only cells that are absent "
        'count as missing. Use mode="zero", or reweight=None.'
    )


def _blind(row: Any) -> str | None:
    window = row.window
    taps = zip(window.window, window.dilation, window.widths, strict=True)
    if all(max(pair) < span(k, d) for k, d, pair in taps):
        return None
    return (
        "the amount is as wide as the window, so that some windows hold only padding. "
        'Use amount="full" or less.'
    )


OF_WINDOW = (_skips, _inert, _blind)
