"""A small problem under every optimizer and stage of ZeRO.

Run as a program, it prints how many of the elementwise optimizers end with other bits
than at stage 0.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import NamedSharding, PartitionSpec

from jaxpad.sharding import zero


STEPS = 10
ELEMENTWISE: dict[str, Any] = {
    "sgd": lambda: optax.sgd(0.1),
    "momentum": lambda: optax.sgd(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: optax.adam(1e-2),
    "adamw": lambda: optax.adamw(1e-2, weight_decay=0.1),
    "lion": lambda: optax.lion(1e-2),
    "injected": lambda: optax.inject_hyperparams(optax.adam)(learning_rate=1e-2),
}
OTHERS: dict[str, Any] = {
    "clipped": lambda: optax.chain(optax.clip_by_global_norm(0.01), optax.adam(1e-2)),
    "lars": lambda: optax.lars(0.1),
    "lamb": lambda: optax.lamb(1e-2),
    "adafactor": lambda: optax.adafactor(1e-2, min_dim_size_to_factor=4),
    "muon": lambda: optax.contrib.muon(1e-2),
    "accumulating": lambda: optax.MultiSteps(
        optax.adam(1e-2), 2
    ).gradient_transformation(),
}


def start() -> dict[str, Any]:
    """One array that eight devices divide, one that they do not, and a small one."""
    keys = jax.random.split(jax.random.key(0), 2)
    return {
        "dense": jax.random.normal(keys[0], (24, 13)),
        "conv": jax.random.normal(keys[1], (3, 3, 13, 17)) / 4,
        "bias": jnp.ones(7),
    }


def loss(params: Any, x: jax.Array) -> jax.Array:
    hidden = jnp.tanh(x @ params["dense"])
    out = jnp.einsum("bi,hwio->bo", hidden, params["conv"])[:, :7] + params["bias"]
    return jnp.mean((out - x[:, :7]) ** 2)


@functools.cache
def trained(name: str, stage: int, devices: int = 8) -> tuple[Any, Any]:
    """The parameters after some steps, and the state as it lies on the devices."""
    optimizer = (ELEMENTWISE | OTHERS)[name]()
    mesh = jax.make_mesh(
        (devices,),
        ("data",),
        axis_types=(jax.sharding.AxisType.Auto,),
        devices=jax.devices()[:devices],
    )
    split = zero(optimizer, start(), mesh, stage=stage, least=0.0)
    stored, state = split.init(start())
    x = jax.random.normal(jax.random.key(1), (16, 24))
    x = jax.device_put(x, NamedSharding(mesh, PartitionSpec("data")))

    @jax.jit
    def step(stored: Any, state: Any, x: jax.Array) -> tuple[Any, Any]:
        grads = jax.grad(loss)(split.whole(stored), x)
        return split.update(split.gradients(grads), state, stored)

    for _ in range(STEPS):
        stored, state = step(stored, state, x)
    return jax.device_get(jax.jit(split.whole)(stored)), state


def differ(name: str, stage: int) -> bool:
    """Whether parameters end with other bits than at stage 0."""
    ends = (jax.tree.leaves(trained(name, n)[0]) for n in (stage, 0))
    return any(not np.array_equal(*pair) for pair in zip(*ends, strict=True))


if __name__ == "__main__":
    cases = [(name, stage) for name in ELEMENTWISE for stage in (1, 2, 3)]
    print(sum(differ(*case) for case in cases), "of", len(cases))
