"""A run that begins with the weights of a file, and goes on without it."""

import pathlib
import shutil
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx
from rich.console import Console

from jaxpad.models import ResNet, save_weights
from jaxpad.train import build, preflight, run
from jaxpad.train.checkpoint import Checkpoints
from jaxpad.train.checkpoint.export import export_run
from jaxpad.train.checkpoint.look import load
from jaxpad.train.checkpoint.store import named

from .tiny import tiny_config


def small(seed: int, classes: int = 10) -> ResNet:
    return ResNet(1, classes, blocks=(1, 1), width=2, rngs=nnx.Rngs(seed))


def config_with(path: pathlib.Path) -> Any:
    own = {"model": "jaxpad.models:ResNet(blocks=(1, 1), width=2)", "steps": 4}
    times = {"checkpoint_steps": 2, "warmup_epochs": 0.0}
    return tiny_config(weights=str(path), **own, **times)


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    save_weights(small(seed=5), tmp_path / "weights.npz")
    return tmp_path / "weights.npz"


@pytest.mark.slow
def test_a_run_goes_on_without_the_file(path: pathlib.Path, tmp_path: pathlib.Path):
    job, folder = build(config_with(path)), tmp_path / "run"
    np.testing.assert_array_equal(
        job.init().params["stem"]["kernel"][...], small(seed=5).stem.kernel[...]
    )

    def ended() -> list[np.ndarray]:
        run(job, folder, Console(quiet=True))
        checkpoints = Checkpoints(folder / "checkpoints", 2)
        state = checkpoints.restore(4, job.placement.plain)
        checkpoints.close()
        return [np.asarray(leaf) for leaf in jax.tree.leaves(state)]

    once = ended()
    shutil.rmtree(folder / "checkpoints" / "4")
    path.unlink()
    job = build(config_with(path))
    assert not any(code for _, _, code in preflight(config_with(path), folder))
    for first, second in zip(once, ended(), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        ("missing", r"cannot be read: FileNotFoundError"),
        ("garbage", r"cannot be read: \w+"),
        ("head", r"does not fit .*in a config new_head=True"),
    ],
)
def test_weights_that_do_not_fit_are_said_before_there_is_a_folder(
    broken: str, text: str, path: pathlib.Path, tmp_path: pathlib.Path
):
    if broken == "missing":
        path.unlink()
    elif broken == "garbage":
        path.write_bytes(b"PK\x03\x04garbage")
    else:
        save_weights(small(seed=5, classes=3), path)
    job, folder = build(config_with(path)), tmp_path / "run"
    said = rf"config\.weights='{path}': .*{text}"
    with pytest.raises(ValueError, match=said):
        run(job, folder, Console(quiet=True))
    assert not folder.exists()
    name, found, code = next(iter(preflight(config_with(path), folder)))
    assert (name, code, found.startswith(f"config.weights='{path}'")) == (
        "config",
        2,
        1,
    )


@pytest.mark.slow
def test_a_changed_model_begins_with_what_fits(
    path: pathlib.Path, tmp_path: pathlib.Path
):
    """As the error of the checkpoint that does not fit says."""
    folder, config = tmp_path / "run", config_with(path)
    run(build(config), folder, Console(quiet=True))
    config.padding = "learned_constant"
    saved = (folder / "config.json").read_text()
    with pytest.raises(ValueError, match=r"config\.padding: saved 'partial', now 'lea"):
        run(build(config), folder, Console(quiet=True))
    with pytest.raises(ValueError, match="another model or optimizer") as caught:
        run(build(config), folder, Console(quiet=True), allow_changes=True)
    assert "  missing, " in str(caught.value)
    assert "params/blocks/0/convs/0/mode/value" in str(caught.value)
    assert f"export {folder} weights.safetensors" in str(caught.value)
    assert (folder / "config.json").read_text() == saved
    own = ["jaxpad.models:ResNet"]
    export_run(folder, tmp_path / "weights.safetensors", own)
    config.weights = str(tmp_path / "weights.safetensors")
    for new_head in (False, True):
        config.new_head = new_head
        job = build(config)
        begun, trained = named(job.init()), load(folder / "checkpoints" / "4")[1]
        kept = [name for name in trained if name.startswith(("params/", "stats/"))]
        other = [n for n in kept if not np.array_equal(begun[n], trained[n])]
        assert len(kept) > 10
        assert other == [n for n in kept if new_head and n.startswith("params/head")]
    run(job, tmp_path / "new", Console(quiet=True))


@pytest.mark.slow
@pytest.mark.slow
def test_a_run_goes_on_under_another_config_by_a_word(
    path: pathlib.Path, tmp_path: pathlib.Path
):
    folder, config = tmp_path / "run", config_with(path)
    run(build(config), folder, Console(quiet=True))
    config.steps, config.batch_size = 6, 64
    with pytest.raises(ValueError, match="--allow_changes"):
        run(build(config), folder, Console(quiet=True))
    console = Console(record=True, width=200)
    run(build(config), folder, console, allow_changes=True)
    said = console.export_text()
    assert "config.steps: saved 4, now 6" in said
    assert "goes on with other data" in said
    assert "going on from step 4 of 6" in said
    run(build(config), folder, Console(quiet=True))
    assert {path.name for path in folder.glob("*-until-4*")} == {
        "config-until-4.json",
        "data_fingerprint-until-4",
    }
