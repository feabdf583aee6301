"""Curves near the border equal loops over pixels, and obey their laws."""

import functools
import itertools
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy.special import log_softmax

from jaxpad.analysis.borders import (
    border_distance,
    by_cutout,
    by_distance,
    central,
    cross_paddings,
    shift_consistency,
    under_padding,
)
from jaxpad.analysis.borders.sums import RINGS, Tally, added, looks
from jaxpad.layers import Conv


CLASSES = 3


def sample(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores of pixels, and labels of which some do not count."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(4, 7, 10, CLASSES)).astype(np.float32)
    return scores, rng.choice([0, 1, 2, 255], (4, 7, 10))


def pixels(scores: np.ndarray, labels: np.ndarray) -> list[tuple[int, int, bool, Any]]:
    """Row, column, whether right, and loss of every pixel that counts."""
    said = log_softmax(scores.astype(np.float64), axis=-1)
    return [
        (i, j, scores[n, i, j].argmax() == label, -said[n, i, j, label])
        for (n, i, j), label in np.ndenumerate(labels)
        if label != 255
    ]


def test_distance_of_pixels_equals_a_loop():
    scores, labels = sample()
    found = by_distance(lambda x: jnp.asarray(scores), np.zeros((4, 7, 10, 1)), labels)
    assert found.cells == [0, 1, 2, 3]
    for d, count, accuracy, loss in zip(*found[1:], strict=True):
        there = [
            p
            for p in pixels(scores, labels)
            if min(p[0], 6 - p[0], p[1], 9 - p[1]) == d
        ]
        assert count == len(there)
        np.testing.assert_allclose(accuracy, np.mean([p[2] for p in there]))
        np.testing.assert_allclose(loss, np.mean([p[3] for p in there]), rtol=1e-6)


def test_cutout_of_pixels_equals_a_loop():
    scores, labels = sample(1)
    model: Any = lambda x: jnp.asarray(scores)  # noqa: E731
    found = by_cutout(model, np.zeros((4, 7, 10, 1)), labels)
    for part, border, centre in zip(*found[1:], strict=True):
        inside = central(7, 10, part)
        for value, where in ((border, ~inside), (centre, inside)):
            right = [p[2] for p in pixels(scores, labels) if where[p[0], p[1]]]
            expected = np.mean(right) if right else np.nan
            np.testing.assert_allclose(value, expected)


def test_rectangles_are_nested():
    for size in ((7, 10), (8, 8), (1, 5), (64, 33)):
        parts = [central(*size, k / 10) for k in range(11)]
        assert not parts[0].any()
        assert parts[-1].all()
        for small, large in itertools.pairwise(parts):
            assert not (small & ~large).any()


@pytest.mark.parametrize("size", [(8, 8), (5, 9), (33, 48)])
def test_looks_hide_each_ring_once(size: tuple[int, int]):
    masks = looks(*size)
    rings = [~mask for (kind, _), mask in masks.items() if kind == "distance"]
    assert len(rings) <= RINGS
    np.testing.assert_array_equal(np.sum(rings, 0), 1)
    starts = [int(d) for kind, d in masks if kind == "distance"]
    firsts = [border_distance(*size)[ring].min() for ring in rings]
    assert starts == firsts
    for (kind, part), mask in masks.items():
        if kind == "centre":
            np.testing.assert_array_equal(mask, ~masks["border", part])


def brightest(x: Any) -> Any:
    """The class is where the brightest cell lies: at the border, or not."""
    ring = jnp.asarray(border_distance(*x.shape[1:3]) == 0)[None, :, :, None]
    outer, inner = (jnp.max(jnp.where(m, x, 0), (1, 2, 3)) for m in (ring, ~ring))
    return jnp.stack([outer, inner], -1)


def test_of_classes_what_is_hidden_counts():
    """Where the cell that decides is hidden, the answer is wrong, and only there."""
    images = np.zeros((2, 8, 8, 1), np.float32)
    images[0, 0, 3], images[0, 4, 4] = 9, 1
    images[1, 3, 4], images[1, 7, 7] = 9, 1
    labels = np.array([0, 1])
    found = by_distance(brightest, images, labels)
    assert (found.cells, found.count) == ([0, 1, 2, 3], [2] * 4)
    assert found.accuracy == [0.5, 1.0, 1.0, 0.5]
    cut = by_cutout(brightest, images, labels, parts=(0.0, 0.5, 0.75))
    assert cut.border == [1.0, 0.5, 0.5]
    np.testing.assert_array_equal(cut.centre, [np.nan, 0.5, 0.5])
    assert "mean colour" in found.what
    assert "mean colour" in cut.what


def test_sums_of_images_of_several_sizes():
    small, large = (Tally(*np.ones((3, n))) for n in (2, 3))
    for one, other in ((small, large), (large, small)):
        total = added(added(None, one), other)
        np.testing.assert_array_equal(total.count, [2, 2, 1])


class Net(nnx.Module):
    """Scores of classes, or of pixels."""

    def __init__(self, padding: str, stride: int = 1, dense: bool = False):
        rngs = nnx.Rngs(0)
        self.first = Conv(
            1, 6, (3, 3), stride, padding=padding, amount="half", rngs=rngs
        )
        self.second = Conv(6, 4, (3, 3), padding=padding, amount="half", rngs=rngs)
        self.dense = dense

    def __call__(self, x):
        x = self.second(nnx.relu(self.first(x)))
        return x if self.dense else nnx.relu(x).mean((1, 2))


def photographs(n: int = 24, size: int = 12) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(n, size, size, 1)).astype(np.float32)


