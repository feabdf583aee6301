"""Laws of `jaxpad.pad` under jax's transformations, over every padding mode."""

import functools
import re

import chex
import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pytest
from absl.testing import parameterized
from jax.extend import core
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P

import jaxpad
from tests.subjects import (
    MODE_SPECS,
    SHAPES,
    SPECIAL,
    WIDTHS,
    claiming,
    integers,
    subject,
)


every_mode = pytest.mark.parametrize("mode", MODE_SPECS)
special_too = pytest.mark.parametrize("mode", [*MODE_SPECS, *SPECIAL])
every_rank = pytest.mark.parametrize("rank", [1, 2, 3])

COMPILATIONS: list[str] = []


def _count_compilation(event: str, duration_secs: float, **_: str | int) -> None:
    if event == "/jax/core/compile/backend_compile_duration":
        COMPILATIONS.append(event)


jax.monitoring.register_event_duration_secs_listener(_count_compilation)


def primitives(jaxpr: core.Jaxpr) -> set[str]:
    """Names of all primitives in a program, those of its inner programs too."""
    names = {eqn.primitive.name for eqn in jaxpr.eqns}
    return names.union(*map(primitives, core.subjaxprs(jaxpr)))


class Variants(chex.TestCase):
    @chex.variants(  # pyright: ignore[reportCallIssue]
        with_jit=True, without_jit=True, with_device=True
    )
    @parameterized.parameters(*claiming("transforms"))
    def test_jit_equals_eager(self, mode: str):
        mode, x, widths = subject(mode, 2)
        f = functools.partial(jaxpad.pad, widths=widths, mode=mode)
        with jax.disable_jit():
            expected = f(x)
        got: jax.Array = self.variant(f)(x)
        chex.assert_trees_all_close(got, expected, rtol=1e-5, atol=1e-5)
        assert got.dtype == expected.dtype


@pytest.mark.parametrize("mode", claiming("transforms"))
def test_vmap_equals_one_by_one(mode: str):
    images = [subject(mode, 2, seed)[1] for seed in range(3)]
    mode, _, widths = subject(mode, 2)
    f = jax.jit(functools.partial(jaxpad.pad, widths=widths, mode=mode))
    expected = np.stack([f(x) for x in images])
    for axis in (0, 1):
        got = jax.jit(jax.vmap(f, axis))(np.stack(images, axis))
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5, strict=True)


@every_mode
def test_sharded_batch_equals_one_device(mode: str):
    mesh = jax.make_mesh((8,), ("batch",), axis_types=(AxisType.Auto,))
    batch = NamedSharding(mesh, P("batch"))
    x = integers((16, *SHAPES[2]))
    f = functools.partial(jaxpad.pad, widths=WIDTHS[2], mode=mode, axes=(1, 2))
    y = jax.jit(f)(jax.device_put(x, batch))
    assert y.sharding.is_equivalent_to(batch, y.ndim)
    np.testing.assert_allclose(y, f(x), rtol=1e-5, atol=1e-5, strict=True)


@every_mode
def test_second_call_compiles_nothing(mode: str):
    chex.clear_trace_counter()
    x = jax.device_put(integers(SHAPES[2]))

    def f(x: jax.Array) -> jax.Array:
        return jaxpad.pad(x, WIDTHS[2], mode)

    for g in (f, jax.jit(chex.assert_max_traces(f, n=1))):
        g(x)
        before = len(COMPILATIONS)
        g(x)
        assert len(COMPILATIONS) == before


def test_the_compilations_are_counted():
    before = len(COMPILATIONS)
    jax.jit(lambda x: x + 123)(jnp.ones(7))
    assert len(COMPILATIONS) > before


@pytest.mark.parametrize(
    "mode",
    # No gradient goes through the cells of distribution.
    [m for m in claiming("affine") if m != "distribution"],
)
@every_rank
def test_gradient_is_the_transpose(mode: str, rank: int):
    """`<f(x + v) - f(x), u> == <v, f's vjp of u>`, of whole numbers."""
    (mode, x, widths), (_, v, _) = subject(mode, rank), subject(mode, rank, seed=1)
    f = jax.jit(functools.partial(jaxpad.pad, widths=widths, mode=mode))
    y = np.asarray(f(x))
    u = integers(y.shape, seed=2)
    (backward,) = jax.jit(lambda x, u: jax.vjp(f, x)[1](u))(x, u)
    forward = np.sum((np.asarray(f(x + v)) - y) * u)
    np.testing.assert_allclose(forward, np.sum(v * backward), rtol=1e-5, atol=1e-2)


@pytest.mark.parametrize("mode", [m for m in MODE_SPECS if m != "distribution"])
def test_gradient_equals_finite_differences(mode: str):
    f = jax.jit(functools.partial(jaxpad.pad, widths=WIDTHS[2], mode=mode))
    # Far from each other, since a median changes hands where two cells are equal.
    x = np.random.default_rng(0).permutation(35).reshape(SHAPES[2]).astype(np.float32)
    jax.test_util.check_grads(f, (x / 8,), order=1, atol=0.02, rtol=0.02)


@special_too
@every_rank
def test_no_gather_and_no_scatter(mode: str, rank: int):
    mode, x, widths = subject(mode, rank)
    f = functools.partial(jaxpad.pad, widths=widths, mode=mode)
    forward = jax.make_jaxpr(f)(x)
    backward = jax.make_jaxpr(lambda x, u: jax.vjp(f, x)[1](u))(x, f(x))
    for program in (forward, backward):
        found = primitives(program.jaxpr)
        assert not [name for name in found if re.search("gather|scatter", name)]


def test_a_gather_would_be_found():
    f = jax.jit(lambda x: x[jnp.array([2, 0])])
    assert "gather" in primitives(jax.make_jaxpr(f)(jnp.ones(3)).jaxpr)
    backward = jax.make_jaxpr(jax.grad(lambda x: f(x).sum()))(jnp.ones(3))
    assert any("scatter" in name for name in primitives(backward.jaxpr))
