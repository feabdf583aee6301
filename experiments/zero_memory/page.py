"""The tables of README.md, from results.json.

Command: python experiments/zero_memory/page.py prints them
"""

import json
import pathlib
from typing import Any

from decoder import LARGE, count, formula

from jaxpad.reports.markdown import table


PAPER = {"0": "120", "1": "31.4", "2": "16.6", "3": "1.9"}
BY_LAYER = "3, layer by layer"
VISION = {
    "ViT-L": "AdamW, 16 images of 224x224",
    "ResNet-50": "SGD with momentum, 128 images of 224x224",
    "DeepLabV3+": "SGD with momentum, 2 crops of 512x512",
}
DEVICES = 16  # of the vision models
# Without accumulation stage 2 is stage 1.
SPLIT = {
    "0": (),
    "1": ("optimizer state",),
    "3": ("optimizer state", "gradients", "parameters"),
}


def tables(results: dict[str, Any]) -> dict[str, str]:
    """Markdown by name."""
    return {
        "stages": stages(results["decoder"]),
        "devices": devices(results["decoder"]),
        "vision": vision(results["vision"]),
    }


def stages(decoder: dict[str, Any]) -> str:
    """At 64 devices, beside the paper's figures."""
    cpu, tpu = decoder["cpu"]["64"], decoder.get("v5p", {}).get("64", {})
    rows = []
    for stage in (*PAPER, BY_LAYER):
        there = tpu.get(stage, {})
        refused = "refused" if "refused" in there else ""
        rows.append(
            (
                stage,
                PAPER[stage[0]],
                _gb(formula(count(LARGE), int(stage[0]), 64)),
                _gb(cpu.get(stage, {}).get("state")),
                refused or _gb(there.get("state")),
                refused or _gb(there.get("peak")),
            )
        )
    heads = ("stage", "paper", "formula", "state, CPU", "state, v5p", "peak, v5p")
    return table(heads, rows)


def devices(decoder: dict[str, Any]) -> str:
    """Over the devices: compiled for CPUs, and for v5p in brackets."""
    there = decoder.get("v5p", {})

    def cell(n: str, stage: str) -> str:
        tpu = there.get(n, {}).get(stage, {}).get("state")
        return _gb(decoder["cpu"][n][stage]["state"]) + (
            f" ({_gb(tpu)})" if tpu else ""
        )

    counts = sorted(decoder["cpu"], key=int)
    rows = [(f"{int(n):,}", *(cell(n, stage) for stage in PAPER)) for n in counts]
    return table(("devices", *(f"stage {stage}" for stage in PAPER)), rows)


def vision(found: dict[str, Any]) -> str:
    """What a step of each model holds at its peak; empty where it was not compiled."""
    rows = []
    for name, by_stage in found.items():
        first = by_stage["0"]
        for stage, kinds in SPLIT.items():
            now = by_stage.get(stage, {})
            most = sum(first["state"][kind] for kind in kinds) * (1 - 1 / DEVICES)
            spared = 1 - now["peak"] / first["peak"] if now and kinds else None
            rows.append(
                (
                    f"{name}, {VISION[name]}",
                    stage,
                    _gb(now.get("arguments")),
                    _gb(now.get("peak")),
                    "" if spared is None else f"{spared:.1%}",
                    f"{most / first['peak']:.1%}" if kinds else "",
                )
            )
    heads = ("model, on each device", "stage", "between steps", "peak", "spared")
    return table((*heads, "formula"), rows)


def _gb(size: float | None) -> str:
    return "" if size is None else f"{size / 1e9:.3g}"


if __name__ == "__main__":
    file = pathlib.Path(__file__).parent / "results.json"
    for name, text in tables(json.loads(file.read_text())).items():
        print(f"{name}\n\n{text}\n")
