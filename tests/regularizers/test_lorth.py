"""`lorth` times the outputs is the residual of the matrix, under every padding."""

import math
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import jaxpad
from jaxpad.regularizers import (
    REGULARIZERS,
    exists,
    lorth,
    residual,
    spectral_norm,
)
from jaxpad.spectral import conv_matrix, singular_values
from tests.operators import Layer, random_layers, residual_of


pytestmark = pytest.mark.filterwarnings("ignore:lorth of .* cannot reach 0")


def check(layer: Layer, count: int) -> None:
    """Holds `residual` and `lorth` against `conv_matrix`, to 1e-10."""
    with jax.enable_x64(True):
        kernels = layer.kernels(count)

        def each(kernel):
            options = layer.options()
            return (
                residual(kernel, layer.size, **options),
                lorth(kernel, size=layer.size, **options),
                conv_matrix(kernel, layer.size, **options),
            )

        found, per_output, dense = map(np.asarray, jax.jit(jax.vmap(each))(kernels))
    expected = np.array([residual_of(matrix) for matrix in dense])
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    outputs = dense.shape[1] // layer.outputs
    np.testing.assert_allclose(per_output * outputs, expected, rtol=1e-10)


@pytest.mark.parametrize("layer", random_layers(3, 40), ids=str)
def test_the_residual_under_every_padding(layer: Layer):
    check(layer, 12)


@pytest.mark.parametrize("layer", random_layers(4, 40, torus=True), ids=str)
def test_the_frobenius_identity_on_every_torus(layer: Layer):
    """Small maps too, where the kernel's autocorrelation wraps."""
    check(layer, 12)


@pytest.mark.parametrize("layer", random_layers(5, 20, torus=True), ids=str)
def test_without_a_size_it_is_the_value_of_a_large_torus(layer: Layer):
    with jax.enable_x64(True):
        (kernel,) = layer.kernels(1)
        options = layer.options()
        steps = zip(layer.window, layer.stride, layer.dilation, strict=True)
        large = [s * (2 * d * (k - 1) + 1) for k, s, d in steps]
        found = lorth(kernel, **options)
        np.testing.assert_allclose(
            found, lorth(kernel, size=large, **options), rtol=1e-12
        )


@pytest.mark.parametrize("padding", ["zero", "reflect", "partial", "valid"])
def test_the_border_of_a_very_long_image_weighs_nothing(padding):
    kernel = np.random.default_rng(0).normal(size=(3, 2, 2)).astype(np.float32)
    found = float(lorth(kernel, size=1_000_000, padding=padding))
    assert found == pytest.approx(float(lorth(kernel)), rel=1e-4)


@pytest.mark.parametrize(
    "padding", ["zero", "circular", "reflect", "replicate", "odd_reflect", "mean"]
)
@pytest.mark.parametrize(
    ("steps", "amount"), [((2, 1), "half"), ((1, 2), "causal"), ((3, 1), "full")]
)
def test_a_long_axis_is_counted_from_a_short_one(padding, steps, amount):
    (stride, dilation), size = steps, (44, 1)
    for window in ((3, 1), (4, 1)):
        one = (window, (stride, 1), (dilation, 1), 1, 2, 1)
        check(Layer(size, *one, padding, amount), 2)


@pytest.mark.parametrize("padding", ["partial", "partial_sqrt", "valid", "symmetric"])
def test_long_axes_of_two_dimensions(padding):
    check(Layer((23, 26), (3, 2), (2, 1), (1, 1), 1, 1, 1, padding, "same"), 1)


