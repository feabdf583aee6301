"""The matrix is `conv`, and the fast ways have its spectrum, over random layers."""

import jax
import numpy as np
import pytest

import jaxpad
from jaxpad.spectral import conv_matrix, norm, singular_values, transfer
from jaxpad.spectral.bound import bound
from jaxpad.spectral.operator import read_operator
from tests.operators import PADDINGS, Layer, random_layers


MIXED = (("reflect", "replicate"), "circular")
LATLON = "latlon(odd_channels=(0, 1))"


def matrices(layer: Layer, kernels: np.ndarray) -> np.ndarray:
    """The dense matrices, float64."""
    make = jax.vmap(lambda kernel: conv_matrix(kernel, layer.size, **layer.options()))
    return np.asarray(jax.jit(make)(kernels))


@pytest.mark.parametrize("layer", random_layers(0, 20), ids=str)
def test_the_matrix_times_an_image_is_the_convolution(layer: Layer):
    with jax.enable_x64(True):
        (kernel,) = layer.kernels(1)
        shape = (*layer.size, layer.inputs)
        x = np.random.default_rng(1).normal(size=(2, *shape))
        y = np.asarray(jaxpad.conv(x, kernel, **layer.options()))
        y = y - np.asarray(jaxpad.conv(0 * x, kernel, **layer.options()))
        found = x.reshape(2, -1) @ matrices(layer, kernel[None])[0].T
    np.testing.assert_allclose(found, y.reshape(2, -1), atol=1e-12)


@pytest.mark.parametrize("layer", random_layers(1, 40, torus=True), ids=str)
def test_the_polyphase_spectrum_is_that_of_the_dense_matrix(layer: Layer):
    with jax.enable_x64(True):
        kernels = layer.kernels(5)
        values = jax.vmap(lambda k: singular_values(k, layer.size, **layer.options()))
        found = np.asarray(jax.jit(values)(kernels))
        expected = np.linalg.svd(matrices(layer, kernels), compute_uv=False)
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("layer", random_layers(2, 50), ids=str)
def test_the_norm_is_never_below_the_dense_norm(layer: Layer):
    """40 kernels for each of 50 layers, over all paddings: exact, and the bound."""
    with jax.enable_x64(True):
        kernels = layer.kernels(40)
        expected = np.linalg.norm(matrices(layer, kernels), 2, axis=(1, 2))

        def norms(kernel):
            operator = read_operator("", kernel, layer.size, **layer.options())
            return (
                norm(kernel, layer.size, **layer.options()),
                bound(operator),
            )

        exact, certified = map(np.asarray, jax.jit(jax.vmap(norms))(kernels))
    assert np.all(exact >= expected)
    np.testing.assert_allclose(exact, expected, rtol=1e-9)
    assert np.all(certified >= expected)


@pytest.mark.parametrize("padding", [*PADDINGS, MIXED])
def test_one_bound_holds_for_every_size(padding):
    """Sizes from two windows less one cell on that the stride divides."""
    for window, stride in [((5, 3), 2), ((3, 2), 1)]:
        kernel = np.random.default_rng(0).normal(size=(*window, 2, 3))
        options = {"stride": stride, "padding": padding}
        with jax.enable_x64(True):
            highest = float(norm(kernel, **options))
            for n in (10, 14):
                dense = conv_matrix(kernel, (n,) * len(window), **options)
                assert highest >= np.linalg.norm(dense, 2)


@pytest.mark.parametrize("padding", ["c2sp", "latlon", LATLON, MIXED])
def test_modes_that_look_at_channels_or_differ_by_axis(padding):
    """Groups of a kernel do not share what such a mode does to their channels."""
    kernel = np.random.default_rng(0).normal(size=(2, 2, 4, 4))
    options = {"groups": 2, "padding": padding}
    with jax.enable_x64(True):
        kernel = kernel[:, :, :2]
        dense = np.asarray(conv_matrix(kernel, 4, **options))
        expected = np.linalg.svd(dense, compute_uv=False)
        found = singular_values(kernel, 4, **options)
        np.testing.assert_allclose(found, expected, atol=1e-10)
        assert float(norm(kernel, 4, **options)) >= expected[0]


@pytest.mark.parametrize("scale", [0.0, 1e-22, 1.0, 1e20])
def test_the_norm_of_tiny_huge_and_zero_kernels(scale):
    kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 2)) * scale
    kernel = kernel.astype(np.float32)
    expected = float(singular_values(kernel, 6)[0])
    assert float(norm(kernel, 6)) == pytest.approx(expected, rel=1e-4)
    assert float(norm(kernel)) >= expected
    for size in (None, 6):
        slope = jax.grad(lambda k, size=size: norm(k, size))(kernel)
        assert np.all(np.isfinite(slope))


def test_taps_that_wrap_and_cancel_are_within_the_rounding():
    kernel = np.array([1, 1e-8, -1], np.float32)[:, None, None]
    assert float(norm(kernel, 1)) >= 1e-8


