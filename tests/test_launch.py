"""The launcher: flags, errors, and the same program from a wheel."""

import importlib.util
import json
import pathlib
import subprocess
import sys
import zipfile

import pytest

from tests.train.jobs import ROOT, command


def start(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(ROOT / "launch.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("argument", "message", "code"),
    [
        ("--config.optm.lr=3", "--config.optm.lr=3: the config has no key 'optm'", 2),
        ("--config.padding.rtial", "error: --config.padding.rtial: no such key", 2),
        ("--config.None.seed=1", "error: --config.None.seed=1: no such key", 2),
        ("--config.batchsize=3", 'Did you mean "batch_size"', 2),
        ("--config=nowhere.py", "nowhere.py", 2),
        pytest.param(
            "--config.batch_size=many",
            "--config.batch_size=many",
            2,
            marks=pytest.mark.slow,
        ),
        ("--config.seed[=3", "--config.seed[=3: expected --config.KEY=VALUE", 2),
        pytest.param(
            "--config.{1: 2}",
            "--config.{1: 2}: expected --config.KEY=VALUE",
            2,
            marks=pytest.mark.slow,
        ),
        (
            "--config.dataset=tests.train.test_build:not_installed",
            "error: config.dataset='tests.train.test_build:not_installed': pip install",
            2,
        ),
        ("surplus", "unexpected 'surplus'", 2),
        pytest.param(
            "--profile=many",
            "flag --profile=many: invalid literal",
            2,
            marks=pytest.mark.slow,
        ),
        ("--profile=0", "--profile=0: expected 1 step or more", 2),
        ("--topology=v5e:4x4", "--topology is for --compile_only: give that too", 2),
        ("--workdir=/proc/run", "--workdir=/proc/run cannot be written to", 1),
    ],
)
def test_mistake_is_named(argument: str, message: str, code: int):
    result = start(argument)
    assert result.returncode == code, result.stderr
    assert message in result.stderr
    assert "error" in result.stderr
    assert not any(line.startswith("  File") for line in result.stderr.splitlines()[:1])


def test_help_lists_the_flags():
    said = start("--help").stdout
    for flag in ("config", "workdir", "[no]check", "sweep", "coordinator"):
        assert f"\n  --{flag}: " in said


def test_a_plan_is_printed_and_written(tmp_path: pathlib.Path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    flags = command(tmp_path, model="tests.train.tiny:Linear", augment="()")[2:]
    result = start("--compile_only", *flags)
    assert result.returncode == 0, result.stderr
    assert "compiled the training step in" in result.stdout
    assert "Linear, 650 parameters, batch of 128" in result.stdout
    found = json.loads((tmp_path / "plan.json").read_text())
    assert found["peak"] > found["arguments"] > 0
    assert len(list((tmp_path / "cache" / "jaxpad" / "plans").iterdir())) == 1


def test_arms_of_a_sweep_are_tabled_and_written(tmp_path: pathlib.Path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    flags = command(tmp_path, model="tests.train.tiny:Linear", augment="()")[2:]
    words = ("--sweep", "zero=0,1", "parts=1,0")  # without parts there is no job
    result = start("--compile_only", *words, *flags)
    assert result.returncode == 2, result.stderr
    assert "arm 4 of 4: zero=1 parts=0\n\narm" in result.stdout
    assert "config.parts=0: expected at least 1." in result.stdout
    found = json.loads((tmp_path / "plans.json").read_text())
    assert [bool(arm["plan"]) for arm in found] == [True, False, True, False]
    assert [arm["overrides"]["zero"] for arm in found] == [0, 0, 1, 1]


def test_libtpu_is_asked_for_by_name(tmp_path: pathlib.Path):
    if importlib.util.find_spec("libtpu"):
        pytest.skip("libtpu is installed")
    result = start("--compile_only", "--topology=v5e:2x2", f"--workdir={tmp_path}")
    assert result.returncode == 2
    assert 'pip install "jaxpad[tpu_compile]"' in result.stderr.splitlines()[0]


@pytest.mark.slow
def test_wheel_is_the_same_program(tmp_path: pathlib.Path):
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(tmp_path)]
    subprocess.run([*pip, str(ROOT)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("jaxpad-*.whl")
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    away = tmp_path / "elsewhere"
    away.mkdir()
    # -P: the current folder is not on the path; the wheel's files come first.
    program = (
        f"import sys; sys.path.insert(0, {str(site)!r}); import jaxpad.launch; "
        f"assert jaxpad.__file__.startswith({str(site)!r}); jaxpad.launch.main()"
    )
    arguments = command(away / "run", epochs=1)[2:]
    result = subprocess.run(
        [sys.executable, "-P", "-c", program, *arguments],
        cwd=away,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "test accuracy" in result.stdout
    assert (away / "run" / "report.html").exists()


def test_a_sweep_drops_no_word():
    result = start("--sweep=seed=0,1", "--allow_changes")
    assert result.returncode == 2, result.stderr
    assert "--allow_changes is for a run by itself: leave out that" in result.stderr
