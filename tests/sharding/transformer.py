"""A decoder of 110 million parameters in bfloat16, whose optimizer has float32 copies.

As a program it prints what a step takes of a device of a TPU that need not be there:
    python -m tests.sharding.transformer v5e:4x4
"""

import functools
import math
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxpad.sharding import zero


LAYERS, WIDTH, HEADS, WORDS, TOKENS = 12, 768, 12, 32_768, 64
# Bytes a parameter: itself, its gradient, and float32 copy and both moments.
PARAMETER, GRADIENT, OPTIMIZER = 2, 2, 12


def parameters() -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes; those of a layer have the layers as their first axis."""
    layer = {
        "qkv": (WIDTH, 3 * WIDTH),
        "out": (WIDTH, WIDTH),
        "up": (WIDTH, 4 * WIDTH),
        "down": (4 * WIDTH, WIDTH),
        "norms": (2, WIDTH),
    }
    shapes = {name: (LAYERS, *shape) for name, shape in layer.items()}
    shapes |= {"words": (WORDS, WIDTH), "norm": (WIDTH,)}
    return {n: jax.ShapeDtypeStruct(s, jnp.bfloat16) for n, s in shapes.items()}


def count() -> int:
    return sum(math.prod(leaf.shape) for leaf in parameters().values())


def normed(x: jax.Array, scale: jax.Array) -> jax.Array:
    size = jnp.mean(jnp.square(x.astype(jnp.float32)), -1, keepdims=True)
    return (x * jax.lax.rsqrt(size + 1e-6).astype(x.dtype)) * scale


def block(x: jax.Array, layer: Any) -> tuple[jax.Array, None]:
    qkv = normed(x, layer["norms"][0]) @ layer["qkv"]
    q, k, v = (a.reshape(*x.shape[:2], HEADS, -1) for a in jnp.split(qkv, 3, -1))
    seen = jax.nn.dot_product_attention(q, k, v, is_causal=True)
    x = x + seen.reshape(x.shape) @ layer["out"]
    hidden = jax.nn.gelu(normed(x, layer["norms"][1]) @ layer["up"])
    return x + hidden @ layer["down"], None


def loss(params: Any, words: jax.Array) -> jax.Array:
    layers = {n: p for n, p in params.items() if n not in ("words", "norm")}
    x = params["words"][words[:, :-1]]
    x, _ = jax.lax.scan(jax.checkpoint(block), x, layers)
    scores = normed(x, params["norm"]) @ params["words"].T
    losses = optax.softmax_cross_entropy_with_integer_labels(
        scores.astype(jnp.float32), words[:, 1:]
    )
    return losses.mean()


def with_float32_copy(
    inner: optax.GradientTransformation,
) -> optax.GradientTransformation:
    """An optimizer of parameters of few bits, which keeps them with all bits too."""

    def wide(tree: Any) -> Any:
        return jax.tree.map(lambda a: a.astype(jnp.float32), tree)

    def init(params: Any) -> Any:
        return wide(params), inner.init(wide(params))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        copy, state = state
        updates, state = inner.update(wide(updates), state, copy)
        copy = optax.apply_updates(copy, updates)
        return jax.tree.map(jnp.subtract, copy, wide(params)), (copy, state)

    return optax.GradientTransformation(init, update)


def bytes_a_device(mesh: Mesh, stage: int) -> float:
    """What the arguments of a compiled step take, but for the batch.

    They are the parameters, the optimizer's state, and the gradients added up so far.
    """
    split = zero(with_float32_copy(optax.adam(1e-3)), parameters(), mesh, stage=stage)
    stored, state = jax.eval_shape(split.init, parameters())
    grads = jax.eval_shape(split.gradients, parameters())

    def step(stored: Any, state: Any, grads: Any, words: jax.Array) -> Any:
        new = split.gradients(jax.grad(loss)(split.whole(stored), words))
        grads = jax.tree.map(jnp.add, grads, new)
        return *split.update(grads, state, stored), grads

    own = split.layouts if split.stage.parameters else split.whole_layouts
    held = split.layouts if split.stage.gradients else split.whole_layouts
    batch = NamedSharding(mesh, PartitionSpec("data"))
    where = functools.partial(
        jax.tree.map, lambda layout: NamedSharding(mesh, layout.spec)
    )
    words = jax.ShapeDtypeStruct((mesh.size, TOKENS + 1), jnp.int32)
    compiled = (
        jax.jit(
            step,
            in_shardings=(where(own), where(split.state_layouts), where(held), batch),
        )
        .lower(stored, state, grads, words)
        .compile()
    )
    analysis: Any = compiled.memory_analysis()
    return analysis.argument_size_in_bytes - (TOKENS + 1) * 4


def formula(stage: int, devices: int) -> float:
    """Bytes a device, from "ZeRO", Rajbhandari et al., 2020."""
    splits = {0: (), 1: ("o",), 2: ("o", "g"), 3: ("o", "g", "p")}[stage]
    parts = {"p": PARAMETER, "g": GRADIENT, "o": OPTIMIZER}
    each = (size / devices if n in splits else size for n, size in parts.items())
    return count() * sum(each)


if __name__ == "__main__":
    from jax.experimental import topologies

    found = topologies.get_topology_desc(sys.argv[1], "tpu").devices
    chips = Mesh(np.array(found), ("data",), axis_types=(AxisType.Auto,))
    for stage in range(4):
        taken, expected = bytes_a_device(chips, stage), formula(stage, chips.size)
        print(stage, f"{taken:,.0f} {expected:,.0f} {taken / expected:.4f}")
