"""Flax's, Equinox's and PyTorch's own paddings, as the same step as jaxpad's."""

import functools
import json
import os
import pathlib
import subprocess
from collections.abc import Callable, Collection, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from programs import Program, by_jaxpad, convolution


HERE = pathlib.Path(__file__).resolve().parent
OURS = ("zero", "circular", "reflect", "symmetric", "replicate")
# What each library calls our modes; one that is not there, the library has not.
FLAX = {"zero": "SAME", "circular": "CIRCULAR", "reflect": "REFLECT"}
EQUINOX = {
    "zero": "ZEROS",
    "circular": "CIRCULAR",
    "reflect": "REFLECT",
    "replicate": "REPLICATE",
}
TORCH = {
    "zero": "zeros",
    "circular": "circular",
    "reflect": "reflect",
    "replicate": "replicate",
}


def ours(strategy: str, shape: tuple[int, ...], mode: str) -> Program:
    return convolution(shape, by_jaxpad(mode, strategy))


def by_flax(shape: tuple[int, ...], mode: str) -> Program:
    channels = shape[-1]
    layer = nnx.Conv(
        channels, channels, (3, 3), padding=FLAX[mode], use_bias=False, rngs=nnx.Rngs(0)
    )

    definition = nnx.graphdef(layer)

    def apply(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return nnx.merge(definition, nnx.State({"kernel": nnx.Param(kernel)}))(x)

    return convolution(shape, apply)


def by_equinox(shape: tuple[int, ...], mode: str) -> Program:
    """Equinox's images are `[channels, height, width]`, one at a time."""
    import equinox as eqx

    channels = shape[-1]
    layer = eqx.nn.Conv2d(
        channels,
        channels,
        3,
        padding=1,
        padding_mode=EQUINOX[mode],
        use_bias=False,
        key=jax.random.key(1),
    )
    x = jax.random.normal(jax.random.key(0), (shape[0], channels, *shape[1:3]))

    def loss(x: jax.Array, kernel: jax.Array) -> jax.Array:
        of = eqx.tree_at(lambda layer: layer.weight, layer, kernel)
        return jnp.mean(jnp.square(jax.vmap(of)(jax.nn.relu(x))))

    return jax.grad(loss, (0, 1)), (x, layer.weight)


def in_torch(python: str, maps: dict[str, Sequence[int]], rounds: int) -> Any:
    """Seconds per map and mode, from PyTorch in an environment of its own."""
    threads = len(os.sched_getaffinity(0))
    asked = {
        "maps": maps,
        "modes": list(TORCH.values()),
        "rounds": rounds,
        "threads": threads,
    }
    done = subprocess.run(
        [python, str(HERE / "in_torch.py")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


PEERS: dict[str, tuple[Callable[..., Program], Collection[str]]] = {
    "jaxpad": (functools.partial(ours, "auto"), OURS),
    "jaxpad built_in": (functools.partial(ours, "built_in"), OURS),
    "flax": (by_flax, FLAX),
    "equinox": (by_equinox, EQUINOX),
}


@functools.cache
def installed(name: str) -> bool:
    try:
        __import__(name.partition(" ")[0])
    except ImportError:
        return False
    return True
