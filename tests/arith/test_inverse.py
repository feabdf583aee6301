"""Questions asked backwards are answered as by asking forwards many times."""

import itertools
from typing import Any

import pytest

from jaxpad import arith


GRID = list(itertools.product(range(1, 6), range(1, 6), (1, 2, 3), (1, 2, 3)))
RESNET = [(7, 2, 3), *[(3, 2, 1)] * 4]


def paddings(i: int, k: int, s: int, d: int, output: int) -> set[tuple]:
    """All symmetric answers, by trying every padding and output_padding."""
    found = set()
    for p, extra in itertools.product(range(k * d + s * i + 1), range(s)):
        try:
            made = arith.transposed_output_size(i, k, s, p, extra, d)
        except ValueError:
            continue
        if made == output:
            found.add(((p, p), extra))
    return found


@pytest.mark.slow
def test_every_symmetric_padding_is_found():
    for i, k, s, d in GRID:
        for output in {max(i * s + extra, 1) for extra in (-3, -1, 0, 1, 2, 4)}:
            expected = paddings(i, k, s, d, output)
            try:
                found = arith.solve_transposed(i, k, s, d, output)
            except ValueError:
                assert not expected
                continue
            equal = [tuple(f) for f in found if f.padding[0] == f.padding[1]]
            assert len(equal) == len(expected)
            assert set(equal) == expected, (i, k, s, d, output)
            for (lo, hi), extra in found:
                made = arith.transposed_output_size(i, k, s, (lo, hi), extra, d)
                assert made == output
                assert hi - lo in (0, 1)


def test_a_transposed_convolution_can_always_multiply_by_the_stride():
    for i, k, s, d in GRID:
        if d * (k - 1) + 1 >= s:
            found = arith.solve_transposed(i, k, s, d)
            assert any(f.output_padding == 0 for f in found), (i, k, s, d)


def test_input_sizes_are_all_that_give_the_output():
    for k, s, d in itertools.product(range(1, 6), (1, 2, 3), (1, 2, 3)):
        for amount in [*arith.AMOUNTS, 0, 2, (1, 3), (2, 0)]:
            outputs = {}
            for i in range(1, 40):
                try:
                    o = arith.conv_output_size(i, k, s, amount, d)
                except ValueError:
                    continue
                outputs.setdefault(o, []).append(i)
            for o in range(1, 6):
                expected = outputs.get(o, [])
                assert list(arith.input_sizes(o, k, s, amount, d)) == expected


def is_even(i: int, layers: Any) -> bool:
    """No layer leaves a cell unused; layers after one that does are not looked at."""
    for layer in layers:
        try:
            if arith.unused_cells(i, *layer):
                return False
            i = arith.conv_output_size(i, *layer)
        except ValueError:
            return False
    return i > 0


@pytest.mark.parametrize(
    "layers",
    [
        RESNET,
        [(3, 1, 1)],
        [(2, 2)],
        [(11, 4), (3, 2), (5, 1, 2), (3, 2)],
        [(3, 2, (0, 1)), (3, 3, 2, 2)],
        [(1, 2, 5), (3, 2)],
        [(3, 2), (1, 1, 4), (2, 3, (2, 0))],
    ],
)
def test_even_sizes_are_the_nearest(layers: Any):
    even = [i for i in range(1, 400) if is_even(i, layers)]
    for near in range(1, 300, 3):
        below = [i for i in even if i < near][-1:]
        above = next(i for i in even if i >= near)
        expected = [near] if above == near else [*below, above]
        assert arith.even_sizes(layers, near) == expected, near


def test_a_resnet_is_uneven_at_224():
    assert arith.even_sizes(RESNET, 224) == [193, 225]
    assert arith.even_sizes(RESNET, 225) == [225]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: arith.solve_transposed(4, 1, 3, 1, 14), "at most 12 cells.*larger"),
        (lambda: arith.solve_transposed(4, 3, 2, output=0), "output=0 must be"),
        (lambda: arith.input_sizes(0, 3), "o=0 must be at least 1"),
        (lambda: arith.even_sizes([(3, 2, "same")], 224), "depends on the input size"),
        (lambda: arith.even_sizes([()], 224), "expected .k, stride, padding, dilation"),
    ],
)
def test_refusals(call: Any, text: str):
    with pytest.raises(ValueError, match=text):
        call()
