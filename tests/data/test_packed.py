"""Packed rows of real Grain pipelines: whole, on any hosts, after any restart."""

import functools
import json
import logging
from typing import Any

import grain
import numpy as np
import pytest

from jaxpad.batching import cut, layout, pack
from jaxpad.batching.packers import best_fit
from jaxpad.data import pack_examples


CAPACITY = 16
LENGTHS = np.random.default_rng(0).integers(1, CAPACITY + 1, 61)
LONG = np.random.default_rng(1).integers(0, 3 * CAPACITY, 40)


def examples(lengths: Any = LENGTHS) -> list[dict]:
    """Every cell has a number of its own, from 1, and a vector of it."""
    cells = [100 * i + 1 + np.arange(n) for i, n in enumerate(lengths)]
    return [{"tokens": c, "vectors": np.stack([c, -c], 1) / 2} for c in cells]


def whole(lengths: Any = LENGTHS) -> grain.MapDataset:
    return grain.MapDataset.source(examples(lengths))


def stream(lengths: Any = LENGTHS) -> grain.IterDataset:
    return whole(lengths).to_iter_dataset(grain.ReadOptions(num_threads=0))


# Both kinds; the stream in windows that end within it.
KINDS = {"whole": (whole, {}), "stream": (stream, {"window": 9})}


def packed(kind: str, of: Any = LENGTHS, **options) -> Any:
    make, window = KINDS[kind]
    return pack_examples(make(of), CAPACITY, **{**window, **options})


def all_of(rows: Any) -> dict[str, np.ndarray]:
    """All rows, or batches, of an epoch in one array per feature."""
    found = list(rows)
    return {name: np.stack([row[name] for row in found]) for name in found[0]}


def assert_same(one: Any, two: Any) -> None:
    assert one.keys() == two.keys()
    for name in one:
        assert one[name].dtype == two[name].dtype
        np.testing.assert_array_equal(one[name], two[name])


def laid_out(lengths: np.ndarray, packer: str) -> dict[str, np.ndarray]:
    index, segment_ids, positions = layout(
        pack(lengths, CAPACITY, packer), lengths, CAPACITY
    )
    tokens = np.concatenate([example["tokens"] for example in examples(lengths)])
    tokens = np.where(index < 0, 0, tokens[index])
    vectors = np.stack([tokens, -tokens], -1) / 2
    return {
        "tokens": tokens,
        "vectors": vectors,
        "segment_ids": segment_ids,
        "positions": positions,
    }


@pytest.mark.parametrize("packer", ["first_fit_decreasing", "lpfhp", "next_fit"])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_those_of_pack_and_layout(kind: str, packer: str):
    window = {"window": 100} if kind == "stream" else {}
    rows = packed(kind, packer=packer, seed=None, **window)
    assert_same(all_of(rows), laid_out(LENGTHS, packer))


def test_windows_are_packed_one_after_another():
    rows = all_of(packed("stream", seed=None))["segment_ids"]
    expected = [
        laid_out(LENGTHS[start : start + 9], "first_fit_decreasing")["segment_ids"]
        for start in range(0, len(LENGTHS), 9)
    ]
    np.testing.assert_array_equal(rows, np.concatenate(expected))


@pytest.mark.parametrize("name", ["FirstFit", "BestFit"])
def test_rows_are_those_of_grain(name: str):
    packer = getattr(grain.experimental, f"{name}PackIterDataset")
    theirs = packer(
        stream().map(lambda example: {"tokens": example["tokens"]}),
        length_struct={"tokens": CAPACITY},
        num_packing_bins=8,
        shuffle_bins=False,
    )
    ours = packed(
        "stream",
        packer={"FirstFit": "first_fit", "BestFit": "best_fit"}[name] + "(open_rows=8)",
        features=["tokens"],
        window=1000,
        seed=None,
    )
    one, two = all_of(ours), all_of(theirs)
    np.testing.assert_array_equal(one["tokens"], two["tokens"])
    np.testing.assert_array_equal(one["segment_ids"], two["tokens_segment_ids"])
    np.testing.assert_array_equal(one["positions"], two["tokens_positions"])
    best = packed("whole", packer="best_fit_decreasing", features="tokens")
    assert (all_of(best)["tokens"] > 0).sum() == (two["tokens"] > 0).sum()
    assert len(best) <= len(two["tokens"])


@pytest.mark.parametrize("kind", KINDS)
def test_each_cell_is_there_once(kind: str):
    found = all_of(packed(kind, batch_size=4))["tokens"]
    expected = np.concatenate([example["tokens"] for example in examples()])
    np.testing.assert_array_equal(np.sort(found[found > 0]), expected)


