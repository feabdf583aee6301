"""Does the padding decide whether a network goes by absolute location?

Command: python experiments/red_green/run.py
Device:  any CPU; about 17 minutes on two cores
Writes:  results.json, accuracy.svg
"""

import argparse
import itertools
import json
import math
import pathlib
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import matplotlib
import numpy as np
import optax
from flax import nnx
from matplotlib.figure import Figure

from jaxpad import PADDINGS
from jaxpad.layers import Conv
from jaxpad.reports.figure import BLUE, ORANGE, STYLE
from jaxpad.typing import AnyArray, Array


HERE = pathlib.Path(__file__).resolve().parent
SEEDS = range(5)
TRAINED, TESTED, BATCH, STEPS = 2000, 1000, 25, 240
SIZE, BOX, LEFT = 32, 4, 10
LAYERS = ((3, 16, 1), (16, 16, 2), (16, 32, 2), (32, 32, 2))  # in, out, stride
OPTIMIZER = optax.adadelta(1.0, rho=0.9, eps=1e-6, weight_decay=5e-5)
# Similar and dissimilar accuracy in the paper, in percent.
REPORTED = {
    "valid": (100.0, 0.2),
    "zero": (99.8, 8.4),
    "circular": (73.7, 73.7),
    "full": (89.7, 89.7),
}
# One cell is added on each side, which makes some modes equal.
LEFT_OUT = {
    "constant": "zero",
    "c2sp": "zero",
    "symmetric": "replicate",
    "linear": "odd_reflect",
    "latlon": None,
    "cube_sphere": None,
    "healpix": None,
}
RUN = (*(name for name in PADDINGS if name not in LEFT_OUT), "constant(value=1.0)")


