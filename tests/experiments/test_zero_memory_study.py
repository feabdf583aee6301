"""The study of ZeRO's memory: its programs, and that its page says what it found."""

import copy
import json
import sys
from typing import Any

import jax
import pytest

from jaxpad.models import MODELS
from tests.studies import FOLDER, load


STUDY = FOLDER / "zero_memory"
pytestmark = pytest.mark.skipif(not STUDY.exists(), reason="no experiments/ beside")


@pytest.fixture(autouse=True)
def _promotion():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture(scope="module")
def study():
    """The command; its sisters are found as when it is run, and forgotten after."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(STUDY)
        yield load("zero_memory", "run")
    for name in ("decoder", "plot"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def results() -> Any:
    return json.loads((STUDY / "results.json").read_text())


def test_the_large_decoder_has_as_many_parameters(study: Any):
    assert study.count(study.LARGE) == pytest.approx(7.5e9, rel=1e-3)


@pytest.mark.parametrize("stage", ["0", "3", "3, layer by layer"])
def test_a_small_one_holds_what_the_formula_says(
    study: Any, stage: str, monkeypatch: pytest.MonkeyPatch
):
    large, decoder = load("zero_memory", "large"), sys.modules["decoder"]
    size = decoder.Size(layers=2, width=128, heads=2, words=512, tokens=8)
    monkeypatch.setattr(large, "LARGE", size)
    found = large.held(jax.devices()[:4], stage)
    expected = study.formula(study.count(size), int(stage[0]), 4)
    assert found["state"] == pytest.approx(expected, rel=0.01)


@pytest.mark.slow
def test_layer_by_layer_fewer_parameters_are_whole_at_once(study: Any):
    decoder, mesh = sys.modules["decoder"], jax.make_mesh((8,), ("data",))
    mesh = jax.sharding.Mesh(mesh.devices, ("data",))
    size = decoder.Size(layers=16, width=128, heads=2, words=64, tokens=8)
    at_once, by_layer = (
        decoder.lowered(size, mesh, 3, by_layer=by_layer)
        .compile()
        .memory_analysis()
        .temp_size_in_bytes
        for by_layer in (False, True)
    )
    assert at_once > 2 * decoder.count(size)
    assert by_layer < at_once / 2


def test_each_claim_can_fail(study: Any, results: Any):
    """By the one number that it is about."""
    decoder = copy.deepcopy(results["decoder"])
    assert all(study.judge(decoder).values())
    decoder["cpu"]["64"]["2"]["state"] += 10**8
    figures, curve = study.judge(decoder).values()
    assert (figures, curve) == (False, True)
    decoder = copy.deepcopy(results["decoder"])
    decoder["cpu"]["1024"]["3"]["state"] *= 1.04
    figures, curve = study.judge(decoder).values()
    assert (figures, curve) == (True, False)
    del decoder["cpu"]["64"]["1"]
    assert not any(study.judge(decoder).values())


def test_the_results_are_whole_and_the_verdict_follows(study: Any, results: Any):
    again = study.summary(results["decoder"], results["vision"], results["minutes"])
    assert again == results
    for stages in results["decoder"]["cpu"].values():
        assert set(stages) == set("0123")
    assert set(results["decoder"]["cpu"]) == {"1", "4", "16", "64", "256", "1024"}


@pytest.mark.parametrize(("name", "model"), [("ViT-L", "vit_l_16")])
def test_the_vision_models_are_those_of_the_registry(
    results: Any, name: str, model: str
):
    from flax import nnx

    net = nnx.eval_shape(lambda: MODELS[model](3, 1000, rngs=nnx.Rngs(0)))
    sizes = [p.size for p in jax.tree.leaves(nnx.state(net, nnx.Param))]
    assert results["vision"][name]["0"]["parameters"] == sum(sizes)


def test_the_page_says_what_the_results_say(study: Any, results: Any):
    page = (STUDY / "README.md").read_text()
    assert f"**Verdict: {results['verdict']}**" in page
    for table in load("zero_memory", "page").tables(results).values():
        assert table in page


def test_a_run_keeps_what_was_compiled_for_tpus(
    study: Any, results: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
):
    """By default only what is for CPUs is compiled, and written beside the rest."""
    asked = []

    def compiled(python: str, script: str, *arguments: str) -> Any:
        asked.append((script, *arguments))
        for devices, stages in results["decoder"]["cpu"].items():
            for stage, found in stages.items():
                yield ["cpu", int(devices), stage, found]

    old = copy.deepcopy(results)
    del old["decoder"]["cpu"]
    (tmp_path / "results.json").write_text(json.dumps(old))
    monkeypatch.setattr(study, "HERE", tmp_path)
    monkeypatch.setattr(study, "compiled", compiled)
    study.main([])
    assert asked == [("large.py", "cpu")]
    written = json.loads((tmp_path / "results.json").read_text())
    assert written == {**results, "minutes": written["minutes"]}
    assert {path.name for path in tmp_path.glob("*.svg")} == {
        path.name for path in STUDY.glob("*.svg")
    }
