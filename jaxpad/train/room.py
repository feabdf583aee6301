"""What to change in a config whose step does not fit into the memory of a device."""

import math
import re
from typing import Any

from .memory import size


UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
# "(60.38G) exceeds available HBM (15.75G)", or "Used 20.03G of 15.75G hbm".
SIZES = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)([KMGT])\b")


def explained(
    error: str,
    config: Any,
    mesh: dict[str, int],
    sizes: tuple[float, float] | None = None,
) -> str:
    """How much memory is missing, and which keys to change.

    Args:
        error: what the compiler says.
        config: as run.
        mesh: devices along each axis.
        sizes: what is needed and what is there, if the compiler did not say so.
    """
    if sizes is None:
        found = [float(n) * UNITS[unit] for n, unit in SIZES.findall(error)[:2]]
        sizes = (found[0], found[1]) if len(found) == 2 else None
    if sizes is None:
        missing = f"the step does not fit into a device's memory: {error}"
    else:
        needed, there = map(round, sizes)
        missing = (
            f"the step needs {size(needed)} of a device's memory, which has "
            f"{size(there)}: {size(needed - there)} are missing."
        )
    lines = "".join(f"\n  {line}" for line in advice(config, mesh))
    return f"{missing} What helps:{lines}"


def advice(config: Any, mesh: dict[str, int]) -> list[str]:
    """Flags that make a step smaller, with what each does; the usual first.

    Example:
        >>> config = {"batch_size": 64, "parts": 1, "zero": 3, "dtype": "bfloat16"}
        >>> for line in advice(config, {"data": 8})[:2]:
        ...     print(line)
        --config.batch_size=32: fewer examples at once
        --config.parts=2: gradients of a part of the batch at a time
    """
    data, batch, parts = mesh["data"], config["batch_size"], config["parts"]
    multiple, found = math.lcm(data, parts), []
    if half := batch // 2 // multiple * multiple:
        found.append(f"--config.batch_size={half}: fewer examples at once")
    if batch % (2 * parts * data) == 0:
        found.append(
            f"--config.parts={2 * parts}: gradients of a part of the batch at a time"
        )
    if config["dtype"] != "bfloat16":
        found.append("--config.dtype=bfloat16: activations of half the size")
    if config["zero"] < 3 and data > 1:
        stage = 3 if config["zero"] else 1
        what = "parameters, too" if stage == 3 else "the optimizer's state"
        found.append(f"--config.zero={stage}: splits {what}")
    found += [
        "of large images, --config.mesh.spatial=2: two devices share the rows of each",
        "of a transformer, --config.mesh.model=2 --config.sharding=transformer: splits "
        "its layers",
        "more devices",
    ]
    return found
