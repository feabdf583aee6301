"""`pad`: an array with its border filled by a mode, per axis and per side."""

import operator
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Shaped

from ..arith import explicit_widths
from ..typing import AnyArray, Array, Mode, Widths
from .catalogue import missing_arguments
from .modes import MODES
from .names import mode_name, refuse_cells
from .rules import Fill, fill_axes, maker_of


def pad(
    x: Shaped[AnyArray, "..."],
    widths: Widths,
    mode: Mode = "zero",
    *,
    axes: Sequence[int] | None = None,
) -> Shaped[Array, "..."]:
    """Adds cells around an array and fills them by a mode.

    `y[i] = x[source(i, n)]` in each padding cell `i` for modes that copy cells.
    Axes are filled first to last, so the later axis owns the corners.

    Args:
        x: array of any shape and dtype.
        widths: cells to add: an int for all sides, `(lo, hi)` for all axes, or one
            pair per axis of `axes`.
        mode: a name in `MODES`, such as "reflect" or "constant(value=1.0)", a
            callable `mode(x, widths)`, or a tuple with one of these per axis, where
            a pair inside it means before and after:
            `(("reflect", "replicate"), "circular")`.
        axes: the axes that are padded; None means every axis, as in `np.pad`.

    Returns:
        The padded array, of the same dtype.

    Raises:
        TypeError: for axes or widths that are no whole numbers.
        ValueError: for an unknown mode, a negative width, an axis without cells, or
            a width that the mode cannot fill (reflect beyond n - 1, symmetric
            beyond n).

    Example:
        >>> pad(jnp.arange(4), 2, "reflect")
        Array([2, 1, 0, 1, 2, 3, 2, 1], dtype=int32)
        >>> pad(jnp.ones((2, 2)), (1, 0), ("circular", "zero")).shape
        (3, 3)
    """
    x = jnp.asarray(x)
    axes = _normalise_axes(axes, x.ndim)
    pairs = per_axis_widths(widths, len(axes))
    _check_cells(x, axes, pairs)
    if not isinstance(mode, tuple) and maker_of(MODES.resolve(mode)) is None:
        return _fill(x, _all_axes(pairs, axes, x.ndim), MODES.resolve(mode))
    modes = per_axis_modes(mode, len(axes))
    if (fills := as_fills(axes, pairs, modes)) is not None:
        return fill_axes(x, fills)
    for axis, pair, sides in zip(axes, pairs, modes, strict=True):
        x = _fill_sides(x, axis, pair, sides)
    return x


def as_fills(
    axes: Sequence[int],
    widths: Sequence[tuple[int, int]],
    modes: Sequence[tuple[Any, Any]],
) -> list[Fill] | None:
    """What the modes add to each axis; None if one of them is no rule."""
    fills = []
    for axis, pair, sides in zip(axes, widths, modes, strict=True):
        before, after = map(maker_of, sides)
        if before is None or after is None:
            return None
        fills.append((axis, pair, (before, after)))
    return fills


def per_axis_modes(mode: Mode, rank: int) -> list[tuple[Any, Any]]:
    """The resolved mode before and after each of `rank` axes.

    Raises:
        ValueError: if a tuple has another length, or a name is unknown.
        TypeError: for numbers, which are an amount.
    """
    refuse_cells(mode)
    modes = mode if isinstance(mode, tuple) else (mode,) * rank
    if len(modes) != rank:
        raise ValueError(
            f"mode has {len(modes)} entries, one per axis, but {rank} axes are padded: "
            f"give one name for all, or {rank} entries; a mode before and another "
            'after is a pair inside: (("reflect", "replicate"), ...).'
        )
    if any(isinstance(m, tuple) and len(m) != 2 for m in modes):
        raise ValueError(
            f"mode {mode_name(mode)}: inside the tuple a pair is (before, after)."
        )
    # One mode for both sides stays one, since it may look at both widths.
    pairs = [
        (_mode(m[0]), _mode(m[1])) if isinstance(m, tuple) else (_mode(m),) * 2
        for m in modes
    ]
    for lo, hi in pairs:
        if lo is not hi and any(MODES.breaks(side, "interior") for side in (lo, hi)):
            raise ValueError(
                f"mode {mode_name(mode)}: one of a pair (before, after) moves the real "
                "cells, so it cannot fill one side alone. Name it for the whole axis."
            )
    return pairs


