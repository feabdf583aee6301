"""Maps near the border equal brute force, and obey their laws."""

import itertools
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxpad.analysis.borders import (
    activation_maps,
    foveation_maps,
    padding_use,
    plots,
    unevenness,
)
from jaxpad.analysis.borders.cross import Crossed
from jaxpad.analysis.borders.curves import Cutout, Distance
from jaxpad.analysis.borders.maps import layers_with_borders
from jaxpad.analysis.borders.shift import Shift
from jaxpad.layers import (
    AvgPool,
    Conv,
    ConvTranspose,
    LearnedConstant,
    MaxPool,
    OrthogonalConv,
)
from jaxpad.models import MODELS


INDEX: dict[str, Any] = {
    "circular": lambda i, n: i % n,
    "replicate": lambda i, n: min(max(i, 0), n - 1),
    "reflect": lambda i, n: -i if i < 0 else 2 * (n - 1) - i if i >= n else i,
    "symmetric": lambda i, n: -1 - i if i < 0 else 2 * n - 1 - i if i >= n else i,
    "zero": lambda i, n: i if 0 <= i < n else None,
}


def counted(n: int, k: int, stride: int, mode: str) -> np.ndarray:
    """Paths from each cell to each output of one window, by a loop over its taps."""
    half = k // 2
    outputs = (n + 2 * half - k) // stride + 1
    paths = np.zeros((outputs, n), int)
    for output, tap in itertools.product(range(outputs), range(k)):
        cell = INDEX[mode](output * stride - half + tap, n)
        if cell is not None:
            paths[output, cell] += 1
    return paths


class Stack(nnx.Module):
    """Convolutions and a pool, with what must not count between them."""

    def __init__(self, padding: str):
        rngs = nnx.Rngs(0)
        same: Any = {"padding": padding, "amount": "half"}
        self.first = Conv(2, 8, (5, 5), **same, rngs=rngs)
        self.norm = nnx.BatchNorm(8, rngs=rngs)
        self.pool = MaxPool((3, 3), 2, **same)
        self.last = Conv(8, 4, (3, 3), feature_group_count=2, **same, rngs=rngs)

    def __call__(self, x):
        x = nnx.gelu(self.norm(self.first(x)))
        return nnx.relu(self.last(self.pool(x)) - 1)


@pytest.mark.parametrize("mode", INDEX)
def test_foveation_is_the_number_of_paths(mode: str):
    found = foveation_maps(Stack(mode), (4, 9, 8, 2))
    assert list(found) == ["first", "pool", "last"]
    rows, columns = ([counted(n, 5, 1, mode)] for n in (9, 8))
    for axis in (rows, columns):
        for k, stride in ((3, 2), (3, 1)):
            axis.append(counted(len(axis[-1]), k, stride, mode) @ axis[-1])
    for map_, by_row, by_column in zip(found.values(), rows, columns, strict=True):
        expected = np.outer(by_row.sum(0), by_column.sum(0))
        np.testing.assert_array_equal(map_, expected)


