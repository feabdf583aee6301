"""Real tokens a second of a training step on packed rows, beside padded ones.

Command: python benchmarks/text.py [--rounds N]
Device:  two CPU cores; five minutes
Expect:  at least 0.9 / (1 - padding share) times as many packed as in batches padded to
         their longest, and the same test loss to rounding
"""

import argparse
import datetime
import pathlib
import platform
import runpy
import time
from typing import Any

import jax
import numpy as np
from rounds import interval, row, say

from jaxpad.train import Job, build


CONFIG = pathlib.Path(__file__).parents[1] / "configs" / "bert_text.py"
ARMS = ("longest", "padded", "bucketed", "packed")
STEPS = 8  # of an arm in a round: batches differ in how much of them is padding


def job_of(batching: str) -> Job:
    """The job of configs/bert_text.py under another batching."""
    config = runpy.run_path(str(CONFIG))["get_config"]()
    config.update({"batching": batching, "trackers": ()})
    return build(config)


class Trained:
    """A job and its state, a step at a time."""

    def __init__(self, job: Job):
        self.job, self.state, self.done = job, job.init(), 0

    def speed(self) -> float:
        """Real tokens a second of the next steps."""
        seconds, tokens = np.sum([self.step() for _ in range(STEPS)], axis=0)
        return tokens / seconds

    def step(self) -> tuple[float, float]:
        """Seconds of the next step, and its real tokens."""
        batch: Any = self.job.batches[self.done % len_of(self.job)]
        placed = self.job.place(batch)
        start = time.perf_counter()
        self.state, metrics = self.job.train_step(self.state, placed)
        loss = float(metrics["loss"])
        taken = time.perf_counter() - start
        self.done += 1
        if not np.isfinite(loss):
            raise FloatingPointError(f"the loss of step {self.done} is {loss}")
        return taken, float(metrics["tokens"])


def len_of(job: Job) -> int:
    return job.batches.steps_per_epoch


def test_loss(job: Job, state: Any) -> float:
    """Mean over the hidden tokens of the test texts."""
    batches = map(job.test_batches.__getitem__, range(len(job.test_batches)))
    step = lambda batch: job.eval_step(state, job.place(batch))  # noqa: E731
    return job.task.evaluate(step, batches).loss


def measured(trained: dict[str, Trained], count: int) -> dict[str, np.ndarray]:
    """Tokens a second of each arm in each round; every shape is compiled before."""
    for name, each in trained.items():
        shapes: set[Any] = set()
        for number in range(len_of(each.job)):
            batch: Any = each.job.batches[number]
            if batch["tokens"].shape not in shapes:
                shapes.add(batch["tokens"].shape)
                say(f"compiling {name}, {batch['tokens'].shape}")
                each.done = number
                each.step()
        each.done = 0
    speeds: dict[str, list[float]] = {name: [] for name in trained}
    order = np.random.default_rng(0)
    for turn in range(count):
        say(f"round {turn + 1} of {count}")
        for name in order.permutation(list(trained)):
            speeds[name].append(trained[name].speed())
    return {name: np.array(found) for name, found in speeds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    trained = {name: Trained(job_of(name)) for name in ARMS}
    first = next(iter(trained.values())).job
    speeds = measured(trained, arguments.rounds)
    state = trained["packed"].state  # one for all: nothing differs but the layout
    losses = {n: test_loss(t.job, state) for n, t in trained.items()}
    print(f"{platform.machine()}, jax {jax.__version__}, {datetime.date.today()}")
    print(f"{first.config['model']}, rows of at most {first.config['capacity']}\n")
    heads = ("batching", "padding", "tokens a second", "beside longest", "test loss")
    row(*heads)
    row(*("---" for _ in heads))
    share: Any = first.batches
    for name, found in speeds.items():
        batches: Any = trained[name].job.batches
        middle, low, high = interval(found / speeds["longest"])
        row(
            name,
            f"{batches.padding_share:.1%}",
            f"{np.median(found):,.0f}",
            f"{middle:.2f} ({low:.2f} to {high:.2f})",
            f"{losses[name]:.7f}",
        )
    bound = 0.9 / (1 - share.padding_share)
    ratio = float(np.median(speeds["packed"] / speeds["longest"]))
    print(f"\npacked beside longest: {ratio:.2f}; asked for: at least {bound:.2f}")


if __name__ == "__main__":
    main()
