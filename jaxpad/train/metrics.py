"""What a run writes down while it runs: metrics.jsonl, and what trackers make of it."""

import contextlib
import json
import math
import operator
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from ..untrusted import json_object
from .trackers import Tracker
from .workdir import write_whole


class MetricsLog:
    """One JSON line a step in `metrics.jsonl`, and the same for the trackers.

    The file is the source of truth. When a run goes on from step `start`, lines after
    that step, and a line torn by a crash, are dropped: their steps come again.

    Args:
        folder: the run's folder.
        start: steps done when the run goes on.
        trackers: who else is told.
    """

    def __init__(
        self, folder: pathlib.Path, start: int, trackers: Sequence[Tracker] = ()
    ):
        self.path = folder / "metrics.jsonl"
        kept = [row for row in read_metrics(self.path) if row["step"] <= start]
        write_whole(self.path, "".join(json.dumps(row) + "\n" for row in kept))
        self._file = self.path.open("a", buffering=1)
        self._trackers = trackers

    def write(self, row: dict[str, Any]) -> None:
        """Appends a row; it has a "step". JSON knows no NaN: that becomes null.

        Raises:
            OSError: if the disk is full or gone.
        """
        known = {k: v if math.isfinite(v) else None for k, v in row.items()}
        try:
            if os.fstat(self._file.fileno()).st_nlink == 0:
                raise OSError("somebody has deleted it")
            self._file.write(json.dumps(known) + "\n")
        except OSError as error:
            raise OSError(
                f"cannot write {self.path}: {error}. The checkpoints are whole: free "
                "space and run the same command again, it goes on from the newest."
            ) from error
        for tracker in self._trackers:
            tracker.write(row)

    def sync(self) -> None:
        """Puts what was written on the disk, whatever happens to the machine."""
        with contextlib.suppress(OSError):  # some file systems cannot
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Finishes the file, then the trackers."""
        with contextlib.suppress(OSError):  # a full disk was told of by write
            self._file.close()
        for tracker in self._trackers:
            tracker.close()


def read_metrics(path: pathlib.Path) -> list[dict[str, Any]]:
    """The rows of a metrics.jsonl; a last line torn by a crash is left out.

    Raises:
        ValueError: if another line is broken.
    """
    if not path.exists():
        return []
    rows = []
    # What follows the last newline is torn, or empty.
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], 1):
        try:
            rows.append(json_object(line, "it"))
            operator.index(rows[-1]["step"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{path} is damaged at line {number}, {line[:60]!r}: {error}. Delete "
                "it to go on without its step in the curves."
            ) from error
    return rows
