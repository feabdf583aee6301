"""Batches that the functions of segments are tried on, and sequences one by one."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxpad.batching import Ragged, flat, lanes, pack_sequences, padded


LENGTHS = (5, 9, 6, 7)


def sequences(
    features: int = 4, lengths: tuple[int, ...] = LENGTHS
) -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    return [draw.normal(size=(n, features)).astype(np.float32) for n in lengths]


def littered(batch: Ragged) -> Ragged:
    """With numbers in empty cells, which nobody may read."""

    def one(x: jax.Array) -> jax.Array:
        real = batch.real.reshape(*batch.real.shape, *(1,) * (x.ndim - 2))
        return jnp.where(real, x, jnp.asarray(1e3, x.dtype))

    return batch.replace(jax.tree.map(one, batch.values))


def batch_of(arrays: list[np.ndarray], capacity: int = 16) -> Ragged:
    return littered(pack_sequences(arrays, capacity))


LAYOUTS: dict[str, Callable[[Ragged], Ragged]] = {
    "packed": lambda batch: batch,
    "padded": lambda batch: padded(batch, 11),
    "flat": lambda batch: flat(batch, int(batch.lengths.sum()) + 3),
    "lanes": lambda batch: lanes(batch, 3),
}


def one_by_one(batch: Ragged) -> list[np.ndarray]:
    """The sequences of a batch in the order of their numbers, read cell by cell."""
    values, numbers = np.asarray(batch.values), np.asarray(batch.numbers)
    found = [[] for _ in range(batch.sequences)]
    for row, cell in np.ndindex(numbers.shape):
        if numbers[row, cell] < batch.sequences:
            found[numbers[row, cell]].append(values[row, cell])
    return [np.array(cells) for cells in found]
