"""What the paper says of networks, as a yes or no of every seed."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def verdict(found: Sequence[bool]) -> str:
    """All seeds, at most half of them, or too few to tell."""
    if all(found):
        return "holds"
    return "does not hold" if 2 * sum(found) <= len(found) else "cannot be told"


def judge(measured: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each claim: how many seeds it holds on, and the verdict."""
    claims = {}
    for name, (statement, function) in CLAIMS.items():
        found = [bool(value) for value in function(measured)]
        claims[name] = {
            "statement": statement,
            "seeds": f"{sum(found)} of {len(found)}",
            "verdict": verdict(found),
        }
    return claims


def _values(found: Any) -> np.ndarray:
    return np.array(found["values"])


def _deeper(images: str, network: str) -> Callable[[Any], Any]:
    """Layer 50 has a larger share of low frequencies than layer 1."""

    def found(measured: Any) -> Any:
        curves = _values(measured["depth"][images][network])
        return curves[:, -1] > curves[:, 1]

    return found


def _rises(*path: str, keys: Sequence[str]) -> Callable[[Any], Any]:
    """The values of the keys rise from one to the next."""

    def found(measured: Any) -> Any:
        for key in path:
            measured = measured[key]
        values = np.array([_values(measured[key]) for key in keys])
        return (np.diff(values, axis=0) > 0).all(axis=0)

    return found


def _straight(measured: Any) -> Any:
    fits = [_values(line["fit"]) for line in measured["scale"].values()]
    return (np.array(fits) > 0.9).all(axis=0)


def _grows(measured: Any) -> Any:
    slopes = [_values(line["slope"]) for line in measured["scale"].values()]
    return (np.array(slopes) > 0).all(axis=0)


def _repeats(method: str) -> Callable[[Any], Any]:
    """The repeats of frequency 0 have at least a tenth of its energy."""
    return lambda measured: _values(measured["upsampling"][method]["peaks"]) > 10


CLAIMS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "depth, photographs": (
        "layer 50 has more low frequencies than layer 1 (zero padding, ReLU)",
        _deeper("photographs", "zero, ReLU"),
    ),
    "depth, noise": (
        "the same of an input that has all frequencies alike",
        _deeper("noise", "zero, ReLU"),
    ),
    "depth, noise, linear": (
        "the same without ReLU and with circular padding, as in the theorem",
        _deeper("noise", "circular, linear"),
    ),
    "energy grows": (
        "log energy rises with depth, for each of three initializations",
        _grows,
    ),
    "energy is straight": (
        "log energy is a straight line over the layers (90% of its variance)",
        _straight,
    ),
    "mean of the weights": (
        "means of 0, 0.001, 0.01 give more and more low frequencies",
        _rises("mean", keys=("0.0", "0.001", "0.01")),
    ),
    "zero padding, photographs": (
        "zero padding gives more low frequencies than circular",
        _rises("padding", "photographs", keys=("circular", "zero")),
    ),
    "zero padding, noise": (
        "the same of an input that has all frequencies alike",
        _rises("padding", "noise", keys=("circular", "zero")),
    ),
    "mirror padding, photographs": (
        "so does reflect",
        _rises("padding", "photographs", keys=("circular", "reflect")),
    ),
    "mirror padding, noise": (
        "the same of an input that has all frequencies alike",
        _rises("padding", "noise", keys=("circular", "reflect")),
    ),
    "kernel size, photographs": (
        "K = 5, 3, 1 give more and more low frequencies",
        _rises("kernel size", "photographs", keys=("5", "3", "1")),
    ),
    "kernel size, noise": (
        "the same of an input that has all frequencies alike",
        _rises("kernel size", "noise", keys=("5", "3", "1")),
    ),
    "upsampling, zeros": (
        "enlarging with zeros repeats the strong frequency 0",
        _repeats("zero"),
    ),
    "upsampling, nearest": ("so does repeating cells", _repeats("nearest")),
    "upsampling, bilinear": ("so does interpolating", _repeats("bilinear")),
}
