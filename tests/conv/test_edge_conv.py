"""`edge_conv`: the kernel of its zone at each output, in loops over windows."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import jaxpad
from jaxpad.conv import edge_conv
from tests import oracles
from tests.subjects import integers


# space, window, stride, dilation, amount
CASES = [
    ((7,), (3,), 1, 1, "same"),
    ((6, 7), (3, 2), 1, 1, "same"),
    ((9, 8), (3, 5), (2, 1), 1, "half"),
    ((8, 9), (2, 3), (1, 3), (3, 2), ((3, 1), (0, 2))),
    ((6, 7), (4, 3), 1, 1, "full"),
    ((4, 5, 4), (3, 2, 3), (1, 2, 1), 1, 1),
    ((7,), (3,), 1, 1, "valid"),
]
each_case = pytest.mark.parametrize(
    ("space", "window", "stride", "dilation", "amount"), CASES
)


def drawn(space: tuple[int, ...], window: tuple[int, ...]) -> tuple[Any, Any]:
    kernels = integers((*(3,) * len(space), *window, 2, 3), seed=1)
    return integers((2, *space, 2)), kernels


@each_case
def test_equals_loops(space: Any, window: Any, stride: Any, dilation: Any, amount: Any):
    x, kernels = drawn(space, window)
    rank = len(space)
    strides, dilations = (
        (v,) * rank if isinstance(v, int) else v for v in (stride, dilation)
    )
    amounts = amount if isinstance(amount, tuple) else [amount] * rank
    axes = list(zip(amounts, space, window, strides, dilations, strict=True))
    widths = [oracles.amount_widths(*axis) for axis in axes]
    padded = np.pad(x, [(0, 0), *widths, (0, 0)]).astype(np.float64)
    bias = np.arange(3.0, dtype=np.float32)
    got = edge_conv(
        x, kernels, stride=stride, dilation=dilation, amount=amount, bias=bias
    )
    expected = np.zeros(got.shape)
    for at, cells in oracles.windows(padded, window, strides, dilations):
        zone = []
        for o, (lo, _), (_, n, k, s, d) in zip(at, widths, axes, strict=True):
            first, last = o * s - lo, o * s - lo + d * (k - 1)
            zone.append(0 if first < 0 else 2 if last >= n else 1)
        y = np.tensordot(cells, kernels[tuple(zone)], rank + 1)
        expected[(slice(None), *at)] = y + bias
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


@each_case
def test_equal_kernels_are_zero_padding(
    space: Any, window: Any, stride: Any, dilation: Any, amount: Any
):
    x, kernels = drawn(space, window)
    kernel = kernels[(0,) * len(space)]
    options = {"stride": stride, "dilation": dilation, "amount": amount}
    got = edge_conv(x, np.broadcast_to(kernel, kernels.shape), **options)
    expected = jaxpad.conv(x, kernel, **options)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


def test_refusals():
    x = jnp.ones((1, 2, 6, 1))
    with pytest.raises(ValueError, match=r"n=2 cells is too short: a window of 4"):
        edge_conv(x, jnp.ones((3, 3, 4, 3, 1, 1)))
    with pytest.raises(ValueError, match=r"expected 3 for each space axis"):
        edge_conv(x, jnp.ones((2, 3, 3, 3, 1, 1)))
    with pytest.raises(ValueError, match=r"expected 3 for each space axis"):
        edge_conv(x, jnp.ones((3, 3, 3, 1, 1)))
