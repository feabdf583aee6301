"""Whether a checkpoint holds what a model wants, said before anything is read."""

import pathlib
from typing import Any


def check_fits(
    path: pathlib.Path, saved: dict[str, Any], wanted: dict[str, Any]
) -> None:
    """Raises unless a checkpoint has exactly the arrays that are wanted.

    Args:
        path: of the checkpoint.
        saved: its manifest's arrays.
        wanted: arrays or their shapes, by name.

    Raises:
        ValueError: with names, shapes and dtypes, and how to load a part.
    """
    found = differences(saved, {name: _entry(a) for name, a in wanted.items()})
    if not any(found.values()):
        return
    # All of them, a line each: they are what a user compares, and looks for.
    lines = [
        "\n    ".join([f"  {kind}, {len(names)}:", *names])
        for kind, names in found.items()
        if names
    ]
    run = path.parent.parent
    raise ValueError(
        f"{path} holds the state of another model or optimizer:\n"
        + "\n".join(lines)
        + "\nTo begin a new run with its weights, as far as they fit:\n"
        f"  python -m jaxpad.train.checkpoint export {run} weights.safetensors\n"
        "and then, with another --workdir, --config.weights=weights.safetensors; with "
        "--config.new_head=True the last layer is not taken from there."
    )


def differences(saved: dict[str, Any], wanted: dict[str, Any]) -> dict[str, list[str]]:
    """Names that only the second has, only the first, and of another shape or dtype."""
    return {
        "missing": [f"{n} {_kind(wanted[n])}" for n in wanted if n not in saved],
        "extra": [f"{n} {_kind(saved[n])}" for n in saved if n not in wanted],
        "mismatched": [
            f"{n} {_kind(saved[n])}, wanted {_kind(wanted[n])}"
            for n in saved
            if n in wanted and _kind(saved[n]) != _kind(wanted[n])
        ],
    }


def _entry(array: Any) -> dict[str, Any]:
    return {"shape": list(array.shape), "dtype": str(array.dtype)}


def _kind(entry: dict[str, Any]) -> str:
    return f"{entry['dtype']}{entry['shape']}"
