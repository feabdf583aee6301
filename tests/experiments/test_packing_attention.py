"""The study of packing with attention: what its arms compute, what its page says."""

import copy
import functools
import json
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxpad.batching import (
    Ragged,
    aligned,
    assert_isolated,
    assert_padding_invariant,
    pack_sequences,
)
from tests.studies import FOLDER, load


STUDY = FOLDER / "packing_attention"
pytestmark = pytest.mark.skipif(not STUDY.exists(), reason="no experiments/ beside")
NAMES = [path.stem for path in STUDY.glob("*.py")]


@pytest.fixture(scope="module")
def study():
    """The command; its sisters are found as when it is run, and forgotten after."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(STUDY)
        yield load("packing_attention", "run")
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def results() -> Any:
    return json.loads((STUDY / "results.json").read_text())


def test_the_page_shows_the_results(study: Any, results: Any):
    page = (STUDY / "README.md").read_text()
    for name, table in study.tables(results).items():
        assert f"<!-- {name} -->\n\n{table}\n\n<!-- end {name} -->" in page
    assert f"**Verdict: {results['verdict']}**" in page


def test_the_results_are_whole_and_the_verdicts_follow(study: Any, results: Any):
    assert study.summary(results, results["device"]) == results
    assert set(results["runs"]) == set(results["speed"]) == set(study.ARMS)
    for runs in results["runs"].values():
        assert set(runs) == {str(seed) for seed in range(study.SEEDS)}


def test_each_claim_turns_by_the_numbers_it_is_about(study: Any, results: Any):
    claims = sys.modules["claims"]
    other = copy.deepcopy(results)
    for number, of_seeds in enumerate(other["runs"].values()):
        for seed, run in of_seeds.items():
            run["loss"] = 2.0 - 0.1 * number + 0.001 * int(seed) * (1 + number)
    for number, it in enumerate(other["speed"].values()):
        rng = np.random.default_rng(number)
        it["tokens a second"] = rng.normal(1000 - 100 * number, 5, 30).tolist()
    found = {s: c["verdict"] for s, c in study.summary(other, "")["claims"].items()}
    expected = {
        **dict.fromkeys((*claims.EQUAL, *claims.FASTER), "does not hold"),
        "without a mask the loss is higher": "holds",
        "as many rows, so fewer steps: the loss is higher": "does not hold",
    }
    assert found == expected


def rows_of(texts: list[np.ndarray], rows: list[int], capacity: int) -> dict[str, Any]:
    """A batch of texts, each in the row that it is told."""
    shape = (max(rows) + 1, capacity)
    batch = {name: np.zeros(shape, np.int32) for name in ("tokens", "segment_ids")}
    for text, row in zip(texts, rows, strict=True):
        ids = batch["segment_ids"][row]
        begin = int((ids > 0).sum())
        batch["tokens"][row, begin : begin + len(text)] = text
        ids[begin : begin + len(text)] = ids.max() + 1
    return batch


def test_arms_with_a_mask_have_one_loss_and_the_one_without_another(study: Any):
    """Of the same texts and parameters, in whatever rows."""
    arms, training = sys.modules["arms"], sys.modules["training"]
    rng = np.random.default_rng(0)
    texts = [rng.integers(0, 256, n).astype(np.int32) for n in (7, 3, 1, 12, 5)]
    alone, shared = rows_of(texts, [0, 1, 2, 3, 4], 12), rows_of(texts, [0] * 5, 28)
    graph, params = training.network(0)

    def loss(name: str, batch: Any) -> Any:
        options = {"graph": graph, "arm": arms.ARMS[name], "cells": 32}
        return jax.jit(functools.partial(training.loss_of, **options))(params, batch)

    expected, count = loss("padded", alone)
    assert count == sum(len(text) - 1 for text in texts)
    for name, batch in (("flattened", alone), ("packed", shared)):
        found, told = loss(name, batch)
        assert told == count
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    blind, told = loss("packed without a mask", shared)
    assert told == count
    assert abs(blind - expected) > 1e-3
    # One to a row it is the same network: so all are tested alike.
    np.testing.assert_allclose(
        loss("packed without a mask", alone)[0], expected, rtol=1e-6
    )


def reader(study: Any, name: str) -> Any:
    """The network on a batch as an arm gives it, and back in the cells of the batch."""
    arms, networks = sys.modules["arms"], sys.modules["networks"]
    net = networks.Reader(257, nnx.Rngs(0))

    def of(batch: Ragged) -> Ragged:
        cells = {"tokens": batch.values, "segment_ids": batch.segment_ids}
        seen, rows, _ = arms.read(cells, arms.ARMS[name], batch.values.size)
        scores = net(seen, rows)
        scores = scores if rows is None else aligned(scores, rows)
        return batch.replace(scores.values)

    return of


PROBES = [assert_isolated, assert_padding_invariant]
TEXTS = pack_sequences([[3, 1, 4], [1, 5], [9, 2, 6]], 6)


@pytest.mark.parametrize(
    "name", ["packed", pytest.param("flattened", marks=pytest.mark.slow)]
)
def test_no_text_sees_another_or_padding(study: Any, name: str):
    for probe in PROBES:
        probe(reader(study, name), TEXTS)


@pytest.mark.parametrize("probe", PROBES)
def test_without_a_mask_it_does(study: Any, probe: Any):
    with pytest.raises(AssertionError, match="sequence"):
        probe(reader(study, "packed without a mask"), TEXTS)


def test_as_many_texts_a_step_but_where_rows_stay_as_many(study: Any):
    """Rows are whole, so steps of an epoch are as many within a tenth."""
    of = sys.modules["arms"].batches_of
    steps = {name: len(of(arm, seed=0)) for name, arm in study.ARMS.items()}
    for name in ("flattened", "packed", "packed without a mask"):
        assert steps[name] == pytest.approx(steps["padded"], rel=0.1)
    assert 1.5 * steps["packed, as many rows"] < steps["padded"]


def test_the_flat_row_holds_every_batch(study: Any):
    arms = sys.modules["arms"]
    batches = arms.batches_of(arms.ARMS["flattened"], seed=1)
    counts = [(batches[n]["segment_ids"] > 0).sum() for n in range(20)]
    assert max(counts) <= arms.most_tokens(batches, 20) < max(counts) + 64


def test_the_next_token_is_of_the_same_text(study: Any):
    arms = sys.modules["arms"]
    texts = [np.arange(1, 4), np.arange(10, 12)]
    _, _, told = arms.read(rows_of(texts, [0, 0], 6), arms.ARMS["packed"], 0)
    tokens, there = arms.following(told)
    assert jnp.where(there, tokens, 0).tolist() == [[2, 3, 0, 11, 0, 0]]
