"""Convolution arithmetic against a published guide, lax and counting."""

import itertools
import pathlib
import subprocess
import sys
from typing import Any

import jaxtyping
import numpy as np
import pytest
from jax import lax

from jaxpad import arith
from tests.oracles import amount_widths, window_starts


GRID = list(
    itertools.product(range(1, 13), range(1, 6), (1, 2, 3), (1, 2, 3), range(5))
)
every_amount = pytest.mark.parametrize("amount", [*arith.AMOUNTS, 0, 2, (1, 3), (2, 0)])

# (i, k, stride, padding, dilation) -> o: the worked figures of Dumoulin and Visin.
FIGURES = {
    (4, 3, 1, 0, 1): 2,
    (5, 4, 1, 2, 1): 6,
    (5, 3, 1, 1, 1): 5,
    (5, 3, 1, 2, 1): 7,
    (5, 3, 2, 0, 1): 2,
    (5, 3, 2, 1, 1): 3,
    (6, 3, 2, 1, 1): 3,
    (7, 3, 1, 0, 2): 3,
}


@every_amount
def test_widths_by_the_rules_of_other_libraries(amount: Any):
    for i, k, s, d, _ in GRID[:: len(range(5))]:
        expected = amount_widths(amount, i, k, s, d)
        assert arith.side_widths(amount, i, k, s, d) == expected, (i, k, s, d)


@pytest.mark.parametrize("amount", ["same", "same_lower", "valid"])
def test_widths_are_those_of_lax(amount: str):
    for i, k, s, d, _ in GRID[:: len(range(5))]:
        widths = lax.padtype_to_pads((i,), (arith.span(k, d),), (s,), amount.upper())
        assert arith.side_widths(amount, i, k, s, d) == tuple(widths[0]), (i, k, s, d)


def test_output_size_is_the_number_of_windows_that_fit():
    for i, k, s, d, p in GRID:
        outputs = len(window_starts(i + 2 * p, k, s, d))
        if outputs:
            assert arith.conv_output_size(i, k, s, p, d) == outputs
            continue
        with pytest.raises(ValueError, match=rf"spans {d * (k - 1) + 1} .* i={i} "):
            arith.conv_output_size(i, k, s, p, d)


@pytest.mark.parametrize("case", FIGURES)
def test_the_figures_of_the_guide(case: tuple[int, int, int, int, int]):
    assert arith.conv_output_size(*case) == FIGURES[case]


def test_same_gives_one_output_per_stride():
    for i, k, s, d, _ in GRID:
        for amount in ("same", "same_lower"):
            assert arith.conv_output_size(i, k, s, amount, d) == -(-i // s)


def test_full_causal_and_half_sizes():
    for i, k, _, d, _ in GRID:
        reach = d * (k - 1)
        assert arith.conv_output_size(i, k, 1, "full", d) == i + reach
        assert arith.conv_output_size(i, k, 1, "causal", d) == i
        assert arith.conv_output_size(i, k, 1, "half", d) == i + reach % 2


def test_pooling_strides_by_the_window():
    for i, k in itertools.product(range(1, 13), range(1, 6)):
        if i >= k:
            assert arith.pool_output_size(i, k) == i // k
            assert arith.pool_output_size(i, k, 1) == i - k + 1


def windows_in_ceil_mode(i: int, k: int, s: int, p: int, d: int) -> int:
    """Windows that start before the image ends and read no cell a stride beyond it."""
    starts = range(-p, i, s)
    return sum(start + d * (k - 1) - (i + p) + 1 < s for start in starts)


def test_ceil_mode_counts_windows_that_hang_over():
    for i, k, s, d, p in GRID:
        if 2 * p > k:
            continue  # PyTorch refuses these
        outputs = windows_in_ceil_mode(i, k, s, p, d)
        if outputs:
            found = arith.pool_output_size(i, k, s, p, d, ceil_mode=True)
            assert found == outputs, (i, k, s, p, d)
            continue
        with pytest.raises(ValueError, match="spans"):
            arith.pool_output_size(i, k, s, p, d, ceil_mode=True)


# What torch.nn.MaxPool1d(k, s, p, d, ceil_mode=True) of PyTorch 2.13 returns.
CEIL_MODE = {
    (2, 3, 2, 0, 1): 1,
    (5, 2, 2, 0, 1): 3,
    (5, 2, 2, 1, 1): 3,
    (6, 2, 2, 1, 1): 4,
    (7, 3, 2, 1, 1): 4,
    (8, 3, 2, 1, 1): 5,
    (4, 1, 3, 0, 1): 2,
    (5, 1, 3, 0, 1): 2,
    (4, 2, 3, 1, 1): 2,
    (5, 2, 3, 1, 1): 2,
    (6, 2, 3, 1, 1): 3,
    (8, 3, 3, 1, 2): 3,
}


@pytest.mark.parametrize("case", CEIL_MODE)
def test_ceil_mode_is_that_of_pytorch(case: tuple[int, int, int, int, int]):
    assert arith.pool_output_size(*case, ceil_mode=True) == CEIL_MODE[case]


def test_unused_cells_are_those_after_the_last_window():
    for i, k, s, d, p in GRID:
        starts = window_starts(i + 2 * p, k, s, d)
        if starts:
            last = starts[-1] + d * (k - 1)
            assert arith.unused_cells(i, k, s, p, d) == i + 2 * p - last - 1


def test_transposed_is_the_smallest_input():
    """Relation 14 of the guide, and its `a` as output_padding."""
    for i, k, s, d, p in GRID:
        if i + 2 * p < arith.span(k, d):
            continue
        outputs = arith.conv_output_size(i, k, s, p, d)
        spare = (i + 2 * p - arith.span(k, d)) % s
        assert arith.transposed_output_size(outputs, k, s, p, spare, d) == i
        if i > spare:
            smallest = arith.transposed_output_size(outputs, k, s, p, 0, d)
            assert arith.conv_output_size(smallest, k, s, p, d) == outputs


def test_transposed_same_is_the_largest_input():
    for i, k, s, d, _ in GRID:
        for amount in ("same", "same_lower"):
            assert arith.transposed_output_size(i, k, s, amount, 0, d) == i * s
            assert arith.conv_output_size(i * s, k, s, amount, d) == i


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: arith.side_widths("sane", 5, 3), "unknown amount 'sane'.*'same'"),
        (lambda: arith.side_widths(-1, 5, 3), r"widths \(-1, -1\) are negative"),
        (lambda: arith.conv_output_size(5, 3, stride=0), "stride=0 must be at least 1"),
        (lambda: arith.conv_output_size(5, 0), "k=0 must be at least 1"),
        (lambda: arith.conv_output_size(-1, 3), "cannot have i=-1 cells"),
        (
            lambda: arith.conv_output_size(4, 3, 1, 0, 2),
            "k=3 at dilation=2 spans 5 cells.*i=4.*at least 5 cells",
        ),
        (
            lambda: arith.transposed_output_size(3, 3, 2, 1, 2),
            "output_padding=2 at stride=2 and amount 1: expected from 0 to 1",
        ),
        (lambda: arith.transposed_output_size(1, 3, 1, 2), "removes 2 . 2 cells"),
    ],
)
def test_refusals(call: Any, text: str):
    with pytest.raises(ValueError, match=text):
        call()