def test_a_number_is_whole():
    batches: Any = packed("whole", seed=None)
    np.testing.assert_equal(batches[np.int64(0)], batches[0])
    for wrong in (0.5, "a", None):
        with pytest.raises(
            TypeError, match=r"whole numbers, but .*: write batches\[0\]"
        ):
            batches[wrong]


@pytest.mark.parametrize("seed", [3, None])
def test_numbers_below_0_are_of_epochs_before_the_first(seed: int | None):
    """As in Grain, where without a shuffle -1 is the last."""
    rows, plain = packed("whole", seed=seed), grain.MapDataset.range(5)
    first = all_of(rows)["tokens"]
    before = np.stack([rows[i]["tokens"] for i in range(-len(rows), 0)])
    np.testing.assert_array_equal(np.sort(before, None), np.sort(first, None))
    assert plain[-1] == 4
    assert (before == first).all() == (seed is None)
    other = plain.shuffle(seed=3)
    assert [other[i] for i in range(-5, 0)] != [other[i] for i in range(5)]


def test_epochs_have_other_rows_of_the_same_lengths():
    rows = packed("whole", seed=3)
    again = packed("whole", seed=3)
    other = packed("whole", seed=4)
    count = len(rows)
    epochs = [[rows[e * count + i] for i in range(count)] for e in range(3)]
    cells = [np.stack([row["tokens"] for row in epoch]) for epoch in epochs]
    kept = [
        sorted(tuple(np.bincount(row["segment_ids"])) for row in epoch)
        for epoch in epochs
    ]
    for epoch in range(3):
        expected = np.concatenate([example["tokens"] for example in examples()])
        found = cells[epoch][cells[epoch] > 0]
        np.testing.assert_array_equal(np.sort(found), expected)
        assert [sorted(row[1:]) for row in kept[epoch]] == [
            sorted(row[1:]) for row in kept[0]
        ]
        # Any epoch first.
        row = again[epoch * count + 5]
        np.testing.assert_array_equal(row["tokens"], cells[epoch][5])
    # The companions change, not only the order of the rows.
    assert {tuple(row) for row in cells[0]} != {tuple(row) for row in cells[1]}
    assert not all(
        np.array_equal(other[i]["tokens"], rows[i]["tokens"]) for i in range(count)
    )


