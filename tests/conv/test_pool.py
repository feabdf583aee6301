"""Pooling against loops in NumPy, for every padding."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxpad
from jaxpad.padding import REWEIGHTS, as_padding
from tests import oracles
from tests.subjects import PADDING_SPECS, integers


every_padding = pytest.mark.parametrize("padding", PADDING_SPECS)

# space, window, stride, amount
CASES = [
    ((7,), (3,), (2,), "same"),
    ((6, 7), (2, 3), (2, 1), "half"),
    ((6, 7), (3, 3), (2, 2), ((0, 2), (1, 0))),
    ((5, 4, 6), (2, 3, 2), (2, 1, 3), 1),
    ((6, 5), (2, 2), None, "valid"),
    ((6, 5), (3, 2), (1, 2), "same_lower"),
]
every_case = pytest.mark.parametrize(("space", "window", "stride", "amount"), CASES)


def widths_of(padding: str, space: Any, window: Any, stride: Any, amount: Any) -> list:
    amount = as_padding(padding).amount or amount
    each = amount if isinstance(amount, tuple) else [amount] * len(space)
    ones = [1] * len(space)
    return [
        oracles.amount_widths(*axis)
        for axis in zip(each, space, window, stride, ones, strict=True)
    ]


def padded(x: np.ndarray, padding: str, widths: list, absent: float) -> np.ndarray:
    around = [(0, 0), *widths, (0, 0)]
    mode = as_padding(padding).mode
    if mode == "zero":
        return np.pad(x, around, constant_values=absent)
    return np.asarray(jaxpad.pad(x, around, mode))


def ratio_of(padding: str, space: Any, window: Any, stride: Any, widths: list) -> Any:
    spec, rank = as_padding(padding), len(space)
    if spec.reweight is None:
        return 1.0
    absent = [spec.mode == "zero"] * rank
    count = oracles.count_taps(space, window, stride, [1] * rank, widths, absent)
    reweight = REWEIGHTS.resolve(spec.reweight)
    return np.where(count > 0, reweight(np.maximum(count, 1), np.prod(window)), 0)


@every_padding
@every_case
def test_max_pool(padding: str, space: Any, window: Any, stride: Any, amount: Any):
    x, steps = integers((2, *space, 3)), stride or window
    widths = widths_of(padding, space, window, steps, amount)
    cells = padded(x, padding, widths, -np.inf)
    axes = tuple(range(1, 1 + len(space)))
    expected = oracles.reduce_windows(
        cells, window, steps, [1] * len(space), lambda c: c.max(axes)
    )
    got = jaxpad.max_pool(x, window, stride=stride, padding=padding, amount=amount)
    np.testing.assert_array_equal(got, expected.astype(np.float32), strict=True)


@every_padding
@every_case
def test_avg_pool(padding: str, space: Any, window: Any, stride: Any, amount: Any):
    x, steps = integers((2, *space, 3)), stride or window
    widths = widths_of(padding, space, window, steps, amount)
    cells = padded(x, padding, widths, 0.0)
    axes = tuple(range(1, 1 + len(space)))
    expected = oracles.reduce_windows(
        cells, window, steps, [1] * len(space), lambda c: c.mean(axes)
    )
    ratio = ratio_of(padding, space, window, steps, widths)
    got = jaxpad.avg_pool(x, window, stride=stride, padding=padding, amount=amount)
    expected = expected * np.expand_dims(ratio, -1)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "padding",
    ["zero", "partial", ("zero", "replicate"), ("zero", "constant(value=-9.0)")],
)
def test_zero_cells_never_win(padding: Any):
    x = -1 - jnp.abs(jnp.asarray(integers((1, 6, 5, 2))))
    got = jaxpad.max_pool(x, (3, 3), stride=1, padding=padding, amount=1)
    expected = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="edge")
    assert got.shape == x.shape
    assert np.all(got < 0)
    assert np.all(got >= x)
    np.testing.assert_array_equal(got[0, 0, 0], expected[0, 1:3, 1:3].max((0, 1)))


def test_a_constant_is_literal():
    x = -jnp.ones((1, 4, 4, 1))
    for value, corner in ((0.0, 0.0), (5.0, 5.0), (-2.0, -1.0)):
        padding = f"constant(value={value})"
        y = jaxpad.max_pool(x, (3, 3), stride=1, padding=padding, amount=1)
        assert y[0, 0, 0, 0] == corner
        assert y[0, 1, 1, 0] == -1


def test_a_window_that_sees_no_cell():
    x = jnp.ones((1, 2, 2, 1))
    largest = jaxpad.max_pool(x, (2, 2), amount=2)
    assert largest[0, 0, 0, 0] == -jnp.inf
    assert largest[0, 1, 1, 0] == 1
    mean = jaxpad.avg_pool(x, (2, 2), amount=2, padding="partial")
    np.testing.assert_array_equal(mean[0, ..., 0], [[0, 0, 0], [0, 1, 0], [0, 0, 0]])


def test_partial_divides_by_the_cells_there():
    x = integers((2, 5, 4, 3))
    got = jaxpad.avg_pool(x, (3, 3), stride=1, amount=1, padding="partial")
    missing = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=np.nan)
    expected = oracles.reduce_windows(
        missing, (3, 3), (1, 1), (1, 1), lambda c: np.nanmean(c, (1, 2))
    )
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


@every_padding
@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_half_precision_and_gradients(padding: str, dtype: Any):
    x = jnp.asarray(integers((1, 6, 5, 2)), dtype)
    for pool in (jaxpad.max_pool, jaxpad.avg_pool):

        def loss(x: jax.Array, pool: Any = pool) -> jax.Array:
            return pool(x, (3, 3), stride=2, padding=padding, amount="half").sum()

        value, gradient = jax.jit(jax.value_and_grad(loss))(x)
        assert value.dtype == gradient.dtype == dtype
        assert np.all(np.isfinite(np.asarray(gradient, np.float32)))
        assert np.any(gradient != 0)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_mean_of_many_equal_cells_in_half_precision(dtype: Any):
    """Summed in the half type itself, this gives 0.08, or infinity."""
    x = jnp.full((1, 56, 56, 1), 100, dtype)
    np.testing.assert_array_equal(jaxpad.avg_pool(x, (56, 56)).astype(np.float32), 100)


@pytest.mark.parametrize("mode", ["linear", "odd_reflect", "mean", "median"])
@pytest.mark.parametrize("sides", [("zero", "zero"), ("constant(value=9.0)", "zero")])
def test_what_is_made_of_absent_cells_is_absent(mode: str, sides: Any):
    """Beside a zero row the corners are made from cells that are not there."""
    x = integers((2, 5, 6, 3)) - 20
    padding = (sides, (mode, "constant(value=-9.0)"))
    widths = [(0, 0), (1, 1), (1, 1), (0, 0)]
    cells = np.array(jaxpad.pad(x, widths, ("zero", *padding, "zero")))
    cells[:, -1, :-1] = -np.inf
    if sides[0] == "zero":
        cells[:, 0, :-1] = -np.inf
    expected = oracles.reduce_windows(
        cells, (3, 3), (1, 1), [1, 1], lambda c: c.max((1, 2))
    )

    def pool(x: Any) -> Any:
        return jaxpad.max_pool(x, (3, 3), stride=1, padding=padding, amount=1)

    np.testing.assert_array_equal(pool(x), expected.astype(np.float32), strict=True)
    assert np.all(np.isfinite(jax.grad(lambda x: pool(x).sum())(x)))


NUMPY: Any = {
    "zero": "constant",
    "replicate": "edge",
    "circular": "wrap",
    "reflect": "reflect",
}


@pytest.mark.parametrize("padding", NUMPY)
@pytest.mark.parametrize("channels", [1, 3])
def test_holes(padding: str, channels: int):
    """The largest and the mean of the cells that are there, by np.pad and loops."""
    x = integers((2, 7, 6, 3)) - 20
    mask = np.random.default_rng(0).random((2, 7, 6, channels)) < 0.2
    widths = [(0, 0), (1, 1), (1, 1), (0, 0)]
    cells, there = (np.pad(a, widths, NUMPY[padding]) for a in (x, mask))

    def reduced(cells: np.ndarray, function: str) -> np.ndarray:
        cells = np.broadcast_to(cells, (*cells.shape[:-1], 3))
        return oracles.reduce_windows(
            cells, (3, 2), (2, 1), [1, 1], lambda c: getattr(c, function)((1, 2))
        )

    count = reduced(there, "sum")
    assert (count == 0).any()
    holes = np.where(mask, x, np.nan).astype(np.float32)
    arguments: Any = {"stride": (2, 1), "padding": padding, "amount": 1}
    got = jaxpad.max_pool(holes, (3, 2), mask=mask, **arguments)
    np.testing.assert_array_equal(got, reduced(np.where(there, cells, -np.inf), "max"))
    mean = jaxpad.avg_pool(holes, (3, 2), mask=mask, **arguments)
    expected = reduced(np.where(there, cells, 0), "sum") / np.maximum(count, 1)
    np.testing.assert_allclose(mean, expected, rtol=1e-6)
    seen = jaxpad.propagate_mask(mask, (3, 2), **arguments)
    np.testing.assert_array_equal(np.broadcast_to(seen, count.shape), count > 0)


def test_a_mask_and_a_mode_that_mixes_cells():
    mask = np.ones((1, 4, 4, 1), bool)
    with pytest.raises(ValueError, match="a mask cannot say whether it is there"):
        jaxpad.max_pool(mask * 1.0, (3, 3), padding="linear", amount=1, mask=mask)
