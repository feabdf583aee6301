"""Each theorem of the paper as a number: how far its two sides are apart.

Every check draws its own case and returns the largest relative error. Expectations are
no samples: weights and cells take the values mean - std and mean + std, all
combinations are gone through, and second moments depend on nothing else.
"""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxpad
from jaxpad.spectral import transfer
from jaxpad.spectral.propagate import (
    Layer,
    RandomLayer,
    expected_transfer,
    gradient_coupling,
    leakage,
    log_second_moment,
    stack_transfer,
    through,
    upsample,
    zero_pad_tau,
)


CHECKS: dict[str, tuple[str, Callable[[Any], float]]] = {}


def check(name: str, statement: str) -> Callable[[Any], Any]:
    """Adds a check to the table."""

    def add(function: Callable[[Any], float]) -> Callable[[Any], float]:
        CHECKS[name] = statement, function
        return function

    return add


def apart(one: Any, other: Any) -> float:
    """The largest difference of two arrays, relative to the largest entry."""
    one, other = np.asarray(one), np.asarray(other)
    return float(np.abs(one - other).max() / np.abs(other).max())


def fft(x: Any) -> np.ndarray:
    """The spectrum of an image `[..., h, w, channels]`."""
    return np.fft.fft2(x, axes=(-3, -2))


def convolve(x: Any, layers: list[Layer]) -> Any:
    """The convolutions one after the other, on a torus."""
    for layer in layers:
        x = jaxpad.conv(
            x,
            layer.kernel,
            bias=layer.bias,
            stride=layer.stride,
            padding="circular",
            amount=layer.amount,
        )
    return x


def draw_layers(rng: Any, features: tuple[int, ...]) -> list[Layer]:
    """Layers as in the paper: windows that start at the output's own cell."""
    layers = []
    for c, d in itertools.pairwise(features):
        k = int(rng.integers(1, 6))
        kernel = rng.normal(size=(k, k, c, d))
        layers.append(Layer(kernel, rng.normal(size=d), amount=(0, k - 1)))
    return layers


@check("Theorem 3.2", "one layer is a matrix per frequency")
def theorem_3_2(rng: Any) -> float:
    size = tuple(rng.integers(5, 12, 2).tolist())
    (layer,) = draw_layers(rng, (3, 4))
    x = rng.normal(size=(2, *size, 3))
    matrix = np.asarray(transfer(layer.kernel, size))[:, :, 0]
    found = np.einsum("uvdc,nuvc->nuvd", matrix, fft(x))
    found[:, 0, 0] += size[0] * size[1] * np.asarray(layer.bias)
    return apart(found, fft(convolve(x, [layer])))


@check("Corollary 3.3", "so is a stack of layers, with its biases at frequency 0")
def corollary_3_3(rng: Any) -> float:
    size = tuple(rng.integers(5, 12, 2).tolist())
    layers = draw_layers(rng, (3, 5, 4, 6, 2))
    x = rng.normal(size=(2, *size, 3))
    found = through(stack_transfer(layers, size), fft(x))
    return apart(found, fft(convolve(x, layers)))


@check("Corollary 3.4", "a step moves a frequency by its neighbours' gradients")
def corollary_3_4(rng: Any) -> float:
    size, k, step = tuple(rng.integers(5, 9, 2).tolist()), 3, 0.1
    x, target = (rng.normal(size=(1, *size, c)) for c in (2, 3))
    kernels = [rng.normal(size=(k, k, c, d)) for c, d in ((2, 4), (4, 4), (4, 3))]

    def apply(middle: Any) -> Any:
        stack = (kernels[0], middle, kernels[2])
        return convolve(x, [Layer(kernel, amount=(0, k - 1)) for kernel in stack])

    slope = jax.grad(lambda kernel: jnp.sum((apply(kernel) - target) ** 2))(kernels[1])
    moved = transfer(-step * slope, size)[:, :, 0]
    below, _, above = (np.asarray(transfer(k, size))[:, :, 0] for k in kernels)
    arriving = np.einsum("uvdc,uvc->uvd", below, fft(x)[0]).conj()
    error = np.einsum("uvdk,uvd->uvk", above.conj(), fft(apply(kernels[1]) - target)[0])
    cells = size[0] * size[1]
    alone = 2 / cells * np.einsum("uvd,uvc->uvdc", error, arriving)
    chi = np.asarray(gradient_coupling((k, k), size))
    u, v = (np.subtract.outer(np.arange(n), np.arange(n)) % n for n in size)
    coupled = np.einsum("upvq,pqdc->uvdc", chi[u[:, :, None, None], v], alone)
    return apart(-step * cells * coupled, moved)


def enumerate_stacks(layers: list[RandomLayer], size: int) -> np.ndarray:
    """An entry of the transfer for every choice of every weight, one space axis."""
    features = [1, *(layer.features for layer in layers[:-1]), 1]
    shapes = [
        (*layer.window, c, d)
        for layer, (c, d) in zip(layers, itertools.pairwise(features), strict=True)
    ]
    counts = [int(np.prod(shape)) for shape in shapes]
    signs = np.array(list(itertools.product((-1, 1), repeat=sum(counts))))
    total = np.ones((len(signs), size, 1, 1))
    parts = np.split(signs, np.cumsum(counts)[:-1], axis=1)
    for layer, part, shape in zip(layers, parts, shapes, strict=True):
        kernels = layer.mean + layer.std * part.reshape(-1, *shape)
        response = np.fft.fft(kernels, n=size, axis=1).conj()
        total = np.einsum("nfcd,nfcj->nfdj", response, total)
    return total[..., 0, 0]


