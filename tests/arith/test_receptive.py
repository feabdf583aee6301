"""What outputs see: published tables, following cells, and counting paths."""

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import jaxtyping
import numpy as np
import pytest

from jaxpad import arith
from tests.oracles import amount_widths, count_taps, receptive_cells


GRID = list(itertools.product(range(1, 13), range(1, 6), (1, 2, 3), (1, 2, 3)))
AMOUNTS = [*arith.AMOUNTS, 0, 2, (1, 3), (2, 0)]


@pytest.mark.parametrize("amount", AMOUNTS)
@pytest.mark.parametrize("absent", list(itertools.product([True, False], repeat=2)))
def test_tap_counts(amount: Any, absent: tuple[bool, bool]):
    for i, k, s, d in GRID[::7]:
        lo, hi = amount_widths(amount, i, k, s, d)
        if i + lo + hi < arith.span(k, d):
            continue
        found = arith.tap_counts(i, k, s, amount, d, absent=absent)
        # A side whose cells are there is an axis that goes on; then nothing is added.
        real = (i + (0 if absent[0] else lo) + (0 if absent[1] else hi),)
        widths = [(lo if absent[0] else 0, hi if absent[1] else 0)]
        np.testing.assert_array_equal(found, count_taps(real, (k,), (s,), (d,), widths))


def resnet_v1(*units: int) -> list[Any]:
    """TF-slim's: a block strides in its last unit, and the last block not at all."""
    layers: list[Any] = [(7, 2, 3), (3, 2, (0, 1))]
    for count, stride in zip(units, (2, 2, 2, 1), strict=True):
        layers += [(3, 1, 1)] * (count - 1) + [(3, stride, 1)]
    return layers