@pytest.mark.parametrize(
    ("shape", "stride", "true"), [((16, 256), 1, 1.998e-6), ((64, 512), 1, 1.620e-5)]
)
def test_float32_keeps_small_values(shape, stride, true):
    """Where the form that subtracts M - C would return 0 or twice too much."""
    rng = np.random.default_rng(0)
    start = np.zeros((3, 3, *shape))
    start[1, 1] = np.linalg.qr(rng.normal(size=shape[::-1]))[0].T
    noise = rng.normal(size=start.shape)
    with jax.enable_x64(True):
        scale = math.sqrt(true / float(lorth(start + 1e-6 * noise))) * 1e-6
        exact = float(lorth(start + scale * noise))
    found = float(lorth(jnp.asarray(start + scale * noise, jnp.float32)))
    assert exact == pytest.approx(true, rel=0.05)
    assert found == pytest.approx(exact, rel=5e-3)


def test_the_gradient_is_that_of_the_dense_residual():
    for padding in ("circular", "zero", "partial"):
        with jax.enable_x64(True):
            kernel = np.random.default_rng(0).normal(size=(3, 2, 3, 4))

            def dense(kernel, padding=padding):
                matrix = conv_matrix(kernel, (5, 6), padding=padding)
                product = matrix.T @ matrix
                return jnp.sum((product - jnp.eye(len(product))) ** 2)

            found = jax.grad(lambda k, p=padding: residual(k, (5, 6), padding=p))(
                kernel
            )
            np.testing.assert_allclose(found, jax.grad(dense)(kernel), rtol=1e-9)


@pytest.mark.slow
@pytest.mark.slow
def test_second_derivatives_go_through():
    with jax.enable_x64(True):
        kernel = np.random.default_rng(0).normal(size=(3, 2, 2))
        for padding in ("circular", "reflect"):
            check_grads(
                lambda k, p=padding: residual(k, 6, padding=p), (kernel,), 2, rtol=1e-4
            )


@pytest.mark.parametrize("padding", ["zero", "circular", "replicate", "partial"])
def test_the_cost_does_not_grow_with_the_image(padding):
    kernel = np.zeros((3, 3, 8, 8), np.float32)

    def flops(size):
        step = jax.jit(jax.grad(lambda k: lorth(k, size=size, padding=padding)))
        cost = step.lower(kernel).compile().cost_analysis()
        assert cost is not None
        return cost["flops"]

    assert flops(224) == flops(32)


def test_the_spectral_inequality():
    """Theorem 8: alpha' L <= err_s^2 <= alpha L."""
    rng = np.random.default_rng(0)
    for k, s, c, m in [(3, 1, 4, 6), (3, 2, 2, 6), (5, 1, 3, 3), (4, 2, 4, 9)]:
        with jax.enable_x64(True):
            kernel = rng.normal(size=(k, k, c, m)) / 6
            values = np.asarray(singular_values(kernel, 6 * s, stride=s))
            level = float(lorth(kernel, stride=s))
        error = np.abs(np.square(values) - 1).max() ** 2
        rows = (2 * ((k - 1) // s) + 1) ** 2 * m
        columns = (2 * k - 1) ** 2 * c
        square = min(rows, columns) if m == c * s * s else None
        upper = square or (rows if m <= c * s * s else columns)
        assert level / min(m, c * s * s) <= error <= upper * level


def test_a_transposed_layer_is_as_far_from_orthogonal_as_its_convolution():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 4, 6)).astype(np.float32)
    swapped = kernel.swapaxes(-1, -2)
    for padding in ("circular", "zero"):
        options = {"stride": 2, "padding": padding}
        # The transposed layer's input is the convolution's output.
        np.testing.assert_allclose(
            lorth(swapped, size=5, transpose=True, **options),
            lorth(kernel, size=10, **options),
            rtol=1e-6,
        )
    np.testing.assert_allclose(lorth(swapped, transpose=True), lorth(kernel), rtol=1e-6)


def test_a_mode_that_mixes_axes_goes_through_the_matrix():
    with jax.enable_x64(True):
        kernel = np.random.default_rng(0).normal(size=(3, 3, 1, 2))
        found = float(residual(kernel, (4, 6), padding="latlon"))
        dense = np.asarray(conv_matrix(kernel, (4, 6), padding="latlon"))
    assert found == pytest.approx(residual_of(dense), rel=1e-12)


