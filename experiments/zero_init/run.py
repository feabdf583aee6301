"""Can a network begin without random numbers?

Command: python experiments/zero_init/run.py [--full]
Device:  any CPU; 13 minutes on two cores that had other work, --full some hours
Writes:  results.json, accuracy.svg, rank.svg
"""

import argparse
import itertools
import json
import multiprocessing
import pathlib
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from typing import Any

from plot import draw_accuracy, draw_ranks
from training import INITS, KERNELS, train


HERE = pathlib.Path(__file__).resolve().parent
SEEDS, PILOT = range(5), 100
RATES = (0.1, 0.03, 0.01)
BLOCKS, STEPS = (1, 4, 16), 100
BLOCKS_FULL, STEPS_FULL = (1, 4, 16, 64, 125), 300
WATCHED = 4  # blocks of the network whose ranks are shown
NORMS = {"batch norm": True, "scalars": False}
RANDOM = ("Kaiming", "Xavier")
# Below it, a network has not learned ten digits.
LEARNED = 80


def layers(blocks: int) -> int:
    """The depth of a network of so many blocks a stage."""
    return 4 * blocks + 2


def best_rate(pool: Executor, init: str, blocks: int, norm: bool, steps: int) -> float:
    """The rate with the highest accuracy on a seed that is not used again."""
    given = [(init, blocks, norm, rate, PILOT, steps) for rate in RATES]
    found = dict(zip(RATES, pool.map(train, *zip(*given, strict=True)), strict=True))
    return max(RATES, key=lambda rate: found[rate].accuracy)


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Mean, sample standard deviation, and the values themselves."""
    return {
        "mean": round(statistics.mean(values), 1),
        "std": round(statistics.stdev(values), 1),
        "values": list(values),
    }


def measure(blocks: Sequence[int], steps: int) -> Iterator[tuple[Any, float, Any]]:
    """Each network and initializer: its key, the best rate, the run of every seed."""
    # These networks are too small for a run to use both cores.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        for count, norm, init in itertools.product(blocks, NORMS, INITS):
            rate = best_rate(pool, init, count, NORMS[norm], steps)
            given = [(init, count, NORMS[norm], rate, s, steps) for s in SEEDS]
            runs = list(pool.map(train, *zip(*given, strict=True)))
            yield (norm, init, count), rate, runs


def repeated(rates: dict[str, float], steps: int) -> dict[str, Any]:
    """ZerO trained again, here and in a new process; Kaiming with one order of data."""
    args = ("ZerO", 1, True, rates["ZerO"], 0, steps)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        elsewhere = pool.submit(train, *args).result()
    runs = [train(*args), train(*args), elsewhere]
    orders = {
        init: [
            train(init, 1, True, rates[init], seed, steps, order=0).accuracy
            for seed in SEEDS
        ]
        for init in ("ZerO", *RANDOM)
    }
    return {
        "runs with equal bits": sum(run.digest == runs[0].digest for run in runs),
        "runs": len(runs),
        "accuracy, one order of the data": {k: spread(v) for k, v in orders.items()},
    }


def last_ranks(results: dict[str, Any], norm: str, init: str) -> list[float]:
    """Of the last convolution after training, for the seeds that have learned."""
    accuracies = results["accuracy"][norm][init][str(layers(WATCHED))]["values"]
    runs = results["ranks"][norm][init]["last"]
    pairs = zip(accuracies, runs, strict=True)
    return [ranks[-1] for accuracy, ranks in pairs if accuracy >= LEARNED]


def judge(results: dict[str, Any]) -> dict[str, bool]:
    """What the paper claims, each part by itself."""
    normed, plain = (results["accuracy"][norm] for norm in NORMS)

    def gap(depth: str) -> float:
        best = max(normed[init][depth]["mean"] for init in RANDOM)
        return best - normed["ZerO"][depth]["mean"]

    deepest = max(plain["ZerO"], key=int)
    again = results["repeated"]
    orders = again["accuracy, one order of the data"]
    return {
        "with batch norm at most a point below Kaiming and Xavier": all(
            gap(depth) <= 1 for depth in normed["ZerO"]
        ),
        "the deepest learns without batch norm": min(plain["ZerO"][deepest]["values"])
        >= LEARNED,
        "ranks stay below those of random kernels": all(
            max(last_ranks(results, norm, "ZerO"))
            < min(rank for init in RANDOM for rank in last_ranks(results, norm, init))
            for norm in NORMS
        ),
        "runs are equal to the bit": again["runs with equal bits"] == again["runs"]
        and orders["ZerO"]["std"] == 0
        and all(orders[init]["std"] > 0 for init in RANDOM),
    }


def collect(blocks: Sequence[int], steps: int) -> dict[str, Any]:
    """Everything that is measured, with the time left printed."""
    start, total = time.monotonic(), len(NORMS) * len(INITS) * sum(map(layers, blocks))
    done, ranks = 0, {norm: {} for norm in NORMS}
    accuracy = {norm: {init: {} for init in INITS} for norm in NORMS}
    for (norm, init, count), rate, runs in measure(blocks, steps):
        found = {"rate": rate, **spread([run.accuracy for run in runs])}
        accuracy[norm][init][str(layers(count))] = found
        if count == WATCHED:
            ranks[norm][init] = {k: [run.ranks[k] for run in runs] for k in KERNELS}
        done += layers(count)
        left = (time.monotonic() - start) / 60 * (total / done - 1)
        print(
            f"{layers(count)} layers, {norm}, {init}: {found['mean']} ± {found['std']} "
            f"at rate {rate}; {left:.1f} minutes left",
            flush=True,
        )
    shallow = str(layers(blocks[0]))
    rates = {init: accuracy["batch norm"][init][shallow]["rate"] for init in INITS}
    again = repeated(rates, steps)
    return {"accuracy": accuracy, "ranks": ranks, "repeated": again}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, and writes results.json and the plots."""
    parser = argparse.ArgumentParser(description="ZerO beside random initial values.")
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    parser.add_argument("--full", action="store_true", help="deeper and longer")
    options = parser.parse_args(arguments)
    start = time.monotonic()
    blocks, steps = (BLOCKS_FULL, STEPS_FULL) if options.full else (BLOCKS, STEPS)
    found = collect(blocks, steps)
    claims = judge(found)
    results = {
        "question": "Can a network begin without random numbers?",
        "verdict": "holds" if all(claims.values()) else "does not hold",
        "claims": claims,
        "paper": "ZerO Initialization: Initializing Neural Networks with only Zeros "
        "and Ones, Zhao, Schaefer and Anandkumar, 2022",
        "command": f"python experiments/zero_init/run.py{' --full' * options.full}",
        "device": "CPU",
        "minutes": round((time.monotonic() - start) / 60, 1),
        "steps": steps,
        **found,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "results.json").write_text(f"{json.dumps(results, indent=1)}\n")
    draw_accuracy(results["accuracy"], options.out / "accuracy.svg")
    draw_ranks(results["ranks"], options.out / "rank.svg")


if __name__ == "__main__":
    main()
