"""Windows, numbers and kernels as callers give them."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jaxpad.conv.arguments import kernel_of, whole, window_of


@pytest.mark.parametrize("window", [(2, 3), [2, 3], np.array([2, 3]), range(2, 4)])
def test_a_window_in_any_sequence(window: Any):
    assert window_of("window", window) == (2, 3)


@pytest.mark.parametrize(
    ("window", "error", "text"),
    [
        (2, TypeError, r"window has one int for .* but 2 came.* \(2, 2\) for 2"),
        (None, TypeError, "window has one int for each space axis, but None came"),
        ((2.0, 2), TypeError, r"window is an int, or one per .* \(2\.0, 2\) came"),
        ("22", TypeError, "window is an int, or one per"),
        ((0, 2), ValueError, r"window=\(0, 2\): expected an int of at least 1"),
    ],
)
def test_windows_that_are_none(window: Any, error: type, text: str):
    with pytest.raises(error, match=text):
        window_of("window", window)


def test_a_whole_number():
    assert whole("taps", np.int64(3)) == 3


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        ((3, 3), TypeError, r"taps is one int, but \(3, 3\) came"),
        (3.0, TypeError, r"taps is one int, but 3\.0 came"),
        (0, ValueError, "taps=0: expected an int of at least 1"),
    ],
)
def test_what_is_no_whole_number(value: Any, error: type, text: str):
    with pytest.raises(error, match=text):
        whole("taps", value)


def test_a_kernel_as_a_list():
    np.testing.assert_array_equal(kernel_of("conv", [[[2.0]]]), jnp.full((1, 1, 1), 2))


@pytest.mark.parametrize("shape", [(), (3,), (3, 1)])
def test_a_kernel_without_a_window(shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"conv: kernel has shape .*, but 1, 2 or 3"):
        kernel_of("conv", np.ones(shape))
