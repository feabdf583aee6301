"""The loop moves to the devices what it says it moves, and nothing else."""

import pathlib

import jax
import pytest
from rich.console import Console

from jaxpad.train import run
from jaxpad.train.loop import Loop

from .tiny import tiny_job


def test_no_hidden_copies(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    """In steps, tests and saves. To jax, memory of a CPU is the host's: no guard sees
    what comes back from there, but on other devices it does.
    """
    train = Loop.train

    def guarded(loop: Loop) -> None:
        with jax.transfer_guard("disallow"):
            train(loop)

    monkeypatch.setattr(Loop, "train", guarded)
    assert run(tiny_job(), tmp_path, Console(quiet=True))["test"]["examples"] == 355
