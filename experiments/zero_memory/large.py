"""What a training step of the 7.5 billion parameters holds, by stage and devices.

Shapes alone: nothing is allocated. run.py calls it, and reads one JSON line for each
program, so that what was compiled is kept when the rest is stopped.
"""

import json
import sys
from typing import Any

import jax
from decoder import LARGE, lowered

from jaxpad.sharding import make_mesh
from jaxpad.train import topology_devices


COUNTS = (64, 1024, 16, 256, 4, 1)
TOPOLOGIES = {
    4: "v5p:2x2x1",
    16: "v5p:2x2x4",
    64: "v5p:4x4x4",
    256: "v5p:4x4x16",
    1024: "v5p:8x8x16",
}
BY_LAYER = "3, layer by layer"


def held(devices: list[Any], stage: str) -> dict[str, Any]:
    """Bytes of one device: of the state as laid out, and at the peak on a TPU."""
    mesh = make_mesh({"data": -1}, devices)
    step = lowered(LARGE, mesh, int(stage[0]), by_layer=stage == BY_LAYER)
    try:
        memory = step.compile().memory_analysis()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return {"refused": str(error).splitlines()[0]}
    state = memory.argument_size_in_bytes - 4 * (LARGE.tokens + 1)
    # On a CPU it lacks the temporary arrays.
    tpu = devices[0].platform == "tpu"
    return {"state": state, **({"peak": memory.peak_memory_in_bytes} if tpu else {})}


def cases(place: str) -> list[tuple[int, str]]:
    """Devices and stages, those of the paper's figure first."""
    if place == "cpu":
        return [(count, stage) for count in COUNTS for stage in "0123"]
    stages = ("1", "2", "3", BY_LAYER)
    return [(64, "0"), *((count, stage) for count in TOPOLOGIES for stage in stages)]


def main() -> None:
    place, *done = sys.argv[1:]
    for count, stage in sorted(cases(place), key=lambda case: COUNTS.index(case[0])):
        if f"{place} {count} {stage}" in done:
            continue
        there = place == "cpu"
        devices = (
            jax.devices()[:count] if there else topology_devices(TOPOLOGIES[count])
        )
        print(json.dumps([place, count, stage, held(devices, stage)]), flush=True)


if __name__ == "__main__":
    main()
