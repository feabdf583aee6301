"""What is hidden of texts, how it is weighed, and what is counted of it."""

import functools
import inspect
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax
import pytest
from flax import nnx

from jaxpad.batching import Ragged, ragged
from jaxpad.data import Text, TextBatches, TextDataset, Texts
from jaxpad.sharding import data_mesh, zero
from jaxpad.train import LOSSES, OBJECTIVES
from jaxpad.train.language import (
    check_loss,
    loss_named,
    text_accuracy,
    text_counts,
    text_said,
)
from jaxpad.train.objectives import draws, read_objective
from jaxpad.train.state import init_state
from jaxpad.train.step import gradients
from jaxpad.train.tasks import TASKS
from jaxpad.train.texts import Language, evaluate_texts


CLASSES, MASK = 50, 49
RNG = np.random.default_rng(0)
NONE = jnp.zeros((1, 1), jnp.int32)
LENGTHS = RNG.integers(1, 40, 60)
TEXTS = Texts(
    Text(f"t{i}", RNG.integers(0, MASK, n)) for i, n in enumerate(LENGTHS.tolist())
)
DATA = TextDataset("mine", tuple(map(str, range(CLASSES))), MASK, TEXTS, TEXTS, "")


CONFIG = ml_collections.ConfigDict({"objective": "masked(rate=0.3)"})


def batches(batching: str = "packed", **options: Any) -> TextBatches:
    own: dict[str, Any] = {"capacity": 24, "seed": 3}
    return TextBatches(DATA, "train", 5, batching=batching, **{**own, **options})


def hidden(made: TextBatches, epoch: int = 0) -> dict[tuple[int, int], tuple]:
    """Of each cell of an epoch what the model sees, and whether it is asked for."""
    prepare, found = jax.jit(read_objective(CONFIG, DATA)), {}
    for step in range(epoch * len(made), (epoch + 1) * len(made)):
        batch: Any = made[step]
        seen, target = prepare(batch)
        there = batch["segment_ids"] > 0
        names = [batch[name][there].tolist() for name in ("text", "place")]
        values = [seen.values, target.values["told"], target.values["token"]]
        cells = zip(*(np.asarray(v)[there].tolist() for v in values), strict=True)
        found |= dict(zip(zip(*names, strict=True), cells, strict=True))
    return found


def test_the_same_tokens_are_hidden_under_every_batching():
    expected = hidden(batches("padded"))
    assert len(expected) == LENGTHS.sum()
    assert hidden(batches("packed")) == expected
    assert hidden(batches("bucketed(buckets=2)")) == expected
    assert hidden(batches(), epoch=1) != expected
    assert hidden(batches(seed=4)) != expected


def test_what_hides_a_token():
    tokens = jnp.full((200, 200), 7)
    draw = jax.random.uniform(jax.random.key(0), (200, 200, 3), jnp.float32)
    seen, told = OBJECTIVES["masked"](tokens, draw, CLASSES, MASK)
    seen, told = np.asarray(seen), np.asarray(told)
    assert (seen[~told] == 7).all()
    assert told.mean() == pytest.approx(0.15, abs=0.006)
    among = seen[told]
    assert (among == MASK).mean() == pytest.approx(0.8 + 0.1 / CLASSES, abs=0.02)
    assert (among == 7).mean() == pytest.approx(0.1 + 0.1 / CLASSES, abs=0.016)
    counts = np.bincount(among, minlength=CLASSES)
    assert (np.delete(counts, [7, MASK]) > 0).all()


@pytest.mark.parametrize("rate", [0.0, 1.5, -0.1, "0.2", None])
def test_a_rate_that_is_none(rate: Any):
    hide: Any = inspect.unwrap(OBJECTIVES["masked"])  # without the types of the tests
    with pytest.raises(ValueError, match=r"expected more than 0 and at most 1"):
        hide(NONE, jnp.ones((1, 1, 3)), 5, 4, rate=rate)


@pytest.mark.parametrize(
    "objective",
    [
        lambda tokens, *_: tokens,
        lambda tokens, draws, *_: (tokens, draws[..., 0]),
        lambda tokens, *_: (tokens, tokens[0] > 0),
        lambda tokens, *_: (1.0 * tokens, tokens > 0),
    ],
)
def test_an_objective_that_hides_nothing_is_told_what_is_expected(objective: Any):
    config = ml_collections.ConfigDict({"objective": objective})
    with pytest.raises(ValueError, match=r"(?s)config\.objective=.*which cells"):
        read_objective(config, DATA)


