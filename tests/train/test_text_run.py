"""Runs on texts: one model, one loss and one report under every batching."""

import dataclasses
import json
import pathlib
import re
import shutil
from typing import Any, NamedTuple

import jax
import ml_collections
import numpy as np
import pytest
from flax import nnx
from rich.console import Console

from configs import bert_text
from jaxpad.batching.rescale import Step
from jaxpad.data import Text, TextBatches, TextDataset, Texts
from jaxpad.models import BERT
from jaxpad.reports import write_report
from jaxpad.train import Job, build, run
from jaxpad.train.checkpoint import saved_steps
from jaxpad.train.running import cut_texts

from .test_resume import assert_same_end, metrics


CLASSES, CAPACITY = 20, 16
HERE = "tests.train.test_text_run"
QUIET = Console(quiet=True)
SMALL: dict[str, Any] = {
    "dataset": f"{HERE}:some_texts",
    "model": f"{HERE}:small_bert",
    "batch_size": 16,
    "eval_batch_size": 8,
    "capacity": CAPACITY,
    "epochs": 2,
    "warmup_epochs": 0.5,
    "trackers": (),
}


def some_texts() -> TextDataset:
    """Of 150 texts a token tells the next."""
    rng = np.random.default_rng(0)
    lengths = np.minimum(rng.geometric(0.15, 150), 2 * CAPACITY)
    starts = rng.integers(0, CLASSES - 1, 150)
    texts = [
        Text(f"text {i}", (start + np.arange(n)) % (CLASSES - 1))
        for i, (start, n) in enumerate(zip(starts, lengths, strict=True))
    ]
    names = (*map(str, range(CLASSES - 1)), "[MASK]")
    parts: dict[str, Any] = {"train": Texts(texts[30:]), "test": Texts(texts[:30])}
    return TextDataset("counting", names, CLASSES - 1, **parts, note="Counting.")


def small_bert(channels: int, classes: int, **options: Any) -> BERT:
    return BERT(channels, classes, width=16, depth=1, heads=2, **options)


def config(**changes: Any) -> Any:
    found = bert_text.get_config()
    mesh = {"data": 8, "spatial": 1, "columns": 1, "model": 1}
    found.update(SMALL | {"mesh": mesh} | changes)
    return found


@pytest.fixture(scope="module")
def jobs() -> dict[str, Job]:
    with jax.numpy_dtype_promotion("standard"):
        return {name: build(config(batching=name)) for name in ("padded", "packed")}


def test_tests_find_the_same_under_every_batching(jobs: dict[str, Job]):
    found = {}
    for name, job in jobs.items():
        state = job.init()
        batches = map(job.test_batches.__getitem__, range(len(job.test_batches)))
        step = lambda b, job=job, state=state: job.eval_step(state, job.place(b))  # noqa: E731
        found[name] = job.task.evaluate(step, batches)
    assert len(jobs["packed"].test_batches) < len(jobs["padded"].test_batches)
    one, two = found["padded"], found["packed"]
    np.testing.assert_array_equal(one.tokens, two.tokens)
    assert one.loss == pytest.approx(two.loss, rel=1e-6)
    assert (one.texts, one.right) == (two.texts, two.right)


def test_a_step_on_the_same_texts_learns_the_same(jobs: dict[str, Job]):
    """All texts in one batch, so that both hold the same."""
    after = []
    for name in ("padded", "packed"):
        job = build(config(batching=name, batch_size=136, rescale="rows"))
        assert len(job.batches) == 1
        state, metrics = job.train_step(job.init(), job.place(job.batches[0]))
        after.append((state.params, {k: float(v) for k, v in metrics.items()}))
    (one, padded), (two, packed) = after
    for key in ("loss", "accuracy", "tokens", "sequences", "grad_norm"):
        assert padded[key] == pytest.approx(packed[key], rel=1e-5), key
    assert packed["padding_share"] < padded["padding_share"]
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        # Adam's first step is the sign of the gradient where that is not tiny.
        np.testing.assert_allclose(a, b, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["token", "sequence"])
def test_parts_change_nothing(loss: str):
    changes: Any = {"loss": loss, "rescale": "none", "optimizer": ("sgd()",)}
    whole, parts = (build(config(parts=parts, **changes)) for parts in (1, 2))
    found = []
    for job in (whole, parts):
        state, metrics = job.train_step(job.init(), job.place(whole.batches[0]))
        figures = [float(metrics[name]) for name in ("loss", "accuracy")]
        found.append((state.params, figures))
    (one, a), (two, b) = found
    assert a == pytest.approx(b, rel=1e-6)
    for x, y in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        np.testing.assert_allclose(x, y, atol=1e-6)


