"""Blur pooling, patches and resize-convolution, against loops and by their laws."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxpad
from jaxpad.padding import as_padding
from tests import oracles
from tests.subjects import MODE_SPECS, PADDING_SPECS, integers


every_mode = pytest.mark.parametrize("mode", MODE_SPECS)

# space, window, stride, dilation, amount
CASES = [
    ((7,), (3,), (2,), (1,), "same"),
    ((6, 7), (2, 3), (2, 1), (1, 2), "half"),
    ((6, 7), (3, 3), (2, 2), (1, 1), ((0, 2), (1, 0))),
    ((5, 4, 6), (2, 3, 2), (2, 1, 3), (1, 1, 1), 1),
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)


@pytest.mark.parametrize(
    ("padding", "case"),
    [*((p, CASES[0]) for p in PADDING_SPECS), *(("partial", c) for c in CASES[1:])],
    ids=str,
)
def test_patches_times_the_kernel_is_the_convolution(padding: str, case: Any):
    space, window, stride, dilation, amount = case
    x, kernel = integers((2, *space, 3)), integers((*window, 3, 4), seed=1)
    arguments = {
        "stride": stride,
        "dilation": dilation,
        "padding": padding,
        "amount": amount,
    }
    found = jaxpad.patches(x, window, **arguments)
    assert found.shape[-1] == math.prod(window) * 3
    expected = jaxpad.conv(x, kernel, **arguments)
    np.testing.assert_allclose(
        found @ kernel.reshape(-1, 4), expected, rtol=1e-5, atol=1e-5
    )


@every_case
def test_patches_are_the_cells_in_row_major_order(case: Any):
    space, window, stride, dilation, amount = case
    x = integers((2, *space, 3))
    each = amount if isinstance(amount, tuple) else [amount] * len(space)
    widths = [
        oracles.amount_widths(*axis)
        for axis in zip(each, space, window, stride, dilation, strict=True)
    ]
    padded = np.pad(x, [(0, 0), *widths, (0, 0)], mode="symmetric")
    expected = oracles.reduce_windows(
        padded, window, stride, dilation, lambda cells: cells.reshape(2, -1)
    )
    got = jaxpad.patches(
        x,
        window,
        stride=stride,
        dilation=dilation,
        padding="symmetric",
        amount=amount,
    )
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32])
def test_patches_keep_every_number(dtype: Any):
    """An infinite cell stays where it is; a product with zeros would spread NaN."""
    x = jnp.asarray([1.1, jnp.inf, -3.3, 4.7], dtype)[None, :, None]
    got = jaxpad.patches(x, (2,), amount="valid")
    assert got.dtype == dtype
    np.testing.assert_array_equal(got[0, :, 0], x[0, :3, 0])
    np.testing.assert_array_equal(got[0, :, 1], x[0, 1:, 0])


def binomial(taps: int, rank: int) -> np.ndarray:
    line = np.array([math.comb(taps - 1, t) for t in range(taps)]) / 2 ** (taps - 1)
    return functools.reduce(np.multiply.outer, [line] * rank)


BLURS = [
    ((6, 7), 3, (2, 1), "half"),
    ((9,), 3, (2,), "half"),
    ((7, 8), 4, (3, 2), "same"),
    ((5, 6, 7), 2, (1, 2, 2), "same_lower"),
]


@pytest.mark.parametrize(
    ("padding", "case"),
    [*((p, BLURS[0]) for p in PADDING_SPECS), *(("partial", c) for c in BLURS[1:])],
    ids=str,
)
def test_blur_pool_is_a_depthwise_convolution(padding: str, case: Any):
    space, taps, stride, amount = case
    x, rank = integers((2, *space, 3)), len(space)
    kernel = np.repeat(binomial(taps, rank)[..., None, None], 3, -1).astype(np.float32)
    got = jaxpad.blur_pool(x, taps=taps, stride=stride, padding=padding, amount=amount)
    expected = jaxpad.conv(
        x, kernel, groups=3, stride=stride, padding=padding, amount=amount
    )
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("taps", [1, 2, 5])
def test_blur_pool_equals_loops(taps: int):
    x, reach = integers((1, 8, 9, 2)), taps // 2
    padded = np.pad(x, [(0, 0), (reach,) * 2, (reach,) * 2, (0, 0)], mode="reflect")
    weights = binomial(taps, 2)[..., None]
    expected = oracles.reduce_windows(
        padded, (taps,) * 2, (2, 2), (1, 1), lambda c: (c * weights).sum((1, 2))
    )
    np.testing.assert_allclose(jaxpad.blur_pool(x, taps=taps), expected, atol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_blur_pool_of_a_constant_in_half_precision(dtype: Any):
    """Seven taps a side: 4096 weights that would overflow or vanish if not scaled."""
    x = jnp.full((1, 16, 16, 2), 60000.0, dtype)
    y = jaxpad.blur_pool(x, taps=7)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, x[:, ::2, ::2])


def test_blur_pool_moves_with_the_image():
    """On a torus a shift by the stride is a shift of the output by one, exactly; a
    shift by one cell changes it less than subsampling alone does."""
    x = jnp.asarray(integers((1, 8, 8, 1)))
    blur = functools.partial(jaxpad.blur_pool, padding="circular")
    np.testing.assert_array_equal(
        blur(jnp.roll(x, 2, axis=1)), jnp.roll(blur(x), 1, axis=1)
    )
    moved = jnp.roll(x, 1, axis=1)
    assert jnp.sum((blur(moved) - blur(x)) ** 2) < jnp.sum(
        (moved - x)[:, ::2, ::2] ** 2
    )


METHODS: list[Any] = ["nearest", "bilinear"]
every_method = pytest.mark.parametrize("method", METHODS)


@every_method
@pytest.mark.parametrize("scale", [2, 3, (1, 4)])
@pytest.mark.parametrize("padding", ["replicate", "partial"])
def test_the_edge_of_jax_image_resize(method: Any, scale: Any, padding: str):
    x, one = integers((2, 4, 5, 2)), jnp.eye(2)[None, None]
    got = jaxpad.resize_conv(x, one, scale=scale, method=method, padding=padding)
    scales = (scale, scale) if isinstance(scale, int) else scale
    shape = (2, 4 * scales[0], 5 * scales[1], 2)
    expected = jax.image.resize(x, shape, method)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@every_method
@every_mode
def test_one_mode_for_both_steps(method: Any, mode: str):
    """What is beyond the enlarged image is the mode's, as in a padded small one."""
    x, kernel = integers((1, 5, 6, 2)), integers((3, 3, 2, 3), seed=1)
    got = jaxpad.resize_conv(x, kernel, method=method, padding=mode)
    around = np.asarray(jaxpad.pad(x, 1, mode, axes=(1, 2)))
    large = jax.image.resize(around, (1, 14, 16, 2), method)[:, 2:-2, 2:-2]
    expected = jaxpad.conv(large, kernel, padding=mode)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


