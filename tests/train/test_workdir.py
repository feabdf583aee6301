"""A run's folder is checked before anything is compiled."""

import json
import pathlib

import pytest

from jaxpad.train.workdir import check_data, open_workdir


CONFIG = {"padding": "partial", "optim": {"rate": 0.1}, "chain": ("a", "b")}


def test_same_config_goes_on(tmp_path: pathlib.Path):
    folder = tmp_path / "a new folder"
    open_workdir(folder, CONFIG, 0)
    assert json.loads((folder / "config.json").read_text())["padding"] == "partial"
    open_workdir(folder, CONFIG, 0)
    assert [path.name for path in folder.iterdir()] == ["config.json"]


def test_other_config_is_shown_as_a_difference(tmp_path: pathlib.Path):
    open_workdir(tmp_path, CONFIG, 0)
    other = {"padding": "partial", "optim": {"rate": 0.2}, "seed": 1}
    with pytest.raises(ValueError, match="another config") as caught:
        open_workdir(tmp_path, other, 0)
    assert "config.optim.rate: saved 0.1, now 0.2" in str(caught.value)
    assert "config.seed: saved nothing, now 1" in str(caught.value)
    assert "config.padding" not in str(caught.value)


def test_other_data_are_refused(tmp_path: pathlib.Path):
    for _ in range(2):
        check_data(tmp_path, "0123")
    with pytest.raises(ValueError, match="fingerprint 0123, now 4567"):
        check_data(tmp_path, "4567")


def test_damaged_config_is_named(tmp_path: pathlib.Path):
    (tmp_path / "config.json").write_text('{"padding": ')
    with pytest.raises(ValueError, match=r"config\.json is no config"):
        open_workdir(tmp_path, CONFIG, 0)


@pytest.mark.parametrize("folder", ["/proc/run", "/dev/null/run", "/sys/run"])
def test_unwritable_folder(folder: str):
    with pytest.raises(OSError, match=f"--workdir={folder} cannot be written to"):
        open_workdir(pathlib.Path(folder), CONFIG, 0)


def test_too_little_room(tmp_path: pathlib.Path):
    with pytest.raises(OSError, match="MiB free, but the run's checkpoints take about"):
        open_workdir(tmp_path, CONFIG, 2**60)
    assert not (tmp_path / "config.json").exists()
