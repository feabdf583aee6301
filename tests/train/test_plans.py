"""Plans of a sweep: a row an arm, whether it can be planned or not."""

import dataclasses
import json
import pathlib

import pytest
from rich.console import Console

from jaxpad.train import build, compile_only, plan, plans, read_sweep, show_plans
from jaxpad.train.chips import Chip
from jaxpad.train.planned import values_of

from .test_plan import quiet, with_chip
from .tiny import tiny_config


MIB = 2**20


def swept(*words: str) -> list:
    config = tiny_config()
    return plans(config, read_sweep(words, config), None, quiet())


def test_an_arm_is_the_plan_of_its_config():
    arms = swept("zero=0,1")
    assert [arm.overrides for arm in arms] == [{"zero": 0}, {"zero": 1}]
    assert [arm.plan and arm.plan.zero for arm in arms] == [0, 1]
    assert all(arm.fits and not arm.refused for arm in arms)
    assert arms[1].plan == plan(build(tiny_config(zero=1)), quiet())


def test_what_is_refused_stops_no_other(monkeypatch: pytest.MonkeyPatch):
    with_chip(monkeypatch, 1e9)
    arms = swept("model=no_such_model,tests.train.tiny:Linear", "batch_size=128,100")
    assert [arm.fits for arm in arms] == [False, False, True, False]
    shown = show_plans(arms).splitlines()
    first, *rows = shown[:5]
    assert first.split()[:3] == ["arm", "fits", "peak"]
    assert [row.split()[2] for row in rows] == ["refused", "refused", "yes", "refused"]
    assert arms[3].refused in shown[-1]
    assert "config.batch_size=100" in shown[-1]
    assert shown[-1].startswith("model=tests.train.tiny:Linear batch_size=100: ")


def test_a_row_tells_what_the_plan_says():
    (arm,) = swept("zero=1")
    assert arm.plan is not None
    known = dataclasses.replace(
        arm.plan,
        arguments=3 * MIB,
        activations=5 * MIB,
        peak=8 * MIB,
        flops=5e9,
        moved=11.0 * MIB,
        collectives={"all-gather": (1, 2 * MIB), "all-reduce": (7, 4 * MIB)},
        chip=Chip(16 * MIB, 1e9, 1e6),
        seconds=0.25,
        largest_batch=1234,
    )
    unknown = dataclasses.replace(known, chip=None, seconds=None, largest_batch=None)
    large = dataclasses.replace(known, peak=17 * MIB)
    arms = [arm._replace(plan=found) for found in (known, unknown, large)]
    rows = [line.split("  ") for line in show_plans(arms).splitlines()[:4]]
    expected = {
        "arm": "zero=1",
        "fits": "yes",
        "peak": "8.0 MiB",
        "of chip": "50.0%",
        "arguments": "3.0 MiB",
        "activations": "5.0 MiB",
        "FLOPs": "5e+09",
        "moved": "11.0 MiB",
        "collectives": "6.0 MiB",
        "roofline": "250 ms",
        "largest batch": "1,234",
    }
    head, first, second, third = (
        [cell.strip() for cell in row if cell] for row in rows
    )
    assert head == list(expected)
    assert first == list(expected.values())
    blank = ("fits", "of chip", "roofline", "largest batch")
    assert second == [text for name, text in expected.items() if name not in blank]
    assert third[1:4] == ["no", "17.0 MiB", "106.2%"]


def test_what_does_not_fit_is_told_with_advice(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with_chip(monkeypatch, 300e3)
    config, console = tiny_config(), Console(record=True, width=200)
    words = ["model=tests.train.tiny:Linear,tests.train.test_plan:Wide"]
    text, path, fits = compile_only(config, words, None, tmp_path, console)
    assert not fits
    assert "arm 2 of 2: model=tests.train.test_plan:Wide" in console.export_text()
    small, large = text.splitlines()[1:3]
    assert (small.split()[1], large.split()[1]) == ("yes", "no")
    assert "are missing. What helps:\n  --config.batch_size=64:" in text
    assert path == tmp_path / "plans.json"
    written = json.loads(path.read_text())
    assert [arm["overrides"]["model"] for arm in written] == words[0][6:].split(",")
    assert written[0]["plan"]["peak"] < 300e3 < written[1]["plan"]["peak"]
    assert len(list((tmp_path / "cache" / "jaxpad" / "plans").iterdir())) == 2


def test_one_job_is_written_as_before(tmp_path: pathlib.Path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    text, path, fits = compile_only(tiny_config(), [], None, tmp_path, quiet())
    assert fits
    assert text.startswith("tests.train.tiny:Linear, 650 parameters")
    assert path == tmp_path / "plan.json"
    (arm,) = swept("zero=0")
    assert arm.plan is not None
    again = json.loads(json.dumps(values_of(arm.plan)))
    assert json.loads(path.read_text()) == again