@every_method
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_circular_moves_with_the_image(method: Any, rank: int):
    x = integers((2, *(4, 5, 3)[:rank], 2))
    kernel = integers((*(3, 4, 3)[:rank], 2, 3), seed=1)
    shifts, axes = (1, 2, 1)[:rank], tuple(range(1, rank + 1))
    resize = functools.partial(
        jaxpad.resize_conv, kernel=kernel, scale=3, method=method, padding="circular"
    )
    rolled = resize(np.roll(x, shifts, axes))
    expected = np.roll(resize(x), [3 * s for s in shifts], axes)
    np.testing.assert_allclose(rolled, expected, rtol=1e-4, atol=1e-4)


def test_no_checkerboard():
    """A constant stays constant, where a transposed convolution prints its grid."""
    x, kernel = jnp.ones((1, 6, 1)), jnp.ones((3, 1, 1))
    for method in METHODS:
        y = jaxpad.resize_conv(x, kernel, method=method, padding="circular")
        np.testing.assert_allclose(y, jnp.full((1, 12, 1), 3.0))
    y = jaxpad.conv_transpose(x, kernel, stride=2, padding="circular")
    assert set(np.unique(y).tolist()) == {1.0, 2.0}


def test_a_mask_grows_with_the_image():
    x, kernel = integers((1, 4, 5, 2)), integers((3, 3, 2, 1), seed=1)
    mask = np.random.default_rng(0).random((1, 4, 5, 1)) < 0.6
    got = jaxpad.resize_conv(x, kernel, mask=mask)
    large, there = (np.repeat(np.repeat(a, 2, 1), 2, 2) for a in (x, mask))
    np.testing.assert_array_equal(got, jaxpad.conv(large, kernel, mask=there))
    with pytest.raises(ValueError, match='a mask needs method="nearest"'):
        jaxpad.resize_conv(x, kernel, mask=mask, method="bilinear")