def test_a_matrix_of_few_rows_is_made_from_its_rows():
    kernel = np.ones((28, 28, 64, 1), np.float32)
    matrix = jax.eval_shape(lambda k: conv_matrix(k, 28, padding="valid"), kernel)
    assert matrix.shape == (1, 28 * 28 * 64)
    with pytest.raises(ValueError, match="over all frequencies"):
        jax.eval_shape(lambda k: singular_values(k, 4096), np.ones((3, 3, 64, 64), "f"))


def test_an_amount_beyond_the_window_needs_larger_images():
    kernel = np.ones((3, 1, 1), np.float32)
    exact = float(norm(kernel, 30, padding="reflect", amount=11))
    assert float(norm(kernel, padding="reflect", amount=11)) >= exact


def test_groups_combine_by_the_maximum():
    kernels = np.random.default_rng(0).normal(size=(2, 3, 3, 4, 4)).astype(np.float32)
    both = np.concatenate(kernels, -1)
    alone = [float(norm(kernel, 8)) for kernel in kernels]
    assert float(norm(both, 8, groups=2)) == pytest.approx(max(alone), rel=1e-5)


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        ("zero", [1, 1, 1]),
        ("valid", [1, 1, 1]),
        ("circular", [1, 1, 1]),
        ("replicate", [2, 3, 4]),
        ("reflect", [2, 2, 2]),
        ("symmetric", [2, 2, 2]),
        ("partial", [2.25, 25 / 9, 3.0625]),
    ],
)
def test_an_orthogonal_corner_tap_is_as_long_as_the_padding_makes_it(padding, expected):
    """One tap in a corner is orthogonal on a torus; the border multiplies it."""
    for k, factor in zip((3, 5, 7), expected, strict=True):
        kernel = np.zeros((k, k, 1, 1), np.float32)
        kernel[0, 0] = 1
        exact = float(norm(kernel, 14, padding=padding))
        assert exact == pytest.approx(factor, rel=1e-3)
        assert float(norm(kernel, padding=padding)) >= exact


def test_the_bound_is_at_most_a_hundredth_an_axis_above_the_largest_response():
    kernel = np.random.default_rng(0).normal(size=(5, 3, 8, 8)).astype(np.float32)
    dense = float(norm(kernel, 64))
    assert dense <= float(norm(kernel)) <= 1.02 * dense


def test_a_smaller_image_never_has_more_than_the_bound_though_it_may_have_more():
    """Research: ||zero_n|| can exceed ||circular_n|| at the same n."""
    kernel = np.array([1, -1, 1], np.float32)[:, None, None]
    zero, circular = (float(norm(kernel, 3, padding=p)) for p in ("zero", "circular"))
    assert circular < zero <= float(norm(kernel, padding="zero"))


def test_a_large_layer_is_bounded_and_not_waited_for():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 16, 16)).astype(np.float32)
    found = float(norm(kernel, 512, padding="reflect"))
    assert float(norm(kernel)) <= found <= 2.1 * float(norm(kernel))


def test_a_transposed_axis_keeps_the_response():
    """T(w) of the swapped and flipped kernel is the adjoint of T(w)."""
    kernel = np.random.default_rng(0).normal(size=(3, 4, 2, 5)).astype(np.float32)
    response = np.asarray(transfer(kernel, (6, 5)))[..., 0, :, :]
    adjoint = np.asarray(transfer(kernel[::-1, ::-1].swapaxes(-1, -2), (6, 5)))
    # A flip about tap 0 would be exact; about the middle it is a phase.
    np.testing.assert_allclose(
        np.abs(adjoint[..., 0, :, :]), np.abs(response.swapaxes(-1, -2)), rtol=1e-4
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"padding": "median"}, "conv_matrix: padding mode median is not linear"),
        ({"size": (5, 5, 5)}, r"size=\(5, 5, 5\): expected an int"),
        ({"size": 0}, "size=0: expected an int of at least 1"),
        ({"groups": 3}, "groups=3 must divide the 4 channels"),
        ({"size": 4096}, "singular values of a dense matrix"),
    ],
)
def test_what_has_no_spectrum_is_named(change, message):
    kernel = np.ones((3, 3, 2, 4), np.float32)
    arguments = {"size": 6, "padding": "reflect", **change}
    with pytest.raises(ValueError, match=message):
        singular_values(kernel, **arguments)


@pytest.mark.parametrize(
    ("kernel", "error", "message"),
    [
        (np.ones((3, 3), np.float32), ValueError, r"kernel has shape \(3, 3\)"),
        (np.ones((3, 3, 2, 4), int), TypeError, "dtype int"),
        (
            np.full((3, 2, 4), np.nan, np.float32),
            ValueError,
            "24 entries .* not finite",
        ),
        (np.ones((3, 0, 4), np.float32), ValueError, "none of them empty"),
    ],
)
def test_what_is_no_kernel_is_named(kernel, error, message):
    for function in (conv_matrix, singular_values, norm, transfer):
        with pytest.raises(error, match=message):
            function(kernel, 6)


def test_a_custom_reweighting_has_a_bound_at_a_size_only():
    padding = jaxpad.Padding(reweight=lambda count, window: (window / count) ** 2)
    kernel = np.ones((3, 1, 1), np.float32)
    assert float(norm(kernel, 8, padding=padding)) > 3
    with pytest.raises(ValueError, match="has no bound for every size"):
        norm(kernel, padding=padding)
