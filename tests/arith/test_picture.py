"""What drawings show: which cells windows read, and what added cells copy."""

import itertools

import numpy as np
import pytest

from jaxpad import arith, padding
from jaxpad.arith import Track, conv_track, transposed_track
from jaxpad.arith.picture import sources


def pairs(track: Track) -> set[tuple[int, int]]:
    """(output, input cell) for every tap on a real cell."""
    taps = {
        (f, track.cells[p]) for f, window in enumerate(track.windows) for p in window
    }
    return {(f, cell) for f, cell in taps if cell is not None}


def test_a_transposed_track_is_the_transpose():
    """The convolution drawn for it connects the same cells, the other way round."""
    for i, k, s, d, p in itertools.product(
        range(1, 9), range(1, 5), (1, 2, 3), (1, 2), range(4)
    ):
        try:
            outputs = arith.conv_output_size(i, k, s, p, d)
        except ValueError:
            continue
        unused = arith.unused_cells(i, k, s, p, d)
        there = conv_track(i, k, s, p, d)
        back = transposed_track(outputs, k, s, p, unused, d)
        assert len(back.windows) == i
        assert {(b, a) for a, b in pairs(back)} == pairs(there), (i, k, s, d, p)


@pytest.mark.parametrize("amount", [*arith.AMOUNTS, 1, (2, 0)])
def test_windows_are_those_of_the_sizes(amount):
    for i, k, s, d in itertools.product((5, 6), (1, 2, 3), (1, 2), (1, 2)):
        track = conv_track(i, k, s, amount, d)
        lo, hi = arith.side_widths(amount, i, k, s, d)
        assert track.cells == (*[None] * lo, *range(i), *[None] * hi)
        counts = [sum(track.cells[p] is not None for p in w) for w in track.windows]
        assert counts == arith.tap_counts(i, k, s, amount, d)
        assert len(track.cells) - 1 - max(track.read) == arith.unused_cells(
            i, k, s, amount, d
        )


def test_a_window_that_hangs_over_is_cut():
    track = conv_track(5, 2, 2, ceil_mode=True)
    assert track.windows == ((0, 1), (2, 3), (4,))
    assert len(track.windows) == arith.pool_output_size(5, 2, ceil_mode=True)


@pytest.mark.parametrize(
    ("mode", "numpy"),
    [
        ("circular", "wrap"),
        ("reflect", "reflect"),
        ("symmetric", "symmetric"),
        ("replicate", "edge"),
    ],
)
def test_copies_are_those_of_numpy(mode, numpy):
    rule = padding.rule_of(padding.MODES[mode])
    assert rule is not None

    def source(i, n):
        return rule.terms(i, n)[0]

    track = conv_track(5, 3, padding=(3, 2), source=source)
    expected = np.pad(np.arange(5), (3, 2), mode=numpy)
    assert track.copies == tuple(((1, cell),) for cell in expected.tolist())


def test_weights_are_those_of_numpy():
    """An odd reflection, and its corner on a plane, of cells that all differ."""
    x = np.arange(5.0) ** 2
    rule = padding.rule_of(padding.MODES["odd_reflect"])
    assert rule is not None
    track = conv_track(5, 3, padding=(3, 2), source=lambda i, n: rule.terms(i, n)[0])
    expected = np.pad(x, (3, 2), mode="reflect", reflect_type="odd")
    made = [sum(weight * x[cell] for weight, cell in cells) for cells in track.copies]
    assert made == expected.tolist()
    plane = np.add.outer(x, 10 * x**1.5)
    expected = np.pad(plane, (3, 2), mode="reflect", reflect_type="odd")
    for y, column in itertools.product(range(10), repeat=2):
        corner = sources(track, track, y, column)
        found = sum(weight * plane[cell] for weight, cell in corner)
        assert found == pytest.approx(expected[y, column])


def test_nothing_is_copied_without_a_source():
    track = conv_track(3, 3, padding=1)
    assert track.copies == ((), ((1, 0),), ((1, 1),), ((1, 2),), ())


def test_a_width_that_the_mode_has_no_cells_for_is_refused():
    with pytest.raises(ValueError, match=r"\(3, 3\) are too wide.*cells \[-1\]"):
        conv_track(3, 3, padding=3, source=lambda i, n: [(1, i % n - 1)])
