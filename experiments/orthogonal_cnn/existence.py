"""Part a: which layers can be orthogonal, counted, and told by numerical rank."""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from dense import matrix, one_tap

from jaxpad.regularizers import exists


MOST, WINDOWS, STRIDES = 64, (1, 3, 5, 7), (1, 2, 4)
COUNTED = {"feasible": 44924, "all": 49152}  # in the paper
SAMPLED = 12  # channels of the sample at most, so that dense matrices stay small
RANK = 1e-9  # a singular value below this share of the largest is 0


class Layer(NamedTuple):
    """A square window with one stride, as in the paper."""

    inputs: int
    outputs: int
    taps: int
    stride: int


def grid() -> list[Layer]:
    """The paper's architectures: up to 64 channels, odd windows to 7, three strides."""
    channels = range(1, MOST + 1)
    return [
        Layer(*it) for it in itertools.product(channels, channels, WINDOWS, STRIDES)
    ]


def feasible(layer: Layer) -> bool:
    """What `jaxpad.regularizers.exists` says."""
    window = (layer.taps, layer.taps)
    return bool(exists(layer.inputs, layer.outputs, window, layer.stride))


def spectra(layer: Layer, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Singular values of a random kernel and of the paper's one-tap kernel.

    On the smallest image that holds the window.
    """
    size = -(-layer.taps // layer.stride)
    random = rng.normal(size=(layer.taps, layer.taps, layer.inputs, layer.outputs))
    kernels = random, one_tap(*layer)
    dense = (matrix(kernel, size, layer.stride) for kernel in kernels)
    rough, best = (np.linalg.svd(it, compute_uv=False) for it in dense)
    return rough, best


def sample(possible: dict[Layer, bool], count: int) -> list[Layer]:
    """Layers of few channels: half of them feasible, half not, as far as there are."""
    rng, chosen = np.random.default_rng(0), []
    for wanted in (True, False):
        few = [
            layer
            for layer, it in possible.items()
            if it is wanted and max(layer.inputs, layer.outputs) <= SAMPLED
        ]
        most = min(count // 2, len(few))
        chosen += [few[i] for i in rng.choice(len(few), most, replace=False)]
    return chosen


def measure(count: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Counts the grid, and holds a sample of it to numerical rank.

    A layer is orthogonal only if its matrix has full rank, and almost every kernel has
    the largest rank that its shape allows. So a random kernel is to be of full rank
    where an orthogonal one is said to exist, and nowhere else; and where it is, the
    paper's one-tap kernel is to have all singular values 1.
    """
    possible = {layer: feasible(layer) for layer in grid()}
    rng, worst, least, most = np.random.default_rng(1), 0.0, 1.0, 0.0
    for turn, layer in enumerate(layers := sample(possible, count)):
        rough, best = spectra(layer, rng)
        ratio = float(rough[-1] / rough[0])
        if possible[layer]:
            least, worst = min(least, ratio), max(worst, float(np.abs(best - 1).max()))
        else:
            most = max(most, ratio)
        say(f"layer {turn + 1} of {len(layers)}")
    square = (it for it in possible if it.outputs == it.inputs * it.stride**2)
    return {
        "all": len(possible),
        "feasible": sum(possible.values()),
        "square and feasible": sum(possible[it] for it in square),
        "counted in the paper": COUNTED,
        "sampled": len(layers),
        "least ratio of singular values, feasible": float(f"{least:.2g}"),
        "largest ratio of singular values, infeasible": float(f"{most:.2g}"),
        "largest distance from 1, one-tap kernels": float(f"{worst:.2g}"),
    }
