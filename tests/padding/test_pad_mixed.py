"""Modes per axis and per side, and modes that a user brings along."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import jaxpad
from jaxpad.padding import MODES
from tests.oracles import NUMPY_MODES, numpy_pad
from tests.subjects import MODE_SPECS, SHAPES, WIDTHS, integers


every_mode = pytest.mark.parametrize("mode", MODE_SPECS)
numpy_modes = [m for m in MODE_SPECS if m in NUMPY_MODES]


def neighbours(modes: list[str]) -> list[tuple[str, str]]:
    """Each mode with two others after it."""
    n = len(modes)
    return [(modes[i], modes[(i + step) % n]) for i in range(n) for step in (1, n // 2)]


def one_axis(x: Any, axis: int, pair: tuple[int, int], mode: Any) -> np.ndarray:
    return np.asarray(jaxpad.pad(x, [pair], mode, axes=[axis]))


@pytest.mark.parametrize(("first", "second"), neighbours(numpy_modes))
def test_the_later_axis_owns_the_corners(first: str, second: str):
    x, (rows, columns) = integers(SHAPES[2]), WIDTHS[2]
    expected = numpy_pad(x, [rows, (0, 0)], first)
    expected = numpy_pad(expected, [(0, 0), columns], second)
    got = jaxpad.pad(x, [rows, columns], (first, second))
    np.testing.assert_array_equal(got, expected, strict=True)


@every_mode
def test_the_order_of_axes_is_the_order_given(mode: str):
    x, (rows, columns) = integers(SHAPES[2]), WIDTHS[2]
    got = jaxpad.pad(x, [columns, rows], (mode, "zero"), axes=(1, 0))
    expected = one_axis(one_axis(x, 1, columns, mode), 0, rows, "zero")
    np.testing.assert_array_equal(got, expected, strict=True)


@every_mode
def test_one_mode_for_all_axes_is_that_mode_per_axis(mode: str):
    x, widths = integers(SHAPES[3]), WIDTHS[3]
    each = jaxpad.pad(x, widths, (mode, (mode, mode), mode))
    np.testing.assert_array_equal(jaxpad.pad(x, widths, mode), each, strict=True)


@pytest.mark.parametrize(("lo", "hi"), neighbours(MODE_SPECS))
def test_each_side_has_its_mode(lo: str, hi: str):
    x = integers((6,))
    got = jaxpad.pad(x, (3, 2), ((lo, hi),))
    before, after = jaxpad.pad(x, (3, 0), lo), jaxpad.pad(x, (0, 2), hi)
    expected = np.concatenate([before[:3], after])
    np.testing.assert_array_equal(got, expected, strict=True)


@jaxpad.source
def antipodal(i: int, n: int) -> int:
    """The cell half way round."""
    return (i + n // 2) % n


@jaxpad.affine
def odd_reflect(i: int, n: int):
    """NumPy's reflect_type="odd"."""
    edge = 0 if i < 0 else n - 1
    return [(2, edge), (-1, 2 * edge - i)], 0


@jaxpad.affine
def mean_of_ends(i: int, n: int, *, shift: float = 0.0):
    return [(0.5, 0), (0.5, n - 1)], shift


def test_a_registered_mode_is_a_padding_too(monkeypatch: pytest.MonkeyPatch):
    x = integers((6,))
    expected = np.concatenate([x[1:3], x, x[3:5]])
    np.testing.assert_array_equal(jaxpad.pad(x, 2, antipodal), expected)
    with pytest.raises(ValueError, match="unknown padding mode 'antipodal'"):
        jaxpad.pad(x, 2, "antipodal")
    monkeypatch.setattr(MODES, "_entries", dict(MODES._entries))
    MODES.register(antipodal)
    np.testing.assert_array_equal(jaxpad.pad(x, 2, "antipodal"), expected)
    kernel = np.eye(5, dtype=np.float32)[:, :, None][:, :1]
    y = jaxpad.conv(x[None, :, None], kernel, padding="antipodal", amount=2)
    np.testing.assert_array_equal(y[0, :, 0], expected[:6])
    assert "antipodal" in jaxpad.PADDINGS


@pytest.mark.parametrize("widths", [[(3, 2), (1, 4)], [(0, 1), (2, 0)]])
def test_an_affine_mode(widths: Any):
    x = integers((4, 6))
    expected = np.pad(x, widths, "reflect", reflect_type="odd")
    np.testing.assert_array_equal(jaxpad.pad(x, widths, odd_reflect), expected)


def test_an_affine_mode_with_fractions_and_an_option():
    x = jnp.array([1.0, 5.0, 2.0])
    mode = functools.partial(mean_of_ends, shift=10.0)
    np.testing.assert_array_equal(
        jaxpad.pad(x, 1, mode), np.array([11.5, 1, 5, 2, 11.5], np.float32)
    )
    with pytest.raises(ValueError, match=r"0\.5.*int32\s+cannot hold"):
        jaxpad.pad(jnp.arange(3), 1, mean_of_ends)


@pytest.mark.parametrize(
    "mode", [functools.partial(jnp.pad, mode="wrap"), "jax.numpy:pad(mode='wrap')"]
)
def test_any_callable(mode: Any):
    x, widths = integers(SHAPES[2]), WIDTHS[2]
    expected = np.pad(x, widths, "wrap")
    np.testing.assert_array_equal(jaxpad.pad(x, widths, mode), expected, strict=True)
    got = jaxpad.pad(x, widths, (mode, ("circular", mode)))
    np.testing.assert_array_equal(got, expected, strict=True)


class Learned(nnx.Module):
    """A constant that is a parameter."""

    def __init__(self, value: float):
        self.value = nnx.Param(jnp.asarray(value))

    def __call__(self, x: jax.Array, widths: Any) -> jax.Array:
        value = self.value[...].astype(x.dtype)
        return value + jnp.pad(x - value, widths)


def test_a_module_gets_a_gradient():
    x, widths = integers(SHAPES[2]), WIDTHS[2]
    mode = Learned(3.0)
    np.testing.assert_array_equal(
        jaxpad.pad(x, widths, mode), np.pad(x, widths, constant_values=3.0)
    )
    grads = nnx.grad(lambda m: jaxpad.pad(x, widths, m).sum())(mode)
    cells = np.pad(x, widths).size - x.size
    np.testing.assert_allclose(grads.value[...], cells)