def random_stack(rng: Any, taps: list[int], features: list[int]) -> list[RandomLayer]:
    return [
        RandomLayer((k,), rng.normal(), rng.uniform(0.2, 1), f)
        for k, f in zip(taps, features, strict=True)
    ]


@check("Theorem 4.2", "mean and second moment of a product of random responses")
def theorem_4_2(rng: Any) -> float:
    layers = random_stack(rng, [3, 4, 3, 2], [1, 1, 1, 1])
    entries = enumerate_stacks(layers, 7)
    second = apart(np.exp(log_second_moment(layers, 7)), (abs(entries) ** 2).mean(0))
    return max(second, apart(expected_transfer(layers, 7), entries.mean(0)))


@check("Appendix A.4, 2 layers", "the second moment with channels")
def appendix_a4(rng: Any) -> float:
    layers = random_stack(rng, [2, 3], [3, 1])
    entries = enumerate_stacks(layers, 6)
    return apart(independent_rows(layers, 6), (abs(entries) ** 2).mean(0))


def independent_rows(layers: list[RandomLayer], size: int) -> np.ndarray:
    """The recursion of A.4, which takes the rows of a stack for independent."""
    second, paths = np.ones(size), 1
    for number, layer in enumerate(layers):
        below = np.asarray(expected_transfer(layers[:number] or [ONE], size))
        response = np.asarray(expected_transfer([layer], size))
        one = abs(response) ** 2 + layer.window[0] * layer.std**2
        crossed = paths * (paths - 1) * abs(response * below) ** 2
        second = paths * one * second + crossed
        paths = layer.features
    return second


ONE = RandomLayer((1,), 1.0, 0.0)


@check("Theorem 4.3", "zeros around independent cells spread their mean")
def theorem_4_3(rng: Any) -> float:
    size, padded = (3, 4), tuple(rng.integers((3, 4), (7, 8)).tolist())
    a, s = rng.normal(), rng.uniform(0.2, 1)
    cells = np.array(list(itertools.product((a - s, a + s), repeat=12)))
    images = cells.reshape(-1, *size)
    energy = (np.abs(np.fft.fft2(images, s=padded, axes=(1, 2))) ** 2).mean(axis=0)
    expected = 12 * s**2 + (a * np.asarray(zero_pad_tau(size, padded))) ** 2
    expected[0, 0] = 12 * s**2 + (12 * a) ** 2
    return apart(expected, energy)


@check("Theorem 4.4", "zeros between cells repeat the spectrum")
def theorem_4_4(rng: Any) -> float:
    x, scale = rng.normal(size=(2, 4, 5, 3)), int(rng.integers(2, 5))
    big = np.zeros((2, 4 * scale, 5 * scale, 3))
    big[:, ::scale, ::scale] = x
    return apart(upsample(fft(x), scale), fft(big))


@check("beyond 4.4: nearest, bilinear", "each copy of the spectrum is weighted")
def interpolation(rng: Any) -> float:
    x, scale = rng.normal(size=(2, 4, 5, 1)), int(rng.integers(2, 5))
    errors = []
    for method in ("nearest", "bilinear"):
        one = np.ones((1, 1, 1, 1))
        big = jaxpad.resize_conv(x, one, scale=scale, method=method, padding="circular")
        errors.append(apart(upsample(fft(x), scale, method), fft(big)))
    return max(errors)


@check("beyond 4.4: transposed", "so is that of a transposed convolution")
def transposed(rng: Any) -> float:
    n, s, k = 4, 3, int(rng.integers(2, 6))
    x, kernel = rng.normal(size=(2, n, n, 2)), rng.normal(size=(k, k, 3, 2))
    (matrix, _) = stack_transfer([Layer(kernel, stride=s)], n * s)
    repeated = upsample(fft(x), s)
    found = s * s * np.einsum("uvoi,nuvo->nuvi", np.conj(matrix), repeated)
    swapped = kernel.swapaxes(-1, -2)
    y = jaxpad.conv_transpose(x, swapped, stride=s, padding="circular")
    return apart(found, fft(y))


@check("Equation 17, corrected", "a valid convolution mixes frequencies")
def equation_17(rng: Any) -> float:
    n, k = int(rng.integers(5, 9)), int(rng.integers(2, 4))
    return apart(mixing(n, k, n - k + 1), exact_mixing(rng, n, k))


def exact_mixing(rng: Any, n: int, k: int) -> np.ndarray:
    """Output by input frequency, of a window of one axis, without its response."""
    kernel = np.zeros((k, 1, 1))
    kernel[0] = rng.normal() + 3  # one tap: the same response at every frequency
    matrix = leakage(kernel, n, amount="valid")[:, 0, :, 0]
    return np.asarray(matrix) / kernel[0, 0, 0]


def mixing(n: int, k: int, terms: int) -> np.ndarray:
    """The closed form of equation 17 along one axis, with so many terms summed."""
    m = n - k + 1
    u, v = np.arange(n)[None, :], np.arange(m)[:, None]
    turns = ((u - v) * n - u * (k - 1)) / (n * m)
    whole = np.isclose(turns, np.round(turns))
    safe = np.where(whole, 0.5, turns)
    quotient = np.where(
        whole,
        terms * (-1.0) ** (np.round(turns) * (terms - 1)),
        np.sin(terms * safe * np.pi) / np.sin(safe * np.pi),
    )
    return quotient * np.exp(1j * (n - k) * turns * np.pi) / n


def run(seeds: range) -> dict[str, dict[str, Any]]:
    """Every check on every seed, in float64."""
    table = {}
    with jax.enable_x64(True):
        for name, (statement, function) in CHECKS.items():
            errors = [function(np.random.default_rng(seed)) for seed in seeds]
            table[name] = {
                "statement": statement,
                "cases": len(errors),
                "largest error": max(errors),
            }
    return table
