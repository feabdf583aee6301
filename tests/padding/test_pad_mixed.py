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
from tests.subjects import MODE_SPECS, SHAPES, SPECIAL, WIDTHS, integers, subject


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
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6, strict=True)


@every_mode
def test_the_order_of_axes_is_the_order_given(mode: str):
    x, (rows, columns) = integers(SHAPES[2]), WIDTHS[2]
    got = jaxpad.pad(x, [columns, rows], (mode, "zero"), axes=(1, 0))
    expected = one_axis(one_axis(x, 1, columns, mode), 0, rows, "zero")
    np.testing.assert_array_equal(got, expected, strict=True)


def test_a_mode_with_options_is_one_mode_on_both_sides():
    """Its padding on a side may depend on the width of the other."""
    x, mode = integers((9,)), "distribution(extension='interpolate', patch=1)"
    got = jaxpad.pad(x, (1, 4), (mode,))
    np.testing.assert_array_equal(got, jaxpad.pad(x, (1, 4), mode), strict=True)
    apart = jaxpad.pad(x, (1, 4), ((mode, mode),))
    assert not np.allclose(got, apart)


# The patches of distribution reach over all axes that it is called for.
@pytest.mark.parametrize("mode", [m for m in MODE_SPECS if m != "distribution"])
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


@pytest.mark.parametrize("mode", ["random", "c2sp"])
def test_a_mode_that_moves_the_image_fills_no_side_alone(mode: str):
    text = "moves the real cells, so it cannot fill one side alone"
    for sides in ((mode, "zero"), ("reflect", mode)):
        with pytest.raises(ValueError, match=text):
            jaxpad.pad(jnp.ones((4, 8)), 1, (sides,), axes=[0])
    y = jaxpad.pad(jnp.ones((4, 8)), (0, 1), ((mode, mode),), axes=[0])
    assert y.shape == (5, 8)


@pytest.mark.parametrize(
    "mode",
    [n for n in SPECIAL if "interior" in MODES.laws[n]],
)
def test_modes_with_parameters_per_axis_and_per_side(mode: str):
    """A side filled alone gets what it gets when both are filled."""
    learned, x, _ = subject(mode, 2)
    both = jaxpad.pad(x, (2, 1), (learned,), axes=[0])
    before = jaxpad.pad(x, (2, 1), ((learned, "circular"),), axes=[0])
    after = jaxpad.pad(x, (2, 1), (("circular", learned),), axes=[0])
    np.testing.assert_allclose(before[:-1], both[:-1], rtol=1e-6)
    np.testing.assert_allclose(after[-1], both[-1], rtol=1e-6)
    mixed = jaxpad.pad(x, (2, 1), (learned, "zero"), axes=[0, 1])
    np.testing.assert_allclose(mixed[:, 2:-1], both, rtol=1e-6)


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
