"""--check finds what is wrong, leaves nothing behind and uses no accelerator."""

import os
import pathlib
import subprocess
import sys
import types
from typing import Any

import jax
import numpy as np
import pytest

from jaxpad.data import ArraySource, Dataset
from jaxpad.train import check_profile, preflight, workdir

from .jobs import ROOT
from .tiny import tiny_config, tiny_job


EVERYTHING = ["config", "folder", "data", "batch", "test batch", "step", "memory"]


def look(folder: pathlib.Path, **changes: Any) -> dict[str, tuple[str, int]]:
    """What is found of each thing, with its code."""
    found = preflight(tiny_config(**changes), folder)
    return {name: (text, code) for name, text, code in found}


class Breaking(ArraySource):
    """Records that can be read until `broken`."""

    broken = False

    def __getitem__(self, index: int):
        if Breaking.broken:
            raise ValueError(f"{index} is no file")
        return super().__getitem__(index)


def breaking() -> Dataset:
    """Images of which those for testing break."""
    images, labels = np.zeros((300, 8, 8, 1), np.uint8), np.zeros(300, np.int32)
    good, bad = ArraySource("good", images, labels), Breaking("bad", images, labels)
    return Dataset("half", ("a", "b"), train=good, test=bad, note="")


def test_all_is_well(tmp_path: pathlib.Path):
    folder = tmp_path / "a" / "new folder"
    found = look(folder)
    assert list(found) == EVERYTHING
    assert not any(code for _, code in found.values())
    said = {name: text for name, (text, _) in found.items()}
    assert "650 parameters\n22 steps of 128 images: 2 epochs of 11" in said["config"]
    assert f"{folder} can be written to; the run begins at step 0" in said["folder"]
    assert tiny_job().dataset.fingerprint() in said["data"]
    assert "128x8x8x1 uint8 to train on, labels 0 to 9\nread" in said["batch"]
    assert "learning_rate, loss" in said["step"]
    assert f"state {tiny_job().state_bytes / 2**20:.1f} MiB" in said["memory"]
    assert list(tmp_path.iterdir()) == []


def test_two_mistakes_are_both_found(tmp_path: pathlib.Path):
    found = look(pathlib.Path("/proc/run"), padding="partail", trackers=())
    assert "Did you mean 'partial'" in found["config"][0]
    assert "--workdir=/proc/run cannot be written to" in found["folder"][0]
    assert [code for _, code in found.values()] == [2, 1]


def test_folder_of_a_run_is_left_as_it_is(tmp_path: pathlib.Path):
    workdir.open_workdir(tmp_path, tiny_config().to_dict(), 0)
    for step in (4, 12):
        (tmp_path / "checkpoints" / str(step)).mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    assert "the run goes on from step 12" in look(tmp_path)["folder"][0]
    text, code = look(tmp_path, workers=2)["folder"]
    assert text.endswith("another config:\n  config.workers: saved 0, now 2")
    assert code == 0
    text, code = look(tmp_path, seed=1)["folder"]
    assert "config.seed: saved 0, now 1" in text
    assert code == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_too_little_room(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    full = types.SimpleNamespace(free=1000)
    monkeypatch.setattr(workdir.shutil, "disk_usage", lambda folder: full)
    text, code = look(tmp_path / "run")["folder"]
    assert "0 MiB free, but the run's checkpoints take about 1 MiB" in text
    assert code == 1
    assert list(tmp_path.iterdir()) == []


def test_data_that_only_the_test_would_find_broken(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    config = tiny_config(dataset=f"{__name__}:breaking")
    # The types of tests are checked by reading everything: so it breaks after that.
    found = preflight(
        config, tmp_path, lambda job: monkeypatch.setattr(Breaking, "broken", True)
    )
    codes = {name: (code, text) for name, text, code in found}
    assert "record number 0 of half: 0 is no file" in codes["test batch"][1]
    assert [codes[name][0] for name in EVERYTHING] == [0, 0, 0, 0, 2, 2, 0]


def test_reader_that_is_not_installed_is_named_on_one_line(tmp_path: pathlib.Path):
    found = look(tmp_path, dataset="tests.train.test_build:not_installed")
    text, code = found["config"]
    assert text.endswith("not_installed': pip install what_reads_it")
    assert code == 2


def missing(job: Any) -> None:
    """As what is imported only when the job is there."""
    raise ImportError("pip install what_reads_it")


def test_import_that_fails_later_is_a_finding_too(tmp_path: pathlib.Path):
    first = next(iter(preflight(tiny_config(), tmp_path, missing)))
    assert (first.text, first.code) == ("pip install what_reads_it", 2)


def test_profile_belongs_to_what_is_checked(tmp_path: pathlib.Path):
    found = preflight(tiny_config(), tmp_path, check_profile(50))
    first = next(iter(found))
    assert "--profile=50: the run has 22 steps to go" in first.text
    assert first.code == 2


@pytest.mark.slow
def test_nothing_of_a_large_network_is_made(tmp_path: pathlib.Path):
    compiled: list[str] = []

    def note(event: str, duration: float, **about: Any) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(str(about.get("fun_name")))

    listen: Any = note
    jax.monitoring.register_event_duration_secs_listener(listen)
    changes = {
        "dataset": "photos10",
        "model": "resnet50",
        "train_crop": "random_resized_crop(size=224)",
        "test_crop": "resize_crop(size=224, resize=256)",
        "batch_size": 16,
    }
    try:
        found = look(tmp_path / "run", **changes)
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert not any(code for _, code in found.values()), found
    assert "16x224x224x3 uint8 to train on" in found["batch"][0]
    assert "23,528,522 parameters" in found["config"][0]
    assert not any("step" in name or "conv" in name for name in compiled)


@pytest.mark.parametrize(
    ("argument", "code", "said"),
    [
        ("--config.trackers=()", 0, "ok    memory"),
        ("--config.trackers=tensorbord", 2, "Did you mean 'tensorboard'"),
    ],
)
def test_command_uses_no_accelerator(
    argument: str, code: int, said: str, tmp_path: pathlib.Path
):
    # The accelerator that is asked for is not there, so that using it would fail.
    result = subprocess.run(
        [sys.executable, str(ROOT / "launch.py"), "--check", argument],
        env=os.environ | {"JAX_PLATFORMS": "cuda"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == code, result.stderr
    assert said in result.stdout
    assert ("the run would fail" in result.stdout) == bool(code)
    assert list(tmp_path.iterdir()) == []