@pytest.mark.parametrize("padding", ["zero", "reflect", "partial"])
@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_half_precision_and_gradients(padding: str, dtype: Any):
    x = jnp.asarray(integers((1, 6, 5, 2)), dtype)
    kernel = jnp.asarray(integers((3, 3, 2, 1)), dtype)
    bilinear = functools.partial(
        jaxpad.resize_conv, kernel=kernel, method="bilinear", padding=padding
    )
    for function in (
        functools.partial(jaxpad.blur_pool, padding=padding),
        functools.partial(jaxpad.patches, window=(3, 3), padding=padding),
        bilinear,
    ):
        value, gradient = jax.jit(jax.value_and_grad(lambda x, f=function: f(x).sum()))(
            x
        )
        assert value.dtype == gradient.dtype == dtype
        assert np.all(np.isfinite(np.asarray(gradient, np.float32)))
        assert np.any(gradient != 0)


def test_no_gather():
    x, kernel = jnp.ones((1, 6, 6, 2)), jnp.ones((3, 3, 2, 1))
    for function in (
        jaxpad.blur_pool,
        lambda x: jaxpad.patches(x, (3, 3), stride=2, padding="reflect"),
        lambda x: jaxpad.resize_conv(x, kernel, method="bilinear", padding="circular"),
    ):
        program = str(jax.make_jaxpr(jax.grad(lambda x, f=function: f(x).sum()))(x))
        assert "gather" not in program
        assert "scatter" not in program


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: jaxpad.blur_pool(x, stride=0), "stride=0: expected an int of at"),
        (lambda x: jaxpad.blur_pool(x, taps=0), "taps=0: expected an int of at"),
        (lambda x: jaxpad.blur_pool(x, taps=13), "width 6 is too wide for reflect"),
        (lambda x: jaxpad.patches(x, (3,)), r"patches: x has shape .* of 1 axes"),
        (
            lambda x: jaxpad.resize_conv(x, jnp.ones((1, 1, 2, 1)), scale=(2,)),
            r"scale=\(2,\): expected an int of at least 1, or 2 of",
        ),
    ],
)
def test_refusals(call: Any, text: str):
    with pytest.raises(ValueError, match=text):
        call(jnp.ones((1, 6, 5, 2)))


def test_whole_numbers_are_refused():
    x = jnp.ones((1, 6, 5, 2), jnp.uint8)
    for call in (jaxpad.blur_pool, lambda x: jaxpad.patches(x, (2, 2))):
        with pytest.raises(TypeError, match="x has dtype uint8"):
            call(x)


def test_the_paddings_are_read_in_one_way():
    """A padding's own amount comes before the argument, in every operation."""
    x, kernel = integers((1, 6, 7, 2)), integers((3, 3, 2, 1))
    own = jaxpad.Padding("reflect", amount="valid")
    assert as_padding("valid").amount == own.amount
    for function in (
        functools.partial(jaxpad.blur_pool, stride=1),
        functools.partial(jaxpad.patches, window=(3, 3)),
        functools.partial(jaxpad.resize_conv, kernel=kernel, scale=1),
    ):
        expected = function(x, padding="reflect", amount="valid")
        np.testing.assert_array_equal(function(x, padding=own), expected)


@pytest.mark.parametrize("method", ["nearest", "bilinear"])
def test_an_empty_batch_is_enlarged(method: Any):
    x, kernel = np.ones((0, 6, 5, 2)), np.ones((3, 3, 2, 4))
    y = jaxpad.resize_conv(x.astype("f"), kernel.astype("f"), method=method)
    assert y.shape == (0, 12, 10, 4)
