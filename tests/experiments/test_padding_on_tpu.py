"""The study of borders on a TPU: how it goes on, and that its page says its results."""

import copy
import functools
import json
import types
from collections.abc import Iterator
from typing import Any

import jax
import pytest

from tests.studies import FOLDER, load


STUDY = FOLDER / "padding_on_tpu"
pytestmark = pytest.mark.skipif(not STUDY.exists(), reason="no experiments/ beside")


@pytest.fixture(scope="module")
def results() -> Any:
    return json.loads((STUDY / "results.json").read_text())


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(STUDY)
    return load("padding_on_tpu", "report")


@pytest.fixture
def study(report: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    found = load("padding_on_tpu", "run")
    monkeypatch.setattr(found, "compiler", lambda: "none")  # libtpu is not there
    with jax.numpy_dtype_promotion("standard"):  # for flax's batch norm
        yield found


@pytest.fixture
def small(study: Any) -> Any:
    """The residual blocks on small maps."""
    return study.CASES["residual blocks"]._replace(images=(2, 6, 6, 4), classes=4)


def test_the_page_shows_the_results(report: Any, results: Any):
    page = (STUDY / "README.md").read_text()
    assert f"**Verdict: {results['verdict']}**" in page
    tables = report.tables(results)
    assert set(tables) == {*results["programs"], "claims"}
    for name, table in tables.items():
        assert f"<!-- {name} -->\n\n{table}\n\n<!-- end {name} -->" in page
    assert report.summary(results["programs"]) == results


def test_each_claim_is_turned_by_its_number(report: Any, results: Any):
    before = results["claims"]
    judged = {claim.partition(":")[0] for claim in before}
    assert "residual blocks" in judged
    for name in judged:
        for padding, claim in {
            "partial": f"{name}: bytes under partial",
            "circular": f"{name}: bytes under the other borders",
        }.items():
            other = copy.deepcopy(results["programs"])
            zero = other[name]["zero"]["bytes"]
            worse = before[claim]["met"]
            other[name][padding]["bytes"] = zero * (9 if worse else 1)
            after = report.summary(other)["claims"]
            assert after[claim]["met"] != worse
    other = copy.deepcopy(results["programs"])
    del other["ResNet-50"]["reflect"]
    assert report.summary(other)["verdict"] == "cannot be told at this size"


def test_what_is_known_is_not_compiled_again(study: Any, small: Any):
    device, said = jax.devices()[0], []

    def cost(padding: str, before: Any) -> Any:
        lower = functools.partial(study.lowered, small, padding, device)
        return study.cost(lower, device, before, said.append)

    first = cost("circular", {})
    assert first["bytes"] > 0
    assert first["peak"] > first["arguments"] > 0
    assert cost("circular", first) == first
    assert cost("zero", first)["key"] != first["key"]
    assert said == ["compiling", "known", "compiling"]


def test_a_run_that_is_stopped_goes_on(study: Any, monkeypatch: pytest.MonkeyPatch):
    """Killed in the third program, it compiles the last four and keeps the others."""
    saved, made, limit = [], [], 2

    def lowered(case: Any, padding: str, device: Any) -> Any:
        def compile() -> Any:
            if len(made) == limit:
                raise KeyboardInterrupt
            made.append(padding)
            memory = types.SimpleNamespace(temp_size_in_bytes=1)
            return types.SimpleNamespace(memory_analysis=lambda: memory)

        return types.SimpleNamespace(as_text=lambda: padding, compile=compile)

    measured = types.SimpleNamespace(flops=1.0, moved=1.0, peak=1, arguments=1)
    monkeypatch.setattr(study, "lowered", lowered)
    monkeypatch.setattr(study, "measure", lambda program, platform: measured)
    kept = {"ResNet-50": {"zero": {"key": "of another time"}}}
    device = jax.devices()[0]
    with pytest.raises(KeyboardInterrupt):
        study.collect({"blocks": None}, device, kept, saved.append)
    assert [*saved[-1]["blocks"]] == ["zero", "partial"]
    limit = 6
    study.collect({"blocks": None}, device, saved[-1], saved.append)
    assert tuple(made) == study.PADDINGS == (*saved[-1]["blocks"],)
    assert saved[-1]["ResNet-50"] == kept["ResNet-50"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param(
            "ResNet-50", "the smallest legal input is 427x427", marks=pytest.mark.slow
        ),
        ("DeepLabV3+", "change the size of a map"),
    ],
)
def test_valid_is_refused_with_a_reason(study: Any, results: Any, name: str, reason):
    lower = functools.partial(study.lowered, study.CASES[name], "valid")
    device = jax.devices()[0]
    found = study.cost(lambda: lower(device), device, {}, lambda text: None)
    assert found == results["programs"][name]["valid"]
    assert reason in found["refused"]


def test_the_programs_are_those_of_the_page(study: Any):
    """Their sizes stand in README.md."""
    page = (STUDY / "README.md").read_text()
    for case in study.CASES.values():
        assert " x ".join(map(str, case.images)) in page
