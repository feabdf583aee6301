"""What is compared: regularizers of one kernel, and of a ResNet-18 beside its step."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

import jaxpad
from jaxpad.layers import penalty
from jaxpad.models import MODELS
from jaxpad.regularizers import lorth


# A function of its arguments, and the arguments or their shapes.
Program = tuple[Callable[..., Any], tuple[Any, ...]]

# The two 3x3 convolutions of each block; the stem is 7x7, the shortcuts are 1x1.
RULES = [("convs", "lorth(weight=0.1)")]


def convolution_form(kernel: jax.Array) -> jax.Array:
    """`||conv(K, K) - I||^2`, the kernel convolved with itself: the published code.

    "Orthogonal Convolutional Neural Networks", Wang et al., 2020, with the padding
    that its formula asks for.
    """
    reach, out = kernel.shape[0] - 1, kernel.shape[-1]
    images = jnp.moveaxis(kernel, -1, 0)
    found = lax.conv_general_dilated(
        images,
        kernel,
        window_strides=(1, 1),
        padding=[(reach, reach)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    return jnp.sum(jnp.square(found.at[:, reach, reach].add(-jnp.eye(out))))


def circular(kernel: jax.Array) -> jax.Array:
    """The same number, by frequencies."""
    return lorth(kernel)


def zero(kernel: jax.Array) -> jax.Array:
    """What the convolution form leaves out: the border, of 56 x 56 cells."""
    return lorth(kernel, padding="zero", size=56)


FORMS = {"convolution form": convolution_form, "circular": circular, "zero": zero}


def one_kernel(form: str, channels: int) -> Program:
    """Value and gradient for a random 3x3 kernel."""
    shape = (3, 3, channels, channels)
    kernel = jax.random.normal(jax.random.key(0), shape) / channels
    return jax.value_and_grad(FORMS[form]), (kernel,)


def resnet18(padding: str) -> tuple[Any, Any, Any]:
    """Graph, parameters and statistics of the network at 224 pixels."""
    model = MODELS["resnet18"](3, 1000, padding=padding, rngs=nnx.Rngs(0))
    return nnx.split(model, nnx.Param, ...)


def all_layers(padding: str) -> Program:
    """Value and gradient of the penalty over all 3x3 layers."""
    graph, parameters, rest = resnet18(padding)
    rows = jaxpad.check(nnx.merge(graph, parameters, rest), (1, 224, 224, 3)).rows
    sizes = {row.path: row.input for row in rows}

    def total(parameters: Any, rest: Any) -> Any:
        return penalty(nnx.merge(graph, parameters, rest), RULES, sizes=sizes)[0]

    return jax.value_and_grad(total), (parameters, rest)


def step(padding: str, batch: int) -> Program:
    """A training step without a regularizer: forward, backward, descent."""
    graph, parameters, rest = resnet18(padding)

    def train(parameters: Any, rest: Any, images: jax.Array) -> Any:
        def loss(parameters: Any) -> Any:
            model = nnx.merge(graph, parameters, rest, copy=True)
            value = -jnp.mean(jax.nn.log_softmax(model(images))[:, 0])
            return value, nnx.state(model, nnx.Not(nnx.Param))

        (value, state), gradient = jax.value_and_grad(loss, has_aux=True)(parameters)
        return _descended(parameters, gradient), state, value

    images = jax.ShapeDtypeStruct((batch, 224, 224, 3), jnp.float32)
    return train, (parameters, rest, images)


def _descended(parameters: Any, gradient: Any) -> Any:
    return jax.tree.map(lambda p, g: p - 0.01 * g, parameters, gradient)
