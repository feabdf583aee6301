"""What is read off a traced function, against its derivatives and its values."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import jaxpad
from jaxpad.analysis import padding_fraction, receptive_cells, receptive_field
from jaxpad.padding import MODES, rule_of
from tests.oracles import amount_widths, correlate
from tests.subjects import MODE_SPECS


Layer = tuple[int, int, int, Any]  # taps, stride, dilation, amount


def random_layers(seed: int) -> list[Layer]:
    rng = np.random.default_rng(seed)
    amounts = ["same", "same_lower", "valid", "half", "causal", 1, (0, 2)]
    layers = []
    for _ in range(3):
        k, s, d = map(int, rng.integers(1, 4, 3))
        layers.append((k, s, d, amounts[rng.integers(len(amounts))]))
    return layers


def stack(layers: list[Layer], padding: Any, seed: int = 0) -> Callable[[Any], Any]:
    """A linear network of one space axis, with a branch around its middle."""
    kernels = np.random.default_rng(seed).uniform(0.5, 1.5, (len(layers), 4))

    def call(x: Any) -> Any:
        for (k, s, d, amount), kernel in zip(layers, kernels, strict=True):
            kernel = jnp.asarray(kernel[:k, None, None], x.dtype)
            args: dict[str, Any] = {"padding": padding, "amount": amount}
            x = jaxpad.conv(x, kernel, stride=s, dilation=d, **args)
        return x + x[:, ::-1] * 0.5 if len(layers) == 2 else x

    return call


def jacobian(function: Callable[[Any], Any], n: int) -> np.ndarray:
    """`[outputs, n]` in float64."""
    with jax.enable_x64(True):
        x = jnp.asarray(np.random.default_rng(1).normal(size=(n,)))
        rows = jax.jit(jax.jacfwd(lambda x: function(x[None, :, None])[0, :, 0]))(x)
        return np.asarray(rows)


def ends(rows: np.ndarray) -> list[list[int]]:
    """First and last nonzero of each row; None where there is none."""
    found = [np.flatnonzero(row) for row in rows]
    return [[int(f[0]), int(f[-1])] if len(f) else [] for f in found]


def cells(function: Callable[[Any], Any], n: int) -> list[list[int]]:
    (found,) = receptive_cells(function, (1, n, 1))
    return [[int(lo), int(hi)] if lo <= hi else [] for lo, hi in found]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("padding", ["zero", "circular", "reflect", "replicate"])
def test_intervals_are_those_of_the_gradient(padding: str, seed: int):
    network = stack(random_layers(seed)[: 2 + seed % 2], padding)
    assert cells(network, 23) == ends(jacobian(network, 23))


def upsampled(x: Any) -> Any:
    x = lax.conv_transpose(x, jnp.full((3, 1, 1), 0.5, x.dtype), (2,), "SAME")
    return x + jnp.repeat(x[:, ::2], 2, axis=1)


def holes(x: Any) -> Any:
    """Cells around, between and fewer."""
    widths = [(0, 0, 0), (1, -2, 2), (0, 0, 0)]
    return lax.pad(x, jnp.zeros((), x.dtype), widths)


def overwritten(x: Any) -> Any:
    """A row of others, twice the last ones, and a constant."""
    new = [(x[:, 8:9], 2), (2 * x[:, 4:6], 20), (jnp.ones((1, 1, 1), x.dtype), 5)]
    for update, start in new:
        x = lax.dynamic_update_slice_in_dim(x, update, start, 1)
    return x


OTHERS = {
    "overwritten": overwritten,
    "upsampled": upsampled,
    "linear": lambda x: jax.image.resize(x, (1, 21, 1), "linear"),
    "antialias": lambda x: jax.image.resize(x, (1, 5, 1), "linear"),
    "nearest": lambda x: jax.image.resize(x, (1, 18, 1), "nearest"),
    "pooled": lambda x: jaxpad.avg_pool(x, (3,), stride=2, amount="same"),
    "reflected": lambda x: jnp.pad(x, ((0, 0), (2, 3), (0, 0)), mode="reflect"),
    "holes": holes,
    "tiled": lambda x: jnp.tile(x[:, 2:7], (1, 3, 2)),
    "stacked": lambda x: jnp.stack([x[:, 1:], x[:, :-1] / 2]).sum(0),
    "unstacked": lambda x: jnp.unstack(x, axis=1)[3][:, None],
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_operations(name: str):
    found = cells(OTHERS[name], 12)
    assert found == ends(jacobian(OTHERS[name], 12))


def test_two_axes():
    kernel = np.random.default_rng(0).uniform(1, 2, (3, 2, 1, 1))

    def network(x: Any) -> Any:
        weights = jnp.asarray(kernel, x.dtype)
        x = jaxpad.conv(x, weights, stride=(1, 2), padding=("circular", "zero"))
        return jnp.transpose(jaxpad.conv(x, weights, padding="symmetric"), (0, 2, 1, 3))

    with jax.enable_x64(True):
        x = jnp.ones((6, 7))
        seen = jax.jit(jax.jacfwd(lambda x: network(x[None, :, :, None])[0, ..., 0]))(x)
    rows, columns = receptive_cells(network, (1, 6, 7, 1))
    for (j, i), pattern in np.ndenumerate(np.asarray(seen).any((2, 3))):
        assert pattern
        there = np.argwhere(np.asarray(seen)[j, i])
        np.testing.assert_array_equal(there.min(0), [rows[i, 0], columns[j, 0]])
        np.testing.assert_array_equal(there.max(0), [rows[i, 1], columns[j, 1]])


def test_padding_that_sees_its_neighbours():
    """The intervals of columns hold in the border's rows, the field does not."""
    weights = np.random.default_rng(0).uniform(1, 2, (2, 3, 1))
    learned: Any = MODES["learned_extrapolation"]
    mode = functools.partial(learned, weights=weights)

    def network(x: Any) -> Any:
        return jaxpad.conv(x, jnp.ones((3, 3, 1, 1), x.dtype), padding=mode)

    with jax.enable_x64(True):
        x = jnp.ones((6, 7))
        seen = jax.jit(jax.jacfwd(lambda x: network(x[None, :, :, None])[0, ..., 0]))(x)
    seen = np.asarray(seen) != 0
    for axis, found in enumerate(receptive_cells(network, (1, 6, 7, 1))):
        there = seen.any((1 - axis, 3 - axis))
        assert found.tolist() == ends(there)
    assert receptive_field(network, (1, 6, 7, 1)) == ((3, 1, 1),) * 2
    assert ends(seen[3].any(1))[1:-1] == [[n - 1, n + 1] for n in range(1, 6)]


