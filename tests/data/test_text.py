"""Batches of texts: every token of each once, under every batching."""

import inspect
from typing import Any

import numpy as np
import pytest

from jaxpad.data import (
    BATCHINGS,
    DATASETS,
    Batching,
    Text,
    TextBatches,
    TextDataset,
    Texts,
)
from jaxpad.data.text.records import checked


CAPACITY = 32


def texts(lengths: Any, first: int = 0) -> Texts:
    """Every token says which text it is of."""
    return Texts(Text(f"t{i}", np.full(n, first + i)) for i, n in enumerate(lengths))


def dataset(lengths: Any, **changes: Any) -> TextDataset:
    names = tuple(map(str, range(300)))
    own: dict[str, Any] = {"test": texts([3, 40, 5]), "note": "", "mask": 299}
    return TextDataset("mine", names, **{**own, "train": texts(lengths), **changes})


LENGTHS = np.random.default_rng(0).integers(1, 2 * CAPACITY, 70)
DATA = dataset(LENGTHS)


def batches(batching: Any = "packed", rows: int = 4, **options: Any) -> TextBatches:
    own: dict[str, Any] = {"capacity": CAPACITY, "seed": 1}
    return TextBatches(DATA, "train", rows, batching=batching, **{**own, **options})


def cells(batch: Any) -> list[tuple[int, int, int]]:
    """(text, place, token) of each cell that is real."""
    there = batch["segment_ids"] > 0
    names = ("text", "place", "tokens")
    return list(zip(*(batch[name][there].tolist() for name in names), strict=True))


@pytest.mark.parametrize("epoch", [0, 1])
@pytest.mark.parametrize("batching", [*BATCHINGS, "longest(multiple=10)"])
def test_each_token_is_there_once_an_epoch(batching: str, epoch: int):
    made = batches(batching)
    steps = range(epoch * len(made), (epoch + 1) * len(made))
    found = [cell for step in steps for cell in cells(made[step])]
    expected = [(i, place, i) for i, n in enumerate(LENGTHS) for place in range(n)]
    assert sorted(found) == expected
    assert {int(e) for e in made[steps[0]]["id"][:, 0]} == {epoch}


