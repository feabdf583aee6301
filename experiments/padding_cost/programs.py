"""The programs whose cost is compared: a convolution, residual blocks, ResNet-50.

Each maker returns a step and its arguments; the step is a training step, forward and
backward, with the parameters updated by plain gradient descent.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

import jaxpad
from jaxpad.models import MODELS


Program = tuple[Callable[..., Any], tuple[Any, ...]]
# Batch, height, width, channels of the two maps of ResNet-50 that are compared.
MAPS = {"56x56x64": (8, 56, 56, 64), "14x14x256": (32, 14, 14, 256)}


def convolution(shape: tuple[int, ...], apply: Callable[..., jax.Array]) -> Program:
    """One 3x3 convolution after a ReLU, and the gradients of image and kernel."""

    def loss(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return jnp.mean(jnp.square(apply(jax.nn.relu(x), kernel)))

    channels = shape[-1]
    x = jax.random.normal(jax.random.key(0), shape)
    kernel = jax.random.normal(jax.random.key(1), (3, 3, channels, channels))
    return jax.grad(loss, (0, 1)), (x, kernel / (9 * channels) ** 0.5)


def blocks(
    shape: tuple[int, ...], apply: Callable[..., jax.Array], dtype: Any = jnp.float32
) -> Program:
    """Two residual blocks of two 3x3 convolutions with batch norm."""
    channels, names = shape[-1], ("first", "second")
    keys = iter(jax.random.split(jax.random.key(1), 4))

    def layer() -> dict[str, jax.Array]:
        kernel = jax.random.normal(next(keys), (3, 3, channels, channels), dtype)
        ones = jnp.ones(channels, dtype)
        kernel = kernel / (9 * channels) ** 0.5
        return {"kernel": kernel, "scale": ones, "bias": 0 * ones}

    def normalised(x: jax.Array, layer: dict[str, jax.Array]) -> jax.Array:
        y = apply(x, layer["kernel"])
        mean = jnp.mean(y, (0, 1, 2), keepdims=True)
        spread = jnp.mean(y * y, (0, 1, 2), keepdims=True) - mean * mean
        scale, bias = (layer[k].reshape(1, 1, 1, -1) for k in ("scale", "bias"))
        return (y - mean) * lax.rsqrt(spread + 1e-5) * scale + bias

    def step(parameters: Any, x: jax.Array) -> Any:
        def loss(parameters: Any) -> jax.Array:
            y = x
            for block in parameters:
                inner = jax.nn.relu(normalised(y, block["first"]))
                y = jax.nn.relu(y + normalised(inner, block["second"]))
            return jnp.mean(jnp.square(y))

        value, gradient = jax.value_and_grad(loss)(parameters)
        return _descended(parameters, gradient), value

    parameters = [{name: layer() for name in names} for _ in range(2)]
    return step, (parameters, jax.random.normal(jax.random.key(0), shape, dtype))


def resnet50(batch: int, padding: Any) -> Program:
    """A training step of ResNet-50 on images of 224 x 224."""
    model = MODELS["resnet50"](3, 1000, padding=padding, rngs=nnx.Rngs(0))
    definition, parameters, rest = nnx.split(model, nnx.Param, ...)

    def step(parameters: Any, rest: Any, images: jax.Array) -> Any:
        def loss(parameters: Any) -> Any:
            merged = nnx.merge(definition, parameters, rest, copy=True)
            scores = merged(images)
            return -jnp.mean(jax.nn.log_softmax(scores)[:, 0]), nnx.state(
                merged, nnx.Not(nnx.Param)
            )

        (value, state), gradient = jax.value_and_grad(loss, has_aux=True)(parameters)
        return _descended(parameters, gradient), state, value

    images = jax.random.normal(jax.random.key(0), (batch, 224, 224, 3))
    return step, (parameters, rest, images)


def by_jaxpad(padding: Any, strategy: str) -> Callable[..., jax.Array]:
    """jaxpad's convolution, as the programs want it."""
    return functools.partial(jaxpad.conv, padding=padding, strategy=strategy)


def _descended(parameters: Any, gradient: Any) -> Any:
    return jax.tree.map(lambda p, g: p - 0.01 * g, parameters, gradient)
