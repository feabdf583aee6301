"""Turns of the determinant, against roots of polynomials and kernels that are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpad.orthogonal import orthogonal_kernel, orthogonal_parameters, winding


def lone_taps(window: tuple[int, ...], taps: list[tuple[int, ...]]) -> np.ndarray:
    """Channel `c` is moved by `taps[c]`: each adds one turn a cell."""
    kernel = np.zeros((*window, len(taps), len(taps)), np.float32)
    for channel, tap in enumerate(taps):
        kernel[(*tap, channel, channel)] = 1
    return kernel


def test_channels_that_are_moved():
    found = winding(lone_taps((3, 4), [(0, 1), (2, 3), (1, 1)]))
    assert found.lowest.tolist() == found.highest.tolist() == [[3, 5]]
    assert found.signs.tolist() == [1]
    assert found.reachable


def test_groups_have_turns_of_their_own():
    kernel = np.concatenate(
        [lone_taps((3, 3), [(0, 0), (1, 2)]), lone_taps((3, 3), [(2, 2), (2, 0)])], -1
    )
    assert winding(kernel, groups=2).lowest.tolist() == [[1, 2], [4, 2]]


def roots_inside(polynomial: np.ndarray) -> int:
    """The argument principle: as many turns along the circle as roots inside."""
    return int(np.sum(np.abs(np.roots(polynomial[::-1])) < 1))


def determinant(taps: np.ndarray) -> np.ndarray:
    """Coefficients of `det sum_t taps[t] z^t`, by its values at roots of unity."""
    n = taps.shape[-1] * (len(taps) - 1) + 1
    z = np.exp(2j * np.pi * np.arange(n) / n)
    values = np.einsum("nt,tij->nij", z[:, None] ** np.arange(len(taps)), taps)
    return np.fft.fft(np.linalg.det(values)) / n


@pytest.mark.parametrize("seed", range(6))
def test_one_axis_counts_roots(seed: int):
    kernel = np.random.default_rng(seed).normal(size=(4, 3, 3)).astype(np.float32)
    expected = roots_inside(determinant(kernel))
    assert winding(kernel).lowest.tolist() == [[expected]]
    assert winding(kernel).highest.tolist() == [[expected]]


def test_a_stride_counts_roots_of_the_phases():
    kernel = np.random.default_rng(1).normal(size=(6, 2, 4)).astype(np.float32)
    blocks = kernel.reshape(3, 2, 2, 4).reshape(3, 4, 4)  # taps 2q + p as phase p
    expected = roots_inside(determinant(blocks))
    assert winding(kernel, stride=2).lowest.tolist() == [[expected]]


@pytest.mark.parametrize("seed", range(3))
def test_two_axes_count_roots_on_each_line(seed: int):
    kernel = np.random.default_rng(seed).normal(size=(3, 3, 3, 3)).astype(np.float32)
    found = winding(kernel)
    for axis in (0, 1):
        along = np.moveaxis(kernel, axis, 0)
        waves = np.exp(
            1j * np.multiply.outer(2 * np.pi * np.arange(200) / 200, range(3))
        )
        lines = np.einsum("lu,tuij->ltij", waves, along)
        turns = [roots_inside(determinant(line)) for line in lines]
        # Its own lines are fewer, and may miss an extreme.
        assert min(turns) <= found.lowest[0, axis] <= min(turns) + 1
        assert max(turns) - 1 <= found.highest[0, axis] <= max(turns)
    assert not found.reachable


def test_the_signs_are_of_the_real_frequencies():
    kernel = np.random.default_rng(5).normal(size=(3, 2, 2, 2)).astype(np.float32)
    expected = 1
    for a in (1, -1):
        for b in (1, -1):
            signs = np.multiply.outer([1, a, 1], [1, b])
            expected *= np.sign(np.linalg.det(np.einsum("tu,tuij->ij", signs, kernel)))
    assert winding(kernel).signs.tolist() == [expected]
    assert winding(np.zeros((3, 3, 2, 2), np.float32)).signs.tolist() == [0]


@pytest.mark.parametrize(
    ("features", "window"), [(4, (3,)), (3, (5, 3)), (2, (3, 3, 3))]
)
def test_orthogonal_kernels_turn_as_their_centre(
    features: int, window: tuple[int, ...]
):
    arguments = (features, features, window)
    free = orthogonal_parameters(jax.random.key(0), *arguments)
    found = winding(orthogonal_kernel(free, *arguments))
    centre = [[features * (taps // 2) for taps in window]]
    assert found.lowest.tolist() == found.highest.tolist() == centre


def test_what_has_no_determinant_is_refused():
    with pytest.raises(ValueError, match="has 3 outputs for 2 input numbers in each"):
        winding(jnp.ones((3, 3, 2, 3)))
    with pytest.raises(ValueError, match="There is no orthogonal kernel: a 1 kernel"):
        winding(jnp.ones((1, 2, 4)), stride=2)


def test_a_singular_kernel_is_not_reachable():
    assert not winding(np.zeros((3, 3, 4, 4), np.float32)).reachable
    with pytest.raises(ValueError, match="not finite"):
        winding(np.full((3, 4, 4), np.inf, np.float32))
