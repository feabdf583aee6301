"""Modes that are functions, each against loops in NumPy or a law of its own."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxpad
from jaxpad.padding import MODES
from tests.subjects import SPECIAL, integers, subject


def draws(n: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(n).normal(size=shape)


def in_float64(x: np.ndarray, *arguments: Any, **options: Any) -> np.ndarray:
    with jax.enable_x64(True):
        return np.asarray(jaxpad.pad(x, *arguments, **options))


def test_linear_goes_on_as_a_line():
    x = draws(0, 2, 5)
    padded = in_float64(x, [(0, 0), (6, 4)], "linear")
    for line, got in zip(x, padded, strict=True):
        before = line[0] + (line[1] - line[0]) * np.arange(-6, 0)
        after = line[-1] + (line[-1] - line[-2]) * np.arange(1, 5)
        expected = np.concatenate([before, line, after])
        np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-13)
    with pytest.raises(ValueError, match=r"slope of two cells.*n=1.*replicate"):
        jaxpad.pad(jnp.ones((5, 1)), 1, "linear")


@pytest.mark.parametrize("mode", ["mean", "median"])
@pytest.mark.parametrize("cells", [1, 2, 5, 9])
def test_statistics_of_the_outermost_cells(mode: str, cells: int):
    x, widths = draws(1, 6, 7), [(2, 1), (0, 3)]
    got = in_float64(x, widths, f"{mode}(cells={cells})")
    expected = np.pad(x, widths, mode=mode, stat_length=cells)  # pyright: ignore
    np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-13)
    with pytest.raises(ValueError, match="cells=0: expected at least 1, or None"):
        jaxpad.pad(jnp.ones(3), 1, f"{mode}(cells=0)")


def test_the_mean_of_a_long_axis_is_one_sum():
    program = jax.make_jaxpr(lambda x: jaxpad.pad(x, (3, 4), "mean"))(jnp.ones(500))
    assert len(program.jaxpr.eqns) < 20


def test_a_range_is_each_of_its_cells():
    @jaxpad.affine
    def short(i: int, n: int) -> Any:
        return [(2, range(1, n, 2)), (3, 0)], 1

    @jaxpad.affine
    def long(i: int, n: int) -> Any:
        return [*((2, j) for j in range(1, n, 2)), (3, 0)], 1

    @jaxpad.affine
    def beyond(i: int, n: int) -> Any:
        return [(1, range(abs(i)))], 0

    x = jnp.asarray(draws(2, 6))
    np.testing.assert_array_equal(jaxpad.pad(x, 2, short), jaxpad.pad(x, 2, long))
    with pytest.raises(ValueError, match=r"width 7 is too wide for beyond.* at most 6"):
        jaxpad.pad(x, (7, 0), beyond)


HALVES = [jnp.float16, jnp.bfloat16]
# What a line of equal cells is continued by is that line, up to the largest number.
FLAT = ["mean", "mean(cells=3)", "median", "odd_reflect", "linear", "linear_prediction"]


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("mode", FLAT)
@pytest.mark.parametrize("n", [6, 100, 3000])
def test_a_constant_gives_itself_in_half_precision(mode: str, dtype: Any, n: int):
    largest = float(jnp.finfo(dtype).max)
    for value in (1.0, 1e-5, -0.3, 0.6 * largest, largest):
        x = jnp.full(n, value, dtype)
        np.testing.assert_array_equal(jaxpad.pad(x, 2, mode), x[0])


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("mode", ["mean", "median", "odd_reflect", "linear"])
def test_half_precision_rounds_once(mode: str, dtype: Any):
    x = jnp.asarray(draws(6, 3, 40), dtype)
    widths = [(0, 0), (3, 2)]
    expected = in_float64(np.asarray(x, np.float64), widths, mode)
    got = jaxpad.pad(x, widths, mode)
    assert got.dtype == dtype
    near = jnp.finfo(dtype).eps * 0.51
    np.testing.assert_allclose(got.astype(np.float32), expected, rtol=float(near))


@pytest.mark.parametrize("mode", [m for m in FLAT if not m.startswith("mean")])
def test_large_lines_do_not_overflow(mode: str):
    """Nor half way: 2a and 3a may be too large where 2a - b and 3a - 2b are not."""
    x = np.full((2, 6), 3.3e38, np.float32)
    for pad in (jaxpad.pad, jax.jit(jaxpad.pad, static_argnums=(1, 2))):
        padded = pad(x, ((0, 0), (3, 2)), mode)
        np.testing.assert_allclose(padded, 3.3e38, rtol=1e-3)


def test_the_scale_of_weights_changes_no_bit():
    x = draws(7, 5, 9).astype(np.float32)
    got = jaxpad.pad(x, [(0, 0), (4, 4)], "odd_reflect")
    expected = np.pad(x, [(0, 0), (4, 4)], mode="reflect", reflect_type="odd")
    np.testing.assert_array_equal(got, expected)


def test_a_bool_array_refuses_weights():
    with pytest.raises(ValueError, match=r"\[2, 2\].*bool\s+cannot hold"):
        jaxpad.pad(np.ones(4, bool), (2, 0), "odd_reflect")


def test_the_gradient_of_a_median_is_shared_by_equal_cells():
    def first(x: jax.Array) -> jax.Array:
        return jaxpad.pad(x, (1, 0), "median")[0]

    for x, expected in (
        ([3.0, 1.0, 2.0], [0, 0, 1]),
        ([4.0, 1.0, 2.0, 3.0], [0, 0, 0.5, 0.5]),
        ([2.0, 2.0, 5.0], [0.5, 0.5, 0]),
    ):
        np.testing.assert_allclose(jax.grad(first)(jnp.array(x)), expected)


def predicted(line: np.ndarray, width: int, order: int, ridge: float) -> list[float]:
    """The next cells by `numpy.linalg.lstsq`, with the ridge as further equations."""
    n = len(line)
    past = np.stack([line[order - k : n - k] for k in range(1, order + 1)], 1)
    strength = np.sqrt(ridge * np.sum(np.square(line)))
    rows = np.concatenate([past, strength * np.eye(order)])
    right = np.concatenate([line[order:], np.zeros(order)])
    weights = np.linalg.lstsq(rows, right, rcond=None)[0]
    cells = list(line)
    for _ in range(width):
        cells.append(weights @ cells[: -order - 1 : -1])
    return cells[n:]


@pytest.mark.parametrize(("order", "ridge"), [(1, 1e-4), (2, 1e-4), (3, 0.1)])
def test_linear_prediction_is_least_squares(order: int, ridge: float):
    x = draws(2, 3, 9)
    mode = f"linear_prediction(order={order}, ridge={ridge})"
    got = in_float64(x, [(0, 0), (4, 3)], mode)
    for line, padded in zip(x, got, strict=True):
        before = predicted(line[::-1], 4, order, ridge)[::-1]
        expected = [*before, *line, *predicted(line, 3, order, ridge)]
        np.testing.assert_allclose(padded, expected, rtol=1e-9)


@pytest.mark.parametrize(
    "signal",
    [
        lambda t: np.sin(0.7 * t + 0.3),
        lambda t: 0.8**t,
        lambda t: 0.9**t * np.cos(1.1 * t),
        lambda t: 3.0 - 2.0 * t,
    ],
    ids=["sinusoid", "geometric", "damped", "line"],
)
def test_linear_prediction_continues_what_two_cells_determine(signal: Any):
    mode = "linear_prediction(ridge=1e-14)"
    got = in_float64(signal(np.arange(12.0)), (5, 4), mode)
    np.testing.assert_allclose(got, signal(np.arange(-5.0, 16.0)), rtol=1e-6, atol=1e-6)


@pytest.fixture
def _optimized():
    """As users compile: unoptimized, a gradient is 10% off at scale 5e37."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    jax.clear_caches()
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.mark.slow
@pytest.mark.usefixtures("_optimized")
def test_linear_prediction_does_not_depend_on_the_scale():
    """Not in its gradient either, where the squares of tiny cells would overflow."""

    @jax.value_and_grad
    def total(x, scale):
        return jnp.sum(jaxpad.pad(scale * x, 2, "linear_prediction") / scale)

    x = jnp.array([3.0, -1.0, 2.0, 5.0, 4.0])
    (expected, gradient) = total(x, 1.0)
    for scale in (1e-6, 1e-12, 1e-30, 1e30, 5e37):
        value, found = total(x, scale)
        np.testing.assert_allclose(value, expected, rtol=1e-5)
        np.testing.assert_allclose(found, gradient, rtol=1e-4)