PLACES = [
    (arith.side_widths, dict(amount="same", i=5, k=3, stride=1, dilation=1)),
    (arith.span, dict(k=3, dilation=1)),
    (arith.conv_output_size, dict(i=5, k=3, stride=1, dilation=1)),
    (arith.pool_output_size, dict(i=5, k=3, stride=1, dilation=1)),
    (arith.unused_cells, dict(i=5, k=3, stride=1, dilation=1)),
    (arith.transposed_output_size, dict(i=5, k=3, stride=2, output_padding=1)),
    (arith.solve_transposed, dict(i=5, k=3, stride=1, dilation=1, output=5)),
    (arith.input_sizes, dict(o=5, k=3, stride=1, dilation=1)),
    (arith.tap_counts, dict(i=5, k=3, stride=1, dilation=1)),
    (arith.conv_track, dict(i=5, k=3, stride=1, dilation=1)),
    *((law, dict(i=5, k=3)) for law in (arith.RELATIONS[1], arith.RELATIONS[8])),
    (arith.EXTENSIONS["causal"], dict(i=5, k=3, s=1, d=1)),
]


@pytest.mark.parametrize(("function", "given"), PLACES)
def test_numbers_are_whole_and_of_one_axis(
    function: Any, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    # As for users, without the check of annotations that the tests run under.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    expected = function(**given)
    for name, number in given.items():
        if name == "amount":
            continue
        assert function(**{**given, name: np.int64(number)}) == expected
        for wrong in (number + 0.5, float(number), str(number), np.array([5, 5])):
            with pytest.raises(TypeError, match=f"{name}=.* came, but an int is exp"):
                function(**{**given, name: wrong})
        with pytest.raises(TypeError, match=rf"one axis at a time: {name}=\(5, 5\)"):
            function(**{**given, name: (5, 5)})


def test_side_widths_refuses_what_is_below_one():
    with pytest.raises(ValueError, match="stride=0 must be at least 1"):
        arith.side_widths("same", 8, 3, stride=0)


def test_arithmetic_needs_no_jax():
    """Its own modules do not; they are imported as a package of their own."""
    folder = str(pathlib.Path(str(arith.__file__)).parents[1])
    code = "import sys; sys.modules['jax'] = sys.modules['numpy'] = None; "
    code += f"sys.path.append({folder!r}); import arith; print(arith.RELATIONS[1])"
    subprocess.run([sys.executable, "-c", code], check=True)
