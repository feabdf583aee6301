"""`jaxpad.conv` against loops in NumPy and against SciPy, for every padding."""

import itertools
import zlib
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest

import jaxpad
from jaxpad.padding import REWEIGHTS, as_padding
from tests import oracles
from tests.subjects import PADDING_SPECS, integers


AMOUNTS = [
    "same",
    "same_lower",
    "valid",
    "full",
    "half",
    "causal",
    2,
    (1, 3),
    "one pair per axis",
]
PAIRS = ((2, 0), (0, 3), (1, 2))


class Case(NamedTuple):
    """The arguments of a convolution, drawn at random; one entry per space axis."""

    space: tuple[int, ...]
    window: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    widths: tuple[tuple[int, int], ...]
    amount: Any


def draw(padding: str, amount: Any) -> Case:
    """Odd and even windows, other numbers on every axis, 1 to 3 axes, 1 to 3 groups."""
    rng = np.random.default_rng(zlib.crc32(f"{padding} {amount}".encode()))
    rank = int(rng.choice([1, 2, 2, 3]))
    # Long enough for "full" at dilation 2 under every mode.
    space = tuple(int(n) for n in rng.permutation([7, 8, 9])[:rank])
    window, stride, dilation = (
        tuple(int(n) for n in rng.choice(options, rank))
        for options in ([2, 3, 4], [1, 2, 3], [1, 1, 2])
    )
    amount = PAIRS[:rank] if amount == "one pair per axis" else amount
    own = as_padding(padding).amount or amount  # a padding's own comes first
    each = own if isinstance(own, tuple) and own != (1, 3) else [own] * rank
    widths = tuple(
        oracles.amount_widths(*axis)
        for axis in zip(each, space, window, stride, dilation, strict=True)
    )
    groups = int(rng.choice([1, 1, 2, 3]))
    return Case(space, window, stride, dilation, groups, widths, amount)


def expected_conv(x: np.ndarray, kernel: np.ndarray, bias: Any, padding: str, c: Case):
    spec = as_padding(padding)
    around = [(0, 0), *c.widths, (0, 0)]
    name = str(spec.mode)
    if name in oracles.NUMPY_MODES:
        padded = oracles.numpy_pad(x, around, name)
    else:  # a mode that NumPy has not; its own laws hold `pad`
        padded = np.asarray(jaxpad.pad(x, around, spec.mode))
    y = oracles.correlate(padded, kernel, c.stride, c.dilation, c.groups)
    if spec.reweight is None:
        return y + bias
    absent = [spec.mode == "zero"] * len(c.space)
    count = oracles.count_taps(
        c.space, c.window, c.stride, c.dilation, c.widths, absent
    )
    reweight = REWEIGHTS.resolve(spec.reweight)
    ratio = reweight(np.maximum(count, 1), int(np.prod(c.window)))
    return np.where(count[..., None] > 0, y * ratio[..., None] + bias, 0)


@pytest.mark.parametrize("padding", PADDING_SPECS)
@pytest.mark.parametrize("amount", AMOUNTS, ids=str)
@pytest.mark.parametrize("strategy", ["auto", "explicit"])
def test_equals_loops(padding: str, amount: Any, strategy: str):
    c = draw(padding, amount)
    x = integers((2, *c.space, 2 * c.groups))
    kernel = integers((*c.window, 2, 3 * c.groups), seed=1)
    bias = integers((3 * c.groups,), seed=2)

    def conv(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
        return jaxpad.conv(
            x,
            kernel,
            stride=c.stride,
            dilation=c.dilation,
            groups=c.groups,
            padding=padding,
            amount=c.amount,
            bias=bias,
            strategy=strategy,
        )

    got = jax.jit(conv)(x, kernel, bias)
    expected = expected_conv(x, kernel, bias, padding, c)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mode", [m for m in PADDING_SPECS if m in oracles.SCIPY_MODES])
@pytest.mark.parametrize("window", [(3,), (5, 3), (3, 1, 3)])
def test_equals_scipy(mode: str, window: tuple[int, ...]):
    x, kernel = integers((9, 6, 7)[: len(window)]), integers(window, seed=1)
    got = jaxpad.conv(x[None, ..., None], kernel[..., None, None], padding=mode)
    expected = oracles.scipy_correlate(x, kernel, mode)
    np.testing.assert_allclose(got[0, ..., 0], expected)


def test_the_sample_is_wide():
    """The cases drawn above hold every kind of argument."""
    cases = [draw(p, a) for p, a in itertools.product(PADDING_SPECS, AMOUNTS)]
    assert {len(c.space) for c in cases} == {1, 2, 3}
    assert {c.groups for c in cases} == {1, 2, 3}
    pairs = {(k, s, d) for c in cases for k, s, d in zip(*c[1:4], strict=True)}
    assert pairs == set(itertools.product([2, 3, 4], [1, 2, 3], [1, 2]))
