"""The Red-Green study: its images, what must hold before training, its results."""

import collections
import itertools
import json
import statistics

import numpy as np
import pytest
from flax import nnx

import jaxpad
from tests.studies import FOLDER, load


STUDY = FOLDER / "red_green"
pytestmark = pytest.mark.skipif(not STUDY.exists(), reason="no experiments/ beside")


@pytest.fixture(scope="module")
def study():
    return load("red_green", "run")


@pytest.fixture(scope="module")
def results():
    return json.loads((STUDY / "results.json").read_text())


def columns_of(image: np.ndarray, colour: int) -> np.ndarray:
    return np.flatnonzero(image[..., colour].any(axis=0))


def test_images_are_a_red_and_a_green_square(study):
    made = study.make_images((0, 0), 200)
    for image, label in zip(made["similar"], made["labels"], strict=True):
        red, green = columns_of(image, 0), columns_of(image, 1)
        assert len(red) == len(green) == 4
        left, right = (red, green) if label == 0 else (green, red)
        assert left[-1] + 1 < right[0]
        np.testing.assert_array_equal(image.sum(axis=(0, 1)), [16, 16, 0])


def test_classes_are_balanced_and_each_has_its_half(study):
    made = study.make_images((0, 0), 200)
    for half, other in ((slice(16), slice(16, 32)), (slice(16, 32), slice(16))):
        label = 0 if half == slice(16) else 1
        mine = made["labels"] == label
        assert mine.sum() == 100
        assert made["similar"][mine][:, half].any(axis=(1, 2, 3)).all()
        assert not made["similar"][mine][:, other].any()


def test_dissimilar_images_swap_the_halves_and_nothing_else(study):
    made = study.make_images((0, 0), 200)
    upper, lower = np.split(made["similar"], 2, axis=1)
    swapped = np.concatenate([lower, upper], axis=1)
    np.testing.assert_array_equal(made["dissimilar"], swapped)


def test_images_are_a_function_of_the_seed(study):
    once, again = study.make_images((3, 0), 50), study.make_images((3, 0), 50)
    for name, array in once.items():
        np.testing.assert_array_equal(array, again[name])
    other = study.make_images((3, 1), 50)["similar"]
    assert not np.array_equal(once["similar"], other)


def test_every_padding_is_run_or_left_out_with_a_reason(study, results):
    plain = {name.partition("(")[0] for name in study.RUN}
    assert plain | set(study.LEFT_OUT) == set(jaxpad.PADDINGS)
    assert list(results["paddings"]) == list(study.RUN)
    x = np.random.default_rng(0).normal(size=(2, 6, 7, 3))
    for name, equal in study.LEFT_OUT.items():
        if equal:
            widths = ((0, 0), (1, 1), (1, 1), (0, 0))
            padded = [jaxpad.pad(x, widths, mode) for mode in (name, equal)]
            np.testing.assert_allclose(*padded, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("padding", ["circular", "full", "zero", "valid"])
def test_which_networks_can_see_the_halves(study, padding):
    """The paper's claim as a law of an untrained network: all shifts, no training."""
    made = study.make_images((0, 0), 16)
    net = study.Net(padding, rngs=nnx.Rngs(0))
    logits = nnx.jit(lambda net, images: net(images))
    similar, dissimilar = (logits(net, made[key]) for key in ("similar", "dissimilar"))
    same = np.allclose(similar, dissimilar, rtol=1e-5, atol=1e-6)
    assert same == (padding in ("circular", "full"))


def test_training_is_a_function_of_the_seed(study, monkeypatch):
    small = {"STEPS": 3, "TRAINED": 50, "TESTED": 20}
    for name, value in small.items():
        monkeypatch.setattr(study, name, value)
    once = study.train("random", 0)
    assert once == study.train("random", 0)
    assert set(once) == {"training", "similar", "dissimilar"}


def test_ceiling_is_that_of_guessing_among_images_that_look_alike(study):
    """All pairs of columns, painted; a circular network cannot tell 8-cell shifts."""
    chances = collections.defaultdict(lambda: [0.0, 0.0])
    for left, label in itertools.product(range(10), (0, 1)):
        for right in range(left + 5, 28):
            columns = np.array([[left, right]])
            image = study.paint(np.zeros_like(columns), columns, np.array([label]))
            shifts = (np.roll(image, shift, axis=2) for shift in (0, 8, 16, 24))
            alike = min(shifted.tobytes() for shifted in shifts)
            chances[alike][label] += 1 / 10 / (23 - left)
    best = 100 * sum(max(pair) for pair in chances.values()) / 2
    assert study.circular_ceiling() == pytest.approx(best, abs=0.01)


def test_spreads_and_the_verdict_are_those_of_the_values(study, results):
    for found in results["paddings"].values():
        for test in found.values():
            assert len(test["values"]) == len(study.SEEDS)
            assert test["mean"] == pytest.approx(
                statistics.mean(test["values"]), abs=0.01
            )
            assert test["std"] == pytest.approx(
                statistics.stdev(test["values"]), abs=0.01
            )
    assert results["verdict"] == study.judge(results["paddings"])
    assert results["circular ceiling"] == study.circular_ceiling()


def test_verdict_needs_every_seed(study):
    def paddings(**changed):
        both = {name: ([99.0, 99.0], [9.0, 9.0]) for name in ("valid", "zero")}
        both |= {name: ([70.0, 71.0], [70.0, 71.0]) for name in ("circular", "full")}
        return {
            name: {"similar": {"values": a}, "dissimilar": {"values": b}}
            for name, (a, b) in (both | changed).items()
        }

    assert study.judge(paddings()) == "holds"
    assert study.judge(paddings(zero=([99.0, 99.0], [9.0, 51.0]))) == "does not hold"
    assert study.judge(paddings(full=([70.0, 71.0], [70.0, 69.5]))) == "does not hold"


def test_readme_says_what_the_results_say(results):
    text = (STUDY / "README.md").read_text()
    assert f"**Verdict: {results['verdict']}**" in text
    for name, found in results["paddings"].items():
        (line,) = [row for row in text.splitlines() if row.startswith(f"| `{name}` |")]
        for test in found.values():
            assert f"{test['mean']:.1f} ± {test['std']:.1f}" in line
    for name, (similar, dissimilar) in results["reported"].items():
        (line,) = [row for row in text.splitlines() if row.startswith(f"| `{name}` |")]
        assert f"{similar} / {dissimilar}" in line
    assert f"{results['circular ceiling']:.1f}%" in text
