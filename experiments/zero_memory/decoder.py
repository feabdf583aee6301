"""A decoder in bfloat16 whose optimizer has float32 copies, as a program to compile.

It is the model that "ZeRO" (Rajbhandari et al., 2020) counts: of each parameter 2
bytes, 2 of its gradient, and 12 of Adam's: a float32 copy and both moments.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxpad.sharding import zero


# Bytes of a parameter.
PARAMETER, GRADIENT, OPTIMIZER = 2, 2, 12


class Size(NamedTuple):
    """Of a decoder.

    Attributes:
        layers: blocks of attention and a dense layer.
        width: features of a token.
        heads: of the attention.
        words: in the vocabulary.
        tokens: of a text.
    """

    layers: int
    width: int
    heads: int
    words: int
    tokens: int


SMALL = Size(12, 768, 12, 32_768, 64)  # 110 million parameters
LARGE = Size(36, 4096, 32, 61_440, 1024)  # 7.5 billion


def parameters(size: Size) -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes; those of a layer have the layers as their first axis."""
    width = size.width
    layer = {
        "qkv": (width, 3 * width),
        "out": (width, width),
        "up": (width, 4 * width),
        "down": (4 * width, width),
        "norms": (2, width),
    }
    shapes = {name: (size.layers, *shape) for name, shape in layer.items()}
    shapes |= {"words": (size.words, width), "norm": (width,)}
    return {n: jax.ShapeDtypeStruct(s, jnp.bfloat16) for n, s in shapes.items()}


def count(size: Size) -> int:
    """Parameters."""
    return sum(math.prod(leaf.shape) for leaf in parameters(size).values())


def loss(
    params: Any,
    words: jax.Array,
    *,
    heads: int,
    gather: Callable[[Any], Any] = lambda params: params,
) -> jax.Array:
    """Mean cross entropy of the next word.

    Args:
        params: arrays like `parameters`.
        words: their numbers, `[texts, tokens + 1]`.
        heads: of the attention.
        gather: makes parameters whole, those of one layer at a time.
    """
    ends = gather({n: params[n] for n in ("words", "norm")})
    layers = {n: p for n, p in params.items() if n not in ends}

    def block(x: jax.Array, layer: Any) -> tuple[jax.Array, None]:
        return _block(x, gather(layer), heads), None

    x = ends["words"][words[:, :-1]]
    x, _ = jax.lax.scan(jax.checkpoint(block), x, layers)
    scores = _normed(x, ends["norm"]) @ ends["words"].T
    losses = optax.softmax_cross_entropy_with_integer_labels(
        scores.astype(jnp.float32), words[:, 1:]
    )
    return losses.mean()


def _block(x: jax.Array, layer: Any, heads: int) -> jax.Array:
    qkv = _normed(x, layer["norms"][0]) @ layer["qkv"]
    q, k, v = (a.reshape(*x.shape[:2], heads, -1) for a in jnp.split(qkv, 3, -1))
    seen = jax.nn.dot_product_attention(q, k, v, is_causal=True)
    x = x + seen.reshape(x.shape) @ layer["out"]
    hidden = jax.nn.gelu(_normed(x, layer["norms"][1]) @ layer["up"])
    return x + hidden @ layer["down"]


def _normed(x: jax.Array, scale: jax.Array) -> jax.Array:
    size = jnp.mean(jnp.square(x.astype(jnp.float32)), -1, keepdims=True)
    return (x * jax.lax.rsqrt(size + 1e-6).astype(x.dtype)) * scale


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


def lowered(size: Size, mesh: Mesh, stage: int, *, by_layer: bool = False) -> Any:
    """The end of a training step: the last part of the batch, and the update.

    Its arguments are the parameters, the optimizer's state, the gradients that were
    added up over the other parts, and one text a device.

    Args:
        size: of the decoder.
        mesh: with an axis "data".
        stage: what is split.
        by_layer: whether each layer is made whole when it is computed, instead of all
            at the beginning. Its arrays must split along an axis.
    """
    params = parameters(size)
    split = zero(with_float32_copy(optax.adam(1e-3)), params, mesh, stage=stage)
    stored, state = jax.eval_shape(split.init, params)
    grads = jax.eval_shape(split.gradients, params)

    def gather(params: Any) -> Any:
        whole = NamedSharding(mesh, PartitionSpec())
        return jax.lax.with_sharding_constraint(params, whole) if by_layer else params

    def step(stored: Any, state: Any, grads: Any, words: jax.Array) -> Any:
        of_params = jax.grad(functools.partial(loss, heads=size.heads, gather=gather))
        seen = stored if by_layer else split.whole(stored)
        new = split.gradients(of_params(seen, words))
        grads = jax.tree.map(jnp.add, grads, new)
        return *split.update(grads, state, stored), jax.tree.map(jnp.zeros_like, grads)

    own = split.layouts if split.stage.parameters else split.whole_layouts
    held = split.layouts if split.stage.gradients else split.whole_layouts
    batch = NamedSharding(mesh, PartitionSpec("data"))
    where = functools.partial(jax.tree.map, lambda layout: layout.sharding(mesh))
    state_there = where(own), where(split.state_layouts), where(held)
    words = jax.ShapeDtypeStruct((mesh.size, size.tokens + 1), jnp.int32)
    return jax.jit(
        step,
        in_shardings=(*state_there, batch),
        out_shardings=state_there,
        donate_argnums=(0, 1, 2),
    ).lower(stored, state, grads, words)


def formula(parameters: float, stage: int, devices: int) -> float:
    """Bytes a device, from the paper."""
    splits = {0: (), 1: ("o",), 2: ("o", "g"), 3: ("o", "g", "p")}[stage]
    parts = {"p": PARAMETER, "g": GRADIENT, "o": OPTIMIZER}
    each = (size / devices if n in splits else size for n, size in parts.items())
    return parameters * sum(each)
