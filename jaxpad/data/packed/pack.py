"""From examples of many lengths to packed rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import grain

from ...batching import Packer
from ...batching.checks import as_lengths
from ...batching.cut import Policy
from ...conv.arguments import whole
from .packing import Packing
from .stream import PackedStream
from .whole import PackedDataset


WINDOW = 1000  # sequences of a stream that are packed together


def pack_examples(
    examples: Any,
    capacity: int | Sequence[int],
    packer: str | Packer = "first_fit_decreasing",
    *,
    features: Sequence[str] | None = None,
    policy: str | Policy | None = None,
    max_per_row: int | None = None,
    lengths: Any = None,
    window: int | None = None,
    batch_size: int | None = None,
    shard: tuple[int, int] = (0, 1),
    seed: int | None = 0,
    grouped: bool = True,
) -> PackedDataset | PackedStream:
    """Packs the sequences of a data set or a stream into rows.

    A row has each feature `[capacity, ...]`, zeros in empty cells, and `segment_ids`
    and `positions` of its `layout`. Which sequences share a row is decided by their
    lengths, on every host alike; each host then lays out its own rows only. An epoch
    ends with empty rows where it does not fill the last batch of all hosts.

    Examples that can be read by number are planned as a whole, before the first is laid
    out. Of a `grain.IterDataset` a window is packed at a time, and every host reads it
    all. Both are Grain's: `get_state` and `set_state` of their iterators go on with the
    same row.

    Args:
        examples: from names to arrays or lists of one length: a `grain.MapDataset`, a
            list, or anything else with `len` and `[number]`; or a `grain.IterDataset`.
        capacity: cells of a row; or several sizes in ascending order, of which each
            batch has the smallest that holds its rows. Not for a stream.
        packer: as in `jaxpad.batching.pack`.
        features: names of those that are packed; None for all.
        policy: what becomes of sequences that are empty or longer than a row, "split",
            "truncate" or "drop" as in `jaxpad.batching.cut`; the counts are logged.
            None refuses them.
        max_per_row: sequences that may share a row; None for any number.
        lengths: of all examples in their order. Without them examples are read once to
            measure them, and a stream does not know its number of steps.
        window: examples of a stream that are packed together, 1000 if None.
        batch_size: rows of a batch, over all hosts; None for rows that are not batched.
        shard: (which, of how many) equal parts of each batch this host takes.
        seed: of the order of rows, in each epoch another, and of which sequences of one
            length change places; in a stream, of the order in a window. None keeps the
            packer's order.
        grouped: whether the rows of a batch are those of one size, as far as these fill
            batches; else they come as they are. Of one size this changes nothing.

    Returns:
        A `PackedDataset`, which is a `grain.MapDataset` whose `len` is the steps of an
        epoch, or a `PackedStream`, a `grain.IterDataset`. Both have `steps_per_epoch`.

    Raises:
        ValueError: for no examples, a `grain.MapDataset` without end, features that are
            missing or of several lengths, sequences that do not fit without a policy,
            or lengths that are not those of the examples; of a stream when it comes to
            them.
        TypeError: for examples without names, or what is none of these.

    Example:
        >>> examples = [{"tokens": [i] * n} for i, n in enumerate([5, 3, 7, 1], 1)]
        >>> rows = pack_examples(examples, 8, seed=None)
        >>> rows[1]["tokens"], rows[1]["segment_ids"]
        (array([1, 1, 1, 1, 1, 2, 2, 2]),
         array([1, 1, 1, 1, 1, 2, 2, 2], dtype=int32))
        >>> batches = pack_examples(examples, 8, batch_size=2)
        >>> len(batches), batches[0]["tokens"].shape
        (1, (2, 8))
    """
    names = (features,) if isinstance(features, str) else features
    packing = Packing(
        capacity,
        packer,
        None if names is None else tuple(names),
        policy,
        max_per_row,
        batch_size,
        shard,
        seed,
        grouped,
    )
    if isinstance(examples, grain.IterDataset):
        if len(packing.sizes) > 1:
            raise ValueError(
                f"capacity={capacity}: rows of a stream have one size. Give one, or "
                "examples that can be read by number."
            )
        size = whole("window", WINDOW if window is None else window)
        found = None if lengths is None else as_lengths(lengths, least=0)
        return PackedStream(examples, packing, size, found)
    if window is not None:
        raise ValueError(
            f"window={window} is of a stream, but these examples are planned as a "
            "whole: leave it out, or give examples.to_iter_dataset()."
        )
    return PackedDataset(_by_number(examples), packing, lengths)


def _by_number(examples: Any) -> grain.MapDataset:
    if isinstance(examples, grain.MapDataset):
        return examples
    sequence = hasattr(examples, "__len__") and hasattr(examples, "__getitem__")
    if not sequence or isinstance(examples, Mapping):
        raise TypeError(
            f"examples is a {type(examples).__name__}: expected a grain.MapDataset or "
            "grain.IterDataset, or a list of examples, one mapping of features each. "
            "A generator cannot go back to where a run stopped: write "
            "list(examples)."
        )
    return grain.MapDataset.source(examples)