@pytest.mark.parametrize(
    ("mode", "k", "line"),
    [
        ("zero", 3, [2, 3, 3]),
        ("circular", 3, [3, 3, 3]),
        ("reflect", 3, [2, 4, 3]),
        ("partial", 3, [2.5, 3.5, 3]),
        ("replicate", 5, [6, 4, 5]),
        ("symmetric", 5, [5, 5, 5]),
        ("reflect", 5, [3, 6, 6, 5]),
        ("learned_constant", 3, [2, 3, 3]),
        ("learned_extrapolation", 3, [3, 3, 3]),
    ],
)
def test_foveation_of_one_window(mode: str, k: int, line: list[float]):
    widths = ((k // 2, k // 2), (0, 0))
    layer = Conv(1, 1, (k, 1), padding=mode, amount=widths, rngs=nnx.Rngs(0))
    (found,) = foveation_maps(layer, (1, 12, 2, 1)).values()
    np.testing.assert_allclose(found[: len(line), 0], line, rtol=1e-6)
    np.testing.assert_allclose(found[::-1][: len(line), 1], line, rtol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: nnx.Conv(3, 4, (3, 3), padding="CIRCULAR", rngs=nnx.Rngs(0)),
        lambda: OrthogonalConv(3, 4, (3, 3), rngs=nnx.Rngs(0)),
        lambda: Conv(
            3, 4, (3, 3), padding="circular", dtype=jnp.bfloat16, rngs=nnx.Rngs(0)
        ),
        lambda: AvgPool((3, 3), 1, padding="circular", amount="half"),
        lambda: nnx.eval_shape(
            lambda: Conv(3, 4, (3, 3), padding="circular", rngs=nnx.Rngs(0))
        ),
        lambda: ConvTranspose(
            3, 4, (3, 3), padding="circular", feature_group_count=1, rngs=nnx.Rngs(0)
        ),
    ],
)
def test_circular_is_flat_in_every_layer(layer: Any):
    (found,) = foveation_maps(layer(), (2, 5, 6, 3)).values()
    np.testing.assert_array_equal(found, 9)


def test_the_model_stays_as_it_is_when_paths_are_counted():
    model = Stack("zero")
    before = model.first.kernel[...].copy()
    foveation_maps(model, (1, 8, 8, 2))
    np.testing.assert_array_equal(model.first.kernel[...], before)
    assert type(model.pool) is MaxPool


class Skip(nnx.Module):
    """Two convolutions beside a shortcut, and one after a concatenation."""

    def __init__(self):
        rngs = nnx.Rngs(0)
        same: Any = {"padding": "circular", "use_bias": False}
        self.one = Conv(1, 4, (3, 3), **same, rngs=rngs)
        self.two = Conv(4, 4, (3, 3), **same, rngs=rngs)
        self.last = Conv(8, 1, (3, 3), **same, rngs=rngs)
        self.scale = nnx.Param(jnp.full(4, 1e-6))

    def __call__(self, x):
        y = nnx.relu(self.one(x))
        z = y + self.scale[...][None, None, None] * self.two(y)
        return self.last(jnp.concatenate([y, z], -1))


def test_skips_add_their_paths():
    """Of a concatenation the branches are averaged; of a sum they are added."""
    found = foveation_maps(Skip(), (1, 6, 6, 1))
    values = [np.unique(map_).item() for map_ in found.values()]
    assert values == [9, 81, 9 * (9 + 9 + 81) / 2]


def test_padding_that_is_never_read():
    """At stride 2 an even size leaves the last side of the padding unread."""
    layer = Conv(1, 1, (3, 3), 2, padding="zero", amount="half", rngs=nnx.Rngs(0))
    (even,), (uneven,) = (padding_use(layer, (1, n, n, 1)) for n in (33, 32))
    assert even.used == ((1, 1), (1, 1))
    assert even.even
    assert uneven.used == ((1, 0), (1, 0))
    assert not uneven.even
    first, *_, last = uneven.reads[0].tolist()
    assert (first, last) == (1, 0)
    reads = uneven.reads[0]
    np.testing.assert_array_equal(reads[1:-1], counted(32, 3, 2, "zero").sum(0))
    # Taps two apart read one cell of two, before the image as well as after it.
    wide = Conv(1, 1, (3,), 2, kernel_dilation=2, amount=((2, 2),), rngs=nnx.Rngs(0))
    assert padding_use(wide, (1, 9, 1))[0].used == ((1, 1),)


@pytest.mark.parametrize("mode", ["replicate", "circular", "symmetric"])
def test_a_constant_image_has_flat_maps(mode: str):
    net = Stack(mode)
    for map_ in activation_maps(net, np.full((2, 8, 8, 2), 0.7, np.float32)).values():
        np.testing.assert_allclose(map_, map_[0, 0], rtol=1e-5)
        found = unevenness(map_)
        np.testing.assert_allclose([found.border_to_centre, *found.sides], 1, rtol=1e-5)


def test_activation_maps_are_means_of_magnitudes():
    net = Stack("zero")
    images = np.random.default_rng(0).normal(size=(3, 6, 6, 2)).astype(np.float32)
    found = activation_maps(net, images, ["first"])
    first = net.first(images)
    assert list(found) == ["first"]
    np.testing.assert_allclose(found["first"], np.abs(first).mean((0, 3)), rtol=1e-5)
    with pytest.raises(ValueError, match=r"layers=\['second'\]: expected some of"):
        activation_maps(net, images, ["second"])


def test_a_bias_and_what_padding_adds_show_on_zeros():
    layer = Conv(1, 1, (3, 3), padding="constant(value=1)", rngs=nnx.Rngs(0))
    layer.kernel[...] = jnp.ones((3, 3, 1, 1))
    (found,) = activation_maps(layer, np.zeros((1, 4, 4, 1), np.float32)).values()
    np.testing.assert_array_equal(found[:2, :2], [[5, 3], [3, 0]])
    assert np.isnan(unevenness(found).border_to_centre)


def test_layers_are_spread_over_the_depth():
    net = MODELS["resnet20"](channels=3, classes=4, rngs=nnx.Rngs(0))
    names = layers_with_borders(net, (1, 16, 16, 3))
    assert len(names) == 6
    assert names[0] == "stem"
    assert names[-1] == "blocks/8/convs/1"
    shapes = nnx.eval_shape(
        lambda: MODELS["resnet20"](channels=3, classes=4, rngs=nnx.Rngs(0))
    )
    assert layers_with_borders(shapes, (1, 16, 16, 3)) == names


def test_sides_are_told_apart():
    map_ = np.ones((8, 6))
    map_[0], map_[:, -1] = 2, 3
    found = unevenness(map_)
    np.testing.assert_allclose(found.sides, (13 / 6, 8 / 6, 9 / 8, 3))
    ring = [2] * 5 + [3] + [1, 3] * 6 + [1] * 5 + [3]
    np.testing.assert_allclose(found.border_to_centre, np.mean(ring))


def test_pictures_show_the_numbers():
    crossed = Crossed({"zero": {"zero": 0.9, "valid": None}}, {})
    texts = [t.get_text() for t in plots.plot_cross(crossed).axes[0].texts]
    assert texts == ["0.9", "-"]
    distance = Distance("", [0, 1], [4, 2], [0.5, float("nan")], [1.0, 0.5])
    lines: Any = plots.plot_distance({"zero": distance}).axes[0].get_lines()
    np.testing.assert_array_equal(lines[0].get_ydata(), distance.accuracy)
    cut = Cutout("", [0.0, 0.5], [0.5, 0.6], [float("nan"), 0.7])
    right: Any = plots.plot_cutout({"a": cut, "b": cut}).axes[1]
    np.testing.assert_array_equal(right.get_lines()[1].get_ydata(), cut.centre)
    shift: Any = plots.plot_shift({"a": Shift([1, 2], [0.9, 0.8], [0.5, 0.5])}).axes[0]
    np.testing.assert_array_equal(shift.get_lines()[0].get_ydata(), [0.9, 0.8])
    maps = {"x": np.eye(3), "y": 2 * np.eye(3)}
    drawn = [a.get_images()[0] for a in plots.plot_maps(maps).axes if a.get_images()]
    assert [d.get_clim() for d in drawn[:2]] == [(0, 2), (0, 2)]
    uneven: Any = plots.plot_unevenness({"a": maps}).axes[0]
    expected = [unevenness(m).border_to_centre for m in maps.values()]
    np.testing.assert_array_equal(uneven.get_lines()[0].get_ydata(), expected)
    for axes in (*plots.plot_distance({"a": distance}).axes, right, shift):
        assert axes.get_xlabel()
        assert axes.get_ylabel()


def test_learned_modes_are_left_alone():
    layer = Conv(1, 1, (3, 3), padding=LearnedConstant(1, 2), rngs=nnx.Rngs(0))
    (found,) = foveation_maps(layer, (1, 4, 4, 1)).values()
    assert found[0, 0] == 4