@pytest.mark.parametrize(
    "loss",
    [
        lambda losses, batch, weights: losses.mean(),
        lambda losses, batch, weights: (losses, weights.sum(dtype=jnp.float32)),
        lambda losses, batch, weights: (losses.mean(), weights.sum()),
    ],
)
def test_a_loss_that_is_no_mean_is_told_what_is_expected(loss: Any):
    with pytest.raises(ValueError, match="expected their mean and over how much"):
        check_loss(loss)


def test_draws_are_uniform_and_of_their_cell():
    """Also of texts that are split: no piece draws what another does."""
    made, drawn = batches("padded"), jax.jit(draws)
    epoch = [made[step] for step in range(len(made))]
    cells = [np.asarray(drawn(batch))[batch["segment_ids"] > 0] for batch in epoch]
    found = np.concatenate(cells)
    assert found.min() >= 0
    assert found.max() < 1
    assert np.unique(found).size == found.size
    assert abs(found.mean() - 0.5) < 4 * (1 / 12 / found.size) ** 0.5


def reference(scores: np.ndarray, batch: Any, told: np.ndarray) -> np.ndarray:
    """-log p of each token in float64; NaN where nothing is asked."""
    scores = scores.astype(np.float64)
    scores -= scores.max(-1, keepdims=True)
    logs = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
    chosen = np.take_along_axis(logs, batch["tokens"][..., None], -1)[..., 0]
    return np.where(told & (batch["segment_ids"] > 0), -chosen, np.nan)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_means_over_what_they_say(name: str):
    batch: Any = batches()[0]
    _, target = read_objective(CONFIG, DATA)(batch)
    scores = RNG.normal(size=(*batch["tokens"].shape, CLASSES)).astype(np.float32)
    told = np.asarray(target.values["told"])
    losses = reference(scores, batch, told)
    texts = [losses[(batch["text"] == t) & ~np.isnan(losses)] for t in range(60)]
    means = [each.mean() for each in texts if each.size]
    expected = {
        "token": (np.nanmean(losses), np.isfinite(losses).sum()),
        "sequence": (np.mean(means), len(means)),
    }
    loss, weight = loss_named(name)(jnp.asarray(scores), target, 0.0)
    assert (float(loss), float(weight)) == pytest.approx(expected[name], rel=1e-6)


class Next(nnx.Module):
    """Scores of a token that depend on it alone."""

    def __init__(self):
        self.table = nnx.Embed(CLASSES, CLASSES, rngs=nnx.Rngs(0))

    def __call__(self, batch: Ragged) -> Ragged:
        return batch.replace(self.table(batch.values))


@pytest.mark.parametrize("name", LOSSES)
def test_what_a_step_finds_does_not_depend_on_its_parts(name: str):
    """Parts that hold as many texts as others may hide more tokens."""
    model, optimizer = Next(), optax.sgd(0.1)
    graph, params = nnx.split(model)
    # Of texts with 9 and 1 tokens by turns all tokens are told right, and none.
    lengths = jnp.asarray([[9], [1], [9], [1]])
    ids = (jnp.arange(9)[None] < lengths).astype(jnp.int32)
    batch = ragged(jnp.arange(36).reshape(4, 9), ids, sequences=4)
    likeliest = model(batch).values.argmax(-1)
    asked = jnp.where(lengths > 1, likeliest, (likeliest + 1) % CLASSES)
    target = batch.replace({"token": asked, "told": ids > 0})

    def found(parts: int) -> dict[str, float]:
        step = functools.partial(
            gradients,
            graph=graph,
            task=TASKS["language"]._replace(loss=loss_named(name)),
            prepare=lambda _: (batch, target),
            split=zero(optimizer, params, data_mesh(), stage=0),
            parts=parts,
        )
        _, _, metrics = jax.jit(step)(init_state(model, optimizer), batches()[0])
        return {key: float(value) for key, value in metrics.items()}

    assert found(1)["accuracy"] == pytest.approx(18 / 20)
    assert found(2) == pytest.approx(found(1), rel=1e-5)


def test_a_loss_that_is_none():
    with pytest.raises(ValueError, match="Did you mean 'token'"):
        loss_named("tokens")


def test_counts_of_a_step():
    batch = batches()[0]
    there = batch["segment_ids"] > 0
    found = {name: float(value) for name, value in text_counts(batch).items()}
    assert found == pytest.approx(
        {
            "sequences": batch["segment_ids"].max(1).sum(),
            "tokens": there.sum(),
            "padding_share": 1 - there.mean(),
        }
    )