def test_linear_prediction_of_a_wave_does_not_overflow_half_way():
    """The weight of its last cell is almost 2."""
    wave = np.cos(0.2 * np.arange(12.0))
    wide = in_float64(wave, 3, "linear_prediction")
    large = jaxpad.pad((3e38 * wave).astype(np.float32), 3, "linear_prediction")
    np.testing.assert_allclose(np.asarray(large, np.float64) / 3e38, wide, atol=1e-4)


def test_linear_prediction_of_a_line_that_ends_in_its_only_cell_is_bounded():
    """Fitted without its last cell, this line would have weights of 1e6."""
    line = np.array([1e-6, -2e-6, 1e-6, 3e-6, 1.0], np.float32)
    assert np.abs(jaxpad.pad(line, 8, "linear_prediction")).max() <= 1


def test_linear_prediction_of_lines_that_say_nothing():
    x = np.zeros((4, 6), np.float32)
    grad = jax.grad(lambda x: jaxpad.pad(x, 2, "linear_prediction").sum())(x)
    np.testing.assert_array_equal(jaxpad.pad(x, 2, "linear_prediction"), 0)
    assert np.all(np.isfinite(grad))
    with pytest.raises(ValueError, match=r"order=4\) fits lines of at least 5 .* n=4"):
        jaxpad.pad(x, 1, "linear_prediction(order=4)")
    with pytest.raises(ValueError, match=r"order=2, ridge=0\.0: expected"):
        jaxpad.pad(x, 1, "linear_prediction(ridge=0.0)")


