"""Masks with holes: convolution against loops, and how a mask goes on."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxpad
from jaxpad import Padding
from jaxpad.layers import LearnedConstant
from jaxpad.padding import MODES, REWEIGHTS, as_padding, rule_of
from tests import oracles
from tests.subjects import integers


# space, window, stride, dilation, groups, widths
CASES = [
    ((7,), (3,), (1,), (1,), 1, ((1, 1),)),
    ((6, 7), (3, 2), (2, 1), (1, 2), 1, ((1, 0), (2, 1))),
    ((6, 5), (3, 3), (1, 2), (1, 1), 2, ((1, 1), (0, 2))),
    ((4, 3, 5), (2, 3, 2), (1, 2, 2), (1, 1, 1), 3, ((1, 1), (1, 0), (0, 1))),
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)
FILLS = ["zero", "partial_sqrt", "circular", "reflect", "replicate"]
LITERAL = "constant(value=2.0)"


def holes(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Four cells in ten are missing, and the first third altogether."""
    mask = np.random.default_rng(seed).random(shape) < 0.6
    mask[:, : shape[1] // 3] = False
    return mask


def image(case: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    space, window, _, _, groups, _ = case
    x = integers((2, *space, 2 * groups)) + 0.5
    kernel = integers((*window, 2, 2 * groups), seed=1)
    return x, kernel, integers((2 * groups,), seed=2)


def filled(a: np.ndarray, widths: Any, mode: str, absent: float) -> np.ndarray:
    around = [(0, 0), *widths, (0, 0)]
    if mode in ("zero", LITERAL):
        return np.pad(a, around, constant_values=absent)
    return oracles.numpy_pad(a, around, mode)


def by_hand(x: Any, kernel: Any, bias: Any, mask: Any, padding: str, case: Any) -> Any:
    """Count, sum and divide window by window, each group by itself."""
    _, window, stride, dilation, groups, widths = case
    spec = as_padding(padding)
    literal = padding == LITERAL
    mask = np.broadcast_to(mask, x.shape)
    cells = filled(np.where(mask, x, 0), widths, str(spec.mode), 2.0 * literal)
    there = filled(mask * 1.0, widths, str(spec.mode), 1.0 * literal)
    ones = np.ones_like(kernel)
    y = oracles.correlate(cells, kernel, stride, dilation, groups)
    count = oracles.correlate(there, ones, stride, dilation, groups)
    power = 0.5 if spec.reweight == "partial_sqrt" else 1.0
    ratio = oracles.ratio(count, 2 * int(np.prod(window)), power)
    return np.where(count > 0, y * ratio + bias, 0)


def arguments(case: Any) -> dict[str, Any]:
    _, _, stride, dilation, groups, widths = case
    return {"stride": stride, "dilation": dilation, "groups": groups, "amount": widths}


@every_case
@pytest.mark.parametrize("padding", [*FILLS, LITERAL])
@pytest.mark.parametrize("per_channel", [False, True])
def test_equals_loops(case: Any, padding: str, per_channel: bool):
    x, kernel, bias = image(case)
    mask = holes(x.shape if per_channel else (*x.shape[:-1], 1))
    got = jaxpad.conv(
        np.where(mask, x, np.nan),  # what is in a hole is never read
        kernel,
        bias=bias,
        mask=mask,
        padding=padding,
        **arguments(case),
    )
    expected = by_hand(x, kernel, bias, mask, padding, case)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@every_case
@pytest.mark.parametrize("padding", [*FILLS, "partial", ("circular", "zero")])
def test_a_mask_without_holes_changes_nothing(case: Any, padding: Any):
    x, kernel, bias = image(case)
    if isinstance(padding, tuple):
        padding = (padding * 2)[: len(case[0])]
    spec = as_padding(padding)
    partial = Padding(spec.mode, reweight=spec.reweight or "partial")
    plain = jaxpad.conv(x, kernel, bias=bias, padding=partial, **arguments(case))
    for channels in (1, x.shape[-1]):
        mask = np.ones((*x.shape[:-1], channels), bool)
        got = jaxpad.conv(
            x, kernel, bias=bias, mask=mask, padding=padding, **arguments(case)
        )
        np.testing.assert_allclose(got, plain, rtol=2e-6, atol=2e-6)


def test_exactly_partial_without_holes_and_bias():
    x = jax.random.normal(jax.random.key(0), (2, 7, 6, 3))
    kernel = jax.random.normal(jax.random.key(1), (3, 3, 3, 4))
    mask = jnp.ones((2, 7, 6, 3), bool)
    np.testing.assert_array_equal(
        jaxpad.conv(x, kernel, mask=mask), jaxpad.conv(x, kernel, padding="partial")
    )


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("channels", [1, 3, 41, 47, 55, 61])
def test_exactly_zero_padding_inside_with_many_channels(channels: int, groups: int):
    """XLA makes of a division by 41 a product with its inverse, which is not exact."""
    shape, kernel = (1, 6, 5, channels * groups), jnp.ones((3, 3, channels, groups))
    conv = jax.jit(lambda x, mask: jaxpad.conv(x, kernel, mask=mask, groups=groups))
    y = conv(jnp.ones(shape), jnp.ones(shape, bool))
    np.testing.assert_array_equal(y[:, 1:-1, 1:-1], 9 * channels)


def test_your_own_reweight_counts_taps_whatever_the_mask():
    """Not cells of all channels: a mask for all of them is one for each, repeated."""
    x, kernel = integers((1, 6, 5, 4)), integers((3, 3, 2, 2), seed=1)
    padding = Padding(reweight=lambda count, window: 1 + (window - count) / 2)
    mask = holes((1, 6, 5, 1))
    one, each = (
        jaxpad.conv(x, kernel, mask=m, padding=padding, groups=2)
        for m in (mask, np.repeat(mask, 4, -1))
    )
    np.testing.assert_allclose(one, each, rtol=1e-6)


def test_holes_in_one_group_leave_the_other_alone():
    """NVIDIA's layer sums the mask over all channels, so both groups change."""
    x, kernel = integers((1, 5, 5, 4)), integers((3, 3, 2, 6), seed=1)
    mask = np.ones(x.shape, bool)
    mask[..., :2] = False
    got = jaxpad.conv(x, kernel, groups=2, mask=mask)
    plain = jaxpad.conv(x, kernel, groups=2, padding="partial")
    assert not np.any(got[..., :3])
    np.testing.assert_array_equal(got[..., 3:], plain[..., 3:])


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_half_precision(dtype: Any):
    """In float16 9 / (0 + 1e-8) is infinite, and so is the ratio of one channel."""
    x = jnp.full((1, 9, 9, 1024), 2.0**-6, dtype)
    kernel, bias = jnp.ones((9, 9, 1024, 1), dtype), jnp.full(1, 16, dtype)
    mask = np.zeros(x.shape, bool)
    mask[0, 0, 0, 0] = True
    y = jaxpad.conv(x, kernel, mask=mask, bias=bias, amount=4).astype(jnp.float32)
    assert y[0, 0, 0, 0] == 81 * 1024 / 64 + 16
    assert np.all(y[0, 5:] == 0)
    assert np.all(np.isfinite(y))


def test_a_window_that_sees_no_cell_gives_zero():
    x, kernel, bias = jnp.ones((1, 6, 1)), jnp.ones((3, 1, 2)), jnp.full(2, 5.0)
    mask = jnp.arange(6)[None, :, None] < 2
    y = jaxpad.conv(x, kernel, mask=mask, bias=bias)
    np.testing.assert_array_equal(y[0, :, 0], [8, 8, 8, 0, 0, 0])


@pytest.mark.parametrize("name", REWEIGHTS)
def test_gradients_stay_out_of_holes(name: str):
    x, kernel = integers((1, 6, 5, 2)), integers((3, 3, 2, 3), seed=1)
    mask = holes(x.shape)

    def loss(x: Any, kernel: Any) -> jax.Array:
        padding = Padding(reweight=name)
        return jnp.sum(jaxpad.conv(x, kernel, mask=mask, padding=padding) ** 2)

    gradients = jax.jit(jax.grad(loss, argnums=(0, 1)))(
        np.where(mask, x, np.inf), kernel
    )
    assert not np.any(gradients[0][~mask])
    assert all(np.all(np.isfinite(g)) and np.any(g != 0) for g in gradients)


def test_transforms():
    x, kernel = integers((3, 2, 6, 5, 2)), integers((3, 3, 2, 3), seed=1)
    masks = holes((3, 2, 6, 5, 1), seed=3)
    one_by_one = [jaxpad.conv(a, kernel, mask=m) for a, m in zip(x, masks, strict=True)]
    got = jax.jit(jax.vmap(lambda a, m: jaxpad.conv(a, kernel, mask=m)))(x, masks)
    np.testing.assert_allclose(got, jnp.stack(one_by_one), rtol=1e-6)


def test_in_float64():
    with jax.enable_x64(True):
        x, kernel = integers((1, 7, 3)).astype(np.float64) / 3, np.ones((3, 3, 1))
        mask, around = holes(x.shape), [(0, 0), (1, 1), (0, 0)]
        y, count = (
            oracles.correlate(np.pad(a, around), kernel, (1,), (1,))
            for a in (x * mask, mask * 1.0)
        )
        got = jaxpad.conv(x, kernel, mask=mask)
        expected = y * oracles.ratio(count, 9)
        np.testing.assert_allclose(got, expected, rtol=1e-14, atol=1e-15)


@every_case
@pytest.mark.parametrize("mode", ["zero", "circular", "reflect"])
def test_the_next_mask(case: Any, mode: str):
    space, window, stride, dilation, _, widths = case
    mask = holes((2, *space, 3))
    got = jaxpad.propagate_mask(
        mask, window, stride=stride, dilation=dilation, padding=mode, amount=widths
    )
    there = filled(mask * 1.0, widths, mode, 0.0)
    axes = tuple(range(1, 1 + len(space)))
    expected = oracles.reduce_windows(
        there, window, stride, dilation, lambda cells: cells.any(axes)
    )
    assert got.dtype == bool
    np.testing.assert_array_equal(got, expected.astype(bool))


def test_the_next_mask_is_where_a_convolution_saw_a_cell():
    """Through a stride, a pool and another convolution, holes stay exactly zero."""
    x = jnp.abs(integers((2, 12, 11, 3))) + 1
    mask = holes((2, 12, 11, 1))
    mask[:, :8] = False
    y = jaxpad.conv(x, jnp.ones((3, 3, 3, 4)), stride=2, mask=mask)
    mask = jaxpad.propagate_mask(mask, (3, 3), stride=2)
    np.testing.assert_array_equal(np.all(y > 0, -1, keepdims=True), mask)
    y = jaxpad.max_pool(y, (2, 2))
    mask = jaxpad.propagate_mask(mask, (2, 2), stride=2, amount="valid")
    np.testing.assert_array_equal(np.all(y > 0, -1, keepdims=True), mask)
    y = jaxpad.conv(y, jnp.ones((1, 2, 4, 1)), mask=mask, bias=jnp.ones(1))
    mask = jaxpad.propagate_mask(mask, (1, 2))
    np.testing.assert_array_equal(y > 0, mask)
    assert not np.all(mask)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((2, 6, 5), bool),
        ((2, 6, 5, 2), bool),
        ((2, 5, 5, 1), bool),
        ((3, 6, 5, 1), bool),
        ((2, 6, 5, 1), np.float32),
    ],
)
def test_masks_that_do_not_fit(shape: tuple[int, ...], dtype: Any):
    x, kernel = jnp.ones((2, 6, 5, 4)), jnp.ones((3, 3, 4, 1))
    text = r"expected booleans \[2, 6, 5, 1\] or|type|[Ss]hape|dimensions"
    with pytest.raises((ValueError, TypeError), match=text):
        jaxpad.conv(x, kernel, mask=np.ones(shape, dtype))