def test_zero_padding_grows_with_the_perimeter_alone():
    """A circular-orthogonal kernel: exactly affine in the size (research 1.2)."""
    kernel = np.zeros((3, 3, 4, 4), np.float32)
    for i, (row, column) in enumerate([(0, 0), (0, 2), (2, 1), (1, 1)]):
        kernel[row, column, i, i] = 1
    assert float(lorth(kernel)) < 1e-10
    values = [float(residual(kernel, n, padding="zero")) for n in (6, 8, 10, 12)]
    assert values[0] > 1
    assert np.ptp(np.diff(values)) < 1e-4


def test_an_infeasible_layer_says_so_once_and_by_name():
    kernel = np.random.default_rng(0).normal(size=(1, 1, 8, 16)).astype(np.float32)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            assert float(lorth(kernel, stride=2, name="stage2/shortcut")) > 0
    (warning,) = caught
    assert "lorth of stage2/shortcut cannot reach 0" in str(warning.message)
    assert "kernel_size >= stride" in str(warning.message)
    assert exists(8, 16, (1, 1), 2).reason in str(warning.message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernel": np.full((3, 3, 2, 2), np.inf, np.float32)}, "lorth: .* not finite"),
        ({"kernel": np.ones((3, 3), np.float32)}, "lorth: kernel has shape"),
        ({"groups": 3}, "groups=3 must divide"),
        ({"size": (4, 4, 4)}, "size="),
        ({"size": 2, "padding": "reflect"}, "too wide for reflect"),
    ],
)
def test_bad_arguments_are_named(change, message):
    arguments = {"kernel": np.ones((7, 7, 2, 2), np.float32), **change}
    with pytest.raises(ValueError, match=message):
        lorth(**arguments)


def test_the_trap_of_a_published_snippet():
    """Padding 1 where 2 is right sees 9 of 25 shifts, and misses opposite corners."""
    kernel = np.zeros((3, 3, 1, 1), np.float32)
    kernel[0, 0] = kernel[2, 2] = math.sqrt(0.5)
    assert float(lorth(kernel)) == pytest.approx(0.5, rel=1e-6)
    y = jaxpad.conv(kernel.transpose(3, 0, 1, 2), kernel, amount=1)
    seen = np.asarray(y)[0, ..., 0]
    seen = seen - np.outer(np.eye(3)[1], np.eye(3)[1])
    assert np.square(seen).sum() == pytest.approx(0.0, abs=1e-10)


def test_the_warning_is_of_the_layer_that_is_measured():
    """Without a size, or without padding cells, partial convolution changes nothing."""
    kernel = np.zeros((3, 3, 4, 4), np.float32)
    kernel[0, 0] = np.eye(4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert float(lorth(kernel, padding="partial", name="a")) == 0
        found = lorth(kernel, padding="partial", amount="valid", size=8, name="b")
        assert float(found) == 0


def test_a_transposed_layer_that_is_infeasible_is_told_of_its_convolution():
    kernel = np.random.default_rng(0).normal(size=(1, 1, 24, 5)).astype(np.float32)
    with pytest.warns(UserWarning, match="Said of the convolution that is transposed"):
        lorth(kernel, stride=2, transpose=True, name="decoder/up")


@pytest.mark.parametrize("free", [-1.0, float("nan")])
def test_a_free_norm_is_a_number(free):
    with pytest.raises(ValueError, match=r"spectral_norm: free=.*: expected a number"):
        spectral_norm(np.ones((3, 1, 1), np.float32), free=free)


@pytest.mark.parametrize("name", ["lorth", "kernel_orthogonality", "spectral_norm"])
def test_every_regularizer_has_a_gradient_at_zero(name):
    function = REGULARIZERS[name]
    slope = jax.grad(function)(np.zeros((3, 3, 4, 4), np.float32))
    assert np.all(np.isfinite(slope))
