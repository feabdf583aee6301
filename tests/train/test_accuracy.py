"""The default job reaches what its config promises."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from .jobs import ROOT, environment


@pytest.mark.slow
def test_default_job_reaches_98_percent_as_the_mean_of_three_seeds(
    tmp_path: pathlib.Path,
):
    accuracies = []
    for seed in range(3):
        folder = tmp_path / str(seed)
        subprocess.run(
            [
                sys.executable,
                str(ROOT / "launch.py"),
                f"--workdir={folder}",
                f"--config.seed={seed}",
            ],
            check=True,
            env=environment(devices=1),
        )
        results = json.loads((folder / "results.json").read_text())
        accuracies.append(results["test"]["accuracy"])
    print("test accuracies", accuracies)
    assert np.mean(accuracies) >= 0.98
