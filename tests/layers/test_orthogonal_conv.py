"""The orthogonal layers: parameters, training, and the plain layers they turn into."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxpad.layers import (
    Conv,
    ConvTranspose,
    OrthogonalConv,
    OrthogonalConvTranspose,
    replace_padding,
)
from jaxpad.spectral import conv_matrix


# A layer that keeps the length of its input: as many outputs as input numbers, or more.
KEEPING: list[Any] = [
    (OrthogonalConv, (3, 3, (3, 3)), {}),
    (OrthogonalConv, (4, 20, (3, 2), 2), {"feature_group_count": 2}),
    (OrthogonalConv, (1, 8, (2, 3, 2), 2), {}),
    (OrthogonalConvTranspose, (8, 6, (3, 3), 2), {"feature_group_count": 2}),
    (OrthogonalConvTranspose, (5, 2, 5, 3), {"kernel_dilation": 2}),
]
layers = pytest.mark.parametrize(("kind", "arguments", "options"), KEEPING, ids=str)


def made(kind: Any, arguments: Any, options: Any, **more: Any) -> Any:
    return kind(*arguments, rngs=nnx.Rngs(0), use_bias=False, **options, **more)


def image(layer: Any, size: int = 6, batch: tuple[int, ...] = (2,)) -> jax.Array:
    shape = (*batch, *(size,) * layer.rank, layer.in_features)
    return jax.random.normal(jax.random.key(1), shape)


def after_steps(layer: Any, steps: int = 5) -> Any:
    """SGD towards images of random numbers."""
    x = image(layer)
    wish = jax.random.normal(jax.random.key(2), layer(x).shape)
    graph, state = nnx.split(layer)

    @jax.jit
    @jax.grad
    def slope(state: Any) -> jax.Array:
        return jnp.mean((nnx.merge(graph, state)(x) - wish) ** 2)

    for _ in range(steps):
        state = jax.tree.map(lambda p, g: p - 0.5 * g, state, slope(state))
    return nnx.merge(graph, state)


def check_lengths(layer: Any) -> None:
    x = image(layer)
    np.testing.assert_allclose(jnp.sum(layer(x) ** 2), jnp.sum(x**2), rtol=1e-5)


@layers
def test_lengths_are_kept(kind: Any, arguments: Any, options: Any):
    check_lengths(made(kind, arguments, options))


@pytest.mark.parametrize(("kind", "arguments", "options"), KEEPING[1::2], ids=str)
def test_lengths_are_kept_after_training(kind: Any, arguments: Any, options: Any):
    layer = made(kind, arguments, options)
    later = after_steps(layer)
    assert np.abs(later.kernel - layer.kernel).max() > 1e-3
    check_lengths(later)


@layers
def test_the_plain_layer_does_the_same(kind: Any, arguments: Any, options: Any):
    layer = made(kind, arguments, options, padding="reflect")
    plain = layer.to_conv()
    assert type(plain) is (Conv if kind is OrthogonalConv else ConvTranspose)
    assert isinstance(plain.kernel, nnx.Param)
    x = image(layer)
    np.testing.assert_allclose(plain(x), layer(x), atol=1e-6)


def test_all_singular_values_of_a_wide_layer_are_1():
    layer = OrthogonalConv(4, 6, (3, 3), 2, rngs=nnx.Rngs(0))
    matrix = np.asarray(conv_matrix(layer.kernel, 6, stride=2), np.float64)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(9 * 6), atol=2e-6)


def test_the_parameters_are_the_free_ones_and_the_bias():
    layer = OrthogonalConv(4, 6, (3, 3), rngs=nnx.Rngs(0))
    shapes = {k: v.shape for k, v in nnx.to_pure_dict(nnx.state(layer)).items()}
    assert shapes == {"base": (1, 6, 6), "turns": (1, 4, 6, 3), "bias": (6,)}


def test_the_bias_is_added_and_copied():
    layer = OrthogonalConv(2, 3, (3,), rngs=nnx.Rngs(0))
    assert layer.bias is not None
    layer.bias[...] = jnp.array([1.0, 2.0, 3.0])
    plain, nothing = layer.to_conv(), jnp.zeros((1, 4, 2))
    np.testing.assert_array_equal(layer(nothing)[0, 0], [1.0, 2.0, 3.0])
    layer.bias[...] = jnp.zeros(3)
    np.testing.assert_array_equal(plain(nothing)[0, 0], [1.0, 2.0, 3.0])


def test_padding_is_circular_unless_named_and_can_be_replaced():
    layer = OrthogonalConv(2, 2, (3, 3), rngs=nnx.Rngs(0))
    assert layer.padding.mode == "circular"
    replaced = replace_padding(nnx.Sequential(layer), "zero").layers[0]
    assert isinstance(replaced, OrthogonalConv)
    x = image(layer)
    inner = (slice(None), slice(1, -1), slice(1, -1))
    np.testing.assert_allclose(replaced(x)[inner], layer(x)[inner], atol=1e-6)
    assert jnp.sum(replaced(x) ** 2) < jnp.sum(x**2) * 0.99


def test_dtypes_and_batches():
    layer = OrthogonalConv(2, 2, (3,), dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
    assert layer.kernel.dtype == jnp.float32
    assert layer(image(layer, batch=())).shape == (6, 2)
    assert layer(image(layer, batch=(2, 3))).dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("kind", "features"), [(OrthogonalConv, (4, 8)), (OrthogonalConvTranspose, (8, 4))]
)
def test_what_is_impossible_is_refused(kind: Any, features: tuple[int, int]):
    message = "There is no orthogonal kernel: a 1x1 kernel with stride 2x2 cannot keep"
    with pytest.raises(ValueError, match=message):
        kind(*features, (1, 1), 2, rngs=nnx.Rngs(0))


def test_of_a_transposed_layer_the_reason_says_whose_channels_it_counts():
    with pytest.raises(ValueError, match="its output channels are this layer's input"):
        OrthogonalConvTranspose(8, 4, (1, 1), 2, rngs=nnx.Rngs(0))


def test_half_precision_parameters_are_refused():
    with pytest.raises(ValueError, match="param_dtype=bfloat16: expected float32 or"):
        OrthogonalConv(2, 2, 3, param_dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
