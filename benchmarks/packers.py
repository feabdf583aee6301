"""How long packers take for a million sequences, and beside Grain's.

Command: python benchmarks/packers.py [--only million|grain] [--rounds N]
Device:  one CPU core; about two minutes
Expect:  the packers of counts under a second; without values each at least 20 times
         as fast as Grain's first fit and best fit at the same efficiency or a better
         one, 15 to 20 times with values, twice in a pipeline whose reading both share
"""

import argparse
import datetime
import itertools
import platform
import time
from collections.abc import Callable
from typing import Any

import grain
import numpy as np
from rounds import interval, say

from jaxpad.batching import layout, pack
from jaxpad.data import pack_examples


CAPACITY = 2048
BINS = 64
MANY = (
    *("one_per_row", "next_fit", "first_fit", "best_fit", "first_fit_decreasing"),
    *("best_fit_decreasing", "spfhp", "lpfhp"),
)
# By us, beside Grain's packer of the same rows, and beside a better one.
PAIRS = {
    "FirstFit": (f"first_fit(open_rows={BINS})", "first_fit_decreasing"),
    "BestFit": (f"best_fit(open_rows={BINS})", "best_fit_decreasing"),
}


def lengths_of(count: int) -> np.ndarray:
    """Log-normal, as those of documents are, up to the capacity; the median is 330."""
    drawn = np.random.default_rng(0).lognormal(5.8, 1.0, count)
    return np.clip(drawn, 8, CAPACITY).astype(int)


def read(sequences: list[np.ndarray]) -> grain.IterDataset:
    source = grain.MapDataset.source(sequences).map(lambda x: {"x": x})
    return source.to_iter_dataset(grain.ReadOptions(num_threads=0))


def with_grain(name: str, sequences: list[np.ndarray]) -> int:
    """Packs the sequences, and returns the number of rows."""
    packer = getattr(grain.experimental, f"{name}PackIterDataset")
    packed = packer(
        read(sequences),
        length_struct={"x": CAPACITY},
        num_packing_bins=BINS,
        shuffle_bins=False,
    )
    return sum(1 for _ in packed)


def ours(packer: str, lengths: np.ndarray, sequences: list[np.ndarray]) -> int:
    """The same: rows of values, segment ids and positions, as many at a time."""
    rows, count = pack(lengths, CAPACITY, packer), 0
    order = np.argsort(rows, kind="stable")
    cuts = np.searchsorted(rows[order], np.arange(0, rows.max() + 1 + BINS, BINS))
    for start, stop in itertools.pairwise(cuts):
        part = order[start:stop]
        made = layout(rows[part] - rows[part[0]], lengths[part], CAPACITY)
        held = [sequences[i] for i in part.tolist()]
        stream = np.concatenate([*held, np.zeros(1, np.int32)])
        count += len(stream.take(made.index, axis=0))
    return count


def in_grain(packer: str, lengths: np.ndarray, sequences: list[np.ndarray]) -> int:
    """The same by `pack_examples`, which reads every sequence through Grain."""
    examples = [{"x": sequence} for sequence in sequences]
    options: Any = {"packer": packer, "lengths": lengths, "batch_size": BINS}
    packed = pack_examples(examples, CAPACITY, seed=None, **options)
    for step in range(len(packed)):
        packed[step]
    return packed.rows


def seconds(call: Callable[[], int]) -> tuple[float, int]:
    """Of this process on the CPU, whatever else the machine does; and the rows."""
    began = time.process_time()
    rows = call()
    return time.process_time() - began, rows


def a_million(count: int, rounds: int) -> None:
    lengths = lengths_of(count)
    print(f"\n| packer | ms for {count:,} | efficiency |\n| --- | --- | --- |")
    for packer in MANY:
        say(packer)
        taken = []
        for _ in range(rounds):
            taken.append(seconds(lambda: int(pack(lengths, CAPACITY, packer).max())))  # noqa: B023
        part = lengths.sum() / CAPACITY / (taken[0][1] + 1)
        middle, low, high = interval(1e3 * np.array([t for t, _ in taken]))
        print(f"\r| {packer} | {middle:.0f} ({low:.0f} to {high:.0f}) | {part:.2%} |")


def beside_grain(count: int, rounds: int) -> None:
    lengths = lengths_of(count)
    sequences = [np.full(length, i, np.int32) for i, length in enumerate(lengths)]
    print(f"\n| packer, {count:,} sequences | ms | rows | times Grain |")
    print("| --- | --- | --- | --- |")
    order = np.random.default_rng(0)
    for name, packers in PAIRS.items():
        calls = {f"grain {name}, {BINS} bins": lambda n=name: with_grain(n, sequences)}
        calls["grain, reading alone"] = lambda: sum(1 for _ in read(sequences))
        for p in packers:
            calls[f"{p}, pack_examples"] = lambda p=p: in_grain(p, lengths, sequences)
            calls[p] = lambda p=p: ours(p, lengths, sequences)
            calls[f"{p}, without values"] = lambda p=p: int(
                pack(lengths, CAPACITY, p).max() + 1
            )
        taken: dict[str, list[tuple[float, int]]] = {call: [] for call in calls}
        for turn in range(rounds):
            say(f"{name}: round {turn + 1} of {rounds}")
            for call in order.permutation(list(calls)):
                taken[call].append(seconds(calls[call]))
        base = np.array([t for t, _ in next(iter(taken.values()))])
        for call, own in taken.items():
            times, rows = np.array([t for t, _ in own]), own[0][1]
            middle, low, high = interval(base / times)
            print(
                f"\r| {call} | {1e3 * np.median(times):.0f} | {rows} | "
                f"{middle:.1f} ({low:.1f} to {high:.1f}) |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--sequences", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["million", "grain"])
    arguments = parser.parse_args()
    versions = f"grain {grain.__version__}, numpy {np.__version__}"
    print(f"{platform.machine()}, {versions}, {datetime.date.today()}")
    if arguments.only != "grain":
        a_million(arguments.sequences, arguments.rounds)
    if arguments.only != "million":
        beside_grain(arguments.sequences // 50, arguments.rounds)


if __name__ == "__main__":
    main()
