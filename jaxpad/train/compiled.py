"""What a compiled program takes, as XLA tells it, kept from one time to the next."""

import dataclasses
import hashlib
import importlib.metadata
import json
import math
import os
import pathlib
import re
from typing import Any

import jax

from ..untrusted import read_json
from .workdir import write_whole


KINDS = (
    *("all-reduce", "all-gather", "reduce-scatter", "all-to-all"),
    *("ragged-all-to-all", "collective-permute", "collective-broadcast"),
)
# What the environment says of compiling.
SETTINGS = ("XLA_FLAGS", "LIBTPU_INIT_ARGS", "JAX_DISABLE_MOST_OPTIMIZATIONS")
# The result of an asynchronous operation is that of its second half, "-done".
COLLECTIVE = re.compile(
    rf" = (?P<shape>.*?) (?P<kind>{'|'.join(KINDS)})(?:-done)?\((?P<rest>.*)"
)
ARRAY = re.compile(r"\b(?:pred|[a-z]+?(\d+)\w*)\[([\d,]*)\]")
LISTED = re.compile(r"replica_groups=\{\{([\d,]*)\}")
COUNTED = re.compile(r"replica_groups=\[\d+,(\d+)\]")
NAMED = re.compile(r"replica_groups=mesh\[([^\]]*)\] \{([^}]*)\}")


@dataclasses.dataclass(frozen=True)
class Measured:
    """Of one device's program.

    Attributes:
        arguments: bytes of what it is given, as the compiler lays it out.
        peak: the most bytes at once, these included.
        flops: operations, loops counted once.
        moved: bytes that operations read and write, loops counted once.
        collectives: kind -> (how many, bytes of their arrays).
    """

    arguments: int
    peak: int
    flops: float
    moved: float
    collectives: dict[str, tuple[int, int]]


def measure(program: Any, platform: str) -> Measured:
    """What XLA tells of a program that is compiled for a platform."""
    memory, cost = program.memory_analysis(), program.cost_analysis()
    return Measured(
        arguments=memory.argument_size_in_bytes,
        peak=_peak(memory, platform),
        flops=cost.get("flops", 0.0),
        moved=cost.get("bytes accessed", 0.0),
        collectives=collectives(program.as_text()),
    )


def step_bytes(jitted: Any, *like: Any, platform: str) -> int | None:
    """The most bytes at once of a jitted function that was called; None if unknown.

    jax keeps what it compiled for the call, and compiles nothing for this.

    Args:
        jitted: a function by `jax.jit`.
        *like: shapes of its arguments, with shardings, as it was called.
        platform: of its devices.
    """
    try:
        memory = jitted.lower(*like).compile().memory_analysis()
    except jax.errors.JaxRuntimeError:  # a backend that does not tell
        return None
    return None if memory is None else _peak(memory, platform)


def _peak(memory: Any, platform: str) -> int:
    return _tpu_peak(memory) if platform == "tpu" else _reserved(memory)


def _tpu_peak(memory: Any) -> int:
    """The peak that XLA states has what lies on the host in it, too."""
    results = memory.host_output_size_in_bytes - memory.host_alias_size_in_bytes
    held = memory.host_argument_size_in_bytes + results + memory.host_temp_size_in_bytes
    return memory.peak_memory_in_bytes - held


def _reserved(memory: Any) -> int:
    """All that is set aside for a program.

    On other platforms than TPUs the peak that XLA states lacks the temporary arrays,
    which are set aside as one block.
    """
    results = memory.output_size_in_bytes - memory.alias_size_in_bytes
    return memory.argument_size_in_bytes + results + memory.temp_size_in_bytes


def collectives(text: str) -> dict[str, tuple[int, int]]:
    """The communication in a compiled program.

    Args:
        text: of the optimized HLO.

    Returns:
        From kind to (how many, bytes): on one device, of the array that goes in or the
        one that comes out, whichever is larger.

    Example:
        >>> line = "%r = f32[64,10]{1,0} all-reduce(%x), replica_groups={{0,1}}"
        >>> collectives(line)
        {'all-reduce': (1, 2560)}
    """
    found: dict[str, tuple[int, int]] = {}
    for match in COLLECTIVE.finditer(text):
        count, size = found.get(match["kind"], (0, 0))
        # Only here is what goes in larger: one part for each device of a group.
        parts = _group(match["rest"]) if match["kind"] == "reduce-scatter" else 1
        found[match["kind"]] = (count + 1, size + parts * _bytes(match["shape"]))
    return dict(sorted(found.items()))


def _bytes(shape: str) -> int:
    """Of an array, or a tuple of them, as HLO writes it.

    Example:
        >>> _bytes("(f32[2,3]{1,0:T(8,128)}, bf16[4]{0}, pred[])")
        33
    """
    total = 0
    for bits, sizes in ARRAY.findall(shape):
        elements = math.prod(int(n) for n in sizes.split(",") if n)
        total += elements * int(bits or 8) // 8
    return total


def _group(rest: str) -> int:
    """Devices that work together, in the three ways in which HLO writes groups.

    Example:
        >>> _group("replica_groups={{0,1},{2,3}}"), _group("replica_groups=[2,4]<=[8]")
        (2, 4)
        >>> _group("replica_groups=mesh['data'=4,'model'=2] {'data'}")
        4
    """
    if match := LISTED.search(rest):
        return len(match[1].split(","))
    if match := COUNTED.search(rest):
        return int(match[1])
    if match := NAMED.search(rest):
        sizes = dict(re.findall(r"('\w+')=(\d+)", match[1]))
        return math.prod(int(sizes[name]) for name in match[2].split(","))
    return 1


def cache_file(lowered: Any, devices: Any, folder: pathlib.Path) -> pathlib.Path:
    """Where what is known of a program is kept: by its text and what compiles it.

    jax's own cache of compiled programs holds none for a TPU that is not there.
    """
    chip = [(d.device_kind, getattr(d, "coords", d.id)) for d in devices]
    parts = (
        lowered.as_text(),
        chip,
        *(_version(name) for name in ("jax", "jaxlib", "libtpu")),
        *(os.environ.get(name, "") for name in SETTINGS),
    )
    digest = hashlib.sha256("\n".join(map(str, parts)).encode())
    return folder / f"{digest.hexdigest()[:32]}.json"


def read(path: pathlib.Path) -> Measured | None:
    """What was kept, if it was, and can be read."""
    try:
        found = read_json(path)
        found["collectives"] = {k: (*v,) for k, v in found["collectives"].items()}
        return Measured(**found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def keep(path: pathlib.Path, found: Measured) -> None:
    """Writes it, for `read`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(dataclasses.asdict(found)))


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
