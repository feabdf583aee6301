"""Part c: singular values as the image grows, for small residuals and large ones."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from landscape import GLOROT, descend, draw, extremes

from jaxpad.orthogonal import orthogonal_kernel, orthogonal_parameters
from jaxpad.regularizers import lorth


SIZES = (4, 8, 16, 32, 64, 128, 256)  # outputs an axis
TARGETS = (1e-6, 1e-4, 1e-3, 1e-2, 1e-1)
LAYERS = ((16, 12, 3, 1), (8, 8, 3, 1), (4, 12, 3, 2))
STUCK = (8, 8, 3, 1)


def perturbed(layer: tuple[int, ...], target: float) -> Any:
    """An orthogonal kernel with as much noise as makes `lorth` the target."""
    inputs, outputs, taps, stride = layer
    shape = (inputs, outputs, (taps, taps))
    free = orthogonal_parameters(jax.random.key(0), *shape, stride=stride)
    kernel = orthogonal_kernel(free, *shape, stride=stride)
    noise = jax.random.normal(jax.random.key(1), kernel.shape)
    loss = jax.jit(lambda scale: lorth(kernel + scale * noise, stride=stride))
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if loss(middle) > target else (middle, high)
    return kernel + high * noise


def stuck(count: int, steps: int) -> Any:
    """A square kernel that descent from Glorot's start left at a large residual."""
    kernels = descend(draw(GLOROT, STUCK, count), STUCK[-1], steps)
    loss = jax.vmap(lorth)(kernels)
    return kernels[jnp.argmax(loss)]


def follow(kernel: Any, layer: tuple[int, ...], sizes: tuple[int, ...]) -> Any:
    """Extremes at each size, and the interval that theorem 8 allows at every size."""
    stride = layer[-1]
    ends = [np.asarray(extremes(kernel[None], n, stride))[0] for n in sizes]
    loss = float(lorth(kernel, stride=stride))
    error = float(np.sqrt(upper_alpha(layer) * loss))
    allowed = [max(0.0, 1 - error) ** 0.5, (1 + error) ** 0.5]
    return {
        "loss": float(f"{loss:.3g}"),
        "sizes": list(sizes),
        "least": [round(float(least), 5) for least, _ in ends],
        "largest": [round(float(most), 5) for _, most in ends],
        "allowed": [round(it, 5) for it in allowed],
    }


def upper_alpha(layer: tuple[int, ...]) -> int:
    """Of theorem 8, for layers with no more outputs than input numbers."""
    _, outputs, taps, stride = layer
    return (2 * ((taps - 1) // stride) + 1) ** 2 * outputs


def measure(
    sizes: tuple[int, ...], count: int, steps: int, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Kernels near orthogonality at set distances, then one that descent left stuck."""
    made = [
        (layer, "noise", functools.partial(perturbed, layer, target))
        for layer in LAYERS
        for target in TARGETS
    ]
    made.append((STUCK, "stuck", functools.partial(stuck, count, steps)))
    found = []
    for layer, kind, make in made:
        say(f"{layer}, {kind}")
        name = "{}, {}, {}, {}".format(*layer)
        found.append({"layer": name, "kind": kind, **follow(make(), layer, sizes)})
    return found
