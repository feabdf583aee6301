"""Steps that were left out, as not finite or because their loss was a spike."""

import json
import pathlib
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from ..data import TextBatches, TrainBatches
from .checkpoint.folder import agreed
from .exits import NumbersError
from .metrics import read_metrics
from .workdir import write_whole


class Skips:
    """Writes each with its records to `skipped.jsonl`; ends a run that has too many.

    Args:
        folder: of this process; the file is made at the first skipped step.
        start: steps done when the run goes on; what came later comes again.
        batches: where the records are from.
        most: how many in a row are borne.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        start: int,
        batches: TrainBatches | TextBatches,
        most: int,
    ):
        self.folder, self.path = folder, folder / "skipped.jsonl"
        self.batches, self.most = batches, most
        rows = [row for row in read_metrics(self.path) if row["step"] <= start]
        # All processes of a cluster count alike, also one that is new.
        self.count, self.in_a_row = len(rows), agreed(_in_a_row(rows, start))
        if self.path.exists():
            write_whole(self.path, "".join(json.dumps(row) + "\n" for row in rows))

    def note(self, step: int, row: dict[str, Any], batch: Any) -> None:
        """Takes a step's row of metrics.

        Raises:
            NumbersError: if too many steps in a row were skipped; the batch is kept.
        """
        if not row["skipped"]:
            self.in_a_row = 0
            return
        self.count += 1
        self.in_a_row += 1
        figures = {name: repr(row[name]) for name in ("loss", "grad_norm")}
        found = {"step": step, **figures, "records": self.batches.names(batch)}
        with self.path.open("a") as file:
            file.write(json.dumps(found) + "\n")
        if self.in_a_row > self.most:
            raise NumbersError(self._told(step, row, self._keep(step, batch)))

    def _keep(self, step: int, batch: Any) -> pathlib.Path:
        # Each process of a cluster has a part, and one that replays needs all.
        arrays = batch
        if jax.process_count() > 1:
            arrays = multihost_utils.process_allgather(batch, tiled=True)
        path = self.folder / f"batch-{step}.npz"
        np.savez_compressed(path, **arrays)
        return path

    def _told(self, step: int, row: dict[str, Any], path: pathlib.Path) -> str:
        return (
            f"{self.in_a_row} steps in a row, the last of them step {step}, were not "
            f"finite or a spike: loss {row['loss']}, norm of the gradient "
            f"{row['grad_norm']}. They changed nothing; config.max_skips={self.most} "
            f"are borne. Their records stand in {self.path}. To see where it begins: "
            f"--replay={path} with the same --workdir and config. What often helps: a "
            "lower config.learning_rate, a longer config.warmup_epochs, or "
            "clip_by_global_norm in config.optimizer."
        )


def _in_a_row(rows: list[dict[str, Any]], last: int) -> int:
    """How many of the steps until the last one stand there without a gap."""
    steps, count = {row["step"] for row in rows}, 0
    while last - count in steps:
        count += 1
    return count
