"""The start with few taps: orthogonal at any border, and trained ones stay so."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpad.orthogonal import delta_orthogonal, winding
from jaxpad.spectral import conv_matrix, transfer


# Features, window, stride, dilation, groups.
LAYERS = [
    ((4, 4), (3, 3), 1, 1, 1),
    ((5, 2), (4,), 1, 1, 1),
    ((2, 9), (3, 3), 2, 1, 1),
    ((2, 7), (3, 4), (2, 3), 1, 1),
    ((4, 2), (1, 2), 3, 1, 1),
    ((4, 8), (5,), 2, 1, 2),
    ((2, 3), (2, 1, 3), 1, 1, 1),
]


def kernel_of(layer: tuple[Any, ...], seed: int = 0, **options: Any) -> jax.Array:
    (inputs, outputs), window, stride, dilation, groups = layer
    init = delta_orthogonal(stride=stride, dilation=dilation, groups=groups, **options)
    return init(jax.random.key(seed), (*window, inputs // groups, outputs))


def distance(layer: tuple[Any, ...], padding: Any) -> float:
    """The largest entry of `K K^T - I` (or of `K^T K - I`)."""
    matrix = conv_matrix(
        kernel_of(layer),
        6,
        stride=layer[2],
        dilation=layer[3],
        groups=layer[4],
        padding=padding,
    )
    matrix = np.asarray(matrix, np.float64)
    wide = matrix.shape[0] <= matrix.shape[1]
    gram = matrix @ matrix.T if wide else matrix.T @ matrix
    return np.abs(gram - np.eye(len(gram))).max()


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_it_is_orthogonal_at_every_border(layer: tuple[Any, ...]):
    for padding in ("circular", "zero", "reflect", "replicate", "linear"):
        assert distance(layer, padding) < 1e-6, padding


def test_dilation_and_stride():
    assert distance(((2, 6), (3,), 3, 2, 1), "circular") < 1e-6
    assert distance(((2, 2), (3,), 2, 2, 1), "circular") < 1e-6  # every second cell
    assert distance(((2, 2), (3,), 1, 3, 1), "zero") < 1e-6


def test_the_taps():
    kernel = np.asarray(kernel_of(((4, 8), (5, 2), (2, 1), 1, 1)))
    used = np.abs(kernel).max((-1, -2)) > 0
    # Two of five taps, one of two: the block starts where "same" starts to read.
    assert np.argwhere(used).tolist() == [[1, 0], [2, 0]]


def test_noise_is_glorots():
    quiet, loud = (kernel_of(((64, 96), (3, 3), 1, 1, 1), noise=n) for n in (0.0, 0.5))
    noise = np.asarray(loud - quiet)
    assert noise.std() == pytest.approx(0.5 * (2 / (9 * (64 + 96))) ** 0.5, rel=0.02)
    assert noise.std((2, 3)).min() > 0


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_dtype_and_key(dtype: Any):
    init = delta_orthogonal()
    one, two = (init(jax.random.key(k), (3, 2, 2), dtype) for k in (0, 1))
    assert one.dtype == dtype
    assert np.any(one != two)


def test_what_is_impossible_is_refused():
    with pytest.raises(ValueError, match="Use kernel_size >= stride, or at most 4"):
        kernel_of(((4, 8), (1,), 2, 1, 1))


def lorth(kernel: jax.Array) -> jax.Array:
    """`||K K^T - I||^2` for each output cell, of a square layer at stride 1."""
    response = transfer(kernel, 2 * kernel.shape[0] - 1)[..., 0, :, :]
    gram = response @ jnp.conj(jnp.swapaxes(response, -1, -2))
    one = jnp.broadcast_to(jnp.eye(gram.shape[-1], dtype=gram.dtype), gram.shape)
    wrong = jnp.abs(gram - one) ** 2
    return jnp.sum(wrong) / (2 * kernel.shape[0] - 1) ** (kernel.ndim - 2)


@jax.jit
@jax.vmap
def trained(kernel: jax.Array) -> jax.Array:
    """After 1500 steps of Adam on `lorth` alone."""

    def step(i: Any, state: Any) -> Any:
        kernel, mean, square = state
        slope = jax.grad(lorth)(kernel)
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        t = jnp.asarray(i + 1, jnp.float32)
        scale = jnp.sqrt(square / (1 - 0.999**t)) + 1e-8
        return kernel - 1e-2 * mean / (1 - 0.9**t) / scale, mean, square

    zero = jnp.zeros_like(kernel)
    return jax.lax.fori_loop(0, 1500, step, (kernel, zero, zero))[0]


def test_square_layers_reach_orthogonality_from_here_and_mostly_not_from_glorot():
    shape, runs = (3, 3, 4, 4), 10
    glorot = jax.nn.initializers.glorot_normal()
    keys = jax.random.split(jax.random.key(0), runs)
    starts = [
        jax.vmap(lambda key, i=init: i(key, shape))(keys)
        for init in (delta_orthogonal(noise=0.5), glorot)
    ]
    ends = trained(jnp.concatenate(starts))
    responses = np.asarray(jax.vmap(lambda kernel: transfer(kernel, 16))(ends))
    values = np.linalg.svd(responses, compute_uv=False)
    reached = np.abs(values - 1).reshape(2, runs, -1).max(-1) < 0.05
    assert reached[0].all()
    assert reached[1].mean() < 0.7
    # Winding explains each of the runs, and the starts.
    even = [winding(kernel).reachable for kernel in ends]
    assert even == reached.ravel().tolist()
    assert all(winding(kernel).reachable for kernel in starts[0])
    assert not any(winding(kernel).reachable for kernel in starts[1])
