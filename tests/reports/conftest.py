"""A small folder that looks like a run's, for every test of the reports."""

import json
import pathlib
from typing import Any

import numpy as np
import pytest

from tests.reports.runs import (
    make_answers,
    make_lines,
    make_mask_results,
    make_masks,
    make_results,
)


@pytest.fixture
def make_run(tmp_path: pathlib.Path):
    """A function that writes a run's folder and returns it."""

    def make(
        name: str = "run",
        *,
        task: str = "classification",
        steps: int = 12,
        every: int = 3,
        examples: int = 2,
        errors: int = 4,
        channels: int = 1,
        config: dict[str, Any] | None = None,
        **results: Any,
    ) -> pathlib.Path:
        folder = tmp_path / name
        folder.mkdir()
        if config is None:
            config = {"seed": 7, "model": {"name": "two_layers", "width": 16}}
        (folder / "config.json").write_text(json.dumps(config))
        lines = make_lines(steps, every)
        (folder / "metrics.jsonl").write_text("".join(f"{line}\n" for line in lines))
        if task == "segmentation":
            np.savez(folder / "examples.npz", **make_masks(examples))
            found = make_mask_results(**results)
        else:
            np.savez(folder / "examples.npz", **make_answers(examples, channels))
            wrong = make_answers(errors, channels)
            wrong["label"][:] = 2
            np.savez(folder / "errors.npz", **wrong)
            found = make_results(**results)
        (folder / "results.json").write_text(json.dumps(found))
        return folder

    return make
