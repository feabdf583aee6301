"""Histograms of lengths: read from files, and of the text job's own lengths."""

import json
import pathlib
from typing import Any

import numpy as np

from jaxpad.batching import cut
from jaxpad.batching.checks import as_histogram
from jaxpad.data import DATASETS


CAPACITY = 512  # of the text job
FORMS = (
    ".npy (np.save of np.bincount(lengths): number i counts the sequences of length "
    "i), .json (a list of the same numbers) or .txt (a number a line, line 1 of "
    "length 1)"
)


def of_texts(capacity: int | None = None) -> np.ndarray:
    """Of the text job's sequences, with longer ones split as the job does it."""
    capacity = capacity or CAPACITY
    lengths = cut(DATASETS["stdlib_text"]().train.lengths, capacity, "split").length
    return np.bincount(lengths, minlength=capacity + 1)


def read(path: pathlib.Path, capacity: int | None = None) -> np.ndarray:
    """A histogram from a file, `[capacity + 1]`: number i counts length i.

    Args:
        path: with one of the endings of `FORMS`.
        capacity: cells of a row; the longest length that is counted if None.

    Raises:
        ValueError: for a file that is not there or no such histogram, with its name.
    """
    if not path.is_file():
        raise ValueError(f"{path} is not there: expected a file, {FORMS}.")
    if path.suffix not in READERS:
        raise ValueError(f"{path} ends in {path.suffix!r}: expected {FORMS}.")
    try:
        found = READERS[path.suffix](path)
        longest = int(np.flatnonzero(found).max(initial=1)) if found.ndim == 1 else 1
        return as_histogram(found, capacity or longest)
    except (ValueError, TypeError, OSError) as e:
        raise ValueError(f"{path}: {e} Expected {FORMS}.") from e


def _npy(path: pathlib.Path) -> np.ndarray:
    return np.load(path, allow_pickle=False)


def _json(path: pathlib.Path) -> np.ndarray:
    found = json.loads(path.read_text())
    whole = isinstance(found, list) and all(type(n) is int for n in found)
    if not whole:
        raise ValueError("it is no list of whole numbers.")
    return np.array(found, dtype=np.int64)


def _txt(path: pathlib.Path) -> np.ndarray:
    """Line i counts length i, so there is no number of length 0."""
    counts = [0]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            counts.append(int(line))
        except ValueError:
            raise ValueError(
                f"line {number} is {line!r}, which is no whole number."
            ) from None
    return np.array(counts, dtype=np.int64)


READERS: dict[str, Any] = {".npy": _npy, ".json": _json, ".txt": _txt}


def about(histogram: np.ndarray) -> dict[str, Any]:
    """What is packed, in a few numbers."""
    lengths = np.arange(len(histogram))
    there, sequences = histogram.nonzero()[0], int(histogram.sum())
    tokens = int(histogram @ lengths)
    return {
        "capacity": len(histogram) - 1,
        "sequences": sequences,
        "tokens": tokens,
        "shortest": int(there[0]),
        "mean": round(tokens / sequences, 2),
        "longest": int(there[-1]),
        "of full length": round(int(histogram[-1]) / sequences, 4),
    }
