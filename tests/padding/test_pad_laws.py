"""Laws of `jaxpad.pad` on arrays, over every padding mode and 1, 2 and 3 axes."""

import re

import jax
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import jaxpad
from tests.oracles import FRACTIONS, LIMITS, NUMPY_MODES, numpy_pad
from tests.subjects import (
    MODE_SPECS,
    ON_THE_SPHERE,
    SHAPES,
    WIDTHS,
    claiming,
    integers,
    subject,
)


DTYPES = [
    np.float16,
    ml_dtypes.bfloat16,
    np.float32,
    np.int32,
    np.uint8,
    np.bool_,
]

every_mode = pytest.mark.parametrize("mode", MODE_SPECS)


def claiming_modes(law: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("mode", claiming(law))


every_rank = pytest.mark.parametrize("rank", [1, 2, 3])
numpy_mode = pytest.mark.parametrize(
    "mode", [m for m in MODE_SPECS if m in NUMPY_MODES]
)


def close(got: jax.Array, expected: np.ndarray | jax.Array) -> None:
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5, strict=True)


@claiming_modes("interior")
@every_rank
def test_interior_is_unchanged(mode: str, rank: int):
    mode, x, widths = subject(mode, rank)
    inside = tuple(
        slice(lo, lo + n) for n, (lo, _) in zip(x.shape, widths, strict=True)
    )
    np.testing.assert_array_equal(jaxpad.pad(x, widths, mode)[inside], x)


@claiming_modes("identity")
@every_rank
def test_zero_widths_are_the_identity(mode: str, rank: int):
    mode, x, _ = subject(mode, rank)
    np.testing.assert_array_equal(jaxpad.pad(x, 0, mode), x, strict=True)


@claiming_modes("axes")
@every_rank
def test_commutes_with_swapping_axes(mode: str, rank: int):
    mode, x, widths = subject(mode, rank)
    # Channels, where there are any, stay last.
    order = [*np.roll(np.arange(rank), 1), *range(rank, x.ndim)]
    swapped = jaxpad.pad(np.transpose(x, order), [widths[a] for a in order], mode)
    close(swapped, np.transpose(jaxpad.pad(x, widths, mode), order))


@claiming_modes("flip")
@every_rank
def test_commutes_with_flipping_axes(mode: str, rank: int):
    mode, x, widths = subject(mode, rank)
    space = tuple(range(rank))
    flipped = jaxpad.pad(np.flip(x, space), [(hi, lo) for lo, hi in widths], mode)
    close(flipped, np.flip(jaxpad.pad(x, widths, mode), space))


@claiming_modes("affine")
@every_rank
def test_affine_in_the_image(mode: str, rank: int):
    (mode, x, widths), (_, y, _) = subject(mode, rank), subject(mode, rank, seed=1)
    mixed = jaxpad.pad(3 * x - 2 * y, widths, mode)
    parts = [jaxpad.pad(z, widths, mode) for z in (x, y)]
    close(mixed, 3 * parts[0] - 2 * parts[1])


@claiming_modes("dtype")
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtype_is_kept(mode: str, dtype: np.dtype):
    name = mode
    mode, x, widths = subject(mode, 2)
    x = np.abs(x).astype(dtype)
    try:
        padded = jaxpad.pad(x, widths, mode)
    except ValueError as e:
        # Whole numbers cannot hold a half, unsigned ones a weight of -1, booleans a 2.
        whole, boolean = np.dtype(dtype).kind in "iub", dtype is np.bool_
        exact = name in NUMPY_MODES and name not in FRACTIONS
        exact = exact and not (boolean and name == "constant(value=2.0)")
        if exact or not whole or not re.search(r"cannot\s+hold", str(e)):
            raise
        return
    assert padded.dtype == dtype
    if name in NUMPY_MODES and name not in FRACTIONS:
        np.testing.assert_array_equal(padded, numpy_pad(x, widths, name))


@numpy_mode
@every_rank
def test_equals_numpy(mode: str, rank: int):
    x, widths = integers(SHAPES[rank], dtype=np.float64), WIDTHS[rank]
    with jax.enable_x64(True):
        got = jaxpad.pad(x, widths, mode)
    expected = numpy_pad(x, widths, mode)
    np.testing.assert_allclose(got, expected, rtol=1e-14, atol=1e-14, strict=True)


@pytest.mark.parametrize("mode", ["circular", "replicate"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_goes_round_as_often_as_it_likes(mode: str, n: int):
    x, widths = integers((n, 4)), [(3 * n + 1, 2 * n), (9, 13)]
    np.testing.assert_array_equal(
        jaxpad.pad(x, widths, mode), numpy_pad(x, widths, mode)
    )


axes_and_widths = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 7), st.integers(0, 7)),
    min_size=1,
    max_size=2,
)


@numpy_mode
@settings(derandomize=True, database=None, deadline=None, max_examples=12)
@given(axes=axes_and_widths)
def test_equals_numpy_or_refuses(mode: str, axes: list[tuple[int, int, int]]):
    x, widths = integers(tuple(n for n, *_ in axes)), [(lo, hi) for _, lo, hi in axes]
    limit = LIMITS.get(mode)
    if limit and any(max(lo, hi) > limit(n) for n, lo, hi in axes):
        with pytest.raises(ValueError, match=f"too wide for {mode}"):
            jaxpad.pad(x, widths, mode)
        return
    close(jaxpad.pad(x, widths, mode), numpy_pad(x, widths, mode))


@every_mode
def test_axes_choose_what_is_padded(mode: str):
    x = integers((3, 5, 7))
    expected = np.stack(
        [np.asarray(jaxpad.pad(slab, [(1, 2), (4, 3)], mode)) for slab in x]
    )
    got = jaxpad.pad(x, [(1, 2), (4, 3)], mode, axes=(1, 2))
    close(got, expected)
    close(jaxpad.pad(x, [(1, 2), (4, 3)], mode, axes=(-2, -1)), expected)


@every_mode
@pytest.mark.parametrize(
    ("widths", "pairs"), [(2, [(2, 2)] * 2), ((1, 3), [(1, 3)] * 2)]
)
def test_widths_for_all_axes(mode: str, widths: int | tuple, pairs: list):
    x = integers(SHAPES[2])
    np.testing.assert_array_equal(
        jaxpad.pad(x, widths, mode), jaxpad.pad(x, pairs, mode), strict=True
    )


def test_the_laws_run_over_every_mode():
    found = {spec.partition("(")[0] for spec in claiming("identity")}
    assert found | set(ON_THE_SPHERE) == set(jaxpad.MODES)
