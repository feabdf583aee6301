"""A run's folder becomes files that say what the run's model says."""

import pathlib
import shutil

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest
from safetensors.numpy import load_file

from jaxpad.train.checkpoint import Checkpoints
from jaxpad.train.checkpoint.__main__ import main
from jaxpad.train.checkpoint.export import export_run
from jaxpad.train.workdir import open_workdir

from .test_checkpoint import files, flip
from .tiny import Linear, tiny_job


OWN = [f"{Linear.__module__}:Linear"]  # what the run's config names


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Of a run that has done three steps."""
    folder = tmp_path_factory.mktemp("run")
    with jax.numpy_dtype_promotion("standard"):  # optax relies on it
        job = tiny_job()
        open_workdir(folder, job.config, 0)
        state = job.init()
        for step in range(3):
            state, _ = job.train_step(state, job.batches[step])
    checkpoints = Checkpoints(folder / "checkpoints", 1)
    checkpoints.save(3, state)
    checkpoints.close()
    return folder


def expected(folder: pathlib.Path) -> np.ndarray:
    """Log-probabilities of the first test batch, from the evaluation of the run."""
    job = tiny_job()
    state = Checkpoints(folder / "checkpoints", 1).restore(3, job.placement.plain)
    return np.asarray(job.eval_step(state, job.test_batches[0]))


def test_program_says_what_the_run_says(folder: pathlib.Path, tmp_path: pathlib.Path):
    said = export_run(folder, tmp_path / "net.stablehlo", OWN)
    assert said.endswith("from uint8 images of 8x8x1 to 10 scores")
    program = jax.export.deserialize(
        bytearray((tmp_path / "net.stablehlo").read_bytes())
    )
    scores = program.call(tiny_job().test_batches[0]["image"])
    found = jax.nn.log_softmax(scores)
    np.testing.assert_allclose(found, expected(folder), rtol=1e-5, atol=1e-6)


def test_arrays_are_the_checkpoint_s(folder: pathlib.Path, tmp_path: pathlib.Path):
    export_run(folder, tmp_path / "net.safetensors", OWN)
    export_run(folder, tmp_path / "net", OWN)
    arrays = load_file(tmp_path / "net.safetensors")
    with ocp.StandardCheckpointer() as reader:
        again = reader.restore(tmp_path / "net")
    state = Checkpoints(folder / "checkpoints", 1).restore(
        3, tiny_job().placement.plain
    )
    kernel = state.params["scores"]["kernel"][...]
    for found in (arrays, again):
        np.testing.assert_array_equal(found["scores/kernel"], kernel)
        assert found.keys() == {"scores/kernel", "scores/bias"}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("net.onnx", "expected NAME.stablehlo, NAME.safetensors, or a folder's name"),
        ("", "is there already: give another name"),
    ],
)
def test_wrong_target(
    folder: pathlib.Path, tmp_path: pathlib.Path, target: str, message: str
):
    with pytest.raises(ValueError, match=message):
        export_run(folder, tmp_path / target)


def test_no_run_and_no_checkpoint(
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    for config, message in ((None, "is no run's folder"), ({}, "no whole checkpoint")):
        if config is not None:
            open_workdir(tmp_path, tiny_job().config, 0)
        target = str(tmp_path / "net.safetensors")
        words = ["checkpoint", "export", str(tmp_path), target, "--import", *OWN]
        monkeypatch.setattr("sys.argv", words)
        with pytest.raises(SystemExit, match="2"):
            main()
        assert message in capsys.readouterr().err


def test_a_damaged_checkpoint_is_not_exported(
    folder: pathlib.Path,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    run, target = shutil.copytree(folder, tmp_path / "run"), tmp_path / "net"
    flip(files(run / "checkpoints" / "3" / "arrays")[-1], 100)
    words = ["checkpoint", "export", str(run), str(target), "--import", OWN[0]]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit, match="6"):
        main()
    assert "is not as it was written" in capsys.readouterr().err
    assert not target.exists()
    assert (run / "checkpoints" / "3").exists(), "a command sets nothing aside"


def test_a_run_s_own_code_is_imported_on_the_user_s_word_alone(
    folder: pathlib.Path, tmp_path: pathlib.Path
):
    target = tmp_path / "net.safetensors"
    with pytest.raises(ValueError, match=rf"config\.model=.* type --import {OWN[0]}$"):
        export_run(folder, target)
    with pytest.raises(ValueError, match="would import code"):
        export_run(folder, target, ["some.other:thing"])
    assert not target.exists()


@pytest.mark.parametrize(
    "text",
    [
        *("[" * 200_000, "[]", '{"a.b": 1}', '{"mesh": 3}', "{", '{"seed": "0"}'),
        '{"__init__": 1}',
    ],
)
def test_a_config_that_no_run_has_saved(tmp_path: pathlib.Path, text: str):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match=r"is no run's folder|the config lacks"):
        export_run(tmp_path, tmp_path / "net")
