"""Frequencies at borders that are not circular, and under upsampling and zeros."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxpad
from jaxpad.spectral import transfer
from jaxpad.spectral.propagate import (
    Layer,
    leakage,
    own_share,
    pad_leakage,
    spectrum,
    stack_transfer,
    upsample,
    upsampling,
    zero_pad_tau,
)
from tests.oracles import LIMITS, NUMPY_MODES, numpy_pad


LINEAR = [mode for mode in NUMPY_MODES if mode != "median"]
PADDINGS = ["zero", "circular", "reflect", "symmetric", "replicate", "partial"]


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def fft(x: Any, rank: int) -> np.ndarray:
    return np.fft.fftn(x, axes=range(1, rank + 1))


@pytest.mark.parametrize("padding", [*PADDINGS, ("reflect", "zero"), "linear"])
def test_every_wave_goes_where_the_matrix_says(padding: Any):
    """By convolving the waves themselves."""
    rng, size = np.random.default_rng(0), (5, 4)
    kernel = rng.normal(size=(3, 2, 1, 2))
    options: Any = {"padding": padding, "stride": (2, 1), "groups": 2}
    matrix = np.asarray(leakage(kernel, size, **options))
    assert matrix.shape == (3, 4, 2, 5, 4, 2)
    ones = np.eye(40).reshape(40, *size, 2)
    waves: Any = np.fft.ifftn(ones, axes=(1, 2))
    y = [jaxpad.conv(part, kernel, **options) for part in (waves.real, waves.imag)]
    expected = fft(np.asarray(y[0]) + 1j * np.asarray(y[1]), 2)
    np.testing.assert_allclose(
        matrix.reshape(24, 40).T, expected.reshape(40, 24), atol=1e-12
    )


def test_circular_padding_mixes_nothing():
    """Theorem 3.2: the diagonal is the transfer, which a stack has too."""
    kernel = np.random.default_rng(1).normal(size=(3, 3, 2, 3))
    matrix = leakage(kernel, (4, 5), padding="circular", amount=(0, 2))
    diagonal = np.einsum("uvouvi->uvoi", matrix)
    np.testing.assert_allclose(diagonal, transfer(kernel, (4, 5))[:, :, 0], atol=1e-12)
    np.testing.assert_allclose(own_share(matrix), 1, atol=1e-12)
    matrix = leakage(kernel, (4, 5), padding="circular")
    stack = stack_transfer([Layer(kernel)], (4, 5))
    diagonal = np.einsum("uvouvi->uvoi", matrix)
    np.testing.assert_allclose(diagonal, stack.transfer, atol=1e-12)


def test_zero_padding_is_the_closed_form():
    """Pad to n + k - 1, multiply by the transfer of that size, crop: by finite sums."""
    n, k = 8, 3
    kernel = np.random.default_rng(2).normal(size=(k, 1, 1))
    wide = n + k - 1
    cells, u = np.arange(n), np.arange(wide)[:, None]

    def waves(f: np.ndarray) -> np.ndarray:
        turns = np.multiply.outer(f, cells)
        return np.exp(2j * np.pi * (u[..., None] / wide * cells - turns[None] / n))

    # The padded image starts one cell early, and so does the first window.
    sums = waves(np.arange(n)).sum(axis=-1)  # [u, f]
    response = np.asarray(transfer(kernel, wide))[:, 0, 0, 0] * np.exp(
        -2j * np.pi * np.arange(wide) / wide
    )
    expected = np.einsum("ug,u,uf->gf", sums, response, sums.conj()) / wide / n
    matrix = np.asarray(leakage(kernel, n, padding="zero"))[:, 0, :, 0]
    np.testing.assert_allclose(matrix, expected, atol=1e-12)


@pytest.mark.parametrize("mode", LINEAR)
@pytest.mark.parametrize("widths", [(0, 2), (1, 0), (3, 4)])
def test_padding_alone_against_numpy(mode: str, widths: tuple[int, int]):
    n = 6
    assert max(widths) <= LIMITS.get(mode, lambda n: 99)(n)
    x = np.random.default_rng(3).normal(size=n)
    found = np.asarray(pad_leakage(n, widths, mode)) @ np.fft.fft(x)
    # A constant adds its own spectrum, which is no part of a linear map.
    padded = numpy_pad(x, [widths], mode) - numpy_pad(0 * x, [widths], mode)
    np.testing.assert_allclose(found, np.fft.fft(padded), atol=1e-11)


def test_shares_are_those_of_the_energy():
    kernel = np.random.default_rng(4).normal(size=(3, 3, 2, 1))
    matrix = np.asarray(leakage(kernel, (4, 6), padding="zero"))
    found = np.asarray(own_share(matrix))
    for u, v in itertools.product(range(4), range(6)):
        energy = (np.abs(matrix[:, :, :, u, v]) ** 2).sum(axis=(2, 3))
        assert found[u, v] == pytest.approx(energy[u, v] / energy.sum())
    assert found.max() < 0.999


@pytest.mark.parametrize(
    ("size", "stride", "amount", "own"),
    [
        (6, 2, "same", [0, 1, 2, 0, 1, 2]),  # folded
        (5, 1, "valid", [0, 1, 1, 2, 2]),  # to 3: 0, 0.6, 1.2, -1.2, -0.6
        (4, 1, "full", [0, 1, 3, 5]),  # to 6: 0, 1.5, -3, -1.5
    ],
)
def test_the_own_frequency_of_another_size(size: int, stride: int, amount: Any, own):
    kernel = np.random.default_rng(5).normal(size=(3, 1, 1))
    matrix = np.asarray(leakage(kernel, size, stride=stride, amount=amount))
    found = own_share(matrix, stride=stride)
    energy = np.abs(matrix[:, 0, :, 0]) ** 2
    expected = energy[own, range(size)] / energy.sum(axis=0)
    np.testing.assert_allclose(found, expected)


def test_a_mode_that_is_not_linear_is_told():
    with pytest.raises(ValueError, match="median"):
        leakage(np.ones((3, 1, 1)), 6, padding="median")


METHODS = ("zero", "nearest", "bilinear")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1, 2, 3, (2, 3)])
def test_upsampling_is_that_of_the_image(method: Any, scale: Any):
    """Theorem 4.4 and its extensions, by enlarging the image itself."""
    x = np.random.default_rng(6).normal(size=(2, 4, 5, 2))
    one = np.eye(2)[None, None]
    scales = (scale, scale) if isinstance(scale, int) else scale
    if method == "zero":
        big = np.zeros((2, 4 * scales[0], 5 * scales[1], 2))
        big[:, :: scales[0], :: scales[1]] = x
    else:
        big = jaxpad.resize_conv(x, one, scale=scale, method=method, padding="circular")
    found = upsample(spectrum(x), scale, method)
    np.testing.assert_allclose(found, fft(big, 2), atol=1e-12)


def test_upsampling_by_no_method():
    with pytest.raises(ValueError, match='\'cubic\': expected "zero", "nearest"'):
        upsampling(4, 2, "cubic")


def test_zeros_spread_the_mean():
    """Theorem 4.3 by sampling: 40,000 images, five standard errors."""
    rng, a, s = np.random.default_rng(7), 0.7, 0.5
    images = a + s * rng.normal(size=(40_000, 4, 3))
    energy = np.abs(np.fft.fft2(images, s=(6, 4), axes=(1, 2))) ** 2
    tau = np.asarray(zero_pad_tau((4, 3), (6, 4)))
    expected = 12 * s**2 + a**2 * tau**2
    expected[0, 0] = 12 * s**2 + a**2 * 12**2
    error = energy.std(axis=0) / np.sqrt(len(images))
    assert (np.abs(energy.mean(axis=0) - expected) < 5 * error).all()


@pytest.mark.parametrize(("size", "padded"), [(3, 5), ((4, 4), (4, 6)), ((2, 3), 9)])
def test_tau_is_the_spectrum_of_ones(size: Any, padded: Any):
    tau = np.asarray(zero_pad_tau(size, padded))
    ones = np.ones(size)
    expected = np.abs(np.fft.fftn(ones, s=tau.shape, axes=range(tau.ndim)))
    expected[(0,) * tau.ndim] = 0
    np.testing.assert_allclose(tau, expected, atol=1e-12)


def test_padding_to_less_is_told():
    with pytest.raises(
        ValueError, match=r"padded=\(4, 4\) is smaller than size=\(4, 5"
    ):
        zero_pad_tau((4, 5), 4)


def test_the_result_of_float32_is_complex64():
    with jax.enable_x64(False):
        matrix = leakage(jnp.ones((3, 1, 1)), 4)
        assert matrix.dtype == jnp.complex64
        assert own_share(matrix).dtype == jnp.float32
        assert upsample(spectrum(jnp.ones((1, 4, 1))), 2).dtype == jnp.complex64