class Whole(NamedTuple):
    """A run from its beginning to its end."""

    folder: pathlib.Path
    results: dict[str, Any]


@pytest.fixture(scope="module")
def whole(jobs: dict[str, Job], tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    with jax.numpy_dtype_promotion("standard"):
        return Whole(folder, run(jobs["packed"], folder, QUIET))


def test_a_run_and_its_report(jobs: dict[str, Job], whole: Whole):
    job, (folder, results) = jobs["packed"], whole
    rows = [*map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())]
    steps = [row for row in rows if "sequences" in row]
    assert len(steps) == job.steps == 2 * len(job.batches)
    lengths = job.dataset.train.lengths
    assert sum(row["tokens"] for row in steps) == 2 * lengths.sum()
    assert steps[-1]["tokens_per_second"] > 0
    packing = results["packing"]
    assert packing["rows_per_step"] == job.batch_size == 8
    held = np.mean([row["sequences"] for row in steps])
    assert packing["sequences_per_step"] == pytest.approx(held)
    assert packing["padding_share"] == job.batches.padding_share
    assert 0 < results["test"]["loss"] < np.log(CLASSES)
    bits = results["test"]["loss"] / np.log(2)
    assert results["test"]["bits_per_token"] == pytest.approx(bits)
    page = write_report(folder).read_text()
    for text in ("packed batching", "padding share", "packing factor", "text 0"):
        assert text in page
    assert f"{packing['packing_factor']:.2f}" in page


def test_what_to_type_where_the_texts_are_damaged_writes_them_again(
    jobs: dict[str, Job], whole: Whole, tmp_path: pathlib.Path
):
    folder = tmp_path / "again"
    shutil.copytree(whole.folder, folder)
    path = folder / "examples.json"
    path.write_bytes(path.read_bytes()[:99])
    command = rf"examples\.json is not JSON: .*: `python launch\.py --workdir {folder}`"
    with pytest.raises(ValueError, match=command):
        write_report(folder)
    run(jobs["packed"], folder, QUIET)
    assert write_report(folder).exists()
    assert path.read_bytes() == (whole.folder / "examples.json").read_bytes()


def test_a_run_says_which_texts_are_not_whole(jobs: dict[str, Job]):
    data = some_texts()
    job, long = jobs["packed"], (data.train.lengths > CAPACITY).sum()
    assert long > 1
    said = f"{long} of those to train on split at 16, "
    assert cut_texts(job).startswith(said)
    test = Texts(Text(str(n), np.ones(n, int)) for n in (0, 5, CAPACITY, 17, 0, 99))
    other: Any = dataclasses.replace(data, test=test)
    options: Any = {"batching": "bucketed", "capacity": CAPACITY}
    tests = TextBatches(other, "test", 2, **options)
    words = "2 of those to test split at 16, 2 of those to test left out as empty, "
    assert cut_texts(dataclasses.replace(job, test_batches=tests)) == said + words
    whole = TextBatches(data, "train", 8, batching="packed", capacity=99)
    assert cut_texts(dataclasses.replace(job, batches=whole, test_batches=whole)) == ""


class KilledError(Exception):
    """As after kill -9, nobody saves anything."""


def killed_at(step: int, job: Job) -> Job:
    """A job that ends when it has read so many batches to train on."""
    left = iter(range(step))

    def place(batch: Any) -> Any:
        if "seed" in batch and next(left, None) is None:
            raise KilledError
        return job.place(batch)

    return dataclasses.replace(job, place=place, checkpoint_steps=4)


def test_a_run_that_is_killed_ends_bit_equal(
    jobs: dict[str, Job], whole: Whole, tmp_path: pathlib.Path
):
    """In its second epoch, some steps after a checkpoint."""
    job = jobs["packed"]
    assert len(job.batches) == 7
    with pytest.raises(KilledError):
        run(killed_at(11, job), tmp_path, QUIET)
    assert max(row["step"] for row in metrics(tmp_path)) == 10
    assert 4 <= max(saved_steps(tmp_path)) <= 8  # a save may come too early
    results = run(job, tmp_path, QUIET)
    assert_same_end(tmp_path, whole.folder, "killed")
    assert results["test"] == whole.results["test"]


