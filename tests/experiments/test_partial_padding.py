"""The study of partial padding: its settings, its claims, and what it reads of runs."""

import copy
import json
import sys
from typing import Any

import numpy as np
import pytest

from tests.studies import FOLDER, load


STUDY = FOLDER / "partial_padding"
pytestmark = pytest.mark.skipif(not STUDY.exists(), reason="no experiments/ beside")


@pytest.fixture(scope="module")
def study():
    """The command; its sisters are found as when it is run, and forgotten after."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(STUDY)
        yield load("partial_padding", "run")
    for name in ("settings", "collect", "compute", "claims", "pictures", "page"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def results() -> Any:
    return json.loads((STUDY / "results.json").read_text())


@pytest.mark.slow
def test_every_network_takes_every_padding_of_its_setting(study: Any):
    """At a border that is too wide for a padding, shapes alone say so."""
    for setting in study.settings():
        for padding in setting.paddings:
            assert study.megaflops(setting, padding) > 1, (setting.name, padding)


def planted(gain: float, spread: float) -> dict[str, Any]:
    """Settings whose every arm is zero's plus a gain for partial."""
    rng = np.random.default_rng(0)

    def arm(more: float) -> dict[str, Any]:
        noise = rng.normal(0, spread, (4, 5))
        return {
            "seeds": list(range(5)),
            "final": (50 + more + noise[0]).tolist(),
            "mean of epochs": (40 + more + noise[1]).tolist(),
            "border errors": (30 - 2 * more + noise[2]).tolist(),
            "minutes": [1.0] * 5,
            "centre errors": (20 - more + noise[3]).tolist(),
            "cross": {"zero": [50.0] * 5, "partial": (50 - gain + noise[0]).tolist()},
        }

    names = ("ResNet 33", "VGG 33", "U-Net 24", "ResNet 33 without norms")
    return {
        name: {p: arm(gain if p.startswith("partial") else 0.0) for p in PADDINGS}
        for name in names
    }


PADDINGS = ("zero", "partial", "partial_sqrt", "reflect", "replicate")


def test_planted_gains_are_found_and_planted_losses_refuted(study: Any):
    def verdicts(gain: float) -> dict[str, str]:
        return {c.says: c.verdict for c in study.claims(planted(gain, 0.1))}

    better, worse = verdicts(5.0), verdicts(-5.0)
    of_gain = [
        "images: partial is better than zero",
        "images: zero falls when it is tested under partial",
        "images, no norms: partial is better than zero",
        "pixels: partial is better than zero",
        "pixels: it has fewer errors at the border",
        "pixels: fewer still than in the centre",
    ]
    assert [better[name] for name in of_gain] == ["holds"] * len(of_gain)
    assert [worse[name] for name in of_gain] == ["does not hold"] * len(of_gain)


def test_ahead_early_is_more_than_ahead_in_the_end(study: Any):
    settings = planted(1.0, 0.0)
    settings["VGG 33"]["partial"]["mean of epochs"] = [43.0] * 5
    found = sys.modules["claims"].faster(settings)
    assert found["VGG 33", 0] == pytest.approx(2.0)
    assert found["ResNet 33", 0] == pytest.approx(0.0)


def test_noise_alone_cannot_be_told(study: Any):
    found = study.claims(planted(0.0, 3.0))
    told = [claim.says for claim in found if claim.verdict != "cannot be told"]
    assert not told


def test_vgg_s_gain_is_beside_resnet_s(study: Any):
    settings = planted(1.0, 0.0)
    settings["VGG 33"]["partial"]["final"] = [54.0] * 5
    gains = sys.modules["claims"].vgg_more(settings)
    assert gains == {("VGG 33", seed): pytest.approx(3.0) for seed in range(5)}


def test_a_seed_that_is_not_there_is_in_no_pair(study: Any):
    settings = planted(1.0, 0.0)
    settings["U-Net 24"]["partial"]["final"][2] = None
    gains = sys.modules["claims"].gains(settings, "partial")
    assert ("U-Net 24", 2) not in gains
    assert len(gains) == 19


def test_what_is_written_is_what_the_runs_say(study: Any, results: Any):
    """Verdicts follow from the numbers beside them."""
    again = study.record(copy.deepcopy(results["settings"]), "", "", [])
    assert again["claims"] == results["claims"]
    assert again["verdict"] == results["verdict"]


def test_page_has_the_tables(study: Any, results: Any):
    page = (STUDY / "README.md").read_text()
    found = load("partial_padding", "page").tables(results)
    for name, text in found.items():
        assert text in page, name
