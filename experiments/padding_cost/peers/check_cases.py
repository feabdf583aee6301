"""Holds the cases of `make_cases.py` against PyTorch's and NVIDIA's layers.

    python check_cases.py cases.pkl --nvidia partialconv

needs torch and NumPy, not jaxpad. `--nvidia` is a clone of
github.com/NVIDIA/partialconv; without it the partial convolutions are left out. Prints
for each family the number of cases and the largest difference; exits with 1 if one is
above the family's bound.
"""

import argparse
import importlib.util
import pathlib
import pickle
import sys
from collections import defaultdict
from typing import Any

import numpy as np
import torch
from torch.nn import functional


Case = dict[str, Any]

# NVIDIA's layers add 1e-8 to the count that they divide by.
BOUNDS = defaultdict(lambda: 1e-12, {"partial": 1e-7})
TORCH_MODES = {"zero": "zeros"}


def channels_first(a: np.ndarray) -> torch.Tensor:
    """`[batch, *space, channels]` as `[batch, channels, *space]`."""
    return torch.from_numpy(np.moveaxis(a, -1, 1).copy())


def weight(kernel: np.ndarray, *, transposed: bool = False) -> torch.Tensor:
    """`[*window, in, out]` as `[out, in, *window]`, or `[in, out, *window]`."""
    order = (0, 1) if transposed else (1, 0)
    return torch.from_numpy(np.moveaxis(kernel, (-2, -1), order).copy())


def bias(c: Case) -> torch.Tensor | None:
    """The bias, if the case has one."""
    return None if c["bias"] is None else torch.from_numpy(c["bias"])


def fill(layer: torch.nn.Module, c: Case) -> torch.nn.Module:
    """The layer in float64 with the case's parameters."""
    layer = layer.double()
    layer.weight.data = weight(c["kernel"])
    if c["bias"] is not None:
        layer.bias.data = torch.from_numpy(c["bias"])
    return layer


def settings(c: Case) -> dict[str, Any]:
    """The arguments of a layer of PyTorch's."""
    return {
        "in_channels": c["x"].shape[-1],
        "out_channels": c["kernel"].shape[-1],
        "kernel_size": c["kernel"].shape[:-2],
        "stride": c["stride"],
        "dilation": c["dilation"],
        "groups": c["groups"],
        "padding": c["amount"],
        "bias": c["bias"] is not None,
    }


def conv(c: Case) -> torch.Tensor:
    """`torch.nn.Conv1d`, `Conv2d`, `Conv3d` with their padding_mode."""
    make = getattr(torch.nn, f"Conv{c['rank']}d")
    mode = TORCH_MODES.get(c["mode"], c["mode"])
    return fill(make(padding_mode=mode, **settings(c)), c)(channels_first(c["x"]))


def lopsided(c: Case) -> torch.Tensor:
    """`torch.nn.functional.pad`, then a convolution without padding."""
    widths = [w for pair in reversed(c["amount"]) for w in pair]
    mode = "constant" if c["mode"] == "zero" else c["mode"]
    x = functional.pad(channels_first(c["x"]), widths, mode=mode)
    call = getattr(functional, f"conv{len(c['amount'])}d")
    return call(x, weight(c["kernel"]), bias(c), stride=c["stride"])


def transposed(c: Case) -> torch.Tensor:
    """`torch.nn.functional.conv_transpose1d` and so on."""
    return getattr(functional, f"conv_transpose{c['rank']}d")(
        channels_first(c["x"]),
        weight(c["kernel"], transposed=True),
        bias(c),
        stride=c["stride"],
        padding=c["amount"],
        output_padding=c["output_padding"],
        groups=c["groups"],
        dilation=c["dilation"],
    )


def pool(c: Case) -> torch.Tensor:
    """`max_pool1d`, `avg_pool1d` and so on, with count_include_pad and ceil_mode."""
    arguments = {"stride": c["stride"], "padding": c["amount"], "ceil_mode": c["ceil"]}
    if c["kind"] != "max":
        arguments["count_include_pad"] = c["kind"] == "mean"
    name = "max" if c["kind"] == "max" else "avg"
    call = getattr(functional, f"{name}_pool{c['rank']}d")
    return call(channels_first(c["x"]), c["window"], **arguments)


def patches(c: Case) -> torch.Tensor:
    """`torch.nn.functional.unfold`, which orders channels before taps."""
    y = functional.unfold(
        channels_first(c["x"]),
        c["window"],
        dilation=c["dilation"],
        padding=c["amount"],
        stride=c["stride"],
    )
    batch, *out, features = c["y"].shape
    channels = c["x"].shape[-1]
    y = y.reshape(batch, channels, features // channels, *out)
    return y.swapaxes(1, 2).reshape(batch, features, *out)


def partial(c: Case, nvidia: pathlib.Path) -> torch.Tensor:
    """`PartialConv2d`, `PartialConv3d`; a new layer each time, as it keeps its mask."""
    name = f"partialconv{c['rank']}d"
    spec = importlib.util.spec_from_file_location(name, nvidia / f"models/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    mask = c["mask"]
    layer = getattr(module, f"PartialConv{c['rank']}d")(
        multi_channel=mask is not None and mask.shape[-1] > 1,
        return_mask=True,
        **settings(c),
    )
    given = None if mask is None else channels_first(mask.astype(np.float64))
    y, seen = fill(layer, c)(channels_first(c["x"]), given)
    if mask is not None:
        np.testing.assert_array_equal(
            seen[:, :1].numpy() > 0, np.moveaxis(c["next_mask"], -1, 1)
        )
    return y


def main() -> int:
    """Compares every case; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--nvidia", type=pathlib.Path)
    options = parser.parse_args()
    families = {f.__name__: f for f in (conv, lopsided, transposed, pool, patches)}
    if options.nvidia:
        families["partial"] = lambda c: partial(c, options.nvidia)
    differences: dict[str, list[float]] = defaultdict(list)
    with open(options.file, "rb") as file:
        cases = pickle.load(file)
    for c in cases:
        if c["family"] in families:
            y = np.moveaxis(families[c["family"]](c).detach().numpy(), 1, -1)
            assert y.shape == c["y"].shape, {k: v for k, v in c.items() if k != "x"}
            scale = max(1.0, float(np.abs(y).max()))
            worst = float(np.abs(y - c["y"]).max()) / scale
            differences[c["family"]].append(worst)
    print(f"torch {torch.__version__}, numpy {np.__version__}, float64")
    for family, found in differences.items():
        verdict = "agree" if max(found) <= BOUNDS[family] else "DIFFER"
        print(f"{family:12} {len(found):4} cases, worst {max(found):.1e}: {verdict}")
    print(f"{sum(map(len, differences.values()))} cases in all, {len(cases)} written")
    return int(any(max(found) > BOUNDS[f] for f, found in differences.items()))


if __name__ == "__main__":
    sys.exit(main())