def test_rescaling_keeps_what_it_says():
    made = {
        name: build(config(rescale=name, batch_size=64, parts=2))
        for name in ("none", "rows", "accumulate", "betas")
    }
    factor = made["none"].batches.texts_per_row
    assert factor > 1.5
    rows = {name: job.batch_size for name, job in made.items()}
    assert rows["none"] == rows["betas"] == 64
    assert rows["rows"] == 16 * round(4 / factor)  # of 8 devices and 2 parts
    assert rows["accumulate"] == 32 * int(np.ceil(2 / factor))


@pytest.mark.slow
def test_betas_are_those_of_the_optimizer():
    """With betas, the average after a step is (1 - b1 ** factor) times the gradient."""
    job = build(config(rescale="betas", optimizer=("adamw(b1=0.9)",)))
    factor = job.batches.texts_per_row
    plain = build(config(rescale="none", optimizer=("adamw(b1=0.9)",)))
    moments = []
    for each in (job, plain):
        state, _ = each.train_step(each.init(), each.place(each.batches[0]))
        leaves = jax.tree.leaves(each.placement.unpack(state).opt_state)
        moments.append(max(leaves, key=lambda x: np.abs(x).sum() if x.ndim else 0))
    ratio = np.abs(moments[0]).sum() / np.abs(moments[1]).sum()
    assert ratio == pytest.approx((1 - 0.9**factor) / (1 - 0.9), rel=1e-4)


def test_a_config_that_a_run_has_saved_is_read_again():
    """In JSON what was a tuple is a list."""
    saved = json.loads(json.dumps(config().to_dict()))
    assert build(ml_collections.ConfigDict(saved)).task.unit == "tokens"


def odd_rows(factor: float, step: Step, multiple: int) -> Step:
    return step._replace(rows=multiple + 1)


def nothing(*arguments: Any) -> None:
    """Of no kind that is asked for."""


def no_tests() -> TextDataset:
    return dataclasses.replace(some_texts(), test=Texts([]))


class Pixels(nnx.Module):
    """Takes images alone."""

    def __init__(self, channels: int, classes: int, *, padding, dtype, rngs):
        self.scores = nnx.Linear(channels, classes, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        return self.scores(images.mean((1, 2)))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"batching": ""}, 'say how they share rows, as config.batching="packed"'),
        ({"batching": "pack"}, "Did you mean 'packed'"),
        ({"train_crop": "resize"}, "config.train_crop='resize' is of images"),
        ({"label_smoothing": 0.1}, "config.label_smoothing=0.1 is of images"),
        ({"borders": True}, "config.borders=True is of images"),
        ({"capacity": 0}, "config.capacity=0: expected at least 1"),
        ({"objective": "masked(rate=2.0)"}, "objective='masked(rate=2.0)': rate=2.0"),
        ({"capacity": 513}, "it has 512 positions, and texts are split at"),
        (
            {"model": "bert_tiny(depth=1,width=16,heads=1,flat=8)"},
            "flat=8 cells, but a batch has ",
        ),
        (
            {
                "model": "bert_tiny(depth=1,width=16,heads=1,flat=128)",
                "eval_batch_size": 16,
            },
            "flat=128 cells, but the fullest batch of tests has 230 tokens",
        ),
        ({"loss": "tokens"}, "config.loss='tokens'"),
        ({"rescale": "row"}, "config.rescale='row'"),
        (
            {"rescale": "betas", "optimizer": ("sgd()",)},
            "nothing in this chain has a decay rate b1 or b2",
        ),
        ({"model": f"{HERE}:Pixels"}, "'bert_tiny' or 'bert_base'"),
        ({"dataset": "digits", "label_smoothing": 0.0}, "is of texts, but digits has"),
        ({"mesh": {"data": 4, "spatial": 2}}, "config.mesh.spatial=2 splits images"),
        ({"model": "resnet20"}, "it does not take tokens"),
        ({"batch_size": 800}, "more than the 132 training texts of counting, counted"),
        ({"rescale": f"{HERE}:odd_rows"}, "that 8 devices share evenly"),
        ({"rescale": f"{HERE}:nothing"}, "it gives None: expected a Step"),
        (
            {"loss": f"{HERE}:nothing"},
            "config.loss='tests.train.test_text_run:nothing'",
        ),
        ({"seed": 2**32}, "config.seed=4294967296: expected less than 2**32"),
        ({"dataset": f"{HERE}:no_tests"}, "no_tests': its part 'test' has 0 texts"),
    ],
)
def test_refused(changes: Any, text: str):
    with pytest.raises(ValueError, match=re.escape(text)):
        build(config(**changes))
