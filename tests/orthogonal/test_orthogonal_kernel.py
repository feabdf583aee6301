"""Kernels that are orthogonal, at the start and after steps, against dense matrices."""

import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pytest

import jaxpad
from jaxpad.orthogonal import Free, exists, orthogonal_kernel, orthogonal_parameters
from jaxpad.spectral import conv_matrix


class Case(NamedTuple):
    """A layer; `size` is of the images that it is looked at on."""

    features: Any
    window: tuple[int, ...]
    stride: Any = 1
    dilation: Any = 1
    groups: int = 1
    size: int = 8

    @property
    def layer(self) -> dict[str, Any]:
        names = ("stride", "dilation", "groups")
        return {name: getattr(self, name) for name in names}

    def parameters(self, seed: int = 0, dtype: Any = jnp.float32) -> Free:
        key, layer = jax.random.key(seed), self.layer
        return orthogonal_parameters(
            key, *self.features, self.window, dtype=dtype, **layer
        )

    def kernel(self, free: Free) -> jax.Array:
        return orthogonal_kernel(free, *self.features, self.window, **self.layer)


def spectrum(kernel: Any, case: Case) -> np.ndarray:
    """Singular values of each block in Fourier space, largest first, by NumPy."""
    kernel, n, rank = np.asarray(kernel, np.float64), case.size, len(case.window)
    strides = np.broadcast_to(case.stride, rank)
    image = np.zeros((n,) * rank + kernel.shape[-2:])
    for taps in np.ndindex(case.window):
        image[tuple(np.multiply(taps, case.dilation) % n)] += kernel[taps]
    waves = np.fft.fftn(image, axes=range(rank))
    # The frequencies that a stride cannot tell apart are one output's.
    split = [m for s in strides for m in (s, n // s)]
    waves = waves.reshape(*split, kernel.shape[-2], case.groups, -1)
    order = [*range(1, 2 * rank, 2), -2, -1, *range(0, 2 * rank, 2), -3]
    waves = waves.transpose([axis % waves.ndim for axis in order])
    blocks = waves.reshape(*waves.shape[: rank + 2], -1) / np.prod(strides) ** 0.5
    return np.linalg.svd(blocks, compute_uv=False)


def trained(case: Case, steps: int = 25) -> tuple[jax.Array, jax.Array]:
    """The kernel at the start, and after steps of SGD towards random numbers."""

    def run(free: Free) -> tuple[jax.Array, jax.Array]:
        wish = jax.random.normal(
            jax.random.key(1), jax.eval_shape(case.kernel, free).shape
        )
        slope = jax.grad(lambda free: jnp.sum(case.kernel(free) * wish))

        def step(_: int, free: Free) -> Free:
            return jax.tree.map(lambda x, g: x - 0.1 * g, free, slope(free))

        return case.kernel(free), case.kernel(jax.lax.fori_loop(0, steps, step, free))

    return jax.jit(run)(case.parameters())


def check_trained(case: Case) -> None:
    start, end = trained(case)
    for kernel in (start, end):
        # A block has as many values as its smaller side: none may be lost.
        np.testing.assert_allclose(spectrum(kernel, case), 1, atol=1e-5)
    if max(case.features) > case.groups:  # one channel has a sign alone
        assert np.abs(end - start).max() > 1e-2


# orthogonium's published grid: k, features, stride, dilation, groups.
def published() -> list[Case]:
    both = [*itertools.product((8, 16), repeat=2)]
    cases = [
        Case(f, (k, k), s, 1, g)
        for k, f, s, g in itertools.product((1, 3, 5), both, (1, 2), (1, 2, 4))
        if k >= s
    ]
    cases += [Case(f, (k, k)) for k, f in itertools.product((2, 4), both)]
    cases += [Case(f, (k, k), 1, 2) for k, f in itertools.product((2, 3, 4, 5), both)]
    some = [*itertools.product((2, 4, 32), repeat=2)]
    cases += [
        Case(f, (k, k), s)
        for k, f, s in itertools.product((3, 4, 5), some, (2, 4))
        if k >= s
    ]
    cases += [Case(f, (3, 3), 2, d, 1, 12) for d, f in itertools.product((2, 3), both)]
    cases += [Case(f, (s, s), s) for s, f in itertools.product((1, 2), both)]
    cases += [Case((c * 4, c * 4), (3, 3), 1, 1, 4) for c in (1, 2)]
    transposed = itertools.product((1, 2, 3), (4, 8, 16), (4, 8, 32), (1, 2), (1, 2))
    # Of the convolution that is transposed: features change places.
    cases += [Case((o, i), (k, k), s, 1, g) for k, i, o, s, g in transposed if k >= s]
    return cases


PUBLISHED = [c for c in published() if exists(*c.features, c.window, *c[2:5])]

# What it skips: rectangles, 1D, 3D, one channel, odd channels, windows below the
# stride, strides of their own, strides and dilations with a common divisor.
SKIPPED = [
    Case((1, 1), (3, 3)),
    Case((3, 5), (4,)),
    Case((1, 6), (3, 2), (1, 2)),
    Case((5, 3), (2, 5), (2, 3), 1, 1, 12),
    Case((2, 20), (2, 3, 2), 2),
    Case((4, 4), (3,), 4, 2),
    Case((2, 7), (5,), 3, 2, 1, 12),
    Case((6, 10), (3, 3), 2, 1, 2),
    Case((3, 3), (3,), 1, 1, 3),
]


@pytest.mark.parametrize("case", [*PUBLISHED[5::90], *SKIPPED], ids=str)
def test_singular_values_stay_at_1(case: Case):
    check_trained(case)


@pytest.mark.slow
@pytest.mark.parametrize("case", PUBLISHED, ids=str)
def test_singular_values_stay_at_1_on_the_published_grid(case: Case):
    check_trained(case)


def gram(case: Case, padding: str = "circular") -> np.ndarray:
    """`K K^T` or `K^T K` in float64, whichever has the fewer rows."""
    with jax.enable_x64(True):
        kernel = case.kernel(case.parameters(dtype=jnp.float64))
        matrix = conv_matrix(kernel, case.size, padding=padding, **case.layer)
        return np.asarray(
            matrix @ matrix.T
            if matrix.shape[0] <= matrix.shape[1]
            else matrix.T @ matrix
        )


DENSE = [
    Case((3, 5), (4,)),
    Case((5, 3), (2, 5), (2, 3), size=6),
    Case((2, 9), (5,), 3, 2, size=12),
    Case((4, 8), (3, 2), (2, 1), 1, 2, 4),
]


@pytest.mark.parametrize("case", DENSE, ids=str)
def test_the_dense_matrix_is_orthogonal(case: Case):
    got = gram(case)
    np.testing.assert_allclose(got, np.eye(len(got)), atol=1e-13)


@pytest.mark.parametrize("padding", ["zero", "valid"])
def test_missing_cells_never_lengthen(padding: str):
    case = Case((3, 3), (3, 3), size=6)
    values = np.linalg.eigvalsh(gram(case, padding))
    assert values.max() < 1 + 1e-12
    # "valid" keeps rows of the circular matrix, "zero" loses some of what they read.
    assert values.min() > 1 - 1e-12 if padding == "valid" else values.min() < 0.9


def test_the_transposed_layer_is_the_adjoint():
    case = Case((6, 4), (3, 2), (2, 1), 1, 2)
    kernel = case.kernel(case.parameters())
    x = jax.random.normal(jax.random.key(1), (2, 4, 8, 4))
    y = jaxpad.conv_transpose(
        x, jnp.swapaxes(kernel, -1, -2), stride=(2, 1), groups=2, padding="circular"
    )
    back = jaxpad.conv(y, kernel, stride=(2, 1), groups=2, padding="circular")
    np.testing.assert_allclose(back, x, atol=1e-5)


@pytest.mark.parametrize("case", [Case((4, 4), (3, 3)), Case((2, 6), (3, 4), 2)])
def test_every_tap_is_used(case: Case):
    kernel = np.asarray(case.kernel(case.parameters()))
    assert np.abs(kernel).max((-1, -2)).min() > 1e-2


def test_groups_are_kernels_of_their_own():
    case = Case((4, 6), (3,), 2, 1, 2)
    free = case.parameters()
    one = Case((2, 3), (3,), 2)
    parts = [one.kernel(jax.tree.map(lambda x: x[i : i + 1], free)) for i in (0, 1)]  # noqa: B023
    np.testing.assert_allclose(case.kernel(free), jnp.concatenate(parts, -1), atol=1e-6)
    assert np.abs(parts[0] - parts[1]).max() > 0.1


def test_scale_and_basis_of_the_parameters_do_not_matter():
    case = Case((4, 4), (3, 3))
    free = case.parameters()
    mix = jax.random.normal(jax.random.key(3), (2, 2))
    other = Free(free.base * 3, jnp.einsum("gtch,hk->gtck", free.turns, mix))
    np.testing.assert_allclose(case.kernel(other), case.kernel(free), atol=1e-5)


def test_jit_vmap_and_dtype():
    case = Case((3, 4), (3,))
    stack = jax.tree.map(lambda *x: jnp.stack(x), *map(case.parameters, (0, 1)))
    several = jax.jit(jax.vmap(case.kernel))(stack)
    alone = case.kernel(case.parameters(1))
    np.testing.assert_allclose(several[1], alone, atol=1e-6)
    with jax.enable_x64(True):
        assert case.kernel(case.parameters(dtype=jnp.float64)).dtype == jnp.float64


def test_gradients_agree_with_differences():
    case = Case((2, 3), (2, 2))
    with jax.enable_x64(True):
        free = case.parameters(dtype=jnp.float64)
        wish = jax.random.normal(jax.random.key(1), (2, 2, 2, 3), jnp.float64)
        jax.test_util.check_grads(
            lambda free: jnp.sum(case.kernel(free) * wish), (free,), 1, modes=("rev",)
        )


def test_what_is_impossible_is_refused():
    with pytest.raises(ValueError, match="There is no orthogonal kernel: a 1x1 kernel"):
        Case((4, 8), (1, 1), 2).parameters()
    other = Case((4, 8), (3, 3)).parameters()
    with pytest.raises(ValueError, match="a 3x3 kernel with stride 2x2 expected"):
        Case((4, 8), (3, 3), 2).kernel(other)