def _mode(spec: Any) -> Any:
    mode = MODES.resolve(spec)
    if not callable(mode):
        raise ValueError(
            f"padding mode {spec!r} is {mode!r}, which cannot be called as "
            "mode(x, widths)."
        )
    return mode


def per_axis_widths(widths: Widths, rank: int) -> list[tuple[int, int]]:
    """Reads widths as one `(lo, hi)` per axis.

    Raises:
        ValueError: if there are not `rank` pairs, or a width is negative.
        TypeError: if a width is no whole number.
    """
    if isinstance(widths, (tuple, list)) and any(
        isinstance(w, (tuple, list)) for w in widths
    ):
        if len(widths) != rank:
            raise ValueError(
                f"widths {widths!r} has {len(widths)} pairs, one per axis, but {rank} "
                "axes are padded."
            )
        return [explicit_widths(w) for w in widths]
    return [explicit_widths(widths)] * rank  # pyright: ignore[reportArgumentType]


def _normalise_axes(axes: Sequence[int] | None, rank: int) -> list[int]:
    if axes is None:
        return list(range(rank))
    try:
        found = [operator.index(axis) for axis in axes]
    except TypeError as e:
        raise TypeError(
            f"axes={axes!r}: expected the axes that are padded, as in axes=(1, 2)."
        ) from e
    if any(not -rank <= axis < rank for axis in found):
        raise ValueError(f"axes={tuple(axes)} are not all in an array of {rank} axes.")
    found = [axis % rank for axis in found]
    if len(set(found)) != len(found):
        raise ValueError(f"axes={tuple(axes)} name an axis twice.")
    return found


def _all_axes(
    pairs: list[tuple[int, int]], axes: list[int], rank: int
) -> list[tuple[int, int]]:
    chosen = dict(zip(axes, pairs, strict=True))
    return [chosen.get(axis, (0, 0)) for axis in range(rank)]


def _check_cells(x: Array, axes: list[int], pairs: list[tuple[int, int]]) -> None:
    for axis, pair in zip(axes, pairs, strict=True):
        if x.shape[axis] == 0 and any(pair):
            raise ValueError(
                f"axis {axis} of the array of shape {x.shape} has no cells: there is "
                f"no border to pad by {pair}. Use widths of 0 there."
            )


def _fill(x: Array, widths: list[tuple[int, int]], mode: Any) -> Array:
    expected = tuple(n + lo + hi for n, (lo, hi) in zip(x.shape, widths, strict=True))
    if missing := missing_arguments(mode):
        raise ValueError(_has_parameters(mode.__name__, missing))
    padded = mode(x, widths)
    if padded.shape != expected or padded.dtype != x.dtype:
        raise ValueError(
            f"mode {mode_name(mode)} returned {padded.dtype}{list(padded.shape)} for "
            f"widths {widths}, but {x.dtype}{list(expected)} was expected: a mode adds "
            "cells and changes nothing else."
        )
    return padded


def _fill_sides(
    x: Array, axis: int, pair: tuple[int, int], sides: tuple[Any, Any]
) -> Array:
    """Pads one axis, each side by its own mode as seen from the unpadded axis."""
    lo, hi = pair
    if sides[0] is sides[1]:
        return _fill(x, _all_axes([pair], [axis], x.ndim), sides[0])
    before = _fill(x, _all_axes([(lo, 0)], [axis], x.ndim), sides[0])
    after = _fill(x, _all_axes([(0, hi)], [axis], x.ndim), sides[1])
    strip = lax.slice_in_dim(before, 0, lo, axis=axis)
    return lax.concatenate([strip, after], axis)


def _has_parameters(name: str, missing: list[str]) -> str:
    return (
        f"mode {name!r} has parameters ({', '.join(missing)}). A layer holds them: "
        f"jaxpad.layers.Conv(3, 8, (3, 3), padding={name!r}, rngs=rngs). For a "
        f"function write functools.partial(jaxpad.MODES[{name!r}], {missing[0]}=...)."
    )