def patch_means(x: np.ndarray, patch: int) -> np.ndarray:
    """The mean of the cells within a patch around each cell, in loops."""
    reach, y = (patch - 1) / 2, np.empty_like(x)
    for i, j in np.ndindex(*x.shape):
        rows = [a for a in range(x.shape[0]) if abs(a - i) <= reach]
        columns = [b for b in range(x.shape[1]) if abs(b - j) <= reach]
        y[i, j] = np.mean([x[a, b] for a in rows for b in columns])
    return y


@pytest.mark.parametrize("patch", [1, 3, 4])
def test_distribution_reflects_patch_means(patch: int):
    x, widths = draws(3, 6, 5), [(2, 1), (0, 3)]
    got = in_float64(x, widths, f"distribution(patch={patch})")
    expected = np.pad(patch_means(x, patch), widths, mode="reflect")
    expected[2:-1, :-3] = x
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


def test_distribution_interpolates_patch_means():
    x, widths = draws(4, 6, 9), [(1, 2), (3, 0)]
    got = in_float64(x, widths, "distribution(extension='interpolate')")
    coarse = x.reshape(2, 3, 3, 3).mean((1, 3))
    expected = np.empty((9, 12))
    for i, j in np.ndindex(9, 12):
        # Centers of cells, in the units of the coarse image.
        at = (
            np.clip((i + 0.5) * 2 / 9 - 0.5, 0, 1),
            np.clip((j + 0.5) / 4 - 0.5, 0, 2),
        )
        expected[i, j] = sum(
            coarse[a, b] * max(0, 1 - abs(at[0] - a)) * max(0, 1 - abs(at[1] - b))
            for a, b in np.ndindex(2, 3)
        )
    expected[1:-2, 3:] = x
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


def test_no_gradient_goes_through_distribution():
    x = draws(5, 6, 5).astype(np.float32)
    for extension in ("reflect", "interpolate"):
        mode = f"distribution(extension={extension!r})"
        grad = jax.grad(lambda x, mode=mode: jaxpad.pad(x, 2, mode).sum())(x)
        np.testing.assert_array_equal(grad, 1)
    with pytest.raises(ValueError, match=r'extension=.fold., .*expected "reflect" or'):
        jaxpad.pad(x, 1, "distribution(extension='fold')")
    with pytest.raises(ValueError, match="width 6 is too wide for reflect"):
        jaxpad.pad(x, 6, "distribution")


