"""Initial values by name, and one training run."""

import functools
import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from networks import Net

from jaxpad.data import DATASETS, as_arrays
from jaxpad.layers import zero_init_model
from jaxpad.typing import AnyArray, Array


BATCH, DECAY, EVERY = 64, 1e-4, 10
OPTIMIZER = optax.chain(optax.add_decayed_weights(DECAY), optax.trace(0.9))
DIGITS = DATASETS["digits"]()
TRAIN, TEST = as_arrays(DIGITS.train), as_arrays(DIGITS.test)
# The first block of the second stage, whose width changes: (its block, convolution).
KERNELS = {"first": 0, "last": 1}


def patches(images: np.ndarray) -> np.ndarray:
    """Digits of 8x8 pixels as 4x4 cells of 4 channels, from 0 to 1."""
    cells = images.reshape(-1, 4, 2, 4, 2).transpose(0, 1, 3, 2, 4)
    return np.float32(cells.reshape(-1, 4, 4, 4)) / 255


def drawn(init: Any, *, zeros: bool, net: Net, seed: int) -> Net:
    """Kernels from a random initializer; branches may end in zeros as in ZerO."""
    key = jax.random.key(seed)
    layers = [layer for _, layer in nnx.iter_modules(net) if hasattr(layer, "kernel")]
    for layer, own in zip(layers, jax.random.split(key, len(layers)), strict=True):
        layer.kernel[...] = init(own, layer.kernel.shape, jnp.float32)
    for block in net.blocks if zeros else ():
        last = block.convs[1].kernel
        last[...] = jnp.zeros_like(last[...])
    return net


def planned(transform: str, *, net: Net, seed: int) -> Net:
    """ZerO, for which the seed changes nothing but the order of the data."""
    return zero_init_model(net, transform=transform)


_HE, _GLOROT = nnx.initializers.he_normal(), nnx.initializers.glorot_uniform()
INITS: dict[str, Callable[..., Net]] = {
    "ZerO": functools.partial(planned, "hadamard"),
    "ZerO, dct": functools.partial(planned, "dct"),
    "Kaiming": functools.partial(drawn, _HE, zeros=False),
    "Kaiming, branches end in zeros": functools.partial(drawn, _HE, zeros=True),
    "Xavier": functools.partial(drawn, _GLOROT, zeros=False),
}


class Run(NamedTuple):
    """One training run: test accuracy in percent, stable ranks, hash of the weights."""

    accuracy: float
    ranks: dict[str, list[float]]
    digest: str


def train(
    init: str,
    blocks: int,
    norm: bool,
    rate: float,
    seed: int,
    steps: int,
    order: int | None = None,
) -> Run:
    """Trains one network.

    Args:
        init: a name in INITS.
        blocks, norm: of the network.
        rate: of learning, at its highest.
        seed: of the initial values.
        steps: of training.
        order: the seed of the order of the data; None for `seed`.
    """
    net = INITS[init](net=Net(blocks, norm=norm, rngs=nnx.Rngs(0)), seed=seed)
    graph, params, rest = nnx.split(net, nnx.Param, ...)
    state = OPTIMIZER.init(params)
    # It rises for a fifth of the steps, then falls to zero.
    rates = optax.warmup_cosine_decay_schedule(0.0, rate, steps // 5, steps)
    ranks: dict[str, list[float]] = {name: [] for name in KERNELS}
    images, labels = patches(TRAIN[0]), TRAIN[1]
    batches = shuffled(seed if order is None else order, len(labels), steps)
    # A loop of Python: a convolution inside a scan is slow on a CPU.
    for number, batch in enumerate([*batches, None]):
        if number % EVERY == 0:
            for name, conv in KERNELS.items():
                kernel = params["blocks"][blocks]["convs"][conv]["kernel"]
                ranks[name].append(round(stable_rank(kernel[...]), 3))
        if batch is not None:
            args = (images[batch], labels[batch], np.float32(rates(number)))
            params, rest, state = step(graph, params, rest, state, *args)
    logits = scores(graph, params, rest, patches(TEST[0]))
    right = 100 * np.mean(np.argmax(logits, axis=-1) == TEST[1])
    return Run(round(float(right), 2), ranks, digest(params))


def shuffled(seed: int, n: int, steps: int) -> np.ndarray:
    """Whole permutations one after the other, cut into batches: `[steps, BATCH]`."""
    rng = np.random.default_rng(seed)
    epochs = -(-steps * BATCH // n)
    order = np.concatenate([rng.permutation(n) for _ in range(epochs)])
    return order[: steps * BATCH].reshape(steps, BATCH)


@functools.partial(jax.jit, static_argnums=0)
def step(
    graph: Any,
    params: Any,
    rest: Any,
    state: Any,
    images: AnyArray,
    labels: AnyArray,
    rate: AnyArray,
) -> tuple[Any, Any, Any]:
    """One step of training."""

    def loss(params: Any) -> tuple[Array, Any]:
        net = nnx.merge(graph, params, rest, copy=True)
        net.train()
        losses = optax.softmax_cross_entropy_with_integer_labels(net(images), labels)
        return losses.mean(), nnx.split(net, nnx.Param, ...)[2]

    gradient, rest = jax.grad(loss, has_aux=True)(params)
    updates, state = OPTIMIZER.update(gradient, state, params)
    params = jax.tree.map(lambda p, u: p - rate * u, params, updates)
    return params, rest, state


@functools.partial(jax.jit, static_argnums=0)
def scores(graph: Any, params: Any, rest: Any, images: AnyArray) -> Array:
    """Class scores, with the statistics of training."""
    net = nnx.merge(graph, params, rest)
    net.eval()
    return net(images)


def stable_rank(kernel: AnyArray) -> float:
    """`||W||_F^2 / ||W||_2^2` of `[window and in, out]`; 0 of zeros."""
    matrix = np.asarray(kernel, np.float64).reshape(-1, kernel.shape[-1])
    if not np.isfinite(matrix).all() or not matrix.any():
        return 0.0
    values = np.linalg.svd(matrix, compute_uv=False)
    return float(np.sum(values**2) / values[0] ** 2)


def digest(params: Any) -> str:
    """A hash of every bit of the weights."""
    leaves = jax.tree.leaves(params)
    return hashlib.sha256(b"".join(np.asarray(x).tobytes() for x in leaves)).hexdigest()
