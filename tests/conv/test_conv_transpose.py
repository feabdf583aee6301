"""`jaxpad.conv_transpose` is the adjoint of `jaxpad.conv`, for every linear mode."""

import functools
import re
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxpad
from jaxpad import Padding
from jaxpad.padding import MODES, PADDINGS
from tests.subjects import CHANNELS, MODE_SPECS, SPECIAL, claiming, integers


class Case(NamedTuple):
    """A convolution's arguments; one entry per space axis of x, the small image."""

    space: tuple[int, ...]
    window: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...] | int
    groups: int
    amount: Any
    output_padding: tuple[int, ...] | int = 0

    def arguments(self) -> dict[str, Any]:
        return {
            "stride": self.stride,
            "dilation": self.dilation,
            "groups": self.groups,
            "amount": self.amount,
        }


CASES = [
    Case((9,), (3,), (1,), 2, 1, "same"),
    Case((7,), (4,), (3,), 1, 2, "same"),
    Case((6,), (2,), (3,), 1, 1, "same_lower"),
    Case((5, 4), (4, 3), (2, 1), (1, 2), 1, "same"),
    Case((4, 5), (3, 4), (2, 3), 1, 2, "half", (1, 2)),
    Case((12, 9), (3, 2), (1, 2), (2, 1), 3, "full", (0, 1)),
    Case((5, 6), (2, 3), (2, 2), 1, 1, "valid", (1, 0)),
    Case((6, 5), (3, 4), (1, 2), 1, 1, "causal"),
    Case((6, 7), (4, 3), (2, 1), 1, 1, ((2, 0), (1, 3)), (1, 0)),
    Case((4, 4, 3), (2, 3, 4), (1, 2, 2), 1, 2, 1, (0, 1, 1)),
    Case((3, 4, 3), (3, 2, 3), (3, 2, 1), (1, 1, 2), 1, "same"),
]

# "full" takes away more than most of the cases have; one of them has it as an amount.
LINEAR = [m for m in MODE_SPECS if m in claiming("affine")]
LINEAR += [p for p in PADDINGS if p not in MODES and p != "full"]


