"""Part c: singular values as the image grows, for small residuals and large ones."""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from landscape import GLOROT, descend, draw, extremes

from jaxpad.orthogonal import orthogonal_kernel, orthogonal_parameters
from jaxpad.regularizers import lorth


# Outputs an axis, odd as the paper's first: even ones have the frequency pi, where the
# determinant of a stuck kernel likes to vanish, and would show the end at once.
SIZES = (5, 9, 17, 33, 65, 129, 257)
TARGETS = (1e-6, 1e-4, 1e-3, 1e-2, 1e-1)
LAYERS = ((16, 12, 3, 1), (8, 8, 3, 1), (4, 12, 3, 2))
STUCK, WORST = (8, 8, 3, 1), 2


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


def stuck(count: int, steps: int) -> list[Any]:
    """The square kernels that descent from Glorot's start left furthest off."""
    kernels = descend(draw(GLOROT, STUCK, count), STUCK[-1], steps)
    order = jnp.argsort(jax.vmap(lorth)(kernels), descending=True)
    return list(kernels[order[:WORST]])


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
    """Kernels near orthogonality at set distances, then what descent left stuck."""
    made = []
    for layer, target in itertools.product(LAYERS, TARGETS):
        say(f"{layer} at {target}")
        made.append((layer, "noise", perturbed(layer, target)))
    say(f"{STUCK} from Glorot's start")
    made += [(STUCK, "stuck", kernel) for kernel in stuck(count, steps)]
    found = []
    for layer, kind, kernel in made:
        say(f"singular values of {layer}, {kind}")
        name = "{}, {}, {}, {}".format(*layer)
        found.append({"layer": name, "kind": kind, **follow(kernel, layer, sizes)})
    return found
