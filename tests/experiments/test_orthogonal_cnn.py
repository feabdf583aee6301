"""The study of orthogonal convolutions: its oracles, its laws, and what its page says.

Nothing here trains for long; the numbers of the study are in its results.
"""

import importlib
import json
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxpad.spectral import conv_matrix
from tests.studies import FOLDER


STUDY = FOLDER / "orthogonal_cnn"
pytestmark = pytest.mark.skipif(not STUDY.exists(), reason="no experiments/ beside")
NAMES = [path.stem for path in STUDY.glob("*.py")]


@pytest.fixture(scope="module")
def study() -> Any:
    """The scripts by name; they import each other, so their folder is on the path."""
    others = {name: sys.modules.pop(name) for name in NAMES if name in sys.modules}
    sys.path.insert(0, str(STUDY))
    yield importlib.import_module
    sys.path.remove(str(STUDY))
    for name in NAMES:
        sys.modules.pop(name, None)
    sys.modules.update(others)


@pytest.fixture(scope="module")
def results() -> Any:
    return json.loads((STUDY / "results.json").read_text())


def test_the_page_shows_the_results(study: Any, results: Any):
    page = (STUDY / "README.md").read_text()
    tables = study("report").tables(results)
    assert set(tables) == {"verdicts", *study("report").PARTS}
    for name, table in tables.items():
        assert f"<!-- {name} -->\n\n{table}\n\n<!-- end {name} -->" in page
    assert f"**Verdict: {results['verdict']}**" in page


def test_the_verdicts_follow_from_the_measurements(study: Any, results: Any):
    assert study("report").summary(results, results["device"]) == results


def broken(results: Any, *path: Any) -> Any:
    """The results with one number replaced."""
    copy = json.loads(json.dumps(results))
    *way, last, value = path
    inner = copy
    for key in way:
        inner = inner[key]
    inner[last] = value
    return copy


@pytest.mark.parametrize(
    ("claim", "path"),
    [
        ("a: ", ("existence", "feasible", 44925)),
        ("a: ", ("existence", "largest ratio of singular values, infeasible", 1e-3)),
        ("b: err", ("identities", "error of err_F^2 = N^d L", 1e-8)),
        ("b: spectral", ("identities", "share of the upper bound", 1.01)),
        ("c: stable", ("stability", 0, "least", 4, 0.98)),
        ("c: drifting", ("stability", -2, "least", [0.5] * 7)),
        ("d: only", ("landscape", "8, 6, 3, 1", "Glorot", "successes", 19)),
        ("d: the delta", ("landscape", "8, 8, 3, 1", "delta, noise 0.5", "runs", 21)),
        ("e: weight 10", ("tradeoff", "rectangular, Glorot", "10.0", "least", [0.8])),
        ("e: quicker", ("timing", "square, 64", "L_orth / exact", [1.1, 1.2, 1.3])),
    ],
)
def test_a_claim_that_fails_is_told(study: Any, results: Any, claim: str, path: Any):
    verdicts = study("report").summary(broken(results, *path), "")["verdicts"]
    (name,) = [it for it in verdicts if it.startswith(claim)]
    assert verdicts[name] == "does not hold"


@pytest.mark.parametrize(("rank", "stride"), [(1, 1), (1, 3), (2, 2), (3, 1)])
def test_dense_matrices_are_those_of_jaxpad(study: Any, rank: int, stride: int):
    kernel = np.random.default_rng(0).normal(size=(*[3] * rank, 2, 3))
    kernel = kernel.astype(np.float32)
    ours = study("dense").matrix(kernel, 3, stride)
    # jaxpad centres the window: a shift of the input's cells, the same for all rows.
    theirs = np.asarray(conv_matrix(jnp.asarray(kernel), 3 * stride, stride=stride))
    for it in (ours, theirs):
        assert it.shape == (3**rank * 3, (3 * stride) ** rank * 2)
    np.testing.assert_allclose(
        np.linalg.svd(ours, compute_uv=False),
        np.linalg.svd(theirs, compute_uv=False),
        atol=2e-5,
    )


def test_one_tap_kernels_read_no_number_twice(study: Any):
    kernel = study("dense").one_tap(3, 12, 3, 2)
    np.testing.assert_array_equal(kernel.sum((0, 1, 2)), np.ones(12))
    assert kernel.sum(-1).max() == 1
    assert study("dense").one_tap(3, 12, 1, 2).sum() == 3


def test_existence_and_rank_agree_on_a_few(study: Any, monkeypatch: Any):
    existence = study("existence")
    monkeypatch.setattr(existence, "MOST", 6)  # channels
    found = existence.measure(40, print)
    assert found["all"] == 6 * 6 * 12
    found["counted in the paper"] = {}  # of 64 channels
    assert dict(study("report").existence(found)) == {
        "a: existence, theorem 4": "holds"
    }


def test_identities_hold_on_a_few(study: Any):
    found = study("identities").measure(3, print)
    assert {told for _, told in study("report").identities(found)} == {"holds"}
    assert found["small: error of the folded"] < 1e-12
    assert found["small: error of N^d L"] > 1e-3


