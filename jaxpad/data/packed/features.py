"""From examples to features of one length, and from those to rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...batching import layout


# Of a sequence or a piece of one: its features, one entry per cell.
Features = dict[str, np.ndarray]

# What rows have beside the features.
LAYOUT = ("segment_ids", "positions")


class Reader:
    """Reads examples, which all have to have the features of the first one.

    Args:
        names: of the features that are packed; None for all.

    Attributes:
        like: the first sequence that is not empty, without its cells; {} before it.
    """

    def __init__(self, names: Sequence[str] | None):
        self._names, self.like = names, {}

    def __call__(self, example: Any, number: int) -> Features:
        """Its features, as `features_of`.

        Raises:
            ValueError: if it has other names, dtypes or trailing shapes.
        """
        found = features_of(example, self._names, number)
        if length_of(found):  # an empty list has no dtype
            self.like = self.like or cells(found, slice(0))
            if _kinds(found) != _kinds(self.like):
                raise ValueError(
                    f"example {number} has {_described(found)}, but the first has "
                    f"{_described(self.like)}: rows hold one kind of each feature. "
                    "Convert them with .map before packing."
                )
        return found


def features_of(example: Any, names: Sequence[str] | None, number: int) -> Features:
    """The features of an example that are packed.

    Args:
        example: from names to arrays or lists.
        names: of those that are packed; None for all.
        number: of the example, for the error.

    Returns:
        Arrays with one length.

    Raises:
        TypeError: if the example has no names.
        ValueError: if a feature is not there or has no length, or lengths differ.
    """
    if not isinstance(example, Mapping):
        raise TypeError(
            f"example {number} is {_what(example)}: expected features by name. Write "
            '.map(lambda example: {"tokens": example}) before packing.'
        )
    names = list(example) if names is None else names
    if wrong := [name for name in names if name not in example]:
        raise ValueError(
            f"features names {wrong[0]!r}, but example {number} has only "
            f"{', '.join(map(repr, example))}: name some of those."
        )
    if not names or any(name in LAYOUT for name in names):
        raise ValueError(
            f"features={tuple(names)} of example {number}: expected at least one, and "
            f"neither {LAYOUT[0]!r} nor {LAYOUT[1]!r}, which rows have of their own. "
            "Rename it, or name the others as features=(...)."
        )
    found = {name: np.asarray(example[name]) for name in names}
    _refuse_unequal(found, number)
    return found


def _refuse_unequal(found: Features, number: int) -> None:
    if scalars := [name for name, feature in found.items() if not feature.ndim]:
        others = tuple(name for name in found if name not in scalars)
        raise ValueError(
            f"feature {scalars[0]!r} of example {number} is one value, no sequence: "
            f"name those that have an entry per cell, as features={others}."
        )
    lengths = {name: len(feature) for name, feature in found.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name!r} {length}" for name, length in lengths.items())
        raise ValueError(
            f"features of example {number} differ in length: {told}. Expected an entry "
            "per cell in each; name those that have it, as features=(...)."
        )


def length_of(features: Features) -> int:
    """Cells of a sequence."""
    return len(next(iter(features.values())))


def cells(features: Features, part: slice) -> Features:
    """A piece of a sequence."""
    return {name: found[part] for name, found in features.items()}


def _kinds(features: Features) -> dict[str, tuple]:
    return {name: (f.dtype, f.shape[1:]) for name, f in features.items()}


def _described(features: Features) -> str:
    kinds = sorted(_kinds(features).items())
    return ", ".join(f"{name!r} {dtype}{list(shape)}" for name, (dtype, shape) in kinds)


def _what(example: Any) -> str:
    if example is None:
        return "None, which a filter leaves"
    return f"a {type(example).__name__}"


def rows_from(
    pieces: Sequence[Features],
    rows: Sequence[int],
    shape: tuple[int, int],
    like: Features,
) -> dict[str, np.ndarray]:
    """Rows with their pieces one after another, and zeros in empty cells.

    Args:
        pieces: of sequences.
        rows: of each piece.
        shape: rows and capacity; rows after the last one that is named are empty.
        like: features of a sequence, for dtypes and trailing shapes.

    Returns:
        Each feature `[rows, capacity, ...]`, segment_ids and positions.
    """
    index = np.full(shape, -1, np.int32)
    segment_ids, positions = np.zeros((2, *shape), np.int32)
    if pieces:
        held = slice(max(rows) + 1)
        lengths = [length_of(piece) for piece in pieces]
        index[held], segment_ids[held], positions[held] = layout(
            rows, lengths, shape[1]
        )
    made = {}
    for name, first in like.items():
        # Index -1, of an empty cell, is the last: a zero.
        zero = np.zeros((1, *first.shape[1:]), first.dtype)
        stream = np.concatenate([*(piece[name] for piece in pieces), zero])
        made[name] = stream.take(index, axis=0)  # twice as fast as stream[index]
    return {**made, "segment_ids": segment_ids, "positions": positions}
