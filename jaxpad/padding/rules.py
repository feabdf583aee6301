"""How a mode is defined: where each padding cell comes from, as Python arithmetic.

A rule sees one padding cell of one axis: its position `i` (negative before the
axis, `n` or more after it) and the number `n` of real cells. Every other form of
the mode follows from it. The explicit pad is built here.
"""

import functools
import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any

from jax import lax

from ..typing import Array
from .cells import Runs, Terms, sums_of_cells


# The padding cells of an axis at some positions, as arrays to be concatenated.
Make = Callable[[Array, int, range], list[Array]]
# An axis, its widths, and what makes the cells before and after it.
Fill = tuple[int, tuple[int, int], tuple[Make, Make]]


class Rule:
    """A padding mode given by a rule for one cell; call it like `jnp.pad`.

    Attributes:
        runs: `(i, n, **options) -> ([(weight, index), ...], constant)`, where an index
            may be a range of cells.
        copies: whether every padding cell is a copy of a real cell. Such a mode
            commutes with padding another axis.
    """

    def __init__(
        self, runs: Callable[..., Runs], rule: Callable[..., Any], *, copies: bool
    ):
        self.runs, self.copies = runs, copies
        # The user's function gives the name, the drawing and the options.
        self.__name__ = rule.__name__
        functools.update_wrapper(self, rule)

    def __reduce__(self) -> str:
        # A rule is its module's: pickled by name, and itself when copied, because
        # "is it zero?" is asked by identity.
        return self.__qualname__  # pyright: ignore[reportAttributeAccessIssue]

    def __repr__(self) -> str:
        return f"<padding mode {self.__name__}>"

    def terms(self, i: int, n: int, **options: Any) -> Terms:
        """The runs cell by cell: `([(weight, index), ...], constant)`."""
        return _cell_by_cell(self.runs(i, n, **options))

    def __call__(
        self, x: Array, widths: Sequence[tuple[int, int]], **options: Any
    ) -> Array:
        make = functools.partial(cells, self, **options)
        return fill_axes(x, [(a, pair, (make, make)) for a, pair in enumerate(widths)])


def source(rule: Callable[..., int]) -> Rule:
    """A mode whose padding cell `i` copies real cell `rule(i, n)`.

    Args:
        rule: from the padding cell's position and the number of cells to the
            position that it copies; a result outside `0..n-1` refuses the width.

    Returns:
        A padding mode.

    Example:
        >>> import jax.numpy as jnp
        >>> @source
        ... def circular(i, n):
        ...     return i % n
        >>> circular(jnp.arange(4), [(1, 2)])
        Array([3, 0, 1, 2, 3, 0, 1], dtype=int32)
    """

    def terms(i: int, n: int, **options: Any) -> Terms:
        copied = rule(i, n, **options)
        try:
            return [(1, operator.index(copied))], 0
        except TypeError as e:
            raise TypeError(
                f"the source {rule.__name__} returned {copied!r} for i={i}, n={n}: "
                "expected the position of a cell, an int from 0 to n - 1."
            ) from e

    return Rule(terms, rule, copies=True)


def affine(rule: Callable[..., Runs]) -> Rule:
    """A mode whose padding cell is a weighted sum of real cells plus a constant.

    Args:
        rule: from the padding cell's position and the number of cells to
            `([(weight, index), ...], constant)`. An index may be a range of cells,
            each of which has the weight.

    Returns:
        A padding mode.

    Example:
        >>> import jax.numpy as jnp
        >>> @affine
        ... def negated_edge(i, n):
        ...     return [(-1, 0 if i < 0 else n - 1)], 0
        >>> negated_edge(jnp.arange(1, 4), [(1, 1)])
        Array([-1,  1,  2,  3, -3], dtype=int32)
    """
    return Rule(rule, rule, copies=False)


def rule_of(mode: Any) -> Rule | None:
    """The rule behind a mode or a partial of one; None for any other callable."""
    rule, _ = unwrapped(mode)
    return rule if isinstance(rule, Rule) else None


def terms_of(mode: Any) -> Callable[[int, range], list[Terms]] | None:
    """`terms_at` of a rule with its options; None for any other callable."""
    return _of_rule(terms_at, mode)


