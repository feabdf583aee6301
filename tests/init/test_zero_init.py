"""ZerO's kernels: SciPy's transforms, isometry, identity maps, and training's rank."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.fft
import scipy.linalg

import jaxpad
from jaxpad.init import zero_init
from tests.subjects import MODE_SPECS, integers


SHAPES = [(1, 1), (1, 5), (3, 4), (8, 32), (5, 17), (48, 96), (31, 33)]


def matrix(shape: tuple[int, ...], dtype: Any = jnp.float64, **options: Any) -> Any:
    """`W[out, in]` in float64, as the paper writes it."""
    with jax.enable_x64(True):
        return np.asarray(zero_init(**options)(None, shape, dtype)).T


@pytest.mark.parametrize("shape", SHAPES[1:])
@pytest.mark.parametrize(("scale", "gain"), [("orthonormal", 1.0), ("paper", 2**0.5)])
def test_wider_is_the_corner_of_sylvester_s_matrix(shape, scale, gain):
    features, out = shape
    m = math.ceil(math.log2(out))
    sylvester: Any = scipy.linalg.hadamard(2**m)
    expected = gain * 2 ** (-m / 2) * sylvester[:out, :features]
    got = matrix(shape, scale=scale)
    np.testing.assert_allclose(got, expected, rtol=1e-15)


def test_the_paper_s_scale_is_its_formula():
    got = matrix((2, 8), scale="paper")
    np.testing.assert_allclose(np.abs(got), 2 ** (-(3 - 1) / 2), rtol=1e-15)


@pytest.mark.parametrize("shape", SHAPES[1:])
def test_dct_is_scipy_s_in_another_order(shape):
    """By the second column, a cosine that falls, the rows have one order."""
    features, out = shape
    cosines: Any = scipy.fft.idct(np.eye(out), norm="ortho", axis=0)
    expected = cosines[:, :features]
    got = matrix(shape, transform="dct")
    order = np.argsort(-got[:, 1]) if features > 1 else slice(None)
    np.testing.assert_allclose(got[order], expected, atol=1e-14)
    wide = matrix(shape, transform="dct", scale="paper")
    np.testing.assert_allclose(wide, 2**0.5 * got, rtol=1e-15)


@pytest.mark.parametrize(("features", "out"), [(4, 16), (16, 32), (24, 96), (64, 256)])
def test_the_first_outputs_of_the_dct_know_all_features(features, out):
    """In the cosines' own order they are so alike that features are lost."""
    cosines: Any = scipy.fft.idct(np.eye(out), norm="ortho", axis=0)
    assert np.linalg.cond(cosines[:features, :features]) > 1e4
    spread = matrix((features, out), transform="dct")[:features]
    assert np.linalg.cond(spread) < 200
    rows = matrix((features, out), transform="dct")
    distances = np.linalg.norm(rows[:, None] - rows[None], axis=-1)
    assert distances[~np.eye(out, dtype=bool)].min() > 0


@pytest.mark.parametrize("shape", [(5, 3), (4, 4), (96, 48)])
@pytest.mark.parametrize("transform", ["hadamard", "dct"])
def test_not_wider_is_a_partial_identity(shape, transform):
    """At either scale: the gain is the transform's."""
    got = matrix(shape, transform=transform, scale="paper")
    np.testing.assert_array_equal(got, np.eye(*shape[::-1]))


