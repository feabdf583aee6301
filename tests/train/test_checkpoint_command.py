"""`python -m jaxpad.train.checkpoint list|verify|diff`, on real folders."""

import json
import pathlib
import shutil

import jax
import pytest

from jaxpad.train.checkpoint import Checkpoints
from jaxpad.train.checkpoint.__main__ import main
from jaxpad.train.checkpoint.look import verify

from ..fuzz.manifests import signed
from .test_checkpoint import files, flip, state_of


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    run = tmp_path_factory.mktemp("made") / "run"
    checkpoints = Checkpoints(run / "checkpoints", 3)
    for step in (4, 8, 12):
        checkpoints.save(step, state_of(step) | {"same": jax.numpy.ones(3)}, wait=True)
    checkpoints.close()
    (run / "config.json").write_text(json.dumps({"seed": 0}))
    return run


@pytest.fixture
def run(made: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    return shutil.copytree(made, tmp_path / "run")


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """The exit code of a command, what it prints and what it says of errors."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["checkpoint", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        assert isinstance(code, int)
        output, errors = capsys.readouterr()
        return code, output, errors

    return call


def test_list(run: pathlib.Path, said):
    folder = run / "checkpoints"
    (folder / "16.saving").mkdir()
    (folder / "8" / "manifest.json").unlink()
    (folder / "damaged").mkdir()
    (folder / "4").rename(folder / "damaged" / "4")
    code, table, _ = said("list", run)
    rows = [line.split() for line in table.splitlines()]
    assert code == 0
    assert rows[0] == ["step", "saved", "size", "arrays"]
    assert rows[1][:4] == ["8", "not", "good:", f"{folder}/8/manifest.json"]
    assert rows[2][0] == "12"
    assert rows[2][-2:] == ["6", "whole"]
    assert rows[3] == ["16.saving", "unfinished"]
    assert rows[4] == ["damaged/4", "set", "aside"]


def test_verify(run: pathlib.Path, said):
    code, text, _ = said("verify", run)
    assert (code, text.count(": ok, 6 arrays")) == (0, 3)
    path = files(run / "checkpoints" / "8" / "arrays")[-1]
    flip(path, 50)
    code, text, _ = said("verify", run)
    assert code == 6
    assert f"step 8: damaged: {path} is not as it was written\n" in text
    assert text.count("ok") == 2
    code, text, _ = said("verify", run, "--step=12")
    assert (code, text.count("step")) == (0, 1)
    assert path.exists(), "nothing is set aside"


def test_verify_beside_a_run(run: pathlib.Path):
    """Which deletes old checkpoints while new ones are read."""
    found = verify(run)
    assert next(found) == ("4", "")
    shutil.rmtree(run / "checkpoints" / "4")
    assert next(found) == ("4", "gone: a run has deleted it meanwhile")
    assert [text[:2] for _, text in found] == ["", "ok", "", "ok"]


def test_a_manifest_of_other_arrays(run: pathlib.Path, said):
    path = run / "checkpoints" / "8" / "manifest.json"
    good = json.loads(path.read_text())
    del good["sha256"]
    for change in ({"dtype": "none"}, {"shape": [2**70]}, {"digest": "0"}):
        other = good["arrays"] | {"same": good["arrays"]["same"] | change}
        path.write_bytes(signed(good | {"arrays": other}))
        code, text, _ = said("verify", run, "--step=8")
        assert code == 6
        assert f"step 8: damaged: {run}/checkpoints/8: " in text


def test_a_manifest_whose_files_lie_elsewhere(run: pathlib.Path, said):
    path = run / "checkpoints" / "8" / "manifest.json"
    good = json.loads(path.read_text())
    del good["sha256"]
    for away in ("../12/manifest.json", "/etc/hostname"):
        entry = {"bytes": 1, "sha256": "0"}
        path.write_bytes(signed(good | {"files": good["files"] | {away: entry}}))
        code, text, _ = said("verify", run, "--step=8")
        assert code == 6
        assert "leaves the folder" in text


def test_diff(run: pathlib.Path, tmp_path: pathlib.Path, said):
    for words in ((run,), (run, 8, 12)):
        code, text, _ = said("diff", *words)
        assert code == 0
        assert "  step: differs by up to 4\n" in text
        assert "  key: differs, random keys\n" in text
        assert "1 of 6 common arrays are equal, bit for bit" in text
    other = tmp_path / "other"
    checkpoints = Checkpoints(other / "checkpoints", 1)
    checkpoints.save(12, state_of(12, size=3) | {"more": jax.numpy.ones(2)}, wait=True)
    (other / "config.json").write_text(json.dumps({"seed": 1}))
    code, text, _ = said("diff", run, other)
    assert code == 0
    for line in (
        "  config.seed: saved 0, now 1",
        "  more float32[2]: only in the second",
        "  same float32[3]: only in the first",
        "  half bfloat16[64, 8], wanted bfloat16[3, 8]: mismatched",
        "2 of 5 common arrays are equal, bit for bit",
    ):
        assert line in text.splitlines()
    assert "differs" not in text
    one = run / "checkpoints" / "12"
    assert "6 of 6 common" in said("diff", one, run)[1]


def test_diff_of_damaged_ones(run: pathlib.Path, said):
    flip(files(run / "checkpoints" / "8")[0], 5)
    code, _, error = said("diff", run)
    assert code == 6
    assert "is not as it was written" in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["list", "nothing"], "nothing holds no checkpoints"),
        (["verify", "nothing"], "nothing has no checkpoint"),
        (["verify", "run", "--step=5"], "run has no checkpoint of step 5, but of 4, 8"),
        (["diff", "run", "4", "5"], "run has no checkpoint of step 5, but of 4, 8, 12"),
        (["diff", "run", "nothing"], "nothing is no run with checkpoints"),
        (["diff", "run", "1", "2", "3"], "RUN, RUN STEP STEP or RUN RUN"),
    ],
)
def test_what_is_not_there(
    words: list[str], message: str, run: pathlib.Path, monkeypatch, said
):
    monkeypatch.chdir(run.parent)
    code, _, error = said(*words)
    assert code == 2
    assert message in error