@pytest.mark.parametrize("batching", BATCHINGS)
def test_what_is_said_of_padding_is_so(batching: str):
    made = batches(batching, rows=1)
    found = [made[step]["segment_ids"] for step in range(len(made))]
    cells = sum(ids.size for ids in found)
    assert made.padding_share == pytest.approx(1 - LENGTHS.sum() / cells)
    assert made.texts_per_row == sum(ids.max() for ids in found) / len(found)
    pieces = int((-(-LENGTHS // CAPACITY)).sum())
    assert made.packing_factor == pytest.approx(pieces * CAPACITY / cells)


@pytest.mark.parametrize("batching", BATCHINGS)
@pytest.mark.parametrize("seed", [1, None])
def test_the_fullest_batch_is_the_fullest(batching: str, seed: int | None):
    made = batches(batching, seed=seed)
    tokens = [(made[step]["segment_ids"] > 0).sum() for step in range(len(made))]
    assert made.fullest == max(tokens) > made.tokens_per_step


@pytest.mark.parametrize("batching", BATCHINGS)
@pytest.mark.parametrize("hosts", [2, 4])
def test_hosts_read_parts_of_the_same_batches(batching: str, hosts: int):
    whole = batches(batching)
    parts = [batches(batching, shard=(host, hosts)) for host in range(hosts)]
    for step in range(2 * len(whole)):
        of_hosts = [part[step] for part in parts]
        for name, values in whole[step].items():
            joined = np.concatenate([batch[name] for batch in of_hosts])
            np.testing.assert_array_equal(joined, values)


def test_rows_are_as_long_as_they_have_to_be():
    for step, batch in enumerate(
        map(batches("longest(multiple=8)").__getitem__, range(9))
    ):
        longest = (batch["segment_ids"] > 0).sum(1).max()
        assert batch["tokens"].shape == (4, -(-longest // 8) * 8), step
    buckets = batches("bucketed(buckets=3)")
    shapes = {buckets[step]["tokens"].shape[1] for step in range(len(buckets))}
    assert shapes == set(buckets.strategy.sizes)
    assert len(shapes) == 3
    assert buckets.padding_share < 0.7 * batches("padded").padding_share
    assert {batches("padded")[s]["tokens"].shape[1] for s in range(3)} == {CAPACITY}


def test_the_longest_of_a_batch_are_those_of_padded_ones():
    """Only rows are shorter: texts of like lengths are not put together."""
    found, padded = batches("longest(multiple=8)"), batches("padded")
    for step in range(len(padded)):
        assert cells(found[step]) == cells(padded[step])


def test_a_bucket_is_a_batch():
    made = batches("bucketed(buckets=3)")
    mixed = 0
    for step in range(len(made) - 1):
        used = (made[step]["segment_ids"] > 0).sum(1)
        mixed += len(set(np.searchsorted(made.strategy.sizes, used[used > 0]))) > 1
    assert mixed <= 2  # one between each two sizes


@pytest.mark.parametrize("batching", BATCHINGS)
def test_another_number_of_rows_changes_only_that(batching: str):
    once, again = batches(batching, rows=4).rebatched(6), batches(batching, rows=6)
    assert len(once) == len(again)
    assert once.fingerprint() == again.fingerprint()
    assert once.padding_share == again.padding_share
    for name, values in again[3].items():
        np.testing.assert_array_equal(once[3][name], values)


def test_the_largest_batch_is_one_of_the_capacity():
    largest: Any = batches("longest(multiple=8)").largest()
    shapes = {name: values.shape for name, values in largest.items()}
    assert shapes == {
        **dict.fromkeys(("tokens", "segment_ids", "positions"), (4, CAPACITY)),
        **dict.fromkeys(("text", "place"), (4, CAPACITY)),
        **{"real": (4,), "id": (4, 2), "seed": (4,)},
    }


def test_rows_that_are_a_mistake_take_no_memory():
    largest: Any = batches("padded", rows=10**6, capacity=10**5).largest()
    assert largest["tokens"].shape == (10**6, 10**5)  # 373 GiB, if they were there


def test_texts_that_are_split_are_counted():
    made = batches()
    assert made.split == (LENGTHS > CAPACITY).sum() > 0
    assert made.pieces == (-(-LENGTHS // CAPACITY)).sum()


def test_a_run_goes_on_only_with_the_same_batches():
    prints = [
        batches().fingerprint(),
        batches(seed=2).fingerprint(),
        batches(rows=5).fingerprint(),
        batches("padded").fingerprint(),
        batches(capacity=33).fingerprint(),
    ]
    assert len(set(prints)) == len(prints)
    assert batches().fingerprint() == prints[0]


def test_tests_have_no_seed_and_one_order():
    made = TextBatches(DATA, "test", 2, batching="packed", capacity=CAPACITY)
    assert "seed" not in made[0]
    assert made[0]["real"].tolist() == [True, True]
    assert made.names(made[0]) == ["t0 (epoch 0)", "t1 (epoch 0)", "t2 (epoch 0)"]


def test_texts_of_the_standard_library():
    data = DATASETS["stdlib_text"]()
    assert DATASETS["stdlib_text"]().fingerprint() == data.fingerprint()
    assert len(data.train) > 2000
    assert len(data.test) > 100
    train, test = (
        {part[i].tokens.tobytes() for i in range(len(part))}
        for part in (data.train, data.test)
    )
    assert len(train) == len(data.train)
    assert not train & test
    keys = {data.train[i].key: data.train[i] for i in range(len(data.train))}
    text = bytes(keys["argparse.ArgumentParser"].tokens.tolist()).decode()
    assert text.startswith("Object for parsing command line strings")
    assert len(data.classes) == 257
    assert data.classes[data.mask] == "[MASK]"
    assert data.classes[65] == "A"
    assert data.classes[200] == "\\xc8"


def in_use(batching: str) -> Any:
    """Without the types of the tests."""
    return inspect.unwrap(BATCHINGS[batching])


def first_of(train: Texts) -> Any:
    made = dataset([], train=train)
    return TextBatches(made, "train", 1, batching="packed", capacity=CAPACITY)[0]


def test_more_tokens_than_a_byte_pair_holds():
    read = Texts([Text("a", np.array([70_000, 0]))], np.uint32)
    assert read[0].tokens.tolist() == [70_000, 0]


@pytest.mark.parametrize("tokens", [np.array([0.5]), np.zeros((2, 2), int), ["a"]])
def test_a_text_is_whole_numbers(tokens: Any):
    own = Text("mine", np.array([0]))
    object.__setattr__(own, "tokens", tokens)  # what the types of the tests refuse
    with pytest.raises(ValueError, match=r"text 'mine' is .*: expected whole numbers"):
        checked(own, 300, 299)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: batches("packd"), "Did you mean 'packed'"),
        (lambda: batches("packed(packer='best')"), "best_fit"),
        (lambda: batches("longest(multiple=0)"), "multiple=0: expected an int of at"),
        (lambda: in_use("longest")(LENGTHS, 8, multiple=1.5), "multiple is one int"),
        (lambda: batches("bucketed(buckets=0)"), "buckets=0: expected an int of at"),
        (lambda: batches(lambda lengths, most: most), "expected jaxpad.data.Batching"),
        (
            lambda: batches(lambda lengths, most: Batching((2 * most,))),
            "rows of 64 cells, but capacity=32",
        ),
        (lambda: batches(capacity=0), "capacity=0: expected an int of at least 1"),
        (lambda: batches(rows=0), "batch_size=0"),
        (lambda: batches(rows=3, shard=(0, 2)), "does not split over 2 hosts"),
        (lambda: dataset([]), "its part 'train' has 0 texts and no token"),
        (lambda: dataset([0, 0]), "its part 'train' has 2 texts and no token"),
        (lambda: dataset([1], test=texts([])), "its part 'test' has 0 texts"),
        (lambda: dataset([1], mask=300), "mask=300: expected one of the 300 tokens"),
        (lambda: texts([1], 70_000), "uint16 holds 0 to 65535"),
        (lambda: texts([1], -1), "'t0' holds tokens from -1 to -1"),
        (lambda: first_of(texts([2], 300)), "'t0' holds tokens from 300 to 300"),
        (lambda: first_of(texts([2], 299)), "'t0' holds the token 299, the mask"),
    ],
)
def test_refused(call: Any, text: str):
    with pytest.raises((ValueError, TypeError)) as error:
        call()
    assert text in str(error.value)
