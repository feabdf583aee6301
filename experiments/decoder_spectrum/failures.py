"""Statements of the paper that do not hold as they are made, each by an example.

Every function returns what the statement says and what is, as numbers.
"""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from theorems import ONE, enumerate_stacks, exact_mixing, independent_rows, mixing

from jaxpad.spectral.propagate import RandomLayer, log_second_moment, zero_pad_tau


FAILURES: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {}


def failure(name: str, statement: str) -> Callable[[Any], Any]:
    """Adds an example to the table."""

    def add(function: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
        FAILURES[name] = statement, function
        return function

    return add


def second_moment(k: int, mean: float, std: float, depth: int = 1) -> np.ndarray:
    """`E |T|^2` of single-channel layers on 8 x 8 cells."""
    layers = [RandomLayer((k, k), mean, std)] * depth
    return np.exp(np.asarray(log_second_moment(layers, 8)))


@failure("Theorem 4.2 (1)", "the second moment increases with the kernel size")
def grows_with_kernel() -> dict[str, Any]:
    small, large = (second_moment(k, 1.0, 0.25)[4, 0] for k in (1, 2))
    return {
        "case": "8 x 8, frequency (4, 0), mean 1, std 1/4, K = 1 and 2",
        "says": "rises",
        "is": f"{small:.4g} falls to {large:.4g}",
        "fails": bool(large < small),
    }


@failure("Theorem 4.2 (2)", "the magnitude increases exponentially with depth")
def grows_with_depth() -> dict[str, Any]:
    shallow, deep = (second_moment(3, 0.0, 0.2, depth)[0, 0] for depth in (1, 50))
    return {
        "case": "one channel, K = 3, mean 0, std 0.2, 1 and 50 layers",
        "says": "rises",
        "is": f"{shallow:.2g} falls to {deep:.2g}",
        "fails": bool(deep < shallow),
    }


@failure("Theorem 4.2 (5)", "a small kernel weakens high frequencies more")
def large_kernels_balance() -> dict[str, Any]:
    ratios = [
        second_moment(k, 1.0, 1.0)[0, 0] / second_moment(k, 1.0, 1.0)[4, 0]
        for k in (2, 4)
    ]
    return {
        "case": "8 x 8, frequency 0 over frequency (4, 0), mean 1, std 1, K = 2 and 4",
        "says": "falls",
        "is": f"{ratios[0]:.3g} rises to {ratios[1]:.3g}",
        "fails": bool(ratios[1] > ratios[0]),
    }


@failure("Assumption 4.1", "uncorrelated responses make second moments multiply")
def uncorrelated_is_enough() -> dict[str, Any]:
    # T1 = s a and T2 = t a with signs s, t and a size a^2 in {0, 2} that they share.
    draws = np.array(list(itertools.product((-1, 1), (-1, 1), (0, 2**0.5))))
    one, other = draws[:, 0] * draws[:, 2], draws[:, 1] * draws[:, 2]
    correlation = (one * other).mean() - one.mean() * other.mean()
    says, found = (one**2).mean() * (other**2).mean(), ((one * other) ** 2).mean()
    return {
        "case": f"two signs of one random size, correlation {correlation:.0f}",
        "says": f"{says:.3g}",
        "is": f"{found:.3g}",
        "fails": bool(abs(correlation) < 1e-12 and abs(says - found) > 0.1),
    }


@failure("Appendix A.4, 3 layers", "entries of a stack's transfer are independent")
def rows_are_independent() -> dict[str, Any]:
    layers = [RandomLayer((1,), 1.0, 1.0, 2)] * 2 + [ONE._replace(std=1.0)]
    counted = float((np.abs(enumerate_stacks(layers, 1)) ** 2).mean())
    says, here = (
        float(values[0])
        for values in (
            independent_rows(layers, 1),
            np.exp(np.asarray(log_second_moment(layers, 1))),
        )
    )
    return {
        "case": "2 channels, K = 1, mean 1, std 1; all 256 choices of the weights",
        "says": f"{says:.4g}",
        "is": f"{counted:.4g}; with the rows' covariance {here:.4g}",
        "fails": bool(abs(says - counted) > 0.1 and abs(here - counted) < 1e-9),
    }


@failure("Theorem 4.3", "zeros add a^2 tau^2 for any cells of mean a and variance s^2")
def any_cells() -> dict[str, Any]:
    # One draw for all cells: each has the mean 1 and the variance 1.
    tau = np.asarray(zero_pad_tau((3, 4), (5, 6)))[1, 0]
    images = np.array([0.0, 2.0])[:, None, None] * np.ones((3, 4))
    before = (np.abs(np.fft.fft2(images)) ** 2).mean(axis=0)[1, 0]
    after = (np.abs(np.fft.fft2(images, s=(5, 6))) ** 2).mean(axis=0)[1, 0]
    return {
        "case": "3 x 4 to 5 x 6, frequency (1, 0), equal cells of mean 1, variance 1",
        "says": f"adds {tau**2:.4g}",
        "is": f"adds {after - before:.4g}",
        "fails": bool(abs(after - before - tau**2) > 0.1),
    }


@failure("Equation 17", "sin((M - K) lambda pi) in the numerator")
def printed_terms() -> dict[str, Any]:
    exact = exact_mixing(np.random.default_rng(0), 3, 2)
    printed = mixing(3, 2, 3 - 2)
    right = mixing(3, 2, 3 - 2 + 1)
    errors = [float(np.abs(found - exact).max()) for found in (printed, right)]
    return {
        "case": "M = 3, K = 2, largest error over all pairs of frequencies",
        "says": "0",
        "is": f"{errors[0]:.2g}; with M - K + 1 it is {errors[1]:.0e}",
        "fails": bool(errors[0] > 0.1 and errors[1] < 1e-12),
    }


def shifted_step(k: int, depth: int, shift: int, n: int = 16) -> tuple[Any, ...]:
    """The best single step of Theorem 4.5, along one axis.

    All layers are the identity. The target has `(1 - conj(A)) G` at frequency 1 and
    `(1 + A) G` at `1 + shift`, where A has half a unit's size and the theorem's phase.

    Returns:
        The loss that the best of all step sizes leaves, of 1 before; the step's weights
        of the first layer; and the denominator of equation 12.
    """
    angles = 2 * np.pi * np.array([1, 1 + shift]) / n
    waves = np.exp(1j * angles[:, None] * np.arange(k))  # [frequency, tap]
    phase = (k - 1) * shift * np.pi / n / 2
    a = 0.5 * np.exp(1j * phase)
    target = np.array([1 - a.conj(), 1 + a])
    identity = np.eye(1, k)[0].astype(complex)
    response = waves @ identity
    gradient = waves.conj().T @ (response - target)  # the same in every layer

    def loss(step: float) -> float:
        new = waves @ (identity - step * gradient)
        return float((np.abs(new**depth - target) ** 2).sum())

    steps = np.linspace(0, 4 / depth, 400_001)
    moved = waves @ identity - np.multiply.outer(steps, waves @ gradient)
    losses = (np.abs(moved**depth - target) ** 2).sum(axis=1)
    best = float(steps[losses.argmin()])
    dirichlet = abs(np.exp(1j * (angles[1] - angles[0]) * np.arange(k)).sum())
    return loss(best) / loss(0.0), -best * gradient, k - dirichlet


@failure("Theorem 4.5, zero loss", "one step of gradient descent makes the loss zero")
def one_step() -> dict[str, Any]:
    one, two, five = (shifted_step(3, depth, 2)[0] for depth in (1, 2, 5))
    return {
        "case": "identity layers, 16 cells, K = 3, shift 2; best of all step sizes",
        "says": "0 of the loss left",
        "is": f"{one:.0e} with 1 layer, {two:.1e} with 2, {five:.1e} with 5",
        "fails": bool(one < 1e-9 and two > 1e-4 and five > 1e-4),
    }


@failure("Theorem 4.5, real weights", "the constraints make the weights' change real")
def real_change() -> dict[str, Any]:
    _, change, _ = shifted_step(3, 1, 2)
    share = float(np.linalg.norm(change.imag) / np.linalg.norm(change))
    return {
        "case": "the same; imaginary share of the norm of the change",
        "says": "0",
        "is": f"{share:.2f}",
        "fails": bool(share > 0.1),
    }


@failure("Theorem 4.5, equation 12", "the change is as alpha M N / (K^2 - D)")
def power_of_change() -> dict[str, Any]:
    steps = [shifted_step(5, 1, shift) for shift in (1, 2, 3)]
    norms = [np.linalg.norm(change) for _, change, _ in steps]
    gaps = [gap for *_, gap in steps]
    slope = float(np.polyfit(np.log(gaps), np.log(norms), 1)[0])
    return {
        "case": "one layer, K = 5, shifts of 1, 2, 3: the exponent of K - D",
        "says": "-1",
        "is": f"{slope:.3f}; smaller shifts still need larger changes",
        "fails": bool(abs(slope + 0.5) < 0.01),
    }


def run() -> dict[str, dict[str, Any]]:
    """Every example, in float64."""
    with jax.enable_x64(True):
        return {
            name: {"statement": statement, **function()}
            for name, (statement, function) in FAILURES.items()
        }
