"""Every strategy gives the numbers of the padded image written out."""

import random
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxpad
from jaxpad.conv import STRATEGIES, choose
from jaxpad.conv.geometry import geometry
from tests.subjects import MODE_SPECS, integers


# The kernel does less and halo needs a mesh: they are held in files of their own.
ALONE = ("explicit", "kernel", "halo")
OTHERS = [name for name in STRATEGIES if name not in ALONE]
RULES = [s for s in MODE_SPECS if jaxpad.padding.rule_of(jaxpad.MODES.resolve(s))]


def random_case(seed: int) -> dict[str, Any]:
    """A convolution of whole numbers, with a mode for each side of each axis."""
    draw = random.Random(seed)
    rank = draw.choice([1, 2, 2, 3])

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw.randint(low, high) for _ in range(rank))

    groups = draw.choice([1, 2])
    return {
        "x": integers((2, *each(6, 8), 2), seed=seed),
        "kernel": integers((*each(1, 4), 2 // groups, 2), seed=seed + 1),
        "stride": each(1, 3),
        "dilation": each(1, 2),
        "groups": groups,
        "amount": tuple(zip(each(0, 4), each(0, 4), strict=True)),
        "padding": tuple((draw.choice(RULES), draw.choice(RULES)) for _ in range(rank)),
    }


@pytest.mark.parametrize("seed", range(12))
def test_strategies_agree(seed: int):
    case = random_case(seed)
    x, kernel = case.pop("x"), case.pop("kernel")
    expected = jaxpad.conv(x, kernel, strategy="explicit", **case)
    for strategy in OTHERS:
        got = jaxpad.conv(x, kernel, strategy=strategy, **case)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-4)


def curved(y: jax.Array) -> jax.Array:
    """A sum whose second derivative is not zero, and differs from cell to cell."""
    weights = jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)
    return jnp.sum(weights * y**2)


@pytest.mark.parametrize("seed", range(8))
def test_gradients_agree(seed: int):
    """Of every kind of case: even kernels, dilation, groups, a mode for each side."""
    case = random_case(seed)
    with jax.enable_x64(True):
        x, kernel = (np.float64(case.pop(name)) for name in ("x", "kernel"))

        def loss(x: Any, kernel: Any, strategy: str) -> jax.Array:
            return curved(jaxpad.conv(x, kernel, strategy=strategy, **case))

        gradients = jax.jit(jax.grad(loss, argnums=(0, 1)), static_argnums=2)
        expected = gradients(x, kernel, "explicit")
        for strategy in OTHERS:
            got = gradients(x, kernel, strategy)
            for a, b in zip(got, expected, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("padding", ["circular", "reflect", "partial", "linear"])
@pytest.mark.parametrize("strategy", OTHERS)
def test_curvature_and_half_precision_agree(padding: str, strategy: str):
    x, kernel = integers((1, 5, 6, 2)), integers((3, 2, 2, 1), seed=1)

    def conv(x: Any, strategy: str) -> jax.Array:
        return jaxpad.conv(
            x, jnp.asarray(kernel, x.dtype), padding=padding, strategy=strategy
        )

    def turned(strategy: str) -> Any:
        gradient = jax.grad(lambda x: curved(conv(x, strategy)))
        return jax.jvp(gradient, (x,), (jnp.cos(x),))[1]

    np.testing.assert_allclose(turned(strategy), turned("explicit"), rtol=1e-5, atol=1)
    half = jnp.asarray(x, jnp.bfloat16)
    got, expected = conv(half, strategy), conv(half, "explicit")
    assert got.dtype == jnp.bfloat16
    np.testing.assert_allclose(
        np.float32(got), np.float32(expected), rtol=2e-2, atol=0.5
    )


def test_strips_refuse_a_mode_that_fills_all_sides_at_once():
    x, kernel = jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 1))
    with pytest.raises(ValueError, match='use strategy="auto"'):
        jaxpad.conv(x, kernel, padding=jnp.pad, strategy="strips")


def test_strips_never_copy_the_image():
    x, kernel = jnp.ones((2, 32, 32, 4)), jnp.ones((3, 3, 4, 4))

    def temporary(strategy: str) -> int:
        def conv(x: Any, kernel: Any) -> jax.Array:
            return jaxpad.conv(x, kernel, padding="circular", strategy=strategy)

        program: Any = jax.jit(conv).lower(x, kernel).compile().memory_analysis()
        return program.temp_size_in_bytes

    assert temporary("strips") < 0.3 * x.nbytes < x.nbytes < temporary("explicit")


@pytest.mark.skipif(
    jax.__version_info__ < (0, 11), reason="XLA of jax 0.10 merges the two pads again"
)
def test_repad_keeps_the_image_and_not_its_copy():
    x, kernel = jnp.ones((4, 14, 14, 64)), jnp.ones((3, 3, 64, 64)) / 576

    def kept(padding: str, strategy: str) -> int:
        def loss(kernels: list, x: Any) -> jax.Array:
            for kernel in kernels:
                y = jnp.tanh(x)
                x = y + jaxpad.conv(y, kernel, padding=padding, strategy=strategy)
            return jnp.sum(x)

        step = jax.jit(jax.grad(loss)).lower([kernel] * 6, x).compile()
        memory: Any = step.memory_analysis()
        return memory.temp_size_in_bytes

    zero = kept("zero", "auto")
    assert kept("reflect", "repad") < 1.1 * zero
    assert kept("reflect", "explicit") > 1.15 * zero


@pytest.mark.parametrize(
    ("size", "padding", "backend", "strategy", "why"),
    [
        (14, "partial", "cpu", "built_in", "XLA adds those free"),
        (14, "reflect", "cpu", "repad", "1.31 times the image, too much to keep"),
        (56, "reflect", "cpu", "built_in", "one padded copy, 1.07 times the image"),
        (14, "reflect", "tpu", "built_in", "the cheapest on tpu"),
        (14, "reflect", "gpu", "built_in", "gpu was not measured"),
        (14, ("zero", "circular"), "cpu", "repad", "1.14 times the image"),
    ],
)
def test_auto_says_what_it_picks(
    size: int, padding: Any, backend: str, strategy: str, why: str
):
    window = geometry((size, size), (3, 3), 1, 1, "same")
    choice = choose(window, jaxpad.padding.as_padding(padding), backend)
    assert choice.strategy == strategy
    assert why in choice.why
