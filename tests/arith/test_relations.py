"""Each relation against counting: sets of cells, and the windows that lie on them."""

import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jaxpad import arith


VALUES = {
    "i": range(1, 9),
    "k": range(1, 5),
    "s": range(1, 4),
    "d": range(1, 4),
    **dict.fromkeys(("p", "lo", "hi", "a"), range(4)),
}


def taps(start: int, k: int, d: int = 1) -> set[int]:
    return {start + t * d for t in range(k)}


def fit(i: int, k: int, s: int = 1, lo: int = 0, hi: int = 0, d: int = 1) -> int:
    """Windows of which all taps are on the axis or on the cells added to it."""
    axis = set(range(-lo, i + hi))
    return sum(taps(start, k, d) <= axis for start in range(-lo, i + hi, s))


def hang_over(i: int, k: int, s: int, p: int, d: int) -> int:
    """Windows that start before the image ends and miss the axis by under a stride."""
    axis = set(range(-p, i + p + s - 1))
    return sum(taps(start, k, d) <= axis for start in range(-p, i, s))


def transposed(
    i: int, k: int, s: int = 1, p: int = 0, a: int = 0, d: int = 1
) -> int | None:
    """The input from which a convolution makes `i` outputs and leaves `a` unused."""
    seen = set().union(*(taps(f * s - p, k, d) for f in range(i)))
    size = max(seen) + 1 + a - p
    if size < 1 or a >= s:
        return None
    assert fit(size, k, s, p, p, d) == i
    return size


ORACLES: dict[Any, Callable[..., int | None]] = {
    1: fit,
    2: lambda i, k, p: fit(i, k, 1, p, p),
    3: lambda i, k: fit(i, k, 1, (k - 1) // 2, (k - 1) // 2) if k % 2 else None,
    4: lambda i, k: fit(i, k, 1, k - 1, k - 1),
    5: fit,
    6: lambda i, k, s, p: fit(i, k, s, p, p),
    7: fit,
    8: transposed,
    9: lambda i, k, p: transposed(i, k, 1, p),
    10: lambda i, k: transposed(i, k, 1, (k - 1) // 2) if k % 2 else None,
    11: lambda i, k: transposed(i, k, 1, k - 1),
    12: transposed,
    13: transposed,
    14: transposed,
    15: lambda i, k, s, p, d: fit(i, k, s, p, p, d),
    "asymmetric": fit,
    "ceil_mode": hang_over,
    "causal": lambda i, k, s, d: fit(i, k, s, d * (k - 1), 0, d),
    "transposed_dilated": transposed,
}
LAWS: dict[Any, Callable[..., int]] = {**arith.RELATIONS, **arith.EXTENSIONS}


def cases(law: Callable[..., int]) -> Iterator[tuple[int, ...]]:
    return itertools.product(
        *(VALUES[name] for name in inspect.signature(law).parameters)
    )


def test_all_fifteen_are_there():
    assert list(arith.RELATIONS) == list(range(1, 16))
    assert list(LAWS) == list(ORACLES)
    assert all((law.__doc__ or "").startswith("`o = ") for law in LAWS.values())


@pytest.mark.parametrize("number", ORACLES)
def test_relation_is_what_counting_gives(number: Any):
    law, oracle = LAWS[number], ORACLES[number]
    for case in cases(law):
        expected = oracle(*case)
        if expected:
            assert law(*case) == expected, case
            continue
        with pytest.raises(ValueError, match=r"no window fits|at most s|odd window"):
            law(*case)


@pytest.mark.parametrize("number", ORACLES)
def test_relation_is_a_case_of_the_two_sizes(number: Any):
    """The general functions hold all of them, as the module says."""
    law = LAWS[number]
    for case in cases(law):
        given = dict(zip(inspect.signature(law).parameters, case, strict=True))
        try:
            outputs = law(*case)
        except ValueError:
            continue
        k, s, d = given["k"], given.get("s", 1), given.get("d", 1)
        padding = amount(law.__name__, k, given)
        if "transposed" in law.__name__:
            found = arith.transposed_output_size(
                given["i"], k, s, padding, given.get("a", 0), d
            )
        else:
            ceil = law.__name__ == "ceil_mode"
            found = arith.conv_output_size(given["i"], k, s, padding, d, ceil_mode=ceil)
        assert found == outputs, given


def amount(name: str, k: int, given: dict[str, int]) -> Any:
    for named in ("half", "full", "causal"):
        if named in name:
            return named
    return (given["lo"], given["hi"]) if "lo" in given else given.get("p", 0)


# (number, arguments) -> o, of the guide's worked figures.
FIGURES = {
    (1, (4, 3)): 2,
    (2, (5, 4, 2)): 6,
    (3, (5, 3)): 5,
    (4, (5, 3)): 7,
    (5, (5, 3, 2)): 2,
    (6, (5, 3, 2, 1)): 3,
    (6, (6, 3, 2, 1)): 3,
    (7, (5, 3, 1)): 3,
    (8, (2, 3)): 4,
    (9, (6, 4, 2)): 5,
    (10, (5, 3)): 5,
    (11, (7, 3)): 5,
    (12, (2, 3, 2)): 5,
    (13, (3, 3, 2, 1)): 5,
    (14, (3, 3, 2, 1, 1)): 6,
    (15, (7, 3, 1, 0, 2)): 3,
}


@pytest.mark.parametrize(("number", "case"), FIGURES)
def test_the_figures_of_the_guide(number: int, case: tuple[int, ...]):
    assert arith.RELATIONS[number](*case) == FIGURES[number, case]


def test_the_caption_of_the_figure_of_relation_14_is_wrong():
    """It says that a 6x6 input comes back from 2x2; that gives 4x4."""
    assert arith.RELATIONS[14](2, 3, 2, 1, 1) == 4
    assert arith.RELATIONS[6](6, 3, 2, 1) == 3


def test_a_causal_output_sees_only_the_past():
    for i, k, s, d in cases(arith.EXTENSIONS["causal"]):
        before = d * (k - 1)
        for f in range(arith.EXTENSIONS["causal"](i, k, s, d)):
            assert max(taps(f * s - before, k, d)) == f * s


@pytest.mark.parametrize(
    ("number", "case", "text"),
    [
        (1, (2, 3), r"no_padding_unit_stride\(i=2, k=3\): no window fits"),
        (3, (5, 4), r"odd window, but k=4.*unit_stride\(i, k, k // 2\)"),
        (6, (5, 3, 0, 1), "s=0 must be at least 1"),
        (6, (5, 3, 2, -1), "p=-1 must be at least 0"),
        (14, (3, 3, 2, 1, 2), "a=2 at s=2"),
        ("transposed_dilated", (3, 3, 2, 1, 2, 2), "a=2 at s=2"),
    ],
)
def test_refusals(number: Any, case: tuple[int, ...], text: str):
    with pytest.raises(ValueError, match=text):
        LAWS[number](*case)
