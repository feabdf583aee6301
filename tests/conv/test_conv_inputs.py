"""What convolution and pooling refuse, and what they say."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import jaxpad
from jaxpad import MODES, Padding
from tests.subjects import MODE_SPECS


X = jnp.ones((2, 6, 5, 4))
KERNEL = jnp.ones((3, 3, 4, 6))


@pytest.mark.parametrize(
    ("groups", "kernel", "text"),
    [
        (3, (3, 3, 4, 6), "groups=3 must divide both the 4 channels of x and the 6 of"),
        (4, (3, 3, 1, 6), "groups=4 must divide both the 4 channels of x and the 6 of"),
        (0, (3, 3, 4, 6), "groups=0: expected an int of at least 1"),
        (2, (3, 3, 4, 6), r"takes 4 channels per group.*\[\*window, 2, 6\]"),
        (1, (3, 3, 3, 6), r"takes 3 channels per group.*\[\*window, 4, 6\]"),
    ],
)
def test_channels_and_groups(groups: int, kernel: tuple, text: str):
    with pytest.raises(ValueError, match=text):
        jaxpad.conv(X, jnp.ones(kernel), groups=groups)


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.bool_])
def test_images_of_whole_numbers(dtype: Any):
    text = rf"x has dtype {np.dtype(dtype)}.*x.astype\(jnp.float32\)"
    for call in (
        lambda x: jaxpad.conv(x, KERNEL),
        lambda x: jaxpad.max_pool(x, (2, 2)),
        lambda x: jaxpad.avg_pool(x, (2, 2)),
    ):
        with pytest.raises(TypeError, match=text):
            call(X.astype(dtype))


def test_operands_of_another_dtype():
    with pytest.raises(TypeError, match=r"x is float32 and kernel is float16"):
        jaxpad.conv(X, KERNEL.astype(jnp.float16))
    with pytest.raises(TypeError, match=r"bias is float16: .* bias.astype.x.dtype."):
        jaxpad.conv(X, KERNEL, bias=jnp.ones(6, jnp.float16))


@pytest.mark.parametrize("shape", [(6, 5, 4), (5, 4), (1, 2, 6, 5, 4)])
def test_wrong_rank(shape: tuple[int, ...]):
    text = r"x has shape \(.*\), but a window of 2 axes takes .batch, h, w, channels"
    for call in (
        lambda x: jaxpad.conv(x, KERNEL),
        lambda x: jaxpad.max_pool(x, (2, 2)),
        lambda x: jaxpad.avg_pool(x, (2, 2)),
    ):
        with pytest.raises(ValueError, match=text):
            call(jnp.ones(shape))


def test_too_many_space_axes():
    with pytest.raises(ValueError, match="1, 2 or 3 space axes, but the window has 4"):
        jaxpad.conv(jnp.ones((1,) * 6), jnp.ones((1,) * 6))


@pytest.mark.parametrize("shape", [(1,), (6, 1), (1, 6)])
def test_bias_of_the_wrong_shape(shape: tuple[int, ...]):
    text = "bias has shape|number of dimensions|[Ss]hape"
    with pytest.raises((ValueError, TypeError), match=text):
        jaxpad.conv(X, KERNEL, bias=jnp.ones(shape))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"stride": 0}, "stride=0: expected an int of at least 1, or 2 of them"),
        ({"stride": (1, 1, 1)}, r"stride=\(1, 1, 1\): expected .* 2 of them"),
        ({"dilation": (1, -1)}, r"dilation=\(1, -1\): expected"),
        ({"amount": "most"}, "unknown amount 'most'"),
        ({"amount": -1}, r"widths \(-1, -1\) are negative"),
        ({"amount": ((1, 1),)}, "has 1 pairs, .*but 2 axes are padded"),
        ({"padding": "circlar"}, "unknown padding 'circlar'. Did you mean 'circular'"),
        ({"padding": ("zero",) * 3}, "mode has 3 entries"),
        ({"padding": "valid", "dilation": 3}, "k=3 at dilation=3 spans 7 cells.* i=6"),
        ({"padding": "reflect", "amount": 5}, "width 5 is too wide for reflect.* n=5"),
        ({"padding": "symmetric", "amount": 6}, "too wide for symmetric.* at most 5"),
        ({"strategy": "fast"}, "unknown strategy .fast."),
    ],
)
def test_arguments(arguments: dict[str, Any], text: str):
    with pytest.raises(ValueError, match=text):
        jaxpad.conv(X, KERNEL, **arguments)


@pytest.mark.parametrize("padding", jaxpad.PADDINGS)
def test_an_input_smaller_than_the_window(padding: Any):
    padding = dataclasses.replace(jaxpad.PADDINGS[padding], amount="valid")
    text = "window of k=3 .* axis has i=1 .* at least 3 cells"
    with pytest.raises(ValueError, match=text):
        jaxpad.conv(jnp.ones((1, 5, 1, 4)), KERNEL, padding=padding)
    with pytest.raises(ValueError, match=text):
        jaxpad.max_pool(jnp.ones((1, 5, 1, 4)), (3, 3), padding=padding)


@pytest.mark.parametrize(("amount", "least"), [("same", 1), ("valid", 3)])
def test_more_padding_is_no_advice_for_an_image_without_cells(amount: str, least: int):
    with pytest.raises(ValueError, match=rf"of at least {least} cells\.$"):
        jaxpad.conv(jnp.ones((1, 0, 5, 4)), KERNEL, amount=amount)


every_mode = pytest.mark.parametrize("mode", [m for m in MODE_SPECS if m in MODES])


@every_mode
def test_an_image_without_cells(mode: str):
    with pytest.raises(ValueError, match=r"has no cells|spans 3 cells"):
        jaxpad.conv(jnp.ones((1, 0, 5, 4)), KERNEL, padding=mode, amount=1)


@every_mode
def test_an_empty_batch(mode: str):
    y = jaxpad.conv(jnp.ones((0, 6, 5, 4)), KERNEL, padding=Padding(mode))
    assert y.shape == (0, 6, 5, 6)
