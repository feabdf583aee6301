"""Part b: the Frobenius identity and the spectral inequality, beside dense matrices."""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from dense import matrix

from jaxpad.regularizers import lorth, residual


CHANNELS = {"wide": (4, 3), "high": (2, 11), "square": (2, None)}


class Case(NamedTuple):
    """`size` is of the output; the input has `stride * size` cells an axis."""

    dims: int
    inputs: int
    outputs: int
    taps: int
    stride: int
    size: int


def grid(count: int) -> list[Case]:
    """Random cases of one to three dimensions, of all shapes; a third on small images.

    An image is small where the kernel's autocorrelation does not fit, which the paper
    leaves out: `stride * size < 2 taps - 1`.
    """
    rng, cases = np.random.default_rng(0), []
    kinds = itertools.cycle(itertools.product((1, 2), CHANNELS, (False, False, True)))
    for turn, (dims, kind, small) in zip(range(count), kinds, strict=False):
        dims = 3 if turn % 8 == 7 else dims
        taps = int(rng.integers(2, 3 if dims == 3 else 6))
        stride = int(rng.integers(1, min(taps, 2 if dims > 1 else 3) + 1))
        fits = -(-(2 * taps - 1) // stride)
        inputs, outputs = CHANNELS[kind]
        size = max(1, fits - 1) if small else fits + int(rng.integers(0, 2))
        outputs = outputs or inputs * stride**dims
        cases.append(Case(dims, inputs, outputs, taps, stride, size))
    return cases


def random_kernel(case: Case, rng: np.random.Generator) -> np.ndarray:
    """Normal, with as much variance as keeps the mean square of an image."""
    shape = (*[case.taps] * case.dims, case.inputs, case.outputs)
    return rng.normal(0, (case.taps**case.dims * case.inputs) ** -0.5, shape)


def penalty(kernel: np.ndarray, case: Case, *, folded: bool) -> float:
    """`N^d L_orth`: folded, what jaxpad gives for this very image, else as printed."""
    size = case.stride * case.size
    with jax.enable_x64(True):
        if folded:
            found = residual(kernel, size, stride=case.stride)
        else:
            found = case.size**case.dims * lorth(kernel, stride=case.stride)
        return float(found)


def errors(matrix: np.ndarray) -> tuple[float, float, float]:
    """`err_F^2` by the shorter side, the same by the longer side, and `err_s^2`."""
    rows, columns = matrix.shape
    products = matrix @ matrix.T, matrix.T @ matrix
    short, long = products if rows <= columns else products[::-1]
    distance = [np.sum((it - np.eye(len(it))) ** 2) for it in (short, long)]
    return *distance, np.linalg.norm(short - np.eye(len(short)), 2) ** 2


def alphas(case: Case) -> tuple[float, float]:
    """Theorem 8: `lower L <= err_s^2 <= upper L`."""
    cells = case.inputs * case.stride**case.dims
    rows = (2 * ((case.taps - 1) // case.stride) + 1) ** case.dims * case.outputs
    columns = (2 * case.taps - 1) ** case.dims * case.inputs
    upper = rows if case.outputs <= cells else columns
    if case.outputs == cells:
        upper = min(rows, columns)
    return 1 / min(case.outputs, cells), upper


def measure(count: int, say: Callable[[str], None]) -> dict[str, Any]:
    """The largest errors over the grid; ratios of theorem 8, which are to be <= 1."""
    found: dict[str, list[float]] = {}
    rng, cases = np.random.default_rng(1), grid(count)
    for turn, case in enumerate(cases):
        kernel = random_kernel(case, rng)
        for name, value in check(kernel, case).items():
            found.setdefault(name, []).append(value)
        say(f"case {turn + 1} of {len(cases)}")
    small = len(found["small: error of N^d L"])
    worst = {name: float(f"{max(them):.2g}") for name, them in found.items()}
    return {"cases": len(cases) - small, "small images": small} | worst


def check(kernel: np.ndarray, case: Case) -> dict[str, float]:
    """Relative errors of the identities; shares of the bounds on `err_s^2`."""
    dense = matrix(kernel, case.size, case.stride)
    short, long, spectral = errors(dense)
    printed = penalty(kernel, case, folded=False)
    if case.stride * case.size < 2 * case.taps - 1:
        folded = penalty(kernel, case, folded=True)
        return {
            "small: error of N^d L": abs(printed / short - 1),
            "small: error of the folded": abs(folded / short - 1),
        }
    (lower, upper), loss = alphas(case), printed / case.size**case.dims
    excess = abs(dense.shape[0] - dense.shape[1])
    return {
        "error of err_F^2 = N^d L": abs(printed / short - 1),
        "error of the longer side's": abs((short + excess) / long - 1),
        "share of the lower bound": lower * loss / spectral,
        "share of the upper bound": spectral / (upper * loss),
    }
