"""Mixed modes, precision and gradients of `jaxpad.conv`."""

import functools
import itertools
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P

import jaxpad
from tests import oracles
from tests.subjects import MODE_SPECS, PADDING_SPECS, integers


KERNEL = integers((3, 3, 2, 3), seed=1)
OTHERS = ["circular", "replicate", "constant(value=1.0)", "reflect"]


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("zero_first", [True, False])
def test_corners_of_mixed_modes(other: str, zero_first: bool):
    """XLA may pad the zero axis only where that gives the corners of `pad`."""
    modes = ("zero", other) if zero_first else (other, "zero")
    x = integers((2, 5, 6, 2))
    padded = np.asarray(jaxpad.pad(x, [(2, 1), (1, 3)], modes, axes=(1, 2)))
    expected = oracles.correlate(padded, KERNEL, (1, 1), (1, 1))
    for strategy in ("auto", "explicit"):
        got = jaxpad.conv(
            x, KERNEL, padding=modes, amount=((2, 1), (1, 3)), strategy=strategy
        )
        np.testing.assert_allclose(got, expected)


@pytest.mark.parametrize("modes", list(itertools.permutations(MODE_SPECS[:4], 3)))
def test_three_axes_with_a_mode_each(modes: tuple[str, str, str]):
    x, kernel = integers((1, 4, 3, 5, 1)), integers((2, 3, 2, 1, 1), seed=1)
    widths = [(1, 2), (1, 1), (2, 0)]
    sides = (modes[0], (modes[1], modes[2]), modes[2])
    padded = np.asarray(jaxpad.pad(x, widths, sides, axes=(1, 2, 3)))
    expected = oracles.correlate(padded, kernel, (1, 1, 1), (1, 1, 1))
    got = jaxpad.conv(x, kernel, padding=sides, amount=tuple(widths))
    np.testing.assert_allclose(got, expected)


@pytest.mark.parametrize("padding", PADDING_SPECS)
def test_gradients_of_the_strategies_are_equal(padding: str):
    x, bias = integers((2, 7, 6, 2)), jnp.arange(3.0)

    def loss(x: Any, kernel: Any, bias: Any, strategy: str) -> jax.Array:
        y = jaxpad.conv(
            x,
            kernel,
            stride=(2, 1),
            padding=padding,
            amount=2,
            bias=bias,
            strategy=strategy,
        )
        return jnp.sum(y * jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape))

    gradients = jax.jit(jax.grad(loss, argnums=(0, 1, 2)), static_argnums=3)
    auto, explicit = (gradients(x, KERNEL, bias, s) for s in ("auto", "explicit"))
    for a, e in zip(auto, explicit, strict=True):
        assert np.all(np.isfinite(a))
        assert np.any(a != 0)
        np.testing.assert_allclose(a, e, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("padding", PADDING_SPECS)
@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_half_precision(padding: str, dtype: Any):
    x, kernel = integers((2, 7, 6, 2)), KERNEL
    bias = jnp.arange(3.0)
    y32, y16 = (
        jaxpad.conv(x.astype(t), kernel.astype(t), padding=padding, bias=bias.astype(t))
        for t in (jnp.float32, dtype)
    )
    assert y16.dtype == dtype
    tolerance = float(2 * jnp.finfo(dtype).eps)
    y16 = np.asarray(y16, np.float32)
    np.testing.assert_allclose(y16, y32, rtol=tolerance, atol=30 * tolerance)


@pytest.mark.parametrize("padding", PADDING_SPECS)
def test_a_batch_on_eight_devices(padding: str):
    mesh = jax.make_mesh((8,), ("batch",), axis_types=(AxisType.Auto,))
    x = integers((8, 6, 5, 2))
    sharded = jax.device_put(x, NamedSharding(mesh, P("batch")))
    conv = jax.jit(lambda x: jaxpad.conv(x, KERNEL, padding=padding))
    y = conv(sharded)
    assert len(y.sharding.device_set) == 8
    assert y.addressable_shards[0].data.shape[0] == 1
    np.testing.assert_allclose(y, conv(x), rtol=1e-6)


@pytest.mark.parametrize("padding", PADDING_SPECS)
def test_vmap_equals_one_by_one(padding: str):
    x, kernels = integers((3, 2, 6, 5, 2)), integers((3, 3, 3, 2, 3), seed=2)
    got = jax.vmap(lambda x, k: jaxpad.conv(x, k, padding=padding))(x, kernels)
    for i in range(3):
        one = jaxpad.conv(x[i], kernels[i], padding=padding)
        np.testing.assert_allclose(got[i], one, rtol=1e-5, atol=1e-5)


def test_zero_padding_is_left_to_xla():
    """Under "auto" no padded copy is made of what XLA pads itself."""
    x = jnp.ones((1, 6, 6, 2))

    def program(padding: str, strategy: str) -> str:
        conv = functools.partial(jaxpad.conv, padding=padding, strategy=strategy)
        return str(jax.make_jaxpr(conv)(x, KERNEL))

    for padding in ("zero", "partial", "partial_sqrt", "valid"):
        assert not re.search(r" (pad|concatenate)\[", program(padding, "auto"))
    assert "concatenate[" in program("zero", "explicit")


def test_mode_that_fills_all_axes_at_once_is_called_once_by_every_operation():
    def joint(x: jax.Array, widths: Any) -> jax.Array:
        return jnp.pad(x, widths, constant_values=10.0 * sum(any(w) for w in widths))

    x = jnp.ones((1, 6, 6, 2))
    assert jaxpad.pad(x, 1, joint, axes=(1, 2)).max() == 20
    pooled = jaxpad.max_pool(x, (3, 3), stride=1, amount=1, padding=joint)
    assert pooled.max() == 20


def test_missing_cells_that_cannot_be_counted_by_axis_are_refused():
    padding = jaxpad.Padding(("zero", "constant(value=1.0)"), reweight="partial")
    x, kernel = jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 1))
    with pytest.raises(ValueError, match="Name the zero axis last"):
        jaxpad.conv(x, kernel, padding=padding)
    last = jaxpad.Padding(("constant(value=1.0)", "zero"), reweight="partial")
    np.testing.assert_allclose(jaxpad.conv(x, kernel, padding=last)[0, 0, 0, 0], 9)


def test_reweight_that_says_unseen_of_a_seen_window_is_refused():
    padding = jaxpad.Padding(reweight=lambda count, window: 1.0 * (count == window))
    x, kernel = jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 1))
    with pytest.raises(ValueError, match="Return a positive factor"):
        jaxpad.conv(x, kernel, padding=padding)
