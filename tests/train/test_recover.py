"""A run goes on from the newest good checkpoint, or not at all."""

import pathlib
import shutil
from collections.abc import Iterator

import jax.numpy as jnp
import pytest

from jaxpad.train.checkpoint import Checkpoints, DamagedError, newest_good
from jaxpad.train.checkpoint.manifest import read_manifest, write_manifest

from .test_checkpoint import assert_equal, files, flip, names, state_of


@pytest.fixture
def checkpoints(tmp_path: pathlib.Path) -> Iterator[Checkpoints]:
    made = Checkpoints(tmp_path / "run" / "checkpoints", 2)
    for step in (4, 8):
        made.save(step, state_of(step), wait=True)
    yield made
    made.close()


def damage(checkpoints: Checkpoints, step: int) -> None:
    flip(files(checkpoints.folder / str(step) / "arrays")[-1], 70)


def test_a_new_run_has_none(tmp_path: pathlib.Path):
    assert newest_good(Checkpoints(tmp_path / "run" / "checkpoints", 2), {}) is None


def test_a_damaged_one_is_named_and_set_aside(
    checkpoints: Checkpoints, capsys: pytest.CaptureFixture[str]
):
    for again in ("8", "8-2"):
        damage(checkpoints, 8)
        step, state = newest_good(checkpoints, state_of(0)) or (0, None)
        assert step == 4
        assert_equal(state, state_of(4))
        said = capsys.readouterr().err
        assert "is not as it was written. It is set aside in" in said
        assert "trying step 4" in said
        assert again in names(checkpoints.folder / "damaged")
        checkpoints.save(8, state_of(8), wait=True)
    for step in (12, 16, 20):
        checkpoints.save(step, state_of(step), wait=True)
    assert names(checkpoints.folder) == ["16", "20", "damaged"]
    assert names(checkpoints.folder / "damaged") == ["8", "8-2"]


def test_arrays_that_are_not_those_of_the_devices(checkpoints: Checkpoints):
    arrays = read_manifest(checkpoints.folder / "8")["arrays"]
    shutil.rmtree(checkpoints.folder / "8")
    shutil.copytree(checkpoints.folder / "4", checkpoints.folder / "8")
    write_manifest(checkpoints.folder / "8", 8, arrays)
    assert (newest_good(checkpoints, state_of(0)) or (0,))[0] == 4
    assert names(checkpoints.folder / "damaged") == ["8"]


def test_none_is_good(checkpoints: Checkpoints):
    for step in (4, 8):
        damage(checkpoints, step)
    for _ in range(2):  # also when it is started again
        with pytest.raises(
            DamagedError, match=r"no good checkpoint .*another --workdir"
        ):
            newest_good(checkpoints, state_of(0))
    assert names(checkpoints.folder / "damaged") == ["4", "8"]


def test_somebody_has_deleted_them(checkpoints: Checkpoints):
    shutil.rmtree(checkpoints.folder)
    with pytest.raises(DamagedError, match="the run has written some"):
        newest_good(checkpoints, state_of(0))


def test_a_first_save_that_was_interrupted_is_no_loss(tmp_path: pathlib.Path):
    checkpoints = Checkpoints(tmp_path / "run" / "checkpoints", 2)
    (checkpoints.folder / "4.saving").mkdir(parents=True)
    assert newest_good(checkpoints, state_of(0)) is None
    assert names(checkpoints.folder) == []
    checkpoints.save(4, state_of(4), wait=True)
    assert names(checkpoints.folder) == ["4"]


def test_another_model_is_told_by_its_arrays(checkpoints: Checkpoints):
    other = state_of(8)
    other["params"] = {"bias": jnp.zeros(3)}
    other["half"] = jnp.zeros((64, 9), jnp.bfloat16)
    other["mask"] = jnp.zeros((64, 8))
    with pytest.raises(ValueError, match="another model or optimizer") as caught:
        newest_good(checkpoints, other)
    for line in (
        "  missing, 1:\n    params/bias float32[3]\n",
        "  extra, 1:\n    params/kernel float32[64, 8]\n",
        "  mismatched, 2:\n    half bfloat16[64, 8], wanted bfloat16[64, 9]\n",
        "\n    mask bool[64, 8], wanted float32[64, 8]\n",
        f"export {checkpoints.folder.parent} weights.safetensors",
        "--config.weights=weights.safetensors",
    ):
        assert line in str(caught.value)
    assert names(checkpoints.folder) == ["4", "8"], "it is not damaged"


def test_a_long_list_is_whole(checkpoints: Checkpoints):
    many = {f"layer{n}": jnp.zeros(2) for n in range(40)}
    with pytest.raises(ValueError, match="missing, 40:") as caught:
        checkpoints.restore(8, many)
    lines = str(caught.value).splitlines()
    assert [f"    {name} float32[2]" for name in sorted(many)] == lines[2:42]


def test_a_checkpoint_without_digests_is_told(checkpoints: Checkpoints):
    (checkpoints.folder / "12" / "default").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"of jaxpad 0\.1\.0, which wrote no manifest"):
        newest_good(checkpoints, state_of(0))
    assert "12" in names(checkpoints.folder)