@pytest.mark.parametrize("dense", [False, True])
def test_circular_without_stride_is_exactly_consistent(dense: bool):
    found = shift_consistency(Net("circular", dense=dense), photographs())
    assert found.pixels == [1, 2]
    assert found.consistency == [1.0, 1.0]
    assert np.isnan(found.accuracy).all()
    assert (
        min(shift_consistency(Net("zero", dense=True), photographs()).consistency) < 1
    )


def test_shifts_that_the_stride_divides_change_nothing():
    net, images = Net("circular", 2), photographs()
    found = shift_consistency(net, images, pixels=(1, 2, 4, 12))
    assert found.consistency[0] < 1
    assert found.consistency[1:] == [1.0] * 3


def test_consistency_equals_a_loop():
    net, images = Net("zero", dense=True), photographs(3, 8)
    labels = np.random.default_rng(0).choice([0, 1, 2, 3, 255], (3, 8, 8))
    found = shift_consistency(net, images, labels, pixels=(3,))
    first = np.asarray(net(images)).argmax(-1)
    moved = np.asarray(net(np.roll(images, (3, 3), (1, 2)))).argmax(-1)
    counted = same = right = 0
    for (n, i, j), label in np.ndenumerate(labels):
        if label == 255:
            continue
        answer = moved[n, (i + 3) % 8, (j + 3) % 8]
        counted += 1
        same += answer == first[n, i, j]
        right += answer == label
    assert found.consistency == [same / counted]
    assert found.accuracy == [right / counted]


def test_matrix_has_the_plain_evaluation_on_its_diagonal():
    images = photographs(2)

    def figure(net: Any) -> float:
        return float(jnp.abs(net(images)).mean())

    nets = {name: Net(name, dense=True) for name in ("zero", "circular", "valid")}
    plain, like = {name: figure(net) for name, net in nets.items()}, Net("zero")
    models = {
        name: functools.partial(under_padding, net, like=like)
        for name, net in nets.items()
    }
    found = cross_paddings(models, figure, [*nets, "healpix"])
    assert len(set(plain.values())) == len(plain)
    for name in nets:
        # The parameters are the same, so a column says nothing of the row.
        assert found.figures[name] == {**plain, "healpix": None}
        assert "12" in found.reasons[name, "healpix"]
    # Without `like` a model that was trained without padding goes on without.
    assert figure(under_padding(nets["valid"], "zero")) == plain["valid"]


def test_a_model_that_is_too_large_for_its_image_is_told():
    crossed = cross_paddings(
        {"zero": lambda padding: under_padding(Net("zero"), padding)},
        lambda net: net(photographs(1, 5)).shape,
        ["zero", "valid"],
    )
    assert crossed.figures["zero"]["valid"] is not None
    crossed = cross_paddings(
        {"zero": lambda padding: under_padding(Net("zero"), padding)},
        lambda net: net(photographs(1, 4)).shape,
        ["zero", "valid"],
    )
    assert crossed.figures["zero"] == {"zero": (1, 4), "valid": None}
    assert "3" in crossed.reasons["zero", "valid"]