def two_cells(i: int, n: int) -> Any:
    return [(2, 0 if i < 0 else n - 1), (-1, 1 if i < 0 else n - 2)], 0


@pytest.mark.parametrize("mode", [jaxpad.affine(two_cells), jnp.pad])
def test_modes_that_make_a_cell_of_several_are_refused(mode: Any):
    x, kernel = jnp.ones((2, 6, 4)), jnp.ones((3, 4, 1))
    mask = jnp.ones((2, 6, 1), bool)
    with pytest.raises(ValueError, match="a mask cannot say whether it is there"):
        jaxpad.conv(x, kernel, mask=mask, padding=mode)


@pytest.mark.parametrize(
    ("mode", "name"), [("linear", "linear"), (LearnedConstant(4, 1), "LearnedConstant")]
)
def test_the_mode_that_a_mask_cannot_have_is_named(mode: Any, name: str):
    x, kernel, mask = (
        jnp.ones((1, 6, 4)),
        jnp.ones((3, 4, 1)),
        jnp.ones((1, 6, 1), bool),
    )
    with pytest.raises(ValueError, match=f"^padding mode {name} makes a cell of"):
        jaxpad.conv(x, kernel, mask=mask, padding=mode)


def test_a_mask_of_the_wrong_rank():
    with pytest.raises(ValueError, match=r"window of 2 axes takes \[batch, \*space"):
        jaxpad.propagate_mask(jnp.ones((1, 4, 1), bool), (2, 2))


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_takes_a_mask_or_says_why_not(mode: str):
    x, kernel = integers((1, 6, 7, 2)), integers((3, 3, 2, 1), seed=1)
    mask, rule = np.ones((1, 6, 7, 1), bool), rule_of(MODES[mode])
    if rule is None or not (rule.copies or len(rule.terms(-1, 6)[0]) == 0):
        with pytest.raises(ValueError, match="use a mode that copies cells"):
            jaxpad.conv(x, kernel, mask=mask, padding=mode)
        return
    got = jaxpad.conv(x, kernel, mask=mask, padding=mode)
    expected = jaxpad.conv(x, kernel, padding=Padding(mode, reweight="partial"))
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_an_empty_batch_has_an_empty_mask():
    x, kernel = jnp.ones((0, 4, 4, 2)), jnp.ones((3, 3, 2, 3))
    for channels in (1, 2):
        mask = jnp.ones((0, 4, 4, channels), bool)
        assert jaxpad.conv(x, kernel, mask=mask).shape == (0, 4, 4, 3)
        assert jaxpad.avg_pool(x, (2, 2), mask=mask).shape == (0, 2, 2, 2)
