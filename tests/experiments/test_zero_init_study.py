"""The study of ZerO: its networks, its runs, and that its page says what it found."""

import copy
import json
import statistics
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from tests.studies import FOLDER, load


STUDY = FOLDER / "zero_init"
pytestmark = pytest.mark.skipif(not STUDY.exists(), reason="no experiments/ beside")


@pytest.fixture(scope="module")
def study():
    """The command; its sisters are found as when it is run, and forgotten after."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(STUDY)
        yield load("zero_init", "run")
    for name in ("networks", "training", "plot"):
        sys.modules.pop(name, None)


@pytest.fixture
def training(study: Any) -> Any:
    return sys.modules["training"]


@pytest.fixture(scope="module")
def results() -> Any:
    return json.loads((STUDY / "results.json").read_text())


def net(training: Any, init: str, seed: int = 0, norm: bool = False) -> Any:
    return training.INITS[init](
        net=training.Net(2, norm=norm, rngs=nnx.Rngs(0)), seed=seed
    )


def test_patches_keep_every_pixel(training):
    images = np.arange(2 * 64).reshape(2, 8, 8, 1)
    cells = training.patches(images) * 255
    assert cells.shape == (2, 4, 4, 4)
    corner = [[0, 1, 8, 9], [2, 3, 10, 11]]
    np.testing.assert_allclose(cells[0, 0, :2], corner, rtol=1e-6)
    assert sorted(np.round(cells).ravel()) == sorted(images.ravel())


@pytest.mark.parametrize("norm", [True, False])
def test_depth_is_that_of_the_longest_path(study, training, norm):
    model = net(training, "Xavier", norm=norm)
    paths = ["/".join(map(str, path)) for path, m in nnx.iter_modules(model)]
    kernels = [p for p in paths if p in ("stem", "head") or "/convs/" in p]
    assert len(kernels) == study.layers(2)
    assert paths.count("blocks/2/projection") == 1


@pytest.mark.parametrize(
    "init", ["ZerO", "ZerO, dct", "Kaiming, branches end in zeros"]
)
def test_blocks_begin_as_their_shortcut(training, init):
    block = net(training, init).blocks[1]
    x = jnp.asarray(np.random.default_rng(0).normal(size=(1, 4, 4, 8)), jnp.float32)
    np.testing.assert_array_equal(block(x), x)


def test_the_control_differs_from_kaiming_by_its_zeros_alone(training):
    plain, control = (
        nnx.to_flat_state(nnx.state(net(training, f"Kaiming{end}"), nnx.Param))
        for end in ("", ", branches end in zeros")
    )
    for (path, mine), (_, other) in zip(plain, control, strict=True):
        last = path[-3:-1] == ("convs", 1)
        assert np.array_equal(mine[...], other[...]) != last, path


def test_every_epoch_sees_every_image_once(training):
    order = training.shuffled(0, 128, 5)
    assert order.shape == (5, 64)
    for epoch in (order[:2], order[2:4]):
        assert sorted(epoch.ravel()) == list(range(128))
    assert not np.array_equal(order[:2], order[2:4])


def test_stable_rank(training):
    assert training.stable_rank(np.eye(4).reshape(2, 2, 4)) == 4
    assert training.stable_rank(np.diag([2.0, 1, 1])) == 1.5
    assert training.stable_rank(np.zeros((3, 3))) == 0


def test_only_the_order_of_the_data_changes_zero(training):
    def bits(init: str, seed: int, order: int) -> str:
        return training.train(init, 1, False, 0.1, seed, 2, order).digest

    assert bits("ZerO", 0, 0) == bits("ZerO", 1, 0) != bits("ZerO", 0, 1)
    assert bits("Kaiming", 0, 0) == bits("Kaiming", 0, 0) != bits("Kaiming", 1, 0)


@pytest.mark.slow
def test_a_step_follows_the_gradient(training):
    """SGD by hand: the first step with its rate, the second with momentum."""
    model = net(training, "Kaiming")
    graph, params, rest = nnx.split(model, nnx.Param, ...)
    rng = np.random.default_rng(0)
    x = np.float32(rng.normal(size=(6, 4, 4, 4)))
    labels = np.arange(6)

    def loss(params: Any) -> Any:
        logits = nnx.merge(graph, params, rest, copy=True)(x)
        return -jnp.mean(jax.nn.log_softmax(logits)[np.arange(6), labels])

    state, momentum, expected = training.OPTIMIZER.init(params), None, params
    for rate in (0.1, 0.05):
        slope = jax.tree.map(
            lambda g, p: g + training.DECAY * p, jax.grad(loss)(expected), expected
        )
        momentum = jax.tree.map(
            lambda s, m: s + 0.9 * m,
            slope,
            momentum or jax.tree.map(jnp.zeros_like, slope),
        )
        expected = jax.tree.map(lambda p, m, r=rate: p - r * m, expected, momentum)
        params, rest, state = training.step(
            graph, params, rest, state, x, labels, np.float32(rate)
        )
    pairs = zip(jax.tree.leaves(params), jax.tree.leaves(expected), strict=True)
    for got, wanted in pairs:
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_each_claim_can_fail(study, results):
    """Each is turned by the one number that it is about."""
    claims = list(study.judge(results))

    def turned(change: Any) -> list[str]:
        other = copy.deepcopy(results)
        change(other)
        after = study.judge(other)
        return [c for c in claims if after[c] != study.judge(results)[c]]

    def normed(found: Any) -> None:
        gap = 0 if not study.judge(results)[claims[0]] else 2
        for init in study.RANDOM:
            for depth, mine in found["accuracy"]["batch norm"]["ZerO"].items():
                found["accuracy"]["batch norm"][init][depth]["mean"] = (
                    mine["mean"] + gap
                )

    def deepest(found: Any) -> None:
        values = found["accuracy"]["scalars"]["ZerO"]["66"]["values"]
        values[:] = [99.0] * 5 if min(values) < 80 else [99.0] * 4 + [79.0]

    def ranks(found: Any) -> None:
        held = study.judge(results)[claims[2]]
        for norm in study.NORMS:
            for init in ("ZerO",) if held else study.RANDOM:
                for run in found["ranks"][norm][init]["last"]:
                    run[-1] = 99.0

    def bits(found: Any) -> None:
        found["repeated"]["runs with equal bits"] -= 1

    for claim, change in zip(claims, (normed, deepest, ranks, bits), strict=True):
        assert turned(change) == [claim]


def test_the_verdict_and_the_spreads_are_those_of_the_values(study, results):
    claims = study.judge(results)
    assert results["claims"] == claims
    assert results["verdict"] == ("holds" if all(claims.values()) else "does not hold")
    for inits in results["accuracy"].values():
        for found in (f for depths in inits.values() for f in depths.values()):
            assert len(found["values"]) == len(study.SEEDS)
            mean, std = (
                f(found["values"]) for f in (statistics.mean, statistics.stdev)
            )
            assert found["mean"] == pytest.approx(mean, abs=0.051)
            assert found["std"] == pytest.approx(std, abs=0.051)


def test_the_page_says_what_the_results_say(study, results):
    page = (STUDY / "README.md").read_text()
    assert f"**Verdict: {results['verdict']}**" in page
    for table in load("zero_init", "page").tables(results).values():
        assert table in page
