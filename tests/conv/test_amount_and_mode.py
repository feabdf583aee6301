"""The amount alone decides which cells are sampled; the mode only fills cells."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import jaxpad
from tests.oracles import amount_widths
from tests.subjects import MODE_SPECS


GRIDS = [
    ("same", 3),
    ("same", 4),
    ("same_lower", 4),
    ("half", 3),
    ("causal", 3),
    (1, 4),
    ((2, 1), 3),
]
CELLS = 8  # even, where SAME at stride 2 is lopsided


def taps(kernel_size: int) -> jax.Array:
    """A kernel `[k, 1, k]` whose channel t is tap t alone."""
    return jnp.eye(kernel_size)[:, None, :]


def numbered(cells: int) -> jax.Array:
    """An image that holds each cell's number, from 1."""
    return jnp.arange(1.0, cells + 1)[None, :, None]


@pytest.mark.parametrize("mode", MODE_SPECS)
@pytest.mark.parametrize(("amount", "k"), GRIDS)
def test_every_mode_samples_the_same_grid(mode: str, amount: Any, k: int):
    for stride in (1, 2, 3):
        lo, hi = amount_widths(amount, CELLS, k, stride, 1)
        seen = jaxpad.conv(
            numbered(CELLS), taps(k), stride=stride, padding=mode, amount=amount
        )[0]
        outputs = (CELLS + lo + hi - k) // stride + 1
        assert seen.shape == (outputs, k)
        cell = np.arange(outputs)[:, None] * stride - lo + np.arange(k)
        inside = (cell >= 0) & (cell < CELLS)
        np.testing.assert_array_equal(seen[inside], cell[inside] + 1.0)


def flax_centres(padding: str, stride: int) -> list[float]:
    layer = nnx.Conv(1, 1, 3, stride, padding=padding, use_bias=False, rngs=nnx.Rngs(0))
    layer.kernel[...] = taps(3)[..., 1:2]
    return layer(numbered(CELLS))[0, :, 0].tolist()


def jaxpad_centres(padding: str, stride: int) -> list[float]:
    y = jaxpad.conv(numbered(CELLS), taps(3), stride=stride, padding=padding)
    return y[0, :, 1].tolist()


def test_flax_samples_another_grid():
    """Why amount and mode are two arguments: in flax one string sets both."""
    assert flax_centres("SAME", 2) == [2, 4, 6, 8]
    assert flax_centres("CIRCULAR", 2) == flax_centres("REFLECT", 2) == [1, 3, 5, 7]
    for mode in MODE_SPECS:
        assert jaxpad_centres(mode, 2) == [2, 4, 6, 8]


@pytest.mark.parametrize("mode", MODE_SPECS)
def test_a_padding_s_own_amount_comes_first(mode: str):
    padding = jaxpad.Padding(mode, amount="half")
    x, kernel = numbered(CELLS), taps(3)
    got = jaxpad.conv(x, kernel, stride=2, padding=padding, amount="same")
    expected = jaxpad.conv(x, kernel, stride=2, padding=mode, amount="half")
    np.testing.assert_array_equal(got, expected)
    assert got[0, :, 1].tolist() == [1, 3, 5, 7]
