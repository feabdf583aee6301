"""Batches: the same for every reader, host and worker; each test example once."""

import dataclasses
import logging
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from jaxpad.data import (
    CROPS,
    DATASETS,
    IGNORE,
    ArraySource,
    Dataset,
    EvalBatches,
    Record,
    RecordError,
    TrainBatches,
    read_ahead,
)
from jaxpad.data.records import digest
from tests.data.files import encoded, photograph


class Files:
    """Encoded records in memory, some of which are broken."""

    def __init__(self, sizes, broken=(), task="classification"):
        self.sizes, self.broken, self.task = tuple(sizes), frozenset(broken), task

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> Record:
        height, width = self.sizes[index]
        pixels = photograph(height, width)
        pixels = np.roll(pixels, index, 1)
        data = encoded(pixels, "png")
        target: Any = index % 3
        if self.task == "segmentation":
            target = np.full((height, width), index % 3, np.int32)
        if index in self.broken:
            data = data[: len(data) // 2]
        return Record(f"photo{index}", data, target)

    def fingerprint(self) -> str:
        return digest(str(self.sizes), str(sorted(self.broken)))


def dataset(train: Any, test: Any, task: Any = "classification") -> Dataset:
    return Dataset("mine", ("a", "b", "c"), train, test, "", task=task)


EVEN = Files([(24, 30)] * 20)
BROKEN = Files([(24, 30)] * 20, broken={3, 7, 8, 19})
CROP = CROPS.resolve("random_resized_crop(size=16)")


def assert_equal(one: Any, two: Any) -> None:
    for name in ("image", "label", "real", "id"):
        np.testing.assert_array_equal(one[name], two[name])


def test_any_step_first():
    def batches() -> TrainBatches:
        return TrainBatches(dataset(EVEN, EVEN), 6, 5, crop=CROP)

    forward = batches()
    for step in (0, 1, 2, 3):
        early = forward[step]
    assert_equal(early, pickle.loads(pickle.dumps(batches()))[3])
    other = TrainBatches(dataset(EVEN, EVEN), 6, 6, crop=CROP)
    assert np.any(other[3]["image"] != early["image"])


def test_ids_are_epoch_and_record():
    batches = TrainBatches(dataset(EVEN, EVEN), 6, 0)
    for step in (0, 2, 3, 7):
        batch = batches[step]
        assert set(batch["id"][:, 0]) == {step // 3}
        np.testing.assert_array_equal(batch["label"], batch["id"][:, 1] % 3)
        assert batch["id"].dtype == np.uint32
    epoch = np.concatenate([batches[step]["id"][:, 1] for step in (3, 4, 5)])
    assert len(set(epoch)) == 18


def test_a_crop_is_drawn_anew_in_each_epoch_but_not_by_each_reader():
    batches = TrainBatches(dataset(EVEN, EVEN), 20, 0, crop=CROP)
    two = (batches[0], batches[1])
    first, second = ({int(n): i for n, i in zip(b["id"][:, 1], b["image"], strict=True)}
                     for b in two)  # fmt: skip
    assert all(np.any(first[n] != second[n]) for n in range(20))
    # The same records in batches of another size hold the same pixels.
    small = TrainBatches(dataset(EVEN, EVEN), 5, 0, crop=CROP)[2]
    for number, image in zip(small["id"][:, 1], small["image"], strict=True):
        np.testing.assert_array_equal(image, first[int(number)])


@pytest.mark.parametrize("hosts", [1, 2, 3, 6])
def test_hosts_share_a_batch(hosts: int):
    whole = TrainBatches(dataset(EVEN, EVEN), 6, 0, crop=CROP)[4]
    parts = [
        TrainBatches(dataset(EVEN, EVEN), 6, 0, crop=CROP, shard=(host, hosts))[4]
        for host in range(hosts)
    ]
    joined = {k: np.concatenate([p[k] for p in parts]) for k in whole}
    assert_equal(joined, whole)


def test_a_batch_that_hosts_cannot_share_is_refused():
    with pytest.raises(ValueError, match="use a multiple of 4"):
        TrainBatches(dataset(EVEN, EVEN), 6, 0, shard=(0, 4))


@pytest.mark.parametrize("workers", [0, 2, pytest.param(4, marks=pytest.mark.slow)])
def test_workers_change_nothing(workers: int):
    crop = CROPS.resolve("random_resized_crop(size=6)")
    batches = TrainBatches(DATASETS["digits"](), 32, 3, crop=crop)
    found = list(read_ahead(batches, 40, 45, workers=workers))
    assert len(found) == 5
    for step, batch in enumerate(found, 40):
        assert_equal(batch, batches[step])


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.sampled_from([(9, 12), (12, 9), (10, 12), (13, 13)]), min_size=1,
                   max_size=9),
    batch=st.integers(1, 4), hosts=st.integers(1, 3), multiple=st.sampled_from([1, 4]),
)  # fmt: skip
def test_each_test_image_is_seen_once_whole(sizes, batch, hosts, multiple):
    """On canvases of one size a batch, whatever the number of hosts."""
    files = Files(sizes, task="segmentation")
    data = dataset(files, files, "segmentation")
    seen = []
    shards = [
        EvalBatches(data, batch * hosts, multiple=multiple, shard=(host, hosts))
        for host in range(hosts)
    ]
    assert len({len(shard) for shard in shards}) == 1
    for parts in zip(*shards, strict=True):
        assert len({part["image"].shape for part in parts}) == 1  # one program
        for part in parts:
            seen += check_canvases(part, sizes, multiple)
    assert sorted(seen) == list(range(len(sizes)))


