"""Networks for the tests of what is read off a traced function."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax


def conv(
    x: Any, k: int, stride: int = 1, padding: Any = "SAME", depthwise: bool = False
) -> Any:
    """A convolution of ones that keeps the channels."""
    channels = x.shape[-1]
    groups = channels if depthwise else 1
    return lax.conv_general_dilated(
        x,
        jnp.ones((k, k, channels // groups, channels), x.dtype),
        (stride, stride),
        padding if isinstance(padding, str) else [padding] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


def max_pool(x: Any, k: int, stride: int, padding: str = "VALID") -> Any:
    """The largest cell of a window."""
    window, strides = (1, k, k, 1), (1, stride, stride, 1)
    return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, padding)


def alexnet_v2(x: Any) -> Any:
    """Up to the last pool."""
    x = max_pool(jnp.tanh(conv(x, 11, 4, "VALID")), 3, 2)
    x = max_pool(conv(x, 5), 3, 2)
    return max_pool(conv(conv(conv(x, 3), 3), 3), 3, 2)


def vgg_16(x: Any) -> Any:
    """Up to the last pool."""
    for count in (2, 2, 3, 3, 3):
        for _ in range(count):
            x = conv(x, 3)
        x = max_pool(x, 2, 2)
    return x


def mobilenet_v1(x: Any) -> Any:
    """Depthwise and pointwise convolutions, padded as TensorFlow's SAME."""
    x = conv(x, 3, 2)
    for stride in (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1):
        x = conv(conv(x, 3, stride, depthwise=True), 1)
    return x


def resnet_v1(stages: Sequence[int]) -> Callable[[Any], Any]:
    """Bottleneck units whose last in a stage has the stride, as first published."""

    def call(x: Any) -> Any:
        x = max_pool(conv(x, 7, 2, (3, 3)), 3, 2, "SAME")
        for stage, count in enumerate(stages):
            for unit in range(count):
                stride = 2 if unit == count - 1 and stage < len(stages) - 1 else 1
                branch = conv(conv(conv(x, 1), 3, stride, (1, 1)), 1)
                x = branch + max_pool(x, 1, stride)
        return x

    return call
