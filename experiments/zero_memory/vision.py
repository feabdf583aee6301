"""What a training step of the vision models holds at each stage, on v5e:4x4.

The trainer's own plan of its own configs, with black images in place of data that need
not be there. run.py calls it, and reads one JSON line for each program, so that what
was compiled is kept when the rest is stopped.
"""

import json
import sys
import time
from typing import Any

from rich.console import Console

from configs import imagenet_resnet50, voc12_deeplabv3plus
from jaxpad.train import build, plan, topology_devices


TOPOLOGY, DEVICES = "v5e:4x4", 16
# No stage 2: it is stage 1 where gradients are not accumulated.
STAGES = (0, 1, 3)
COMMON = {"train_crop": "whole", "test_crop": "whole", "augment": (), "trackers": ()}


def resnet50() -> Any:
    """128 images of 224x224 a device, SGD with momentum, as in its config."""
    config = imagenet_resnet50.get_config()
    config.batch_size = 128 * DEVICES
    config.dataset = "blank:imagenet"
    return config


def vit_l() -> Any:
    """16 images of 224x224 a device, AdamW."""
    config = imagenet_resnet50.get_config()
    config.model = "vit_l_16"
    config.optimizer = ("adamw(weight_decay=0.05)",)
    config.batch_size = 16 * DEVICES
    config.dataset = "blank:imagenet"
    return config


def deeplabv3plus() -> Any:
    """2 crops of 512x512 a device, SGD with momentum, as in its config for VOC."""
    config = voc12_deeplabv3plus.get_config()
    config.batch_size = 2 * DEVICES
    config.dataset = "blank:voc12"
    return config


MODELS = {"ViT-L": vit_l, "ResNet-50": resnet50, "DeepLabV3+": deeplabv3plus}


def held(name: str, stage: int) -> dict[str, Any]:
    """Bytes of one device: of the state by kind, as laid out, and the peak."""
    config = MODELS[name]()
    with config.unlocked():
        config.update({**COMMON, "zero": stage})
    start = time.monotonic()
    found = plan(build(config, topology_devices(TOPOLOGY)), Console(stderr=True))
    return {
        "parameters": found.parameters,
        "state": {kind: sizes.held for kind, sizes in found.state.items()},
        "arguments": found.arguments,
        "peak": found.peak,
        "largest batch": found.largest_batch,
        "minutes": round((time.monotonic() - start) / 60, 1),
    }


def main() -> None:
    done = set(sys.argv[1:])
    for stage in STAGES:
        for name in MODELS:
            if f"{name} {stage}" not in done:
                print(json.dumps([name, stage, held(name, stage)]), flush=True)


if __name__ == "__main__":
    main()