def check_canvases(batch: Any, sizes: list, multiple: int) -> list[int]:
    seen = []
    for image, label, real, (_, number) in zip(
        batch["image"], batch["label"], batch["real"], batch["id"], strict=True
    ):
        if not real:
            assert np.all(label == IGNORE)
            continue
        height, width = sizes[number]
        inside = np.zeros(label.shape, bool)
        inside[:height, :width] = True
        assert np.all(label[inside] == number % 3)
        assert np.all(label[~inside] == IGNORE)
        pixels = np.roll(photograph(height, width), int(number), 1)
        np.testing.assert_array_equal(image[:height, :width], pixels)
        assert all(side % multiple == 0 for side in label.shape)
        assert label.shape[0] < height + multiple
        assert label.shape[1] < width + multiple
        seen.append(int(number))
    return seen


@pytest.mark.parametrize("size", [1, 3, 20, 50])
def test_a_crop_of_one_size_keeps_the_order(size: int):
    crop = CROPS.resolve("resize_crop(size=16, resize=18)")
    odd = Files([(24, 30), (30, 24), (33, 33)] * 4)
    found = list(EvalBatches(dataset(odd, odd), size, crop=crop))
    assert {batch["image"].shape for batch in found} == {(size, 16, 16, 3)}
    seen = [n for batch in found for n in batch["id"][batch["real"], 1]]
    assert seen == list(range(12))


def test_images_of_several_sizes_need_a_crop():
    odd = Files([(24, 30), (30, 24)])
    with pytest.raises(ValueError, match=r"choose a crop.*random_resized_crop"):
        TrainBatches(dataset(odd, odd), 2, 0)[0]


def test_a_broken_record_is_an_error_with_its_key():
    batches = TrainBatches(dataset(BROKEN, BROKEN), 20, 0)
    with pytest.raises(RecordError, match=r"record 'photo\d+' of mine: .*broken"):
        batches[0]
    with pytest.raises(RecordError, match="record 'photo3' of mine"):
        list(EvalBatches(dataset(BROKEN, BROKEN), 4))


def test_skip_takes_the_next_record_and_counts(caplog: pytest.LogCaptureFixture):
    batches = TrainBatches(dataset(BROKEN, BROKEN), 5, 0, crop=CROP, on_error="skip")
    instead = {3: 4, 7: 9, 8: 9, 19: 0}
    with caplog.at_level(logging.WARNING, "jaxpad.data"):
        found = list(read_ahead(batches, 0, 4))
    for step, batch in enumerate(found):
        wanted = [instead.get(int(n), int(n)) for n in batches.wanted(step)]
        np.testing.assert_array_equal(batch["id"][:, 1], wanted)
        np.testing.assert_array_equal(batch["label"], batch["id"][:, 1] % 3)
        assert_equal(batch, batches[step])  # whoever reads it
    assert caplog.messages[-1].startswith("4 records of mine could not be read")


def test_skip_masks_test_examples(caplog: pytest.LogCaptureFixture):
    data = dataset(BROKEN, BROKEN)
    for size in (1, 3, 20):
        batches = EvalBatches(data, size, on_error="skip")
        with caplog.at_level(logging.WARNING, "jaxpad.data"):
            seen = [n for b in read_ahead(batches) for n in b["id"][b["real"], 1]]
        assert sorted(seen) == sorted(set(range(20)) - BROKEN.broken)
        assert caplog.messages[-1].startswith("4 records of mine")


def test_skip_masks_whole_images_without_a_head():
    class Headless(Files):
        def __getitem__(self, index: int) -> Record:
            record = super().__getitem__(index)
            image = b"" if index in self.broken else record.image
            return Record(record.key, image, record.target)

    for broken in ({0}, {0, 5}):
        files = Headless([(9, 12), (12, 9)] * 3, broken=broken)
        batches = EvalBatches(dataset(files, files), 2, on_error="skip")
        seen = [n for b in batches for n in b["id"][b["real"], 1]]
        assert sorted(seen) == sorted(set(range(6)) - broken)
        missed = [batches.skipped(k, b) for k, b in enumerate(batches)]
        assert sum(missed) == len(broken)
        with pytest.raises(RecordError, match="record 'photo0' of mine: 0 bytes"):
            EvalBatches(dataset(files, files), 2)
    none = Headless([(9, 12)] * 2, broken={0, 1})
    text = (
        "none of the 2 test records of mine can be read.* record 'photo0' of mine: 0 b"
    )
    with pytest.raises(RecordError, match=text):
        EvalBatches(dataset(none, none), 2, on_error="skip")


