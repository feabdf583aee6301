"""Random kernels by sampling; coupling of frequencies by gradients; maps by NumPy."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxpad
from jaxpad.spectral import transfer
from jaxpad.spectral.propagate import (
    RandomLayer,
    dirichlet,
    expected_transfer,
    gradient_coupling,
    log_magnitude,
    log_second_moment,
    low_share,
    spectrum,
)


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize(("taps", "size"), [(1, 5), (3, 8), (4, 6), (6, 6), (9, 4)])
def test_a_dirichlet_sum_is_a_geometric_one(taps: int, size: int):
    found, ratio = dirichlet(taps, size), np.exp(2j * np.pi * np.arange(size) / size)
    expected = [taps, *((1 - r**taps) / (1 - r) for r in ratio[1:])]
    np.testing.assert_allclose(found, expected, atol=1e-12)


STACKS = {
    "one channel": [
        ((3, 2), 0.3, 0.4, 1),
        ((2, 2), -0.2, 0.5, 1),
        ((3, 3), 0.1, 0.3, 1),
    ],
    "two layers": [((2, 3), 0.2, 0.2, 3), ((3, 3), -0.1, 0.3, 2)],
    "channels": [((2, 2), 0.3, 0.2, 3), ((3, 3), 0.2, 0.1, 2), ((2, 2), 0.3, 0.2, 4)],
}


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_moments_by_sampling(stack: list[Any]):
    """Theorem 4.2, and its extension to channels: 20,000 stacks, 6 standard errors."""
    rng, size, n = np.random.default_rng(0), (5, 4), 20_000
    layers = [RandomLayer(*layer) for layer in stack]
    total, features = np.ones((n, *size, 1, 1)), 1
    for window, mean, std, out in stack:
        kernels = mean + std * rng.normal(size=(n, features, out, *window))
        # The response reads ahead: the conjugate of NumPy's transform.
        response = np.fft.fft2(kernels, s=size).conj()
        total = np.einsum("nciuv,nuvij->nuvcj", response.swapaxes(1, 2), total)
        features = out
    entry = total[..., 0, 0]

    def within(samples: np.ndarray, expected: Any) -> bool:
        error = samples.std(axis=0) / math.sqrt(n) + 1e-12
        return bool((np.abs(samples.mean(axis=0) - expected) < 6 * error).all())

    assert within(np.abs(entry) ** 2, np.exp(log_second_moment(layers, size)))
    mean: Any = np.asarray(expected_transfer(layers, size))
    assert within(entry.real, mean.real)
    assert within(entry.imag, mean.imag)


def test_rows_share_the_layers_below():
    """Exact, where A.4's independent rows are not: three layers of one weight each.

    With weights of mean 1 and variance 1, two channels, all `2^3` products of paths:
    the second moment of a sum over paths is counted path by path.
    """
    layers = [RandomLayer((1,), 1.0, 1.0, 2)] * 3
    paths = [(a, b) for a in range(2) for b in range(2)]
    # A weight that two paths share has E w^2 = 2, else E w^2 = 1.
    counted = sum(
        2 ** ((a == c) + (a == c and b == d) + (b == d))
        for a, b in paths
        for c, d in paths
    )
    found = float(jnp.exp(log_second_moment(layers, 1))[0])
    assert found == pytest.approx(counted)
    assert counted != 2 * 2 * (2 * 2 * 2 + 2 * 1) + 2 * 2**2  # A.4's recursion


def test_deep_stacks_do_not_overflow():
    layers = [RandomLayer((3, 3), 0.5, 1.0, 16)] * 200
    found = np.asarray(log_second_moment(layers, (4, 4)))
    assert np.isfinite(found).all()
    assert found.max() > 1000
    flat = log_second_moment([RandomLayer((2,), 1.0, 0.0)] * 2, 4)
    np.testing.assert_allclose(flat, [4 * np.log(2), 2 * np.log(2), -np.inf, np.log(4)])


def test_moments_can_be_differentiated_and_jitted():
    def total(mean: Any, std: Any) -> Any:
        layers = [RandomLayer((3,), mean, std, 2)] * 2
        return log_second_moment(layers, 4).sum()

    slopes: Any = jax.jit(jax.grad(total, argnums=(0, 1)))(0.3, 0.5)
    step = 1e-5
    for found, (a, b) in zip(slopes, ((step, 0), (0, step)), strict=True):
        rise = total(0.3 + a, 0.5 + b) - total(0.3 - a, 0.5 - b)
        assert float(found) == pytest.approx(float(rise) / (2 * step), rel=1e-6)


def test_stacks_that_are_none():
    with pytest.raises(ValueError, match="layers is empty; one RandomLayer"):
        log_second_moment([], 4)
    with pytest.raises(
        ValueError, match=r"windows \[\(2,\), \(2, 2\)\] have different"
    ):
        expected_transfer([RandomLayer((2,), 1, 1), RandomLayer((2, 2), 1, 1)], 4)


def test_a_step_of_gradient_descent():
    """Corollary 3.4 in full: two layers, channels, biases, against `jax.grad`."""
    rng, size, step = np.random.default_rng(1), (5, 6), 0.1
    x, target = rng.normal(size=(1, *size, 2)), rng.normal(size=(1, *size, 3))
    kernels = [rng.normal(size=(3, 2, 2, 4)), rng.normal(size=(2, 3, 4, 3))]
    biases = [rng.normal(size=4), rng.normal(size=3)]

    def apply(kernel: Any, other: Any, x: Any) -> Any:
        for k, bias in zip((kernel, other), biases, strict=True):
            amount = tuple((0, n - 1) for n in k.shape[:2])
            x = jaxpad.conv(x, k, bias=bias, padding="circular", amount=amount)
        return x

    def loss(kernel: Any, other: Any) -> Any:
        return jnp.sum((apply(kernel, other, x) - target) ** 2)

    slope = jax.grad(loss)(kernels[0], kernels[1])
    moved = transfer(kernels[0] - step * slope, size) - transfer(kernels[0], size)
    # The derivative of the loss by the conjugate of the output's spectrum: Parseval.
    cells = math.prod(size)
    difference = apply(kernels[0], kernels[1], x) - target
    error = np.fft.fft2(difference, axes=(1, 2))[0] * 2 / cells
    second = np.asarray(transfer(kernels[1], size))[:, :, 0]
    arriving = np.fft.fft2(x, axes=(1, 2))[0]
    alone = np.einsum("uvdk,uvd,uvc->uvkc", second.conj(), error, arriving.conj())
    chi = np.asarray(gradient_coupling((3, 2), size))
    expected = np.zeros_like(alone)
    for u, v in np.ndindex(*size):
        for p, q in np.ndindex(*size):
            weight = chi[(u - p) % size[0], (v - q) % size[1]]
            expected[u, v] -= step * cells * weight * alone[p, q]
    np.testing.assert_allclose(moved[:, :, 0], expected, atol=1e-10)


def test_windows_as_large_as_the_image_do_not_couple():
    chi = gradient_coupling((4, 3), (4, 3))
    np.testing.assert_allclose(chi, np.eye(12)[0].reshape(4, 3), atol=1e-14)


@pytest.mark.parametrize("space", [(9,), (8, 6), (4, 3, 5)])
def test_maps_are_those_of_numpy(space: tuple[int, ...]):
    x = np.random.default_rng(2).normal(size=(3, *space, 2))
    axes = range(1, len(space) + 1)
    np.testing.assert_allclose(spectrum(x), np.fft.fftn(x, axes=axes), atol=1e-12)
    energy = (np.abs(np.fft.fftn(x, axes=axes)) ** 2).mean(axis=(0, -1))
    found = log_magnitude(x)
    for f in np.ndindex(*space):
        middle = tuple((i + n // 2) % n for i, n in zip(f, space, strict=True))
        assert found[middle] == pytest.approx(np.log10(np.sqrt(energy[f])))


@pytest.mark.parametrize("n", [8, 9, 12, 32])
def test_low_frequencies_are_the_paper_s(n: int):
    """Waves of one frequency each: low if -n/8 <= f < n/8 along both axes."""
    low = [f for f in range(n) if f < n / 8 or f >= 7 * n / 8]
    for f in range(n):
        wave = np.cos(2 * np.pi * f * np.arange(n) / n)
        image = np.broadcast_to(wave[:, None, None], (n, n, 1))[None]
        # A real wave has its mirror image too: half of each, unless they are one.
        expected = ((f in low) + ((-f) % n in low)) / 2
        assert float(low_share(image)[0]) == pytest.approx(expected, abs=1e-9)
        turned = image.swapaxes(1, 2)
        assert float(low_share(turned)[0]) == pytest.approx(expected, abs=1e-9)


def test_half_types_are_transformed_in_float32():
    x = jnp.ones((1, 4, 4, 1), jnp.bfloat16)
    assert spectrum(x).dtype == jnp.complex64
    with pytest.raises(TypeError, match="floating-point"):
        low_share(np.ones((1, 4, 4, 1), np.int32))
    with pytest.raises(ValueError, match="1, 2 or 3 space axes"):
        log_magnitude(np.ones((4, 4)))
