"""What does pulling convolutions towards orthogonal ones cost?

Command: python benchmarks/orthogonality.py [PART ...] [--torch PYTHON]; the parts are
         kernel (one 3x3 convolution) and network (all of ResNet-18 beside its step)
Device:  any; on two CPU cores about 6 minutes and 6 GiB
Expect:  kernel: `lorth` under circular padding at 128 channels below a tenth of the
         convolution form. network: its share of the training step, goal 5%
"""

import argparse
import contextlib
import datetime
import os
import pathlib
import platform
import subprocess
import warnings
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from programs import FORMS, all_layers, one_kernel, step
from rounds import compiled, flops, interval, rounds, row, say


HERE = pathlib.Path(__file__).resolve().parent
CHANNELS = (64, 128, 256)
PADDINGS = ("zero", "circular")
BATCH = 256  # of the step that the share is of
MEASURED = 8  # images in the step whose time is taken


def kernel(arguments: argparse.Namespace) -> None:
    """One kernel: each form's time as a part of the convolution form's."""
    _head("channels", "form", "ms", "part of the convolution form", "part in FLOPs")
    for channels in CHANNELS:
        what = f"{channels} channels"
        made = {form: one_kernel(form, channels) for form in FORMS}
        calls = {form: compiled(program) for form, program in made.items()}
        with _torch(arguments.torch, channels) as theirs:
            seconds = rounds({**calls, **theirs}, arguments.rounds, what)
        base = seconds["convolution form"]
        counted = flops(made["convolution form"])
        for form, own in seconds.items():
            part = f"{flops(made[form]) / counted:.2f}" if form in made else ""
            row(channels, form, _ms(own), _interval(own / base), part)


@contextlib.contextmanager
def _torch(python: str | None, channels: int) -> Iterator[dict[str, Any]]:
    """The convolution form in PyTorch, in a process of its own that waits its turn."""
    if python is None:
        yield {}
        return
    # Its threads must not go on spinning in the others' turns.
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(
        [python, str(HERE / "in_torch.py")], env=environment, **pipes
    ) as process:
        version = process.stdout.readline().strip()

        def call() -> None:
            process.stdin.write(f"{channels}\n")
            process.stdin.flush()
            if process.stdout.readline() != "done\n":
                raise RuntimeError(f"--torch={python} has ended; see above.")

        yield {f"convolution form, torch {version}": call}
        process.stdin.close()


def network(arguments: argparse.Namespace) -> None:
    """All 3x3 layers of ResNet-18 at 224 pixels: their share of the training step."""
    _head(
        "padding",
        "regularizer, GFLOP",
        f"step at batch {BATCH}, GFLOP",
        "share in FLOPs",
        "regularizer, ms",
        f"step at batch {MEASURED}, ms",
        f"share in time at batch {BATCH}",
    )
    made = {}
    for padding in PADDINGS:
        made[padding, "all"] = all_layers(padding)
        made[padding, "step"] = step(padding, MEASURED)
    calls = {}
    for key, program in made.items():
        say(f"network: compiling {' '.join(key)}")
        calls[" ".join(key)] = compiled(program)
    seconds = rounds(calls, arguments.rounds, "network")
    for padding in PADDINGS:
        ours, whole = flops(made[padding, "all"]), flops(step(padding, BATCH))
        all_, one = seconds[f"{padding} all"], seconds[f"{padding} step"]
        scaled = one * BATCH / MEASURED
        row(
            padding,
            f"{ours / 1e9:.0f}",
            f"{whole / 1e9:.0f}",
            f"{ours / (ours + whole):.1%}",
            _ms(all_),
            _ms(one),
            _interval(all_ / (all_ + scaled), "{:.1%}"),
        )


def _interval(values: np.ndarray, shape: str = "{:.3f}") -> str:
    middle, low, high = map(shape.format, interval(values))
    return f"{middle} ({low} to {high})"


def _ms(seconds: np.ndarray) -> str:
    return f"{1e3 * np.median(seconds):.1f}"


def _head(*cells: str) -> None:
    print()
    row(*cells)
    row(*["---"] * len(cells))


PARTS = {"kernel": kernel, "network": network}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    # With none, argparse looks for the empty list among the choices.
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    parser.add_argument("--torch", help="a Python that has PyTorch")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    # Layers that cannot be orthogonal under zero padding cost the same.
    warnings.filterwarnings("ignore", message="lorth of .* cannot reach 0")
    device = f"{jax.devices()[0].device_kind} x{jax.device_count()}"
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(f"{device} ({machine}), jax {jax.__version__}, {datetime.date.today()}")
    for part in arguments.parts or PARTS:
        PARTS[part](arguments)


if __name__ == "__main__":
    main()