def test_a_fingerprint_of_all_that_batches_depend_on():
    def print_of(data: Dataset, size: int = 4, seed: int = 0, crop: str = "") -> str:
        found = CROPS.resolve(crop or "random_resized_crop(size=16)")
        return TrainBatches(data, size, seed, crop=found).fingerprint()

    data = dataset(EVEN, EVEN)
    prints = [
        print_of(data),
        print_of(dataset(BROKEN, EVEN)),
        print_of(data, size=5),
        print_of(data, seed=1),
        print_of(data, crop="random_resized_crop(size=17)"),
        print_of(data, crop="resize_crop(size=16, resize=16)"),
        print_of(data, crop="whole"),
    ]
    assert len(set(prints)) == len(prints)
    assert print_of(dataset(EVEN, EVEN)) == prints[0]


def test_nothing_that_can_be_read():
    bad = Files([(24, 30)] * 3, broken={0, 1, 2})
    with pytest.raises(RecordError, match="none of 3 records in a row of mine"):
        TrainBatches(dataset(bad, bad), 2, 0, on_error="skip")[0]
    crop = CROPS.resolve("resize_crop(size=8, resize=8)")
    with pytest.raises(RecordError, match="none of the first 3 test records of mine"):
        EvalBatches(dataset(bad, bad), 2, crop=crop, on_error="skip")[0]


def one(image: Any, target: Any, task: Any, **options: Any) -> Dataset:
    class Single:
        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: int) -> Record:
            return Record("the one", image, target)

        def fingerprint(self) -> str:
            return ""

    data = dataset(Single(), Single(), task)
    return dataclasses.replace(data, **options)


BASE = {"relabel": (-1, 0)}
GREY = np.zeros((4, 6, 1), np.uint8)


@pytest.mark.parametrize(
    ("target", "task", "options", "text"),
    [
        (3, "classification", {}, "class is 3: expected a number from 0 to 2"),
        (-1, "classification", {}, "class is -1"),
        (GREY[..., 0], "classification", {}, "class is a ndarray"),
        (1, "segmentation", {}, "a mask was expected, but the class 1 came"),
        (np.zeros((6, 4), int), "segmentation", {}, "mask is 6x4 and the image 4x6"),
        (np.full((4, 6), 3), "segmentation", {}, "24 pixels .* such as 3: expected"),
        (np.full((4, 6), -1), "segmentation", {}, "labels such as -1"),
        (np.full((4, 6), 256), "segmentation", {}, "labels such as 256"),
        (np.full((4, 6), 2), "segmentation", BASE, "2: expected 1 to 1"),
        (np.zeros((4, 6), int), "segmentation", BASE, "hold 0: expected"),
        (np.full((4, 6), 300), "segmentation", BASE, "hold 300"),
        (b"no png", "segmentation", {}, "6 bytes that begin with b'no png'"),
    ],
)  # fmt: skip
def test_targets_are_checked(target: Any, task: Any, options: dict, text: str):
    data = one(GREY, target, task, **options)
    with pytest.raises(RecordError, match=f"record 'the one' of mine: .*{text}"):
        TrainBatches(data, 1, 0)[0]


def test_a_class_may_be_a_number_of_numpy():
    data = one(GREY, np.int64(2), "classification")
    label = TrainBatches(data, 1, 0)[0]["label"]
    assert (label.dtype, label.tolist()) == (np.int32, [2])
    mask = one(GREY, np.int64(2), "segmentation")
    with pytest.raises(RecordError, match="a mask was expected, but the class 2 came"):
        TrainBatches(mask, 1, 0)[0]


def test_a_mask_of_nothing_is_fine():
    data = one(GREY, np.full((4, 6), IGNORE), "segmentation", relabel=(-1, 0))
    assert np.all(TrainBatches(data, 1, 0)[0]["label"] == IGNORE)


def test_arrays_tell_every_change():
    images, labels = np.zeros((3, 2, 2, 1), np.uint8), np.zeros(3, np.int32)
    first = ArraySource("a", images, labels).fingerprint()
    changed = images.copy()
    changed[2, 1, 1, 0] = 1
    others = [
        ArraySource("a", changed, labels),
        ArraySource("a", images, labels + 1),
        ArraySource("a", images[:2], labels[:2]),
        ArraySource("a", images.reshape(3, 1, 4, 1), labels),
    ]
    assert len({first, *(source.fingerprint() for source in others)}) == 5
    assert ArraySource("a", images.copy(), labels).fingerprint() == first
