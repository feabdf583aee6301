"""What the paper says of networks: on how many seeds it holds, case by case."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


# What goes in, and whether frequency 0 is counted.
CASES = (
    "photographs",
    "photographs, without 0",
    "noise",
    "noise, without 0",
)
Claim = Callable[[dict[str, Any]], Any]


def judge(measured: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each claim: on how many seeds of how many it holds in each case."""
    claims = {}
    for name, (statement, part, cases) in CLAIMS.items():
        found = {case: test(measured[part]) for case, test in cases.items()}
        claims[name] = {
            "statement": statement,
            "seeds": len(next(iter(found.values()))),
            "holds": {case: int(np.sum(value)) for case, value in found.items()},
        }
    return claims


def _values(found: Any) -> np.ndarray:
    return np.array(found["values"])


def _deeper(network: str) -> dict[str, Claim]:
    """Layer 50 has a larger share of low frequencies than layer 1."""

    def test(found: Any) -> Any:
        curves = _values(found[network])
        return curves[:, -1] > curves[:, 1]

    return {case: lambda part, case=case: test(part[case]) for case in CASES}


def _rises(*keys: str) -> dict[str, Claim]:
    """The values of the keys rise from one to the next."""

    def test(found: Any) -> Any:
        values = np.array([_values(found[key]) for key in keys])
        return (np.diff(values, axis=0) > 0).all(axis=0)

    return {case: lambda part, case=case: test(part[case]) for case in CASES}


def _each(names: Sequence[str], key: str, least: float) -> dict[str, Claim]:
    """The value of the key exceeds some least one."""
    return {
        name: lambda part, name=name: _values(part[name][key]) > least for name in names
    }


SCALES = ("PyTorch's", "He's", "twice He's")
CLAIMS: dict[str, tuple[str, str, dict[str, Claim]]] = {
    "depth": (
        "layer 50 has more low frequencies than layer 1",
        "depth",
        _deeper("zero, ReLU"),
    ),
    "depth, as in the theorem": (
        "the same with circular padding and without ReLU",
        "depth",
        _deeper("circular, linear"),
    ),
    "energy rises": (
        "the log energy of a frequency rises over 50 layers",
        "scale",
        _each(SCALES, "slope", 0),
    ),
    "energy is straight": (
        "it is a straight line, to 90% of its variance",
        "scale",
        _each(SCALES, "fit", 0.9),
    ),
    "mean of the weights": (
        "means of 0, 0.001 and 0.01 give more and more low frequencies",
        "mean",
        _rises("0.0", "0.001", "0.01"),
    ),
    "zero padding": (
        "zero padding gives more low frequencies than circular",
        "padding",
        _rises("circular", "zero"),
    ),
    "mirror padding": (
        "so does reflect",
        "padding",
        _rises("circular", "reflect"),
    ),
    "kernel size": (
        "kernel sizes of 5, 3 and 1 give more and more low frequencies",
        "kernel size",
        _rises("5", "3", "1"),
    ),
    "upsampling": (
        "the repeats of frequency 0 have more than a tenth of its energy",
        "upsampling",
        _each(("zero", "nearest", "bilinear"), "peaks", 10),
    ),
}
