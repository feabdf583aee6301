"""ZeRO's formulas hold for a transformer of a hundred million parameters."""

import importlib.util
from typing import Any

import pytest
from rich.console import Console

from jaxpad.train import build, plan, topology_devices

from .jobs import small_config
from .test_plan import SPLIT


pytestmark = pytest.mark.slow


@pytest.mark.parametrize("stage", sorted(SPLIT))
@pytest.mark.parametrize("topology", ["", "v5e:4x4"])
def test_the_compiled_step_holds_what_the_formula_says(topology: str, stage: int):
    if topology and not importlib.util.find_spec("libtpu"):
        pytest.skip("needs libtpu")
    config: Any = small_config(
        model="vit_l_16(image_size=8, patch=4, depth=9)",
        optimizer=("adamw(weight_decay=0.05)",),
        batch_size=16,
        zero=stage,
        augment=(),
        trackers=(),
    )
    devices = topology_devices(topology) if topology else None
    found = plan(build(config, devices), Console(quiet=True))
    assert found.parameters > 100e6
    sizes = {"parameters": 4, "gradients": 4, "optimizer state": 8}
    expected = {
        name: size * found.parameters / (found.devices if name in SPLIT[stage] else 1)
        for name, size in sizes.items()
    }
    for name, size in expected.items():
        assert found.state[name].held == pytest.approx(size, rel=0.02)
    arguments = expected["parameters"] + expected["optimizer state"]
    assert found.arguments == pytest.approx(arguments, rel=0.02)
