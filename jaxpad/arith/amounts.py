"""Amounts: how many cells are added before and after an axis."""

import difflib
import operator
from collections.abc import Sequence


AMOUNTS = {
    "same": "ceil(i / stride) outputs, an odd cell after",
    "same_lower": "ceil(i / stride) outputs, an odd cell before",
    "valid": "none",
    "full": "k' - 1 on both sides",
    "half": "k' // 2 on both sides",
    "causal": "k' - 1 before",
}


def span(k: int, dilation: int = 1) -> int:
    """Cells from the first to the last tap of a window: `k' = d (k - 1) + 1`.

    Example:
        >>> span(3, dilation=2)
        5
    """
    check_whole(k=k, dilation=dilation)
    return dilation * (k - 1) + 1


def side_widths(
    amount: str | int | tuple[int, int],
    i: int,
    k: int,
    stride: int = 1,
    dilation: int = 1,
) -> tuple[int, int]:
    """Cells that `amount` adds before and after an axis of `i` cells.

    Args:
        amount: a name in `AMOUNTS`, an int for both sides, or `(lo, hi)`.
        i: cells of the axis.
        k: taps of the window.
        stride: cells between windows.
        dilation: cells between taps.

    Returns:
        `(lo, hi)`.

    Raises:
        ValueError: for an unknown name, a negative width or a number below 1.
        TypeError: if `amount` has another form, or another number is not whole.

    Example:
        >>> side_widths("same", 8, 3, stride=2)
        (0, 1)
        >>> side_widths("half", 8, 3, stride=2)
        (1, 1)
    """
    check_whole(i=i)
    check_positive(k=k, stride=stride, dilation=dilation)
    reach = span(k, dilation) - 1
    match amount:
        case "same" | "same_lower":
            total = max((-(-i // stride) - 1) * stride + reach + 1 - i, 0)
            small, large = total // 2, total - total // 2
            return (small, large) if amount == "same" else (large, small)
        case "valid":
            return 0, 0
        case "full":
            return reach, reach
        case "half":
            return (reach + 1) // 2, (reach + 1) // 2
        case "causal":
            return reach, 0
        case str():
            names = ", ".join(repr(name) for name in AMOUNTS)
            near = difflib.get_close_matches(amount.lower(), AMOUNTS, 1, 0.75)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"unknown amount {amount!r}.{hint} Expected an int, (lo, hi) or one of "
                f"{names}."
            )
    return explicit_widths(amount)


def explicit_widths(amount: int | tuple[int, int]) -> tuple[int, int]:
    """Reads an int or a pair as `(lo, hi)`.

    Example:
        >>> explicit_widths(2)
        (2, 2)
    """
    try:
        lo, hi = amount if isinstance(amount, (tuple, list)) else (amount, amount)
        lo, hi = operator.index(lo), operator.index(hi)
    except (TypeError, ValueError) as e:
        raise TypeError(
            f"widths (an amount) are an int or (lo, hi) in whole cells, but {amount!r} "
            "came. One pair per axis is written ((1, 1), (2, 2))."
        ) from e
    if lo < 0 or hi < 0:
        raise ValueError(
            f"widths ({lo}, {hi}) are negative; padding adds cells. To remove cells, "
            "slice the array."
        )
    return lo, hi


def check_positive(**numbers: int) -> None:
    """Refuses a number that is not whole or below 1."""
    check_whole(**numbers)
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"{name}={number} must be at least 1.")


def check_whole(**numbers: int) -> None:
    """Refuses what is not a whole number: floor division would take a float."""
    for name, number in numbers.items():
        if isinstance(number, Sequence) and not isinstance(number, str):
            raise TypeError(
                f"one axis at a time: {name}={number!r} came, but an int is expected. "
                "Call it once for each axis."
            )
        try:
            operator.index(number)
        except TypeError as e:
            raise TypeError(
                f"{name}={number!r} came, but an int is expected: round it as you "
                "need, for example with //."
            ) from e
