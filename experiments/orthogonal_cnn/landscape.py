"""Part d: descent on L_orth alone, from three starts, in square layers and not."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxpad.orthogonal import delta_orthogonal, winding
from jaxpad.regularizers import lorth
from jaxpad.spectral import singular_values


# Inputs, outputs, taps along both axes, stride. The last two are not square.
LAYERS = (
    (4, 4, 3, 1),
    (8, 8, 3, 1),
    (8, 8, 5, 1),
    (4, 16, 3, 2),
    (8, 6, 3, 1),
    (8, 10, 3, 1),
)
RATE, STEPS, SIZE = 1e-2, 3000, 32  # the rate and the steps are the paper's
NEAR = (0.95, 1.05)  # where all singular values of a success are
GLOROT = jax.nn.initializers.glorot_uniform(in_axis=-2, out_axis=-1)


def starts(stride: int) -> dict[str, Callable[..., Any]]:
    """Initializers by name; of the delta-orthogonal ones, with how much noise."""
    return {
        "Glorot": GLOROT,
        "delta, noise 0.5": delta_orthogonal(stride=stride, noise=0.5),
        "delta, noise 1": delta_orthogonal(stride=stride, noise=1.0),
    }


def draw(init: Callable[..., Any], layer: tuple[int, ...], count: int) -> Any:
    """`count` kernels `[count, k, k, inputs, outputs]`."""
    inputs, outputs, taps, _ = layer
    keys = jax.random.split(jax.random.key(0), count)
    return jnp.stack([init(key, (taps, taps, inputs, outputs)) for key in keys])


def descend(kernels: Any, stride: int, steps: int) -> Any:
    """The kernels after Adam on `lorth`, all at once and none seeing another."""
    optimizer = optax.adam(RATE)
    slope = jax.vmap(jax.grad(functools.partial(lorth, stride=stride)))

    @jax.jit
    def step(kernels: Any, state: Any) -> tuple[Any, Any]:
        updates, state = optimizer.update(slope(kernels), state)
        return optax.apply_updates(kernels, updates), state

    state = optimizer.init(kernels)
    for _ in range(steps):
        kernels, state = step(kernels, state)
    return kernels


@functools.partial(jax.jit, static_argnums=(1, 2))
def extremes(kernels: Any, size: int, stride: int) -> Any:
    """Least and largest singular value of each kernel, `[n, 2]`, on `size` outputs."""
    values = functools.partial(singular_values, size=stride * size, stride=stride)
    return jax.vmap(values)(kernels)[:, jnp.array([-1, 0])]


def is_even(kernels: Any, layer: tuple[int, ...]) -> list[bool] | None:
    """Whether each determinant winds alike on all lines; None for one without."""
    inputs, outputs, _, stride = layer
    if outputs != inputs * stride**2:
        return None
    found = (winding(kernel, stride=stride) for kernel in kernels)
    return [it.reachable and bool(np.all(it.signs == 1)) for it in found]


def run(layer: tuple[int, ...], start: str, count: int, steps: int) -> dict[str, Any]:
    """One layer from one start: successes, residuals, and what the winding told."""
    stride = layer[-1]
    first = draw(starts(stride)[start], layer, count)
    last = descend(first, stride, steps)
    ends = np.asarray(extremes(last, SIZE, stride))
    good = (ends[:, 0] > NEAR[0]) & (ends[:, 1] < NEAR[1])
    loss = np.asarray(jax.vmap(functools.partial(lorth, stride=stride))(last))
    found = {
        "runs": count,
        "successes": int(good.sum()),
        "loss": [float(f"{it:.3g}") for it in loss],
        "least": [round(float(it), 4) for it in ends[:, 0]],
        "largest": [round(float(it), 4) for it in ends[:, 1]],
    }
    before, after = is_even(first, layer), is_even(last, layer)
    if before is None or after is None:
        return found
    return found | {
        "even at the start": sum(before),
        "even at the start and a success": int(np.sum(good & before)),
        "even at the end": sum(after),
        "even at the end, as the success tells": int(np.sum(good == after)),
    }


def measure(count: int, steps: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Every layer from every start."""
    found: dict[str, Any] = {}
    for layer in LAYERS:
        name = "{}, {}, {}, {}".format(*layer)
        for start in starts(1):
            say(f"({name}) from {start}")
            found.setdefault(name, {})[start] = run(layer, start, count, steps)
    return found