def runs_of(mode: Any) -> Callable[[int, range], list[Runs]] | None:
    """`runs_at` of a rule with its options; None for any other callable."""
    return _of_rule(runs_at, mode)


def maker_of(mode: Any) -> Make | None:
    """`cells` of a rule with its options; None for any other callable."""
    return _of_rule(cells, mode)


def _of_rule(form: Callable[..., Any], mode: Any) -> Callable[..., Any] | None:
    rule, options = unwrapped(mode)
    return functools.partial(form, rule, **options) if isinstance(rule, Rule) else None


def unwrapped(mode: Any) -> tuple[Any, dict[str, Any]]:
    """What a mode is a partial of, and the options that it has been given."""
    options: dict[str, Any] = {}
    while isinstance(mode, functools.partial):
        mode, options = mode.func, {**mode.keywords, **options}
    return mode, options


def fill_axes(
    x: Array, fills: Sequence[Fill], leaf: Callable[[Array], Array] = lambda x: x
) -> Array:
    """Pads axis after axis, the later one owning the corners, then applies `leaf`.

    The cells of an axis are made before the next axis is padded, and padded with the
    image, so that the whole is one nested concatenation: XLA writes it in one pass,
    where padding a padded image is a second copy.

    Args:
        x: array of any shape.
        fills: what is added to which axis, in order.
        leaf: applied to each piece; it must act along other axes than those filled.
    """
    if not fills:
        return leaf(x)
    (axis, (lo, hi), (before, after)), *rest = fills
    n, filled = x.shape[axis], [fill_axes(x, rest, leaf)]
    if lo:
        pieces = before(x, axis, range(-lo, 0))
        filled = [fill_axes(piece, rest, leaf) for piece in pieces] + filled
    if hi:
        pieces = after(x, axis, range(n, n + hi))
        filled += [fill_axes(piece, rest, leaf) for piece in pieces]
    return filled[0] if len(filled) == 1 else lax.concatenate(filled, axis)


def cells(
    rule: Rule, x: Array, axis: int, positions: range, **options: Any
) -> list[Array]:
    """The padding cells of a rule at `positions` of one axis: a `Make`."""
    return sums_of_cells(x, axis, terms_at(rule, x.shape[axis], positions, **options))


def terms_at(rule: Rule, n: int, positions: range, **options: Any) -> list[Terms]:
    """What the padding cells at `positions` of an axis of `n` cells are made of.

    Raises:
        ValueError: if the rule names a cell that does not exist.
    """
    return [_cell_by_cell(runs) for runs in runs_at(rule, n, positions, **options)]


def runs_at(rule: Rule, n: int, positions: range, **options: Any) -> list[Runs]:
    """`terms_at`, with ranges as the rule gave them."""
    sums = [rule.runs(i, n, **options) for i in positions]
    if not all(_there(runs, n) for runs, _ in sums):
        raise ValueError(_too_wide(rule, n, positions, options))
    return sums


def _there(runs: Sequence[tuple[Any, int | range]], n: int) -> bool:
    """Whether an axis of `n` cells has all cells of the runs."""
    cells = [_indices(index) for _, index in runs]
    return all(0 <= j < n for run in cells for j in (*run[:1], *run[-1:]))


def _cell_by_cell(runs: Runs) -> Terms:
    return [(weight, j) for weight, index in runs[0] for j in _indices(index)], runs[1]


def _indices(index: int | range) -> Sequence[int]:
    return index if isinstance(index, range) else (index,)


def _too_wide(rule: Rule, n: int, positions: range, options: dict[str, Any]) -> str:
    def fits(i: int) -> bool:
        return _there(rule.runs(i, n, **options)[0], n)

    outward = (-1 - i for i in range(len(positions)))
    if positions.start >= 0:
        outward = (n + i for i in range(len(positions)))
    widest = sum(1 for _ in itertools.takewhile(fits, outward))
    return (
        f"width {len(positions)} is too wide for {rule.__name__}: an axis of n={n} "
        f"cells has room for at most {widest} on a side. Use a smaller width, a larger "
        'image, or mode="circular" or "replicate", which take any width.'
    )