def mobilenet_v1() -> list[Any]:
    """TF-slim's: "same" at stride 2 and even sizes adds nothing before."""
    strides = (2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
    return [(3, s, (0, 1) if s == 2 else 1) for s in strides]


# (size, stride, padding) published with google-research/receptive_field.
ALEXNET_V2 = [(11, 4), (3, 2), (5, 1, 2), (3, 2), *[(3, 1, 1)] * 3, (3, 2)]
VGG_16 = [*[(3, 1, 1)] * 2, (2, 2), *[(3, 1, 1)] * 2, (2, 2)]
VGG_16 += ([(3, 1, 1)] * 3 + [(2, 2)]) * 3
PUBLISHED = {
    "alexnet_v2": (ALEXNET_V2, (195, 32, 64)),
    "vgg_16": (VGG_16, (212, 32, 90)),
    "mobilenet_v1": (mobilenet_v1(), (315, 32, 126)),
    "resnet_v1_50": (resnet_v1(3, 4, 6, 3), (483, 32, 239)),
    "resnet_v1_101": (resnet_v1(3, 4, 23, 3), (1027, 32, 511)),
    "resnet_v1_152": (resnet_v1(3, 8, 36, 3), (1507, 32, 751)),
    "resnet_v1_200": (resnet_v1(3, 24, 36, 3), (1763, 32, 879)),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_receptive_fields(name: str):
    layers, published = PUBLISHED[name]
    assert arith.receptive_field(layers) == published


@pytest.mark.parametrize("seed", range(8))
def test_receptive_field_by_following_cells(seed: int):
    rng = np.random.default_rng(seed)
    layers = tuple(
        (int(k), int(s), int(p), int(d))
        for k, s, p, d in rng.integers([2, 1, 0, 1], [4, 3, 3, 3], (3, 4))
    )
    seen = receptive_cells(4, layers)
    field = arith.receptive_field(layers)
    assert field.padding == -min(seen[0])
    assert field.stride == min(seen[1]) - min(seen[0])
    assert field.size == max(seen[0]) - min(seen[0]) + 1
    assert field.cells(3) == range(min(seen[3]), max(seen[3]) + 1)


@pytest.mark.parametrize("amount", ["same", "same_lower"])
def test_receptive_field_of_amounts_that_follow_the_input(amount: str):
    for i, k, s, d in GRID[::7]:
        lo, _ = amount_widths(amount, i, k, s, d)
        # The second layer's input is the first one's output: ceil(i / s).
        below, _ = amount_widths(amount, -(-i // s), 3, 2, 1)
        seen = receptive_cells(4, ((k, s, lo, d), (3, 2, below, 1)))
        field = arith.receptive_field([(k, s, amount, d), (3, 2, amount)], i)
        assert field.padding == -min(seen[0]), (i, k, s, d)
        assert field.size == max(seen[0]) - min(seen[0]) + 1


def walk(cell: int, sizes: list[int], layers: Any) -> Iterator[bool]:
    """For each path from an output down to the input, whether it ends on an added cell.

    `cell` is an output of the last layer; `sizes` are the cells that go into each.
    """
    if not layers:
        yield False
        return
    *below, (k, s, (lo, _), d) = layers
    for t in range(k):
        next_cell = cell * s - lo + t * d
        if 0 <= next_cell < sizes[-1]:
            yield from walk(next_cell, sizes[:-1], below)
        else:
            # Paths that left early count for all those they would have split into.
            yield from [True] * math.prod(layer[0] for layer in below)


@pytest.mark.parametrize(
    "layers",
    [
        [(3, 1, (1, 1), 1)],
        [(3, 2, (1, 0), 1), (2, 1, (0, 1), 1)],
        [(3, 1, (2, 2), 2), (3, 2, (1, 1), 1), (2, 1, (1, 0), 2)],
    ],
)
def test_padding_fractions_by_walking_every_path(layers: Any):
    for i in range(5, 10):
        sizes = [i]
        for layer in layers:
            sizes.append(arith.conv_output_size(sizes[-1], *layer))
        for f, found in enumerate(arith.padding_fractions(i, layers)):
            paths = list(walk(f, sizes[:-1], layers))
            assert found == Fraction(sum(paths), len(paths)), (i, f)


def test_padding_fractions_of_one_layer_are_its_missing_taps():
    for i, k, s, d in GRID[::7]:
        for amount in AMOUNTS:
            try:
                counts = arith.tap_counts(i, k, s, amount, d)
            except ValueError:
                continue
            expected = [1 - Fraction(count, k) for count in counts]
            assert arith.padding_fractions(i, [(k, s, amount, d)]) == expected


@pytest.mark.parametrize(
    ("n", "taps", "touched"),
    [
        (56, "2.4%", "7.0%"),
        (28, "4.7%", "13.8%"),
        (14, "9.3%", "26.5%"),
        (7, "18.1%", "49.0%"),
    ],
)
def test_how_much_of_a_3x3_layer_is_border(n: int, taps: str, touched: str):
    rows = arith.padding_fractions(n, [(3, 1, 1)])
    image = [1 - (1 - row) * (1 - column) for row in rows for column in rows]
    assert sum(image) / len(image) == 1 - Fraction(3 * n - 2, 3 * n) ** 2
    assert f"{float(sum(image) / len(image)):.1%}" == taps
    assert f"{sum(f > 0 for f in image) / len(image):.1%}" == touched


def test_every_last_feature_of_a_resnet_50_sees_padding():
    assert min(arith.padding_fractions(224, resnet_v1(3, 4, 6, 3))) > 0


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: arith.receptive_field([(3, 2, "same")]), "'same' at stride 2 depends"),
        (
            lambda: arith.receptive_field([(3, 1, 1, 1, 1)]),
            "layer .3, 1, 1, 1, 1.: exp",
        ),
        (lambda: arith.receptive_field([(0,)]), "k=0 must be at least 1"),
        (lambda: arith.padding_fractions(4, [(3,), (3,)]), "i=2 .* at least 3 cells"),
        (lambda: arith.receptive_field([(3,), (3,)], 4), "i=2 .* at least 3 cells"),
    ],
)
def test_refusals(call: Any, text: str):
    with pytest.raises(ValueError, match=text):
        call()


@pytest.mark.parametrize(
    ("function", "given", "text"),
    [
        (arith.receptive_field, [[3, 3]], r"layer 3: a layer is a tuple.*\(3,\)"),
        (arith.receptive_field, [["conv"]], "layer 'conv': a layer is a tuple"),
        (arith.receptive_field, [[(3.0,)]], "k=3.0 came, but an int"),
        (arith.receptive_field, [[(3, "2")]], "stride='2' came, but an int"),
        (arith.receptive_field, [[(3, 2)], 7.5], "i=7.5 came, but an int"),
        (arith.padding_fractions, [5.5, [(3,)]], "i=5.5 came, but an int"),
        (arith.even_sizes, [[(3,)], 5.5], "near=5.5 came, but an int"),
    ],
)
def test_what_is_no_layer(
    function: Any, given: list, text: str, monkeypatch: pytest.MonkeyPatch
):
    # As for users, without the check of annotations that the tests run under.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(TypeError, match=text):
        function(*given)