def numbers(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("padding", LINEAR)
def test_adjoint(padding: str):
    """`<A x, y> = <x, A' y>`; of an affine mode A is what is left without `A 0`."""
    with jax.enable_x64(True):
        for c in CASES:
            kernel = numbers((*c.window, 2, 3 * c.groups), 1)
            y = numbers((2, *c.space, 3 * c.groups), 2)
            transposed = jaxpad.conv_transpose(
                y,
                np.swapaxes(kernel, -1, -2),
                padding=padding,
                output_padding=c.output_padding,
                **c.arguments(),
            )
            x = numbers(transposed.shape, 3)
            forward = functools.partial(
                jaxpad.conv, kernel=kernel, padding=padding, **c.arguments()
            )
            ax = np.asarray(forward(x) - forward(np.zeros_like(x)))
            assert transposed.dtype == np.float64
            assert ax.shape == y.shape, c
            scale = np.linalg.norm(ax) * np.linalg.norm(y)
            difference = np.sum(ax * y) - np.sum(x * np.asarray(transposed))
            assert abs(difference) < 1e-12 * scale, c


@pytest.mark.parametrize("name", [m for m in SPECIAL if m in claiming("affine")])
def test_adjoint_of_modes_that_read_channels_or_take_arrays(name: str):
    mode, x = SPECIAL[name](2), integers((1, 6, 5, CHANNELS))
    y, kernel = integers((1, 6, 5, 3), seed=1), integers((2, 3, CHANNELS, 3), seed=2)
    ax, nothing = (
        np.asarray(jaxpad.conv(z, kernel, padding=mode)) for z in (x, np.zeros_like(x))
    )
    back = jaxpad.conv_transpose(y, np.swapaxes(kernel, -1, -2), padding=mode)
    difference = np.sum((ax - nothing) * y) - np.sum(x * np.asarray(back))
    assert abs(difference) < 1e-5 * np.linalg.norm(ax) * np.linalg.norm(y)


def loops(x: np.ndarray, kernel: np.ndarray, stride: int, lo: int, size: int) -> Any:
    """Each input cell times the kernel, put down where it belongs, on a torus."""
    y = np.zeros((size, kernel.shape[-1]))
    for i, cell in enumerate(x):
        for t, taps in enumerate(kernel):
            y[(i * stride + t - lo) % size] += cell @ taps
    return y


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("k", [3, 4, 5])
def test_circular_wraps_round(stride: int, k: int):
    x, kernel = integers((5, 2)), integers((k, 2, 3), seed=1)
    got = jaxpad.conv_transpose(x[None], kernel, stride=stride, padding="circular")
    expected = loops(x, kernel, stride, max(k - stride, 0) // 2, 5 * stride)
    np.testing.assert_allclose(got[0], expected)


def test_partial_is_the_adjoint_of_the_reweighted_convolution():
    x = jnp.ones((1, 4, 1))
    got = jaxpad.conv_transpose(x, jnp.ones((3, 1, 1)), padding="partial")
    np.testing.assert_allclose(got[0, :, 0], [2.5, 3.5, 3.5, 2.5])


@pytest.mark.parametrize("padding", ["zero", "circular", "reflect", "partial"])
def test_one_convolution_is_left(padding: str):
    """Neither the traced nor the compiled program runs the convolution forward."""
    transpose = functools.partial(jaxpad.conv_transpose, stride=2, padding=padding)
    x, kernel = jnp.ones((2, 6, 6, 4)), jnp.ones((3, 3, 4, 8))
    program = str(jax.make_jaxpr(transpose)(x, kernel))
    assert program.count("conv_general_dilated[") == 1
    assert "gather" not in program
    assert "scatter" not in program
    compiled = jax.jit(transpose).lower(x, kernel).compile().as_text()
    assert len(re.findall(r" convolution\(", str(compiled))) == 1


@pytest.mark.parametrize("padding", ["zero", "replicate", "partial", jnp.pad])
def test_transforms(padding: Any):
    x, kernels = integers((3, 2, 4, 5, 2)), integers((3, 3, 2, 2, 3), seed=1)
    conv = functools.partial(jaxpad.conv_transpose, stride=(2, 1), padding=padding)
    one_by_one = jnp.stack([conv(a, k) for a, k in zip(x, kernels, strict=True)])
    np.testing.assert_allclose(jax.jit(jax.vmap(conv))(x, kernels), one_by_one)
    weights = integers(one_by_one.shape[1:], seed=2)
    slopes = jax.grad(lambda k: jnp.sum(conv(x[0], k) * weights))(kernels[0])
    direction = integers(kernels[0].shape, seed=3)
    # Linear in the kernel, so the slope is the value itself.
    expected = np.sum(np.asarray(conv(x[0], direction)) * weights)
    np.testing.assert_allclose(np.sum(slopes * direction), expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
@pytest.mark.parametrize("padding", ["zero", "circular", "partial"])
def test_half_precision(padding: str, dtype: Any):
    x, kernel, bias = integers((1, 5, 4, 2)), integers((3, 3, 2, 3), 1), jnp.arange(3.0)
    conv = functools.partial(jaxpad.conv_transpose, stride=2, padding=padding)
    wide, half = (
        conv(x.astype(t), kernel.astype(t), bias=bias.astype(t))
        for t in (jnp.float32, dtype)
    )
    assert half.dtype == dtype
    tolerance = 30 * float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(half.astype(jnp.float32), wide, atol=tolerance)


def test_bias():
    x, kernel, bias = integers((1, 5, 2)), integers((3, 2, 3)), jnp.arange(3.0)
    without = jaxpad.conv_transpose(x, kernel, padding="circular")
    got = jaxpad.conv_transpose(x, kernel, padding="circular", bias=bias)
    np.testing.assert_allclose(got, without + bias[None, None])


def square(x: jax.Array, widths: Any) -> jax.Array:
    return jnp.pad(x, widths) ** 2


NOT_LINEAR = [functools.partial(jnp.pad, mode=m) for m in ("median", "maximum")]


@pytest.mark.parametrize("mode", [*NOT_LINEAR, square])
def test_a_mode_that_is_not_linear_is_refused(mode: Any):
    with pytest.raises(ValueError, match=r"is not linear in the image, so .* no adj"):
        jaxpad.conv_transpose(jnp.ones((1, 4, 1)), jnp.ones((3, 1, 1)), padding=mode)


@pytest.mark.parametrize("mode", ["mean", "linear_ramp", "edge"])
def test_a_linear_function_is_a_mode_too(mode: str):
    padding = functools.partial(jnp.pad, mode=mode)
    y, kernel = integers((1, 4, 5, 2)), integers((3, 3, 2, 1))
    transposed = jaxpad.conv_transpose(y, kernel, stride=2, padding=padding)
    x = integers(transposed.shape, seed=1)
    # jnp.pad would pad the batch and the channels by nothing, which is no change.
    ax = jaxpad.conv(x, np.swapaxes(kernel, -1, -2), stride=2, padding=padding)
    np.testing.assert_allclose(np.sum(ax * y), np.sum(x * transposed), rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"padding": "reflect", "amount": 5},
            r"around the output, which here has \(1,\) cells. width 5 is too wide",
        ),
        ({"amount": 6}, "removes 6 [+] 6 cells of the 6 .* nothing is left"),
        ({"output_padding": 1}, "output_padding=1 at stride=1 and amount 'same'"),
        ({"stride": 2, "amount": 1, "output_padding": 2}, "expected from 0 to 1"),
        ({"output_padding": -1}, "output_padding=-1: expected an int of at least 0"),
        ({"groups": 3}, "groups=3 must divide the 2 channels of x"),
        ({"kernel": (3, 3, 2)}, r"takes 3 channels, but x has 2: .*swapaxes"),
        ({"padding": "circlar"}, "Did you mean 'circular'"),
    ],
)
def test_refusals(arguments: dict[str, Any], text: str):
    kernel = jnp.ones(arguments.pop("kernel", (3, 2, 2)))
    x = jnp.ones((1, 9 if arguments.get("amount") == 5 else 4, 2))
    with pytest.raises(ValueError, match=text):
        jaxpad.conv_transpose(x, kernel, **arguments)


def test_operands_of_another_dtype():
    x, kernel = jnp.ones((1, 4, 2)), jnp.ones((3, 2, 2), jnp.float16)
    with pytest.raises(TypeError, match="x is float32 and kernel is float16"):
        jaxpad.conv_transpose(x, kernel)
    with pytest.raises(TypeError, match="conv_transpose: x has dtype int32"):
        jaxpad.conv_transpose(x.astype(jnp.int32), kernel)


def test_what_the_padding_brings_comes_first():
    x, kernel = integers((1, 5, 2)), integers((3, 2, 3))
    got = jaxpad.conv_transpose(x, kernel, padding=Padding("reflect", "valid"))
    expected = jaxpad.conv_transpose(x, kernel, amount="valid")
    np.testing.assert_array_equal(got, expected)