def means(x: Any, layers: list[Layer], padding: Any, conv: Any) -> Any:
    """Windows of equal weights along both axes."""
    for k, s, d, amount in layers:
        x = conv(x, np.full((k, k, 1, 1), 1 / k**2), s, d, amount, padding)
    return x


def by_jaxpad(x: Any, kernel: Any, s: int, d: int, amount: Any, padding: Any) -> Any:
    kernel = jnp.asarray(kernel, x.dtype)
    options: dict[str, Any] = {"padding": padding, "amount": amount}
    return jaxpad.conv(x, kernel, stride=s, dilation=d, **options)


def by_numpy(x: Any, kernel: Any, s: int, d: int, amount: Any, _: Any) -> Any:
    k = len(kernel)
    widths = [amount_widths(amount, n, k, s, d) for n in x.shape[1:3]]
    padded = np.pad(x, [(0, 0), *widths, (0, 0)])
    return correlate(padded, kernel, (s, s), (d, d))


@pytest.mark.parametrize("seed", range(6))
def test_fraction_is_what_a_mean_of_ones_lacks(seed: int):
    """Zeros are padding, ones are image: a stack of means adds up what is image."""
    layers = random_layers(seed)
    ones = means(np.ones((1, 33, 36, 1)), layers, None, by_numpy)[0, ..., 0]
    # Of a mode that is no rule, the added cells are parts of a larger program.
    for mode in [m for m in MODE_SPECS if rule_of(MODES.resolve(m))]:
        found = padding_fraction(
            lambda x, mode=mode: means(x, layers, mode, by_jaxpad), (1, 33, 36, 1)
        )
        np.testing.assert_allclose(found, 1 - ones, atol=1e-12, err_msg=mode)


