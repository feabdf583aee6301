"""The arms: one encoder and one batch of sequences, laid out in other ways."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx

from jaxpad.batching import Ragged, pack_sequences, padded, ragged, token_loss
from jaxpad.models import BERT


KINDS = ("forward", "step")
# Cells of a block of "chunked"; a row that is no longer is one block, as in "dense".
CHUNK = 256


class Size(NamedTuple):
    """The encoder, and how many sequences are in a batch."""

    sequences: int = 16
    width: int = 128
    depth: int = 1
    heads: int = 2
    words: int = 256


class Arm(NamedTuple):
    """A way to lay out the batch.

    Attributes:
        batch: rows of tokens, in which attention is computed.
        flat: cells of one row, in which all else is; None for the rows of `batch`.
        implementation: of the attention.
    """

    batch: Ragged
    flat: int | None
    implementation: str

    @property
    def cells(self) -> int:
        """What is computed of each cell by itself is paid for as many."""
        return self.flat or self.batch.rows * self.batch.capacity

    @property
    def area(self) -> int:
        """The pairs of cells that have a score."""
        return self.batch.rows * self.batch.capacity**2


def drawn(length: int, mean: float, size: Size) -> list[np.ndarray]:
    """Sequences of random tokens.

    Lengths are uniform about `mean * length` and as wide as rows of `length` allow:
    from `2 mean length - length` to `length`, or from 1 to `2 mean length`. So are
    those of ByteTransformer's benchmark.
    """
    order, middle = np.random.default_rng(0), round(mean * length)
    low = max(1, 2 * middle - length)
    high = min(length, 2 * middle - 1 if low == 1 else length)
    lengths = order.integers(low, high + 1, size.sequences)
    return [order.integers(0, size.words, n, dtype=np.int32) for n in lengths]


def arms(sequences: list[np.ndarray], length: int) -> dict[str, Arm]:
    """By name; padded comes first, as all are compared with it."""
    rows = pack_sequences(sequences, length)
    each, tokens = padded(rows, length), sum(map(len, sequences))
    found = {
        "padded": Arm(each, None, "dense"),
        "packed": Arm(rows, None, "dense"),
        "flat": Arm(each, tokens, "dense"),
        "flat on packed": Arm(rows, tokens, "dense"),
    }
    if length > CHUNK:
        chunked = f"chunked(chunk={CHUNK})"
        found["padded chunked"] = Arm(each, None, chunked)
        found["packed chunked"] = Arm(rows, None, chunked)
    return found


def formula(kind: str, cells: int, area: int, size: Size) -> float:
    """FLOPs of the products: `depth (24 width^2 cells + 4 width area)`.

    Of each cell a block has 12 width^2 products: four projections of attention, and a
    dense layer to 4 times the width and back. Each score takes `width` products over
    all heads, and so does its part of the sum. A step has thrice as many: for each
    product of the forward pass two of the backward pass.
    """
    products = 12 * size.width**2 * cells + 2 * size.width * area
    return {"forward": 1, "step": 3}[kind] * 2.0 * size.depth * products


@functools.cache
def model(length: int, size: Size, flat: int | None, attention: str) -> tuple[Any, Any]:
    """The encoder's graph, and its parameters: the same for every arm."""
    sizes: Any = {"width": size.width, "depth": size.depth, "heads": size.heads}
    options: Any = {**sizes, "positions": length, "flat": flat}
    net = BERT(size.words, None, **options, rngs=nnx.Rngs(0))
    for block in net.blocks:
        block.attention.implementation = attention
    return nnx.split(net)


def direction(size: Size) -> jax.Array:
    """What the loss reads of each output: a sum of squares would be the norm's 1."""
    return jax.random.normal(jax.random.key(1), (size.width,))


def functions(graph: Any, size: Size) -> dict[str, Callable[..., Any]]:
    """By kind: the outputs; and a loss with the gradients of all parameters."""
    along = direction(size)

    def forward(parameters: Any, batch: Ragged) -> Ragged:
        return nnx.merge(graph, parameters)(batch)

    def loss(parameters: Any, batch: Ragged) -> jax.Array:
        out = forward(parameters, batch)
        return token_loss(out.values @ along, out)

    return {"forward": forward, "step": jax.value_and_grad(loss)}


def compiled(kind: str, arm: Arm, size: Size) -> Any:
    """The arm's program, which takes parameters and a batch of its shape."""
    shape = arm.batch.segment_ids.shape
    return _compiled(kind, shape, size, arm.flat, arm.implementation)


@functools.cache
def _compiled(
    kind: str, shape: tuple[int, int], size: Size, flat: int | None, attention: str
) -> Any:
    graph, parameters = model(shape[1], size, flat, attention)
    none = np.zeros(shape, np.int32)
    batch = ragged(none, none, sequences=size.sequences)
    function = functions(graph, size)[kind]
    return jax.jit(function).lower(parameters, batch).compile()


def outputs(arm: Arm, out: Ragged) -> np.ndarray:
    """One sequence a row, whatever the arm: `[sequences, length, width]`."""
    return np.asarray(padded(out, arm.batch.capacity).values)