def test_no_padding_is_none():
    full: Any = batches()[0]
    full["segment_ids"] = np.ones((6, 16), np.int32)
    full["positions"] = np.zeros((6, 16), np.int32)
    assert float(jax.jit(text_counts)(full)["padding_share"]) == 0


def test_an_evaluation_is_of_all_texts():
    """Answers are the scores' own; the sums are those of a float64 reference."""
    made = TextBatches(DATA, "test", 5, batching="packed", capacity=24)
    prepare, table = read_objective(CONFIG, DATA), RNG.normal(size=(CLASSES, CLASSES))
    losses, right, hidden_tokens = [], [], []

    def step(batch: Any) -> Any:
        seen, target = prepare(batch)
        scores = table[np.asarray(seen.values)].astype(np.float32)
        told = np.asarray(target.values["told"])
        losses.append(reference(scores, batch, told)[told])
        right.append((scores.argmax(-1) == batch["tokens"])[told])
        hidden_tokens.append(batch["tokens"][told])
        accuracy, count = text_accuracy(jnp.asarray(scores), target)
        assert float(accuracy) == pytest.approx(right[-1].mean())
        assert count == told.sum()
        return text_said(jnp.asarray(scores), target, batch)

    found = evaluate_texts(step, map(made.__getitem__, range(len(made))), range(50))
    assert found.texts == len(LENGTHS) < made.pieces
    assert found.loss == pytest.approx(np.concatenate(losses).mean(), rel=1e-6)
    assert found.accuracy == pytest.approx(np.concatenate(right).mean())
    counts = np.bincount(np.concatenate(hidden_tokens), minlength=CLASSES)
    np.testing.assert_array_equal(found.tokens, counts)
    assert found.trivial()["accuracy"] == pytest.approx(counts.max() / counts.sum())
    for number, answer in found.examples.items():
        expected = TEXTS[number].tokens[:24]
        np.testing.assert_array_equal(answer.tokens, expected)
        assert len(answer.said) == len(answer.told) == len(expected)
    assert set(found.examples) == {*range(50)}


def test_what_has_no_scores_is_not_right():
    """A model gives none to what does not fit into it; they look like those of 0."""
    ids = jnp.ones((1, 4), jnp.int32)
    target = ragged(ids, ids, sequences=1)
    target = target.replace({"token": jnp.asarray([[0, 0, 1, 1]]), "told": ids > 0})
    scores = jnp.zeros((1, 4, 2)).at[:, 2, 1].set(1.0)
    scores = scores.at[:, 1].set(jnp.nan).at[:, 3, 1].set(jnp.nan)
    assert scores.argmax(-1).tolist() == target.values["token"].tolist()
    accuracy, count = text_accuracy(scores, target)
    assert (float(accuracy), float(count)) == (0.5, 4.0)


def test_the_first_piece_of_a_text_is_shown_wherever_it_lies():
    places = np.array([[2, 3], [0, 1]])
    ones, none = np.ones((2, 2), np.int32), np.zeros((2, 2), np.int32)
    batch: Any = {"tokens": 7 + places, "segment_ids": ones, "text": none}
    batch |= {"positions": np.array([[0, 1], [0, 1]]), "place": places}
    said = {"loss": 0.0, "right": 0, "tokens": ones[0], "prediction": none}
    found = evaluate_texts(lambda _: said | {"told": ones > 0}, [batch], {0})
    assert (found.texts, found.examples[0].tokens.tolist()) == (1, [7, 8])


def test_an_evaluation_of_nothing_is_refused():
    """Else its accuracy would be no number, and the run have no report."""
    made = TextBatches(DATA, "test", 5, batching="packed", capacity=24)
    said = {"loss": 0.0, "right": 0, "tokens": np.zeros(CLASSES, int)}
    with pytest.raises(ValueError, match=r"the 60 test texts was hidden.*objective"):
        evaluate_texts(lambda batch: said, map(made.__getitem__, range(len(made))))


def test_a_batch_of_empty_rows_has_a_loss():
    ids = jnp.zeros((2, 3), jnp.int32)
    target = ragged(ids, ids, sequences=6)
    target = target.replace({"token": ids, "told": ids > 0})
    loss, weight = loss_named("token")(jnp.zeros((2, 3, CLASSES)), target, 0.0)
    assert (float(loss), float(weight)) == (0.0, 0.0)
    assert np.isnan(Language(np.zeros(3, int), 0, 0.0, 0).accuracy)
