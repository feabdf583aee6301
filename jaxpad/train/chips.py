"""What accelerators can do at most, and the TPUs that can be compiled for."""

import importlib.util
import os
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from jax.experimental import topologies


TOPOLOGIES = (
    *("v2:2x2", "v3:4x4", "v4:2x2x1", "v4:4x4x4"),
    *("v5e:2x2", "v5e:4x4", "v5e:16x16", "v5p:2x2x1", "v5p:4x4x4", "v6e:2x4"),
)


class Chip(NamedTuple):
    """The most that a chip, or one device of it, can do.

    Attributes:
        memory: bytes of its HBM.
        flops: operations a second in bfloat16.
        bandwidth: bytes a second between HBM and the cores.
    """

    memory: float
    flops: float
    bandwidth: float


# By jax's `device_kind`, a whole chip: "TPU Hardware Reference" of jax
# (docs.jax.dev/en/latest/pallas/tpu/hardware.html). The pages of
# cloud.google.com/tpu/docs differ by up to 14 percent (v3: 123 TFLOP/s, 900 GB/s; v5p:
# 95 GB, 2765 GB/s).
CHIPS = {
    "TPU v2": Chip(16e9, 46e12, 716e9),
    "TPU v3": Chip(32 * 2**30, 140e12, 825e9),
    "TPU v4": Chip(32 * 2**30, 275e12, 1.23e12),
    "TPU v5 lite": Chip(16 * 2**30, 197e12, 820e9),
    "TPU v5": Chip(96 * 2**30, 459e12, 2.46e12),
    "TPU v6 lite": Chip(32 * 2**30, 920e12, 1.64e12),
}


def chip_of(devices: Sequence[Any]) -> Chip | None:
    """What one of these devices can do; None if it is not in `CHIPS`.

    Two devices that have a chip between them have half of it each.
    """
    first, *_ = devices
    chip = CHIPS.get(first.device_kind)
    if chip is None:
        return None
    together = sum(_place(device) == _place(first) for device in devices)
    return Chip(*(value / together for value in chip))


def _place(device: Any) -> Any:
    return getattr(device, "coords", device.id)


def topology_devices(name: str) -> list[Any]:
    """The devices of a TPU that is not there, to compile for.

    Args:
        name: generation and chips along each axis, such as "v5e:4x4".

    Raises:
        ImportError: without libtpu.
        ValueError: for a name that libtpu does not know.
    """
    given = "TPU_LIBRARY_PATH" in os.environ
    if not given and not _installed("libtpu"):
        raise ImportError(
            'compiling for a TPU needs libtpu: pip install "jaxpad[tpu_compile]"'
        )
    # Without these it would look for a TPU, and for other processes that use it.
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
    os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")
    os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
    try:
        return list(topologies.get_topology_desc(name, "tpu").devices)
    except Exception as error:  # of several types
        raise ValueError(_not_known(name, str(error))) from error


def _installed(package: str) -> bool:
    # A folder of that name is found too, but has no origin.
    spec = importlib.util.find_spec(package)
    return spec is not None and spec.origin is not None


def _not_known(name: str, reason: str) -> str:
    reason = re.sub(r"^[A-Z_]+: ", "", reason.splitlines()[0] if reason else "")
    return (
        f"--topology={name}: {reason.rstrip('.')}. Expected a generation and the chips "
        f"along each axis, such as {', '.join(TOPOLOGIES)}."
    )
