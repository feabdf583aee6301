"""What is planned of a step: the numbers, as JSON and as a table to print."""

import dataclasses
import json
import pathlib
from typing import Any, NamedTuple

from .chips import Chip
from .memory import size
from .workdir import write_whole


class Held(NamedTuple):
    """Bytes of one kind of array.

    Attributes:
        whole: on a device, without ZeRO.
        formula: on a device, by ZeRO's formula: `whole`, by the data axis if the stage
            splits this kind.
        held: on a device, as it is laid out.
    """

    whole: int
    formula: int
    held: int


@dataclasses.dataclass(frozen=True)
class Plan:
    """What one device holds and does in a step; sizes are bytes.

    Attributes:
        model: its name.
        device: what kind.
        devices: how many.
        mesh: devices along each axis.
        zero: the stage.
        batch_size: examples a step, over all devices.
        parameters: numbers that are learned.
        state: parameters, gradients and optimizer state.
        host: of the optimizer's state, in the host's memory between steps.
        other: batch statistics, the moving average, the number of the step.
        batch: a device's part.
        arguments: state, other and batch as compiled, gradients not among them, nor
            on a TPU what is on the host; a TPU fills small arrays up to whole tiles.
        activations: the peak less the arguments: with gradients and scratch space.
        peak: the most at once.
        flops: operations.
        moved: bytes that operations read and write.
        collectives: kind -> (how many, bytes of their arrays).
        chip: what a device can do at most; None if that is not known.
        seconds: of a step at the chip's roofline, `max(flops / peak flops, moved /
            bandwidth)`: no step is faster, and communication is not counted.
        largest_batch: that would fit; None if the chip is not known. Extrapolated, as
            if `activations` and `batch` grew with it and nothing else.
        notes: what else is to be known.
    """

    model: str
    device: str
    devices: int
    mesh: dict[str, int]
    zero: int
    batch_size: int
    parameters: int
    state: dict[str, Held]
    host: int
    other: int
    batch: int
    arguments: int
    activations: int
    peak: int
    flops: float
    moved: float
    collectives: dict[str, tuple[int, int]]
    chip: Chip | None
    seconds: float | None
    largest_batch: int | None
    notes: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether the peak is no more than the chip's memory, as far as it is known."""
        return self.chip is None or self.peak <= self.chip.memory


def values_of(found: Plan) -> dict[str, Any]:
    """A plan as nested dictionaries, for JSON."""
    values = dataclasses.asdict(found)
    values["state"] = {k: held._asdict() for k, held in found.state.items()}
    values["chip"] = found.chip and found.chip._asdict()
    return values


def write_plan(found: Plan, folder: pathlib.Path) -> pathlib.Path:
    """Writes `plan.json` into a folder; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "plan.json", json.dumps(values_of(found), indent=2) + "\n")
    return folder / "plan.json"


def show(found: Plan) -> str:
    """A plan as tables to print."""
    used = {name: n for name, n in found.mesh.items() if n > 1 or name == "data"}
    axes = ", ".join(f"{name} {n}" for name, n in used.items())
    lines = [
        f"{found.model}, {found.parameters:,} parameters, batch of {found.batch_size}",
        f"{found.devices} x {found.device} ({axes}), zero {found.zero}",
        "",
        _row("bytes of a device", "without ZeRO", "ZeRO's formula", "held"),
        *(_row(name, *map(_bytes, held)) for name, held in found.state.items()),
        *(
            [_row("of it, on the host", "", "", _bytes(found.host))]
            if found.host
            else []
        ),
        _row("other state", "", "", _bytes(found.other)),
        _row("batch", "", "", _bytes(found.batch)),
        _row("arguments, as compiled", "", "", _bytes(found.arguments)),
        _row("activations (measured)", "", "", _bytes(found.activations)),
        _row("peak", "", "", _bytes(found.peak), _share(found)),
        "Activations: the peak less the arguments, with gradients and scratch space.",
        "",
        _row("in a step, on a device", "count", "bytes"),
        *(
            _row(kind, f"{count:,}", _bytes(moved))
            for kind, (count, moved) in found.collectives.items()
        ),
        _row("all operations", f"{found.flops:.3g} FLOPs", _bytes(found.moved)),
        "",
        *_limits(found),
    ]
    return "\n".join(line.rstrip() for line in lines)


def _limits(found: Plan) -> list[str]:
    lines = list(found.notes)
    if found.chip is None or found.seconds is None:
        kind = found.device
        return [f"What {kind} can do is not known: no time, no batch size.", *lines]
    times = {
        "arithmetic": found.flops / found.chip.flops,
        "memory": found.moved / found.chip.bandwidth,
    }
    bound = max(times, key=lambda name: times[name])
    each = ", ".join(f"{name} {short_time(value)}" for name, value in times.items())
    return [
        f"A step takes {short_time(found.seconds)} or more, bound by {bound} ({each};",
        "communication not counted).",
        f"The largest batch that fits: about {found.largest_batch:,}, an extrapolation",
        "(as if all but the state grew with the batch).",
        *lines,
    ]


def _share(found: Plan) -> str:
    if found.chip is None:
        return ""
    return f"{found.peak / found.chip.memory:.1%} of {size(int(found.chip.memory))}"


def short_time(seconds: float) -> str:
    """In seconds or milliseconds, to three digits.

    Example:
        >>> short_time(1.5), short_time(0.0401)
        ('1.5 s', '40.1 ms')
    """
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def _bytes(count: int | float) -> str:
    return f"{count:,.0f}"


def _row(name: str, *cells: str) -> str:
    first, *rest = cells
    return f"{name:24}{first:>16}" + "".join(f"{cell:>18}" for cell in rest)
