"""PyTorch's own ways to pad: run by run.py in an environment that has torch.

Reads cases from standard input as JSON, writes the seconds of each round.
"""

import json
import random
import sys
import time

import torch


def call(shape, mode):
    batch, height, width, channels = shape
    layer = torch.nn.Conv2d(channels, channels, 3, padding=1, padding_mode=mode)
    x = torch.randn(batch, channels, height, width, requires_grad=True)

    def run():
        layer.zero_grad()
        x.grad = None
        layer(torch.relu(x)).square().mean().backward()

    return run


def main():
    asked = json.load(sys.stdin)
    torch.set_num_threads(asked["threads"])
    found = {}
    for name, shape in asked["maps"].items():
        calls = {mode: call(shape, mode) for mode in asked["modes"]}
        for run in calls.values():
            run(), run()
        seconds = {mode: [] for mode in calls}
        for _ in range(asked["rounds"]):
            for mode in random.sample(list(calls), len(calls)):
                start = time.perf_counter()
                calls[mode]()
                seconds[mode].append(time.perf_counter() - start)
        found[name] = seconds
    print(json.dumps({"version": torch.__version__, "seconds": found}))


main()