def test_random_puts_all_zeros_on_a_side_that_it_draws():
    x = integers((3, 4)) + 9  # no zeros
    keys = jax.random.split(jax.random.key(0), 64)

    def one(key: jax.Array) -> jax.Array:
        return jaxpad.pad(x, [(1, 2), (0, 1)], functools.partial(RANDOM, key=key))

    padded = np.asarray(jax.vmap(one)(keys))
    found = [padded[:, a : a + 3, b : b + 4] for a in (0, 3) for b in (0, 1)]
    here = np.stack([(part == x).all((1, 2)) for part in found])
    np.testing.assert_array_equal(here.sum(0), 1)  # each draw is one of the four
    assert np.all(here.sum(1) > 4), "the four are about as likely"
    assert np.all(np.count_nonzero(padded, (1, 2)) == 12)
    for key, expected in zip(keys[:3], padded, strict=False):
        np.testing.assert_array_equal(one(key), expected)


RANDOM: Any = MODES["random"]


def test_random_without_a_key_is_zero_padding():
    x = integers((3, 4))
    got = jaxpad.pad(x, [(1, 2), (0, 1)], "random")
    np.testing.assert_array_equal(got, np.pad(x, [(1, 2), (0, 1)]), strict=True)


def test_c2sp_leans_each_group_its_way():
    x = integers((2, 3, 4, 8))
    got = np.asarray(jaxpad.pad(x, [(0, 0), (0, 1), (2, 1), (0, 0)], "c2sp"))
    ways = [((0, 1), (2, 1)), ((0, 1), (1, 2)), ((1, 0), (2, 1)), ((1, 0), (1, 2))]
    for group, (rows, columns) in enumerate(ways):
        part = slice(2 * group, 2 * group + 2)
        expected = np.pad(x[..., part], [(0, 0), rows, columns, (0, 0)])
        np.testing.assert_array_equal(got[..., part], expected)
    even = jaxpad.pad(x[..., :3], 1, "c2sp", axes=(1, 2))
    np.testing.assert_array_equal(even, jaxpad.pad(x[..., :3], 1, axes=(1, 2)))