@pytest.mark.parametrize("hosts", [2, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_batches_are_the_same_on_any_number_of_hosts(kind: str, hosts: int):
    alone = all_of(packed(kind, batch_size=4))
    parts = [
        all_of(packed(kind, batch_size=4, shard=(host, hosts))) for host in range(hosts)
    ]
    together = {
        name: np.concatenate([part[name] for part in parts], axis=1) for name in alone
    }
    assert_same(together, alone)


@pytest.mark.parametrize("hosts", [2, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_the_same_on_any_number_of_hosts(kind: str, hosts: int):
    alone = all_of(packed(kind))
    parts = [all_of(packed(kind, shard=(host, hosts))) for host in range(hosts)]
    for name, rows in alone.items():
        turns = np.stack([part[name] for part in parts], axis=1)
        turns = turns.reshape(-1, *rows.shape[1:])
        np.testing.assert_array_equal(turns[: len(rows)], rows)
        assert not turns[len(rows) :].any()
        assert len(turns) - len(rows) < hosts


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"batch_size": 3}], ids=["rows", "batches"])
def test_a_restored_iterator_goes_on_with_the_same_rows(kind: str, options: dict):
    window = {"window": 4} if kind == "stream" else {}

    def rows() -> Any:
        made = packed(kind, LONG[:14], policy="split", **{**window, **options})
        return made.to_iter_dataset() if kind == "whole" else made

    ahead, states, found = iter(rows()), [], []
    while True:
        states.append(json.dumps(ahead.get_state()))
        try:
            found.append(next(ahead))
        except StopIteration:
            break
    for step, state in enumerate(states):
        back = iter(rows())
        back.set_state(json.loads(state))
        assert json.dumps(back.get_state()) == state
        rest = list(back)
        assert len(rest) == len(found) - step
        for one, two in zip(rest, found[step:], strict=True):
            assert_same(one, two)
    grain.experimental.assert_equal_output_after_checkpoint(rows())


def test_a_stream_goes_on_on_another_number_of_hosts():
    alone = list(packed("stream", batch_size=4))
    for step in range(len(alone) + 1):
        before = iter(packed("stream", batch_size=4, shard=(1, 2)))
        for _ in range(step):
            next(before)
        rest = []
        for host in range(4):
            after = iter(packed("stream", batch_size=4, shard=(host, 4)))
            after.set_state(before.get_state())
            rest.append(list(after))
        for batch, *parts in zip(alone[step:], *rest, strict=True):
            tokens = np.concatenate([part["tokens"] for part in parts])
            np.testing.assert_array_equal(tokens, batch["tokens"])


def test_a_state_of_other_rows_is_refused():
    rows = iter(packed("stream"))
    next(rows)
    state = rows.get_state()
    for other in ({"window": 10}, {"seed": 1}, {"packer": "lpfhp"}, {"batch_size": 2}):
        with pytest.raises(ValueError, match="this state is of other rows, packed wi"):
            iter(packed("stream", **other)).set_state(state)


def test_a_window_that_has_changed_is_refused():
    rows = iter(packed("stream"))
    for _ in range(6):
        next(rows)
    for lengths in (LENGTHS[::-1], LENGTHS[:12]):
        back = iter(packed("stream", lengths))
        back.set_state(rows.get_state())
        with pytest.raises(ValueError, match="otherwise than before the restart"):
            next(back)


def test_a_state_names_a_packer_without_its_address():
    packer = functools.partial(best_fit, open_rows=3)
    state = iter(packed("stream", packer=packer)).get_state()
    assert "packer=best_fit()[('open_rows', 3)]" in state["packing"]


@pytest.mark.parametrize("batch_size", [None, 1, 4, 7])
@pytest.mark.parametrize("kind", KINDS)
def test_steps_are_known_before_the_first(kind: str, batch_size: int | None):
    rows = packed(kind, lengths=LENGTHS, batch_size=batch_size)
    assert rows.steps_per_epoch == len(list(rows))
    if kind == "whole":
        assert rows.steps_per_epoch == len(rows)


def test_steps_of_a_stream_need_its_lengths():
    with pytest.raises(ValueError, match="cannot be known before it ends: give its le"):
        _ = packed("stream").steps_per_epoch


def test_examples_are_not_read_where_lengths_are_given():
    class Counted(list):
        reads = 0

        def __getitem__(self, index):
            Counted.reads += 1
            return super().__getitem__(index)

    rows: Any = pack_examples(Counted(examples()), CAPACITY, lengths=LENGTHS)
    assert Counted.reads == 1  # for its dtypes
    held = rows[0]["segment_ids"].max()
    assert Counted.reads == 1 + held


@pytest.mark.parametrize("policy", ["split", "truncate", "drop"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_cut_is_counted_in_the_log(kind: str, policy: str, caplog):
    caplog.set_level(logging.INFO, "jaxpad.data")
    rows = packed(kind, LONG, policy=policy)
    found = all_of(rows)["tokens"]
    expected = cut(LONG, CAPACITY, policy)
    values = np.concatenate([example["tokens"] for example in examples(LONG)])
    np.testing.assert_array_equal(
        np.sort(found[found > 0]), values[np.sort(expected.stream)]
    )
    last = caplog.records[-1]
    assert str(expected) in last.getMessage()
    lost = expected.counts["cells lost"]
    assert last.levelno == (logging.WARNING if lost else logging.INFO)
    assert lost == LONG.sum() - (found > 0).sum()


def test_counts_go_on_after_a_restart(caplog):
    caplog.set_level(logging.INFO, "jaxpad.data")
    ahead = iter(packed("stream", LONG, policy="drop"))
    for _ in range(5):
        next(ahead)
    back = iter(packed("stream", LONG, policy="drop"))
    back.set_state(ahead.get_state())
    list(back)
    assert str(cut(LONG, CAPACITY, "drop")) in caplog.records[-1].getMessage()


def test_a_window_of_which_nothing_is_left():
    lengths = [4, 5, *[99] * 6, 6, 7]
    rows = packed("stream", lengths, policy="drop", window=2)
    assert (all_of(rows)["segment_ids"] > 0).sum() == 22


def test_efficiency_is_that_of_the_rows():
    drawn = np.random.default_rng(0).lognormal(5, 1, 1000)
    lengths = np.clip(drawn, 8, 512).astype(int)
    tokens = [{"tokens": np.ones(n, np.int32)} for n in lengths]
    rows: Any = pack_examples(tokens, 512, lengths=lengths)
    there = np.mean([row["segment_ids"] > 0 for row in rows])
    assert rows.efficiency == pytest.approx(there)
    assert there > 0.995
    streamed = pack_examples(grain.MapDataset.source(tokens).to_iter_dataset(), 512)
    assert np.mean([row["segment_ids"] > 0 for row in streamed]) > 0.98


def test_filtered_and_shuffled_examples():
    even = whole().filter(lambda example: len(example["tokens"]) % 2 == 0)
    rows: Any = pack_examples(even.seed(1).shuffle(), CAPACITY)
    count = len(rows)
    expected = [e["tokens"] for e in examples() if len(e["tokens"]) % 2 == 0]
    for epoch in range(2):
        found = np.stack([rows[epoch * count + i]["tokens"] for i in range(count)])
        np.testing.assert_array_equal(
            np.sort(found[found > 0]), np.concatenate(expected)
        )


def test_workers_read_the_same_rows():
    rows = packed("whole", batch_size=2)
    prefetch = grain.experimental.multithread_prefetch
    threads = prefetch(rows.to_iter_dataset(), num_threads=3, buffer_size=1)
    assert_same(all_of(threads), all_of(rows))
    with pytest.raises(ValueError, match="would depend on the number of workers"):
        list(prefetch(packed("stream"), num_threads=2, buffer_size=1))


FINE = {"tokens": [1, 2, 3]}


def refused(given: Any, text: str, kind: type = ValueError, **options) -> Any:
    return pytest.param(given, options, kind, text, id=text[:40])


EITHER = [
    refused([], "to pack"),
    refused([[1, 2, 3]], "example 0 is a list: expected features by name", TypeError),
    refused([FINE, {"labels": [1]}], "features names 'tokens'", features=["tokens"]),
    refused([FINE], "example 0 has only 'tokens'", features=["token"]),
    refused([{**FINE, "label": 1}], "'label' of example 0 is one value, no sequ"),
    refused([{**FINE, "label": 1}], "as features=('tokens',)"),
    refused([FINE, {**FINE, "labels": [1, 2]}], "length: 'tokens' 3, 'labels' 2"),
    refused([{"positions": [1]}], "which rows have of their own"),
    refused([{}], "expected at least one"),
    refused([FINE, {"tokens": [1.5]}], "has 'tokens' float64[], but the first has"),
    refused([FINE, {"tokens": [[1]]}], "has 'tokens' int64[1], but the first has"),
    refused([FINE, {**FINE, "more": [1, 2, 3]}], "has 'more' int64[], 'tokens'"),
    refused([FINE, {"tokens": [1] * 9}], "such as example 1 with 9 cells. Say what"),
    refused([FINE, {"tokens": []}], "on are empty or longer than capacity=8, such"),
    refused([{"tokens": [1] * 9}], "too long: 1, dropped: 1", policy="drop"),
    refused([FINE], "unknown policy for sequences that are too long", policy="cut"),
    refused([FINE], "unknown packer 'ffd'. Did you mean", packer="ffd"),
    refused([FINE], "shard=(2, 2): expected (which, of how many)", shard=(2, 2)),
    refused([FINE], "does not split over 2 hosts", shard=(0, 2), batch_size=3),
    refused([FINE], "batch_size=0: expected an int of at least 1", batch_size=0),
    refused([FINE, FINE], "lengths has 1 numbers, but", lengths=[3]),
    refused([FINE, FINE], "lengths has 3 numbers, but", lengths=[3, 3, 3]),
    refused([FINE, FINE], "example 1 has 3 cells, but", lengths=[3, 4]),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("given", "options", "error", "text"), EITHER)
def test_refused(kind: str, given: Any, options: dict, error: type, text: str):
    source = grain.MapDataset.source(given)
    if kind == "stream":
        source = source.to_iter_dataset(grain.ReadOptions(num_threads=0))
    with pytest.raises(error) as caught:
        list(pack_examples(source, 8, **options))
    assert text in str(caught.value)


def test_what_is_no_data_set_is_refused():
    with pytest.raises(TypeError, match="examples is a generator: expected a grain"):
        pack_examples((FINE for _ in range(3)), 8)
    with pytest.raises(TypeError, match="examples is a dict: expected a grain"):
        pack_examples(FINE, 8)
    with pytest.raises(ValueError, match="window=5 is of a stream"):
        pack_examples([FINE], 8, window=5)
    with pytest.raises(ValueError, match="all of 1 examples are None"):
        pack_examples(grain.MapDataset.source([FINE]).filter(lambda _: False), 8)


class Twenty:
    """A source that is not read without end."""

    reads = 0

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> dict:
        self.reads += 1
        assert self.reads <= 20
        return {"tokens": [1, 2]}


@pytest.mark.parametrize(
    "endless",
    [
        lambda source: source.repeat(),
        lambda source: source.repeat().map(dict),
        lambda source: source.repeat()[::3],
    ],
)
@pytest.mark.parametrize("lengths", [None, [2, 2]])
def test_a_data_set_without_end_is_refused(endless: Any, lengths: Any):
    source = grain.MapDataset.source(Twenty())
    with pytest.raises(ValueError, match=r"Put \.repeat\(\) after packing"):
        pack_examples(endless(source), 8, lengths=lengths)
    # A number of times is no matter, nor is the way out.
    finite: Any = pack_examples(source.repeat(3), 8, lengths=[2] * 6)
    rows = finite.repeat()
    assert rows[2]["tokens"].sum() + rows[3]["tokens"].sum() == 6 * (1 + 2)


def test_a_list_is_a_data_set():
    rows: Any = pack_examples([FINE, FINE], 8)
    assert rows[0]["tokens"].tolist() == [1, 2, 3, 1, 2, 3, 0, 0]