def test_perturbed_kernels_are_as_far_off_as_asked(study: Any):
    stability = study("stability")
    kernel = stability.perturbed((2, 3, 3, 1), 1e-3)
    found = stability.follow(kernel, (2, 3, 3, 1), (5,))
    assert found["loss"] == pytest.approx(1e-3, rel=1e-2)
    dense = study("dense").matrix(np.asarray(kernel), 5, 1)
    values = np.linalg.svd(dense, compute_uv=False)
    ends = [found["least"][0], found["largest"][0]]
    np.testing.assert_allclose(ends, values[[-1, 0]], atol=2e-5)


def test_descent_lowers_the_residual_of_each_kernel_alone(study: Any):
    landscape = study("landscape")
    kernels = landscape.draw(landscape.GLOROT, (2, 3, 3, 1), 3)
    with jax.numpy_dtype_promotion("standard"):  # optax's Adam needs it
        together = landscape.descend(kernels, 1, 30)
        alone = landscape.descend(kernels[1:2], 1, 30)
    np.testing.assert_allclose(together[1:2], alone, atol=1e-4)
    loss = jax.vmap(landscape.lorth)
    assert (loss(together) < loss(kernels)).all()


def test_the_square_net_is_square_and_the_other_is_not(study: Any):
    shapes = study("classifier").SHAPES
    square = [m == c * s * s for c, m, s in shapes["square"]]
    assert square == [False, True, True, True]
    assert not any(m == c * s * s for c, m, s in shapes["rectangular"])


TINY = {"square": ((1, 4, 2), (4, 4, 1))}


@pytest.mark.slow
def test_exact_nets_lengthen_nothing(study: Any, monkeypatch: Any):
    classifier = study("classifier")
    monkeypatch.setattr(classifier, "SHAPES", TINY)
    net = classifier.Net("square", "exact", rngs=nnx.Rngs(0))
    found = classifier.spectrum(net)
    assert found["lipschitz"] == pytest.approx(1, abs=1e-3)
    x, y = jax.random.normal(jax.random.key(0), (2, 4, 8, 8, 1))
    far = jnp.linalg.norm((x - y).reshape(4, -1), axis=-1)
    between = jnp.abs(net(x) - net(y)).max(-1)
    assert (between <= far * 1.001).all()


def test_training_is_a_function_of_the_seed(study: Any, monkeypatch: Any):
    classifier = study("classifier")
    monkeypatch.setattr(classifier, "SHAPES", TINY)
    train, _ = classifier.digits()
    trainer = classifier.Trainer("square", "delta", 3)
    with jax.numpy_dtype_promotion("standard"):
        first, again, other = (trainer(train, 0.1, seed) for seed in (1, 1, 2))
    kernels = [np.asarray(net.convs[1].kernel[...]) for net in (first, again, other)]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def linear(weights: Any, images: Any) -> Any:
    return images.reshape(len(images), -1) @ weights


def test_the_attack_on_a_linear_classifier_is_the_closed_form(study: Any):
    """Two classes: the margin falls by the radius times the difference's length."""
    attack = study("attack")
    weights = 0.1 * jax.random.normal(jax.random.key(0), (16, 2))
    images = jnp.full((3, 4, 4, 1), 0.5)
    labels = jnp.array([0, 1, 0])
    moved = attack.attack(
        *(linear, weights, images, labels, jax.random.key(1)), radius=0.2, steps=30
    )
    np.testing.assert_allclose(attack.lengths(moved - images), 0.2, rtol=1e-4)
    fall = attack.margins(linear(weights, images), labels)
    fall = fall - attack.margins(linear(weights, moved), labels)
    most = 0.2 * jnp.linalg.norm(weights[:, 0] - weights[:, 1])
    assert (fall <= most * 1.0001).all()
    # The path is 2.5 radii long, which leaves a little of the random start.
    assert (fall >= most * 0.95).all()


def test_certified_radii_of_a_linear_classifier_are_exact(study: Any):
    certified = study("attack").certified
    head = np.random.default_rng(0).normal(size=(16, 2))
    images = np.random.default_rng(1).normal(size=(5, 16))
    labels = np.array([0, 1, 0, 1, 0])
    logits = images @ head
    signs = np.where(labels == 0, 1, -1)
    gap = signs * (logits[:, 0] - logits[:, 1])
    radii = np.maximum(gap, 0) / np.linalg.norm(head[:, 0] - head[:, 1])
    np.testing.assert_allclose(certified(logits, labels, head, 1.0), radii)
    np.testing.assert_allclose(certified(logits, labels, head, 2.0), radii / 2)


def test_no_attack_breaks_what_is_certified(results: Any):
    for weights in results["tradeoff"].values():
        for found in weights.values():
            for radius in (0.25, 0.5, 0.75):
                pairs = zip(
                    found[f"certified {radius}"], found[f"PGD {radius}"], strict=True
                )
                assert all(proven <= left for proven, left in pairs)