@pytest.mark.parametrize("space", [(9,), (9, 8), (7, 6, 5)])
def test_an_even_kernel_under_c2sp_does_not_shift(space: tuple[int, ...]):
    """The centre of mass of a point stays under a mean over 2 cells of each axis."""
    rank = len(space)
    point = np.zeros((1, *space, 8), np.float32)
    middle = tuple(n // 2 for n in space)
    point[(0, *middle)] = 1
    kernel = np.full((*(2,) * rank, 8, 1), 1 / 8 / 2**rank, np.float32)

    def centre(padding: str) -> list[float]:
        y = np.asarray(jaxpad.conv(point, kernel, padding=padding))[0, ..., 0]
        np.testing.assert_allclose(y.sum(), 1, rtol=1e-6)
        axes = np.meshgrid(*map(np.arange, space), indexing="ij")
        return [float(np.sum(y * axis)) for axis in axes]

    np.testing.assert_allclose(centre("c2sp"), middle, rtol=1e-6)
    np.testing.assert_allclose(centre("zero"), np.array(middle) - 0.5, rtol=1e-6)


@pytest.mark.parametrize("mode", ["c2sp", "learned_constant", "learned_extrapolation"])
def test_the_channels_are_not_padded(mode: str):
    filled, x, _ = subject(mode, 1)
    with pytest.raises(ValueError, match=rf"{mode} takes the last axis as channels"):
        jaxpad.pad(x, 1, filled)


def test_channels_that_do_not_split():
    with pytest.raises(ValueError, match=r"into 4 groups.*has 6 channels.*of 4"):
        jaxpad.pad(jnp.ones((4, 4, 6)), (0, 1), "c2sp", axes=(0, 1))


@pytest.mark.parametrize(
    ("mode", "name"),
    [("learned_constant", "value"), ("learned_extrapolation", "weights")],
)
def test_parameters_must_be_given(mode: str, name: str):
    text = rf"has parameters \({name}\). A layer .*partial\(.*{name}=\.\.\.\)"
    with pytest.raises(ValueError, match=text):
        jaxpad.pad(jnp.ones((4, 8)), 1, mode)
    with pytest.raises(ValueError, match=text):
        jaxpad.conv(jnp.ones((1, 4, 8)), jnp.ones((3, 8, 1)), padding=mode)
    with pytest.raises(ValueError, match=text):
        jaxpad.pad(jnp.ones((4, 8)), 1, ((mode, "zero"), "zero"))


def test_learned_constant_is_a_constant_for_each_channel():
    mode, x, widths = subject("learned_constant", 2)
    padded = np.asarray(jaxpad.pad(x, widths, mode))
    for channel in range(x.shape[-1]):
        one = jaxpad.pad(x[..., channel], widths[:2], f"constant(value={channel}.0)")
        np.testing.assert_array_equal(padded[..., channel], one)
    with pytest.raises(ValueError, match=r"value has shape \(8,\), but x has 3"):
        jaxpad.pad(x[..., :3], widths, mode)


def grown(x: np.ndarray, widths: Any, weights: np.ndarray) -> np.ndarray:
    """Rings by loops over cells: 2 inward, 3 along, ends repeated."""
    for ring in range(max(map(max, widths))):
        for axis, pair in enumerate(widths):
            y = np.moveaxis(x, axis, 0)
            sides = [outward(y, weights), outward(y[::-1], weights)]
            before, after = (s[: ring < w] for s, w in zip(sides, pair, strict=True))
            x = np.moveaxis(np.concatenate([before, y, after]), 0, axis)
    return x


def outward(y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    new = np.zeros_like(y[:1])
    for j, depth, step in np.ndindex(y.shape[1], 2, 3):
        at = min(max(j + step - 1, 0), y.shape[1] - 1)
        new[0, j] += weights[depth, step] * y[min(depth, len(y) - 1), at]
    return new


def test_learned_extrapolation_equals_loops():
    mode, x, _ = subject("learned_extrapolation", 2)
    widths = [(2, 1), (0, 3)]
    x, weights = x.astype(np.float64), mode.keywords["weights"].astype(np.float64)
    mode = functools.partial(mode.func, weights=weights)
    got = in_float64(x, [*widths, (0, 0)], mode)
    np.testing.assert_allclose(got, grown(x, widths, weights), rtol=1e-12, atol=1e-12)
    thin = in_float64(x[:1], [(1, 1), (0, 0), (0, 0)], mode)
    np.testing.assert_allclose(thin, grown(x[:1], [(1, 1), (0, 0)], weights), rtol=1e-9)


def test_weights_of_another_shape():
    mode, x, widths = subject("learned_extrapolation", 2)
    weights = np.ones((2, 2, 8), np.float32)
    with pytest.raises(ValueError, match=r"must be \[2, 3, 8\]"):
        jaxpad.pad(x, widths, functools.partial(mode.func, weights=weights))
    with pytest.raises(ValueError, match=r"padded along axes \[0\]"):
        jaxpad.pad(x[None], [(1, 1), (0, 0), (0, 0), (0, 0)], mode)


@pytest.mark.parametrize("mode", [m for m in SPECIAL if m.startswith("learned")])
def test_parameters_get_the_gradient_of_what_they_fill(mode: str):
    filled, x, widths = subject(mode, 2)
    ((name, value),) = filled.keywords.items()
    u = integers(jaxpad.pad(x, widths, filled).shape, seed=3)

    def f(value: jax.Array) -> jax.Array:
        padded = jaxpad.pad(x, widths, functools.partial(filled.func, **{name: value}))
        return jnp.sum(padded * u)

    gradient = jax.grad(f)(value)
    assert np.all(gradient != 0)
    if mode == "learned_constant":
        outside = 1 - np.pad(np.ones_like(x), widths)
        np.testing.assert_allclose(gradient, (outside * u).sum((0, 1)))