def paint(rows: np.ndarray, columns: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Black images with a red and a green square.

    Args:
        rows: where the left and the right square begin, [n, 2].
        columns: the same, [n, 2].
        labels: 0 where the left square is red, 1 where it is green, [n].

    Returns:
        Images of 0 and 1, float32 [n, 32, 32, 3].
    """
    each = np.arange(len(labels))
    images = np.zeros((len(labels), SIZE, SIZE, 3), np.float32)
    for side, dy, dx in itertools.product((0, 1), range(BOX), range(BOX)):
        images[each, rows[:, side] + dy, columns[:, side] + dx, labels ^ side] = 1
    return images


def make_images(seed: Sequence[int], n: int) -> dict[str, np.ndarray]:
    """Red left of green in the upper half, green left of red in the lower half.

    Returns:
        "similar", the images; "dissimilar", the same with the halves swapped;
        "labels". A function of the seed alone.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    left = rng.integers(0, LEFT, n)
    columns = np.stack([left, rng.integers(left + BOX + 1, SIZE - BOX)], axis=1)
    rows = rng.integers(3, 11, (n, 2))
    lower = SIZE // 2 * labels[:, None]
    return {
        "similar": paint(rows + lower, columns, labels),
        "dissimilar": paint(rows + SIZE // 2 - lower, columns, labels),
        "labels": labels,
    }


def circular_ceiling() -> float:
    """The expected accuracy that no circular network exceeds on unseen images.

    It sees a torus, up to shifts by its stride. What depends on the class there is the
    red square's column modulo that stride, and how far to the right of it, round the
    torus, the green one is; rows have the same distribution in both classes.
    """
    stride = math.prod(stride for *_, stride in LAYERS)
    chances: tuple[Any, Any] = (Counter(), Counter())
    for left in range(LEFT):
        ends = range(left + BOX + 1, SIZE - BOX)
        for right in ends:
            for chance, red, green in zip(
                chances, (left, right), (right, left), strict=True
            ):
                place = red % stride, (green - red) % SIZE
                chance[place] += 1 / LEFT / len(ends)
    best = chances[0] | chances[1]  # of two counters, the larger of each count
    return round(50 * sum(best.values()), 2)


class Net(nnx.Module):
    """The paper's network with half its channels: no bias, and a global maximum."""

    def __init__(self, padding: str, *, rngs: nnx.Rngs):
        self.convs = nnx.List(
            Conv(
                *(channels_in, channels_out, (3, 3), stride),
                padding=padding,
                amount="half",
                use_bias=False,
                rngs=rngs,
            )
            for channels_in, channels_out, stride in LAYERS
        )
        self.head = nnx.Linear(LAYERS[-1][1], 2, rngs=rngs)

    def __call__(self, images: AnyArray) -> Array:
        x = jnp.asarray(images)
        for conv in self.convs:
            x = nnx.relu(conv(x))
        return self.head(x.max(axis=(1, 2)))


@nnx.jit
def step(
    net: Net, optimizer: nnx.Optimizer, images: AnyArray, labels: AnyArray
) -> None:
    """One step of training."""

    def loss(net: Net) -> Array:
        losses = optax.softmax_cross_entropy_with_integer_labels(net(images), labels)
        return losses.mean()

    optimizer.update(net, nnx.grad(loss)(net))


@nnx.jit
def accuracy(net: Net, images: AnyArray, labels: AnyArray) -> Array:
    """Percent of the images that are classified rightly."""
    return 100 * (net(images).argmax(axis=-1) == labels).mean()


def train(padding: str, seed: int) -> dict[str, float]:
    """Trains one network, on images of its own, and tests it."""
    seen, unseen = make_images((seed, 0), TRAINED), make_images((seed, 1), TESTED)
    net = Net(padding, rngs=nnx.Rngs(seed))
    optimizer = nnx.Optimizer(net, OPTIMIZER, wrt=nnx.Param)
    rng = np.random.default_rng((seed, 2))
    epochs = math.ceil(STEPS * BATCH / TRAINED)
    order = np.concatenate([rng.permutation(TRAINED) for _ in range(epochs)])
    net.train()
    # A loop of Python: a convolution inside a scan is slow on a CPU.
    for batch in order[: STEPS * BATCH].reshape(STEPS, BATCH):
        step(net, optimizer, seen["similar"][batch], seen["labels"][batch])
    net.eval()
    tests = {
        "training": (seen["similar"], seen["labels"]),
        "similar": (unseen["similar"], unseen["labels"]),
        "dissimilar": (unseen["dissimilar"], unseen["labels"]),
    }
    return {
        name: round(float(accuracy(net, images[:TESTED], labels[:TESTED])), 2)
        for name, (images, labels) in tests.items()
    }


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Mean, sample standard deviation, and the values themselves."""
    return {
        "mean": round(statistics.mean(values), 2),
        "std": round(statistics.stdev(values), 2),
        "values": list(values),
    }


def judge(paddings: dict[str, Any]) -> str:
    """The paper's claim, on every seed.

    With "valid" and "zero" the network goes by location: below chance where the
    halves are swapped. With "circular" and "full" it cannot: within one point.
    """

    def values(name: str, test: str) -> list[float]:
        return paddings[name][test]["values"]

    def change(name: str) -> float:
        pairs = zip(values(name, "similar"), values(name, "dissimilar"), strict=True)
        return max(abs(before - after) for before, after in pairs)

    located = max(*values("valid", "dissimilar"), *values("zero", "dissimilar")) < 50
    blind = max(change("circular"), change("full")) <= 1
    return "holds" if located and blind else "does not hold"


def draw(paddings: dict[str, Any], file: pathlib.Path) -> None:
    """Both accuracies of every padding: a dot for each seed, a line for the mean."""
    names = sorted(paddings, key=lambda name: paddings[name]["dissimilar"]["mean"])
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 0.26 * len(names) + 1), layout="constrained")
        axes = figure.add_subplot()
        for test, color, lift in (
            ("similar", BLUE, 0.13),
            ("dissimilar", ORANGE, -0.13),
        ):
            rows = np.arange(len(names)) + lift
            values = [paddings[name][test]["values"] for name in names]
            means = [paddings[name][test]["mean"] for name in names]
            axes.plot(values, rows, "o", ms=4, alpha=0.5, mew=0, color=color)
            axes.plot(means, rows, "|", ms=9, color=color, label=test)
        axes.axvline(50, color="#767676", linewidth=0.8, linestyle="--")
        axes.set(yticks=range(len(names)), yticklabels=names, xlim=(-2, 102))
        axes.set_xlabel("accuracy in percent; chance is 50")
        figure.legend(loc="outside upper right", ncols=2)
        figure.savefig(file, metadata={"Date": None, "Creator": None})


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains every padding with every seed and writes results.json and the plot."""
    parser = argparse.ArgumentParser(description="The Red-Green test of all paddings.")
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    options = parser.parse_args(arguments)
    start, paddings = time.monotonic(), {}
    for done, name in enumerate(RUN, start=1):
        runs = [train(name, seed) for seed in SEEDS]
        found = {test: spread([run[test] for run in runs]) for test in runs[0]}
        paddings[name] = found
        minutes = (time.monotonic() - start) / 60
        print(
            f"{name}: similar {found['similar']['mean']}, dissimilar "
            f"{found['dissimilar']['mean']}; {done} of {len(RUN)}, "
            f"{minutes * (len(RUN) / done - 1):.0f} minutes left",
            flush=True,
        )
    results = {
        "question": "Does the padding decide whether a network goes by location?",
        "verdict": judge(paddings),
        "paper": "On Translation Invariance in CNNs: Convolutional Layers can Exploit "
        "Absolute Spatial Location, Kayhan and van Gemert, CVPR 2020",
        "command": "python experiments/red_green/run.py",
        "device": "CPU",
        "minutes": round((time.monotonic() - start) / 60, 1),
        "reported": REPORTED,
        "circular ceiling": circular_ceiling(),
        "left out": LEFT_OUT,
        "paddings": paddings,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "results.json").write_text(f"{json.dumps(results, indent=2)}\n")
    draw(paddings, options.out / "accuracy.svg")


if __name__ == "__main__":
    main()
