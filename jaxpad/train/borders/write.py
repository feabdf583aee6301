"""borders.json and borders.npz of a run."""

import io
import json
import math
import pathlib
from typing import Any

import jax
import numpy as np

from ...analysis.borders import unevenness
from ...analysis.borders.curves import (
    cutout_of_classes,
    cutout_of_pixels,
    distance_of_classes,
    distance_of_pixels,
    ratio,
)
from ...analysis.borders.sums import PARTS, Tally
from ...untrusted import read_json
from ..build import Job
from ..checkpoint.folder import agreed
from ..clock import Clock, duration
from ..segmentation import Segmentation
from ..state import TrainState
from ..stop import Stop
from ..workdir import write_whole
from .measure import Found, Measure, Progress, paddings_of


EDGE = 8  # of the distances to the border, the first eighth is what border_loss is of


def write_borders(
    folder: pathlib.Path,
    job: Job,
    step: int,
    state: TrainState,
    clock: Clock,
    stop: Stop,
) -> None:
    """Looks at a run near borders, if nobody has, and writes what it finds.

    In a cluster every process calls this, and the first one writes.

    Args:
        folder: the run's; `borders.npz` is written into it, and then `borders.json`.
        job: of the run.
        step: steps done.
        state: after them.
        clock: where progress is shown.
        stop: what may ask for an early end.

    Raises:
        StoppedError: if it was asked to end; nothing is written then.
    """
    first = jax.process_index() == 0
    if agreed(int(first and is_there(folder, job, step))):
        return
    progress = Progress(len(job.test_batches), stop)
    if not clock.screen.living:
        clock.say("looking near borders ...")
    with clock.showing(progress.status):
        found = Measure(job, state, progress).run()
    clock.say(f"looked near borders in {duration(progress.seconds())}")
    if first:
        write(folder, job, step, found)


def is_there(folder: pathlib.Path, job: Job, step: int) -> bool:
    """Whether this has been measured, after this step and under these paddings."""
    try:
        found = read_json(folder / "borders.json")
    except (OSError, ValueError):
        return False
    columns = found.get("cross")
    known = columns if isinstance(columns, dict) else {}
    whole = (folder / "borders.npz").exists()
    return whole and found.get("step") == step and known.keys() >= set(paddings_of(job))


def write(folder: pathlib.Path, job: Job, step: int, found: Found) -> None:
    """Both files, each whole; the one that says that they are there is the last."""
    arrays = {
        f"{kind}/{layer}": map_.astype(np.float32)
        for kind, maps in (
            ("mean", _means(found.maps, found.mapped)),
            ("blank", _means(found.blank, found.mapped)),
            ("foveation", found.foveation),
        )
        for layer, map_ in maps.items()
        if np.isfinite(map_).all()
    }
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]
    write_whole(folder / "borders.npz", file.getvalue())
    text = json.dumps(
        _plain({"step": step, **as_json(job, found)}), indent=2, allow_nan=False
    )
    write_whole(folder / "borders.json", text + "\n")


def _means(sums: dict[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    return {name: total / count for name, total in sums.items()}


def as_json(job: Job, found: Found) -> dict[str, Any]:
    """What borders.json holds."""
    own = paddings_of(job)[0]
    if own in found.zones:
        zones = found.zones[own]
        distance = distance_of_pixels(found.rings[own])
        cutout = cutout_of_pixels(zones, PARTS, lambda c: Segmentation(c).mean_iou)
    else:
        distance = distance_of_classes(found.looks)
        cutout = cutout_of_classes(found.looks)
    shifts = sorted(found.steady)
    count, same, right = np.transpose([found.steady[p] for p in shifts])
    return {
        "padding": own,
        "headline": job.task.headline,
        "cross": {name: _column(found, name) for name in paddings_of(job)},
        "distance": distance._asdict(),
        "cutout": cutout._asdict(),
        "shift": {
            "pixels": shifts,
            "consistency": ratio(same, count).tolist(),
            "accuracy": ratio(right, count).tolist(),
        },
        "unevenness": [
            {"layer": layer, **unevenness(map_)._asdict()}
            for layer, map_ in _means(found.maps, found.mapped).items()
        ],
    }


def _column(found: Found, name: str) -> dict[str, Any]:
    """The figures under one padding; null, with the reason, where there are none."""
    if name in found.reasons:
        nothing = dict.fromkeys(("accuracy", "loss", "border_loss"))
        return {**nothing, "reason": found.reasons[name]}
    figures = {**_figures(found.cross[name]), "border_loss": None}
    if name in found.zones:
        rings = found.rings[name]
        width = max(1, len(rings.count) // EDGE)
        edge = Tally(*(each[:width].sum() for each in rings))
        figures["border_loss"] = _figures(edge)["loss"]
        figures["miou"] = Segmentation(found.zones[name].sum(0)).mean_iou
    return figures


def _figures(tally: Tally) -> dict[str, Any]:
    return {
        "accuracy": ratio(tally.correct, tally.count).item(),
        "loss": ratio(tally.loss, tally.count).item(),
    }


def _plain(value: Any) -> Any:
    """The same without numbers that JSON does not know: they become null."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
