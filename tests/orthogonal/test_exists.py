"""Existence, held against ranks, brute force and the paper's own count."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from jaxpad import Padding
from jaxpad.orthogonal import exists
from jaxpad.spectral import conv_matrix


def theorem(m: Any, c: Any, k: Any, s: Any) -> Any:
    """Theorem 4 for square windows of two axes, on arrays."""
    return np.where(m <= c * s**2, m <= c * np.minimum(k, s) ** 2, s <= k)


def grid() -> np.ndarray:
    """`[49152, 4]`: all M, C, k, S of the paper."""
    channels = range(1, 65)
    choices = itertools.product(channels, channels, (1, 3, 5, 7), (1, 2, 4))
    return np.array(list(choices))


def test_the_count_of_the_paper():
    cases = grid()
    expected = theorem(*cases.T)
    assert (len(expected), expected.sum()) == (49_152, 44_924)
    sample = np.random.default_rng(0).choice(len(expected), 1500, replace=False)
    for index in sample:
        m, c, k, s = cases[index].tolist()
        assert bool(exists(c, m, (k, k), s)) == expected[index]


@pytest.mark.slow
def test_the_count_of_the_paper_one_by_one():
    found = sum(bool(exists(c, m, (k, k), s)) for m, c, k, s in grid().tolist())
    assert found == 44_924


CASES = [
    *itertools.product((1, 2), (1, 2, 3, 6), [(1,), (2,), (3,)], (1, 2, 3), (1, 2, 3)),
    *itertools.product((1,), (1, 4, 5), [(2, 1), (2, 3)], (1, 2), (1, 2)),
]


def circulant(kernel: np.ndarray, n: int, s: int, d: int) -> np.ndarray:
    """`[outputs, inputs]` of a circular convolution, entry by entry."""
    *window, inputs, features = kernel.shape
    space, steps = (n,) * len(window), (n // s,) * len(window)
    matrix = np.zeros((*steps, features, *space, inputs))
    for out in np.ndindex(steps):
        for taps in np.ndindex(*window):
            cell = tuple((s * o + d * t) % n for o, t in zip(out, taps, strict=True))
            matrix[(*out, slice(None), *cell)] += kernel[taps].T
    return matrix.reshape(-1, n ** len(window) * inputs)


def test_one_exists_where_random_kernels_have_full_rank():
    """Tall or wide: the rank of a random kernel is the most that any has."""
    rng, found = np.random.default_rng(0), []
    for c, m, window, s, d in CASES:
        kernel = rng.normal(size=(*window, c, m))
        matrix = circulant(kernel, 12 if len(window) == 1 else 6, s, d)
        found.append(bool(np.linalg.matrix_rank(matrix) == min(matrix.shape)))
        assert bool(exists(c, m, window, s, d)) == found[-1], (c, m, window, s, d)
    assert 0.2 < np.mean(found) < 0.9


def best(case: tuple[Any, ...], starts: int = 4) -> float:
    """The least `||K K^T - I||^2` (or of `K^T K`) that L-BFGS finds."""
    c, m, k, s, d, padding = case
    wide = m <= c * s

    def residual(flat: Any) -> jax.Array:
        kernel = flat.reshape(k, c, m)
        matrix = conv_matrix(kernel, 8 * s, stride=s, dilation=d, padding=padding)
        gram = matrix @ matrix.T if wide else matrix.T @ matrix
        return jnp.sum((gram - jnp.eye(len(gram))) ** 2)

    with jax.enable_x64(True):
        objective = jax.jit(jax.value_and_grad(residual))
        rng = np.random.default_rng(0)
        runs = [
            scipy.optimize.minimize(objective, rng.normal(size=k * c * m), jac=True)
            for _ in range(starts)
        ]
    return min(run.fun for run in runs)


@pytest.mark.parametrize(
    ("case", "possible"),
    [
        # Zero padding leaves the taps inside, of which an even dilated window has none.
        ((2, 1, 3, 1, 1, "zero"), True),
        ((1, 1, 2, 1, 2, "zero"), False),
        ((3, 1, 2, 1, 2, "zero"), False),
        ((1, 2, 4, 2, 1, "zero"), True),
        ((1, 2, 3, 2, 3, "zero"), False),
        ((1, 1, 3, 2, 3, "zero"), True),
        ((1, 3, 3, 2, 1, "zero"), True),
        ((1, 3, 3, 2, 3, "zero"), False),
        ((1, 1, 3, 1, 1, "valid"), True),
        ((1, 2, 3, 1, 1, "valid"), False),
        ((1, 4, 3, 2, 1, "valid"), False),
        ((1, 3, 2, 2, 1, "valid"), True),
        ((1, 3, 2, 2, 3, "valid"), False),
        ((1, 3, 2, 2, 3, "circular"), True),
        ((1, 2, 3, 2, 2, "circular"), False),
        ((3, 1, 3, 1, 1, "partial"), False),
        ((1, 3, 3, 1, 1, "partial"), False),
        ((1, 1, 1, 2, 1, "partial"), True),
        ((1, 3, 3, 1, 1, "reflect"), True),
        ((1, 3, 3, 2, 1, "replicate"), True),
    ],
)
def test_a_search_finds_one_exactly_where_one_exists(
    case: tuple[Any, ...], possible: bool
):
    c, m, k, s, d, padding = case
    assert exists(c, m, (k,), s, d, padding=padding).possible is possible
    least = best(case)
    assert least < 1e-8 if possible else least > 1e-2


def test_a_transposed_layer_exists_when_its_convolution_does():
    found = exists(16, 8, (1, 1), 2, transpose=True)
    assert found.possible is exists(8, 16, (1, 1), 2).possible is False
    assert "its output channels are this layer's input channels" in found.reason
    assert exists(8, 16, (1, 1), 2, transpose=True)  # 16 to 8 channels, transposed


def test_reasons_say_which_taps_are_left():
    found = exists(2, 2, (3,), padding="zero")
    assert found.reason.startswith("Only kernels whose taps never fall on a padding")
    assert exists(2, 2, (3,), padding="reflect").reason.startswith("Kernels whose taps")


@pytest.mark.parametrize(
    ("arguments", "padding", "reason"),
    [
        (((8, 16, (1, 1), 2)), "circular", "it tells 8 input numbers apart for each"),
        (((8, 16, (1, 1), 2)), "circular", "Use kernel_size >= stride, or at most 8"),
        (
            ((2, 8, (4,), 4, 2)),
            "circular",
            "Use a dilation that has no divisor in comm",
        ),
        (((2, 9, (2,), 4, 2)), "circular", "Use kernel_size >= stride and a dilation"),
        (
            ((4, 8, (1,), 2, 1, 2)),
            "circular",
            "and there are 4 output channels in each",
        ),
        (
            ((4, 8, (3, 3))),
            "valid",
            "a 3x3 kernel with stride 1x1 and no padding cannot",
        ),
        (((4, 4, (4,), 1, 2)), "zero", "dilation 2 and zero padding cannot keep every"),
        (((4, 4, (3,))), "partial", "its factor is above 1 at the border"),
    ],
)
def test_reasons_say_what_to_change(
    arguments: tuple[Any, ...], padding: str, reason: str
):
    found = exists(*arguments, padding=padding)
    assert found.possible is False
    assert reason in found.reason


@pytest.mark.parametrize(
    ("arguments", "padding", "reason"),
    [
        ((4, 4, (2,), 1, 2), "reflect", "not known for reflect with dilation"),
        ((4, 4, (2,)), "partial", "not known for reweight=partial"),
        ((4, 4, (3,)), "partial_sqrt", "not known for reweight=partial_sqrt"),
        ((4, 4, (3,)), Padding("zero", "full"), "not known for amount='full'"),
    ],
)
def test_what_is_not_known_is_neither(
    arguments: tuple[Any, ...], padding: Any, reason: str
):
    found = exists(*arguments, padding=padding)
    assert found.possible is None
    assert not found
    assert reason in found.reason


def test_another_amount_shifts_a_circular_layer():
    assert exists(4, 4, (3,), padding=Padding("circular", "causal"))
    assert exists(2, 4, (3,), 2, padding=Padding("circular", "half"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": 3}, "groups=3 must divide both in_features=4 and out_features=8"),
        ({"kernel_size": ()}, "expected 1, 2 or 3 ints, one per space axis"),
        ({"stride": 0}, "stride=0: expected an int of at least 1"),
        ({"in_features": 0}, "in_features=0: expected an int of at least 1"),
        ({"padding": "torus"}, "torus"),
        ({"padding": ("zero", "zero")}, "mode has 2 entries"),
    ],
)
def test_refusals(arguments: dict[str, Any], message: str):
    given = {"in_features": 4, "out_features": 8, "kernel_size": (3,), **arguments}
    with pytest.raises(ValueError, match=message):
        exists(**given)