@pytest.mark.parametrize("seed", range(6))
def test_fraction_is_zero_where_padding_does_not_matter(seed: int):
    x = jnp.asarray(np.random.default_rng(seed).normal(size=(1, 19, 1)), jnp.float32)
    layers = random_layers(seed)
    one, other = (stack(layers, f"constant(value={v})") for v in (1.0, 3.0))
    changed = np.asarray(jnp.abs(one(x) - other(x)) > 1e-5)[0, :, 0]
    np.testing.assert_array_equal(padding_fraction(one, x.shape) > 0, changed)


def fraction(function: Callable[[Any], Any]) -> list[float]:
    return padding_fraction(function, (1, 4, 1)).tolist()


def channel_written(conv: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call(x: Any) -> Any:
        four = jnp.concatenate([x] * 4, -1)
        return lax.dynamic_update_slice_in_dim(four, conv(x), 1, 2)

    return call


def half_by_half(x: Any) -> Any:
    """An image put together in an array that is larger by a cell on each side."""
    y = jnp.zeros((1, 6, 1))
    for start in (0, 2):
        part = x[:, start : start + 2]
        y = lax.dynamic_update_slice_in_dim(y, part, start + 1, 1)
    return y


def test_fraction_of_branches_channels_and_pools():
    def conv(x: Any) -> Any:
        return jaxpad.conv(x, jnp.ones((2, x.shape[-1], 1)), amount=(0, 1))

    assert fraction(conv) == [0, 0, 0, 0.5]
    assert fraction(lambda x: x + conv(x)) == [0, 0, 0, 0.25]
    assert fraction(lambda x: jnp.concatenate([x, x, x, conv(x)], -1)) == [
        0,
        0,
        0,
        0.125,
    ]
    assert fraction(lambda x: conv(conv(x))) == [0, 0, 0.25, 0.75]
    assert fraction(channel_written(conv)) == [0, 0, 0, 0.125]
    assert fraction(half_by_half) == [1, 0, 0, 0, 0, 1]
    assert fraction(lambda x: conv(x).mean(1)) == [0.125]
    # A cell that never wins a maximum is no part of it; a constant that may win is.
    pool = {"window": (2,), "stride": 1, "amount": (0, 1)}
    assert fraction(lambda x: jaxpad.max_pool(x, **pool)) == [0] * 4
    half = fraction(lambda x: jaxpad.max_pool(x, **pool, padding="constant"))
    assert half == [0, 0, 0, 0.5]
    # Neither are the cells between the cells.
    up = fraction(lambda x: lax.conv_transpose(x, jnp.ones((3, 1, 1)), (2,), "SAME"))
    assert up == [0.5, 0, 0, 0, 0, 0, 0, 0]


# Taps, stride, cells that the convolution adds.
TRANSPOSED = [
    (3, 2, (1, 1)),
    (5, 2, (2, 2)),
    (3, 1, (1, 1)),
    (4, 3, (0, 1)),
    (3, 4, (1, 1)),
    (5, 2, (0, 3)),
]


def stretched(n: int, k: int, stride: int, widths: tuple[int, int]) -> np.ndarray:
    """The part of each window on the stretched image that lies beyond it."""
    outputs = (n - 1) * stride + k - sum(widths)
    cells = np.arange(outputs)[:, None] + widths[0] - np.arange(k)
    real = (cells % stride == 0) & (cells >= 0) & (cells < n * stride)
    counted = np.maximum((cells % stride == 0).sum(1), 1)
    return np.where((cells % stride == 0).any(1), real.sum(1) / counted, 0)


def transposed(
    x: Any, k: int, stride: int, widths: tuple[int, int], padding: Any
) -> Any:
    shape = (k,) * (x.ndim - 2)
    kernel = np.random.default_rng(k).uniform(0.5, 1.5, (*shape, 1, 1))
    options: dict[str, Any] = {"padding": padding, "amount": (widths,) * len(shape)}
    return jaxpad.conv_transpose(
        x, jnp.asarray(kernel, x.dtype), stride=stride, **options
    )


NUMPYS: dict[str, Any] = {"circular": "wrap"}
EXTRAPOLATE: Any = MODES["learned_extrapolation"]
SLOPES = np.random.default_rng(0).normal(size=(2, 3, 1))


@pytest.mark.parametrize("mode", ["circular", "reflect", "symmetric"])
@pytest.mark.parametrize(("k", "stride", "widths"), TRANSPOSED)
def test_cells_that_a_transposed_border_gives_back_are_padding(
    mode: str, k: int, stride: int, widths: tuple[int, int]
):
    """Each output is a mean of its own sum and of those that come from the border."""
    own = stretched(8, k, stride, widths)
    sources = np.pad(np.arange(len(own)), widths, mode=NUMPYS.get(mode, mode))
    counts = np.bincount(sources)
    # An output without a sum of its own is no part of the mean.
    summed = counts - (own == 0)
    shares = np.divide(own, summed, out=np.ones(len(own)), where=summed > 0)
    found = padding_fraction(
        lambda x: transposed(x, k, stride, widths, mode), (1, 8, 1)
    )
    np.testing.assert_allclose(found, 1 - shares, atol=1e-12)


LINEAR = [
    *(m for m in MODE_SPECS if rule_of(MODES.resolve(m))),
    ("reflect", "circular"),
    (("zero", "linear"), "mean"),
    pytest.param(functools.partial(EXTRAPOLATE, weights=SLOPES), id="extrapolate"),
]


@pytest.mark.parametrize("mode", LINEAR, ids=str)
@pytest.mark.parametrize(("k", "stride", "widths"), TRANSPOSED)
def test_outputs_that_a_transposed_border_changes(
    mode: Any, k: int, stride: int, widths: tuple[int, int]
):
    """Those that differ from zero padding are just those with more padding."""
    shape = (1, 7, 6, 1)
    x = jnp.asarray(np.random.default_rng(1).normal(size=shape), jnp.float32)
    call = functools.partial(transposed, k=k, stride=stride, widths=widths)
    y = call(x, padding="zero")
    changed = np.abs(np.asarray(call(x, padding=mode) - y))[0, ..., 0] > 1e-5
    more, own = (
        np.broadcast_to(
            padding_fraction(functools.partial(call, padding=p), shape), changed.shape
        )
        for p in (mode, "zero")
    )
    np.testing.assert_array_equal(more > own, changed)


def test_sums_of_parts_are_no_padding():
    """As the transpose of laying parts end to end, here the other way round."""

    def rolled(x: Any) -> Any:
        return jnp.concatenate([x[:, 3:], x[:, :3]], 1)

    def network(x: Any) -> Any:
        (y,) = jax.linear_transpose(rolled, x)(x)
        return y

    assert fraction(network) == [0, 0, 0, 0]
    # What is added to all images but one is not known.
    with pytest.raises(ValueError, match=r"cannot see through \['pad'\]"):
        padding_fraction(
            lambda x: transposed(x, 3, 2, (1, 1), "cube_sphere"), (6, 4, 4, 1)
        )