@pytest.mark.parametrize("out", [2, 3, 5, 7, 12, 17, 24, 31, 48, 96, 100, 257])
def test_dct_keeps_lengths_at_every_width(out: int):
    for features in {1, out // 2, out - 1}:
        w = matrix((features, out), transform="dct")
        np.testing.assert_allclose(w.T @ w, np.eye(features), atol=1e-13)


@pytest.mark.parametrize(
    ("shape", "lowest", "highest"),
    [
        ((48, 64), 1.0, 1.0),
        ((48, 96), 0.5**0.5, 1.0),
        ((256, 768), 0.75**0.5, 0.75**0.5),
        ((512, 1000), 0.5**0.5, 1.0),
        ((160, 640), 0.5**0.5, 0.75**0.5),
    ],
)
def test_hadamard_keeps_lengths_at_powers_of_two_alone(shape, lowest, highest):
    values = np.linalg.svd(matrix(shape), compute_uv=False)
    np.testing.assert_allclose([values[-1], values[0]], [lowest, highest], rtol=1e-12)


def rank_of_the_change(initializer: Any) -> int:
    """Of the second of four ReLU layers of 8, 32, 32, 32, 4 units, by 300 steps."""
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        x, target = (jnp.asarray(rng.normal(size=(64, n))) for n in (8, 4))
        shapes = [(8, 32), (32, 32), (32, 32), (32, 4)]
        weights = [initializer(None, shape, jnp.float64) for shape in shapes]
        start = weights[1]

        def loss(weights: Any) -> Any:
            *hidden, last = weights
            y = functools.reduce(lambda y, w: jax.nn.relu(y @ w), hidden, x)
            return jnp.mean((y @ last - target) ** 2)

        gradient = jax.jit(jax.grad(loss))
        for _ in range(300):
            moved = zip(weights, gradient(weights), strict=True)
            weights = [w - 0.1 * g for w, g in moved]
        values = np.linalg.svd(weights[1] - start, compute_uv=False)
    return int((values > 1e-9 * values[0]).sum())


def test_training_leaves_the_span_of_the_input():
    """The paper's theorem 1: partial identities alone stay in it, of dimension 8."""

    def partial_identity(key: Any, shape: Any, dtype: Any) -> Any:
        return jnp.eye(*shape, dtype=dtype)

    assert rank_of_the_change(partial_identity) == 8
    # Units p and p + 8 begin alike, and only the 4 outputs tell them apart.
    assert rank_of_the_change(zero_init()) == 12
    assert rank_of_the_change(zero_init(transform="dct")) == 32


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("transform", ["hadamard", "dct"])
def test_two_calls_are_bit_equal(dtype, transform):
    shape = (3, 2, 5, 12)
    for scale in ("orthonormal", "paper"):
        init = zero_init(transform=transform, scale=scale)
        once = init(jax.random.key(0), shape, dtype)
        again = zero_init(transform=transform, scale=scale)(
            jax.random.key(1), shape, dtype
        )
        jitted = jax.jit(lambda key, init=init: init(key, shape, dtype))(None)
        assert once.dtype == dtype
        assert once.tobytes() == again.tobytes() == jitted.tobytes()
        exact = matrix(shape, transform=transform, scale=scale).T
        nearest = jnp.asarray(exact.astype(np.float32), dtype)
        np.testing.assert_array_equal(once, nearest)


@pytest.mark.parametrize("spec", [*MODE_SPECS, "partial", "partial_sqrt"])
@pytest.mark.parametrize("window", [(4,), (2, 5), (3, 2, 4)])
def test_equal_widths_are_the_identity(spec, window):
    x = integers((2, *(6, 7, 8)[: len(window)], 3))
    kernel = zero_init()(None, (*window, 3, 3))
    # Partial convolution multiplies by its ratio, which it shows on ones.
    ratio = jaxpad.conv(np.ones_like(x), kernel, padding=spec)
    if "partial" not in spec:
        np.testing.assert_array_equal(ratio, 1)
    y = jaxpad.conv(x, kernel, padding=spec)
    np.testing.assert_allclose(y, ratio * x, rtol=1e-6)


@pytest.mark.parametrize("features", [(6, 6), (4, 12), (12, 4)])
@pytest.mark.parametrize("window", [(3,), (4, 3)])
def test_each_group_begins_as_a_layer_of_its_own(features, window):
    x = integers((2, *(7, 6)[: len(window)], features[0]))
    shape = (*window, features[0] // 2, features[1])
    y = jaxpad.conv(x, zero_init(groups=2)(None, shape), groups=2)
    alone = zero_init()(None, (*shape[:-1], features[1] // 2))
    parts = [jaxpad.conv(part, alone) for part in np.split(x, 2, axis=-1)]
    np.testing.assert_allclose(y, jnp.concatenate(parts, axis=-1), rtol=1e-6)


def test_what_is_no_kernel_is_refused():
    with pytest.raises(
        ValueError, match=r"scale='he' is unknown: use .orthonormal. or"
    ):
        zero_init(scale="he")
    with pytest.raises(ValueError, match=r"transform='haar' .* use .hadamard. or"):
        zero_init(transform="haar")
    with pytest.raises(ValueError, match="groups=0: expected an int of at least 1"):
        zero_init(groups=0)
    init = zero_init(groups=3)
    with pytest.raises(ValueError, match=r"groups=3 does not divide the 4 output"):
        init(None, (3, 3, 2, 4))
    for shape in ((4,), (3, 0, 6)):
        with pytest.raises(
            ValueError, match=r"is no kernel's: expected \[in, out\] or"
        ):
            init(None, shape)
    with pytest.raises(TypeError, match="dtype=int32 cannot hold"):
        init(None, (2, 6), jnp.int32)
