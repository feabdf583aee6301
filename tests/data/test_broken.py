"""What is broken, missing or killed: the policy decides, and the error says what."""

import json
import multiprocessing
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
from typing import Any

import jaxtyping
import numpy as np
import pytest

from jaxpad.data import (
    CROPS,
    DATASETS,
    IGNORE,
    Dataset,
    EvalBatches,
    RecordError,
    TrainBatches,
    read_ahead,
)
from jaxpad.data.decode import image_size
from jaxpad.data.examples import PATIENCE
from jaxpad.data.prepared import builder
from tests.data import miniatures
from tests.data.test_batches import EVEN, Files, dataset


ROOT = pathlib.Path(__file__).parents[2]
CROP = CROPS.resolve("random_resized_crop(size=16)")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return miniatures.imagenet(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def root(whole: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """ImageNet in miniature, to be broken."""
    return shutil.copytree(whole, tmp_path / "imagenet")


def imagenet(root: pathlib.Path) -> Dataset:
    builder.cache_clear()
    return DATASETS["imagenet2012"](data_dir=str(root))


def shard(root: pathlib.Path, split: str = "train") -> pathlib.Path:
    return next(root.rglob(f"*{split}.array_record*"))


def test_a_flipped_byte_in_array_records_is_one_broken_record(root: pathlib.Path):
    data = bytearray(shard(root).read_bytes())
    data[5000] ^= 0xFF  # in the second of the records
    shard(root).write_bytes(bytes(data))
    found = imagenet(root)
    text = r"record number 1 of imagenet2012: .*train\.array_record.*hash mismatch"
    strict = TrainBatches(found, miniatures.TRAIN, 0, crop=CROP)
    with pytest.raises(RecordError, match=text):
        strict[0]
    batches = TrainBatches(found, miniatures.TRAIN, 0, crop=CROP, on_error="skip")
    wanted = [2 if number == 1 else number for number in batches.wanted(0)]
    np.testing.assert_array_equal(batches[0]["id"][:, 1], wanted)
    # Also where the first of all records is broken.
    data[1000] ^= 0xFF
    shard(root).write_bytes(bytes(data))
    found = imagenet(root)
    with pytest.raises(ValueError, match="hash mismatch"):
        found.train[0]
    assert TrainBatches(found, 2, 0, crop=CROP).fingerprint()


def test_array_records_that_end_early(root: pathlib.Path):
    path = shard(root, "validation")
    path.write_bytes(path.read_bytes()[:10000])
    text = rf"none of the first {miniatures.TEST} test records .*{path.name} cannot be"
    with pytest.raises(RecordError, match=text):
        EvalBatches(imagenet(root), 2, crop=CROP, on_error="skip")[0]


@pytest.mark.parametrize("split", ["train", "validation"])
def test_array_records_that_are_missing(root: pathlib.Path, split: str):
    path = shard(root, split)
    path.unlink()
    text = (
        rf"(?s)^imagenet2012: {path.parent} lacks 1 of 2 files, .*{path.name}.*tfds b"
    )
    with pytest.raises(ValueError, match=text):
        imagenet(root)


@pytest.mark.parametrize("text", ["{garbage", "{}", "", "no validation"])
def test_a_description_that_cannot_be_read(root: pathlib.Path, text: str):
    path = next(root.rglob("dataset_info.json"))
    if text == "no validation":
        found = json.loads(path.read_text())
        text = json.dumps({**found, "splits": found["splits"][:1]})
    path.write_text(text)
    said = rf"(?s)imagenet2012: dataset_info\.json .*{path.parent} cannot .*tfds build"
    with pytest.raises(ValueError, match=said):
        imagenet(root)


@pytest.mark.parametrize("missing", ["tensorflow_datasets", "array_record"])
def test_a_missing_library_is_an_extra(
    root: pathlib.Path, missing: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=rf'{missing}.*install "jaxpad\[tfds\]"'):
        imagenet(root)


class Bodiless(Files):
    """Broken files whose heads can be read."""

    def __getitem__(self, index: int) -> Any:
        record = super().__getitem__(index)
        assert image_size(record.image) == self.sizes[index]
        return record


@pytest.mark.parametrize("task", ["classification", "segmentation"])
def test_a_canvas_of_broken_images_alone_is_grey(task: str):
    """Whose size no other image has."""
    files = Bodiless([(24, 30)] * 3 + [(27, 30)], broken={3}, task=task)
    batches = EvalBatches(dataset(files, files, task), 2, on_error="skip")
    found = list(batches)
    assert [batch["image"].shape[1:] for batch in found][-1] == (27, 30, 3)
    assert [n for b in found for n in b["id"][b["real"], 1]] == [0, 1, 2]
    assert not found[-1]["real"].any()
    assert sum(batches.skipped(k, b) for k, b in enumerate(found)) == 1
    if task == "segmentation":
        assert np.all(found[-1]["label"] == IGNORE)


def test_records_in_a_row_that_cannot_be_read_end_the_run():
    """The first error stands for all, and not all of a large set are tried."""
    seen = []

    class Noted(Files):
        def __getitem__(self, index: int) -> Any:
            seen.append(index)
            return super().__getitem__(index)

    count = PATIENCE + 20
    bad = Noted([(9, 12)] * count, broken=range(count))
    train = TrainBatches(dataset(bad, EVEN), 1, 0, crop=CROP, on_error="skip")
    first = train.wanted(0)[0]
    text = rf"none of {PATIENCE} records in a row of mine .* record 'photo{first}' of"
    with pytest.raises(RecordError, match=text) as caught:
        train[0]
    assert f"photo{first}" in str(caught.value.__cause__)
    assert len(seen) == PATIENCE
    test = EvalBatches(dataset(EVEN, bad), 1, crop=CROP, on_error="skip")
    text = rf"the first {PATIENCE} test records of mine .* record 'photo0' of mine"
    with pytest.raises(RecordError, match=text):
        test[5]


def test_what_cannot_be_meant_is_refused(monkeypatch: pytest.MonkeyPatch):
    # As for users, without the check of annotations that the tests run under.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    data, wrong = dataset(EVEN, EVEN), "Raise"
    none = dataset(Files([]), Files([]))
    policy = r"on_error='Raise': expected 'raise' or 'skip'\."
    refused: list[tuple[str, Any]] = [
        (policy, lambda: TrainBatches(data, 2, 0, on_error=wrong)),  # pyright: ignore[reportArgumentType]
        (policy, lambda: EvalBatches(data, 2, on_error=wrong)),  # pyright: ignore[reportArgumentType]
        ("batch_size=0: expected at least 1", lambda: TrainBatches(data, 0, 0)),
        ("batch_size=0: expected at least 1", lambda: EvalBatches(data, 0)),
        ("multiple=0: expected at least 1", lambda: EvalBatches(data, 2, multiple=0)),
        ("mine has no examples in its part 'train'", lambda: TrainBatches(none, 1, 0)),
        ("mine has no examples in its part 'test'", lambda: EvalBatches(none, 1)),
        (
            "task='segmentaton': expected 'classification' or 'segmentation'",
            lambda: dataset(EVEN, EVEN, "segmentaton"),
        ),
    ]
    for text, make in refused:
        with pytest.raises(ValueError, match=text):
            make()


# CPython 3.13 may say that its tracker of semaphores was entered twice.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_is_killed_ends_the_batches(workers: int):
    """Soon, and with an error that says what to do."""
    before = set(multiprocessing.active_children())
    batches = read_ahead(TrainBatches(DATASETS["digits"](), 8, 0), workers=workers)
    next(batches)
    (*_, child) = set(multiprocessing.active_children()) - before
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    errors = []

    def read() -> None:
        try:
            for _ in batches:
                pass
        except OSError as error:
            errors.append(str(error))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(60)
    assert not reader.is_alive(), "the reader waits for a process that is gone"
    (text,) = errors
    assert "a process that reads digits was killed" in text
    assert "exit code -9" in text
    assert f"fewer than config.workers={workers}" in text


READER = """
import multiprocessing, time
from jaxpad.data import DATASETS, TrainBatches, read_ahead
batches = read_ahead(TrainBatches(DATASETS["digits"](), 8, 0), workers=1)
next(batches)
print(multiprocessing.active_children()[0].pid, flush=True)
time.sleep(600)
"""


def test_a_worker_ends_with_a_process_that_is_killed():
    """Whatever holds its output is alive: that ends with the last of them."""
    command = [sys.executable, "-c", READER]
    reader = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert reader.stdout is not None
    worker = int(reader.stdout.readline())
    reader.kill()
    try:
        reader.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        os.kill(worker, signal.SIGKILL)
        raise
