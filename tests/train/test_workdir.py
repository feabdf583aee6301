"""A run's folder is checked before anything is compiled."""

import json
import pathlib

import pytest

from jaxpad.train.keys import KEYS, SAFE
from jaxpad.train.workdir import adopt, check_data, open_workdir


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


def test_keys_that_change_nothing_that_is_learned_go_on(tmp_path: pathlib.Path):
    assert set(SAFE) < set(KEYS)
    open_workdir(tmp_path, {"seed": 0, "zero": 0, "mesh": {"data": -1}}, 0)
    now = {"seed": 0, "zero": 3, "mesh": {"data": 2, "spatial": 4}}
    assert open_workdir(tmp_path, now, 0) == [
        "goes on under another config:",
        "  config.mesh.data: saved -1, now 2",
        "  config.mesh.spatial: saved nothing, now 4",
        "  config.zero: saved 0, now 3",
    ]
    with pytest.raises(ValueError, match="another config") as caught:
        open_workdir(tmp_path, now | {"seed": 1}, 0)
    assert "config.seed: saved 0, now 1" in str(caught.value)
    assert "config.zero" not in str(caught.value)
    assert "--allow_changes" in str(caught.value)


def test_others_need_a_word_and_the_old_ones_are_kept(tmp_path: pathlib.Path):
    open_workdir(tmp_path, {"seed": 0}, 0)
    check_data(tmp_path, "0123")
    changes = open_workdir(tmp_path, {"seed": 1, "new": 2}, 0, allow_changes=True)
    assert "  config.seed: saved 0, now 1" in changes
    assert check_data(tmp_path, "4567", allow_changes=True) == [
        "goes on with other data: fingerprint 0123, now 4567"
    ]

    def read(name: str) -> dict:
        return json.loads((tmp_path / name).read_text())

    assert read("config.json") == {"seed": 0}, "not before it goes on"
    for _ in range(2):
        adopt(tmp_path, {"seed": 1, "new": 2}, "4567", 8)
        assert read("config.json") == {"seed": 1, "new": 2}
        assert read("config-until-8.json") == {"seed": 0}
        assert (tmp_path / "data_fingerprint-until-8").read_text() == "0123\n"
    assert check_data(tmp_path, "4567") == []


def test_other_data_are_refused(tmp_path: pathlib.Path):
    for _ in range(2):
        check_data(tmp_path, "0123")
    with pytest.raises(ValueError, match="fingerprint 0123, now 4567"):
        check_data(tmp_path, "4567")


def test_damaged_config_is_named(tmp_path: pathlib.Path):
    (tmp_path / "config.json").write_text('{"padding": ')
    with pytest.raises(ValueError, match=r"config\.json is no config"):
        open_workdir(tmp_path, CONFIG, 0)


# The last is there, and nothing can be made in it, by no user.
@pytest.mark.parametrize(
    "folder", ["/proc/run", "/dev/null/run", "/sys/run", "/proc/self/fdinfo"]
)
def test_unwritable_folder(folder: str):
    with pytest.raises(OSError, match=f"--workdir={folder} cannot be written to"):
        open_workdir(pathlib.Path(folder), CONFIG, 0)


def test_too_little_room(tmp_path: pathlib.Path):
    with pytest.raises(OSError, match="MiB free, but the run's checkpoints take about"):
        open_workdir(tmp_path, CONFIG, 2**60)
    assert not (tmp_path / "config.json").exists()
