"""The ways to batch texts that are compared, and what the network is given in each."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxpad.batching import RESCALES, Ragged, flat, ragged
from jaxpad.batching.rescale import Step
from jaxpad.data import DATASETS, TextBatch, TextBatches


CAPACITY = 256  # cells of a row; longer texts are split
TEXTS = 8  # a step, but where rows stay as many


class Arm(NamedTuple):
    """A way to batch.

    Attributes:
        batching: a name in `jaxpad.data.BATCHINGS`.
        rescale: a name in `jaxpad.batching.RESCALES`.
        flat: whether all but the attention is computed without padding.
        mask: whether a text is kept from the others of its row.
    """

    batching: str
    rescale: str = "rows"
    flat: bool = False
    mask: bool = True


ARMS = {
    "padded": Arm("padded"),
    "flattened": Arm("padded", flat=True),
    "packed without a mask": Arm("packed", mask=False),
    "packed": Arm("packed"),
    "packed, as many rows": Arm("packed", rescale="none"),
}


def batches_of(arm: Arm, seed: int) -> TextBatches:
    """What it is trained on."""
    options: Any = {"batching": arm.batching, "capacity": CAPACITY, "seed": seed}
    found = TextBatches(DATASETS["stdlib_text"](), "train", TEXTS, **options)
    step = RESCALES[arm.rescale](found.texts_per_row, Step(TEXTS, 1), 1)
    return found.rebatched(step.rows)


def test_batches() -> TextBatches:
    """What every arm is tested on: one text a row."""
    options: Any = {"batching": "padded", "capacity": CAPACITY}
    return TextBatches(DATASETS["stdlib_text"](), "test", 8 * TEXTS, **options)


def most_tokens(batches: TextBatches, steps: int) -> int:
    """Of any batch of a run, in 64s: the cells that its flat row needs."""
    counts = ((batches[n]["segment_ids"] > 0).sum() for n in range(steps))
    return 64 * -(-int(max(counts)) // 64)


def read(
    batch: TextBatch, arm: Arm, cells: int
) -> tuple[Ragged, Ragged | None, Ragged]:
    """What the network sees, its rows for the attention, and whose cells are told.

    Args:
        batch: of texts.
        arm: how they are batched.
        cells: of the flat row, if there is one.
    """
    tokens, ids = jnp.asarray(batch["tokens"]), jnp.asarray(batch["segment_ids"])
    rows = ragged(tokens, ids, sequences=tokens.size)
    if arm.flat:
        row = flat(rows, cells)
        return row, rows, row
    if arm.mask:
        return rows, None, rows
    return ragged(tokens, (ids > 0).astype(jnp.int32), sequences=len(ids)), None, rows


def following(batch: Ragged) -> tuple[jax.Array, jax.Array]:
    """The token after each, and which tokens have one in their text."""
    cell = jnp.arange(batch.capacity, dtype=jnp.int32)[None]
    return jnp.roll(batch.values, -1, 1), batch.real & (cell + 1 < batch.ends)
