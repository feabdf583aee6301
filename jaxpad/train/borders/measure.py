"""One pass over the test set, and what it adds up near borders."""

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from ...analysis.borders import foveation_maps
from ...analysis.borders.maps import layers_with_borders
from ...analysis.borders.shift import shifts
from ...analysis.borders.sums import PixelSums, Tally, added, by_ring, looks
from ...data import Batch, EvalBatches, read_ahead
from ..build import Job
from ..clock import duration
from ..exits import StoppedError
from ..screen import Status
from ..state import TrainState
from ..stop import Stop
from .programs import Seen, mapping, seeing


IMAGES = 4096  # most that are looked at in many ways; all of them, under each padding
MAPS = 256  # most that maps are means of


@dataclasses.dataclass
class Found:
    """Sums over the test set.

    Attributes:
        cross: by padding, of all images or pixels.
        rings: by padding, of the pixels at each distance.
        zones: by padding, pixels by zone, true class and predicted class.
        reasons: why there is nothing of a padding.
        looks: of classes, by what is seen.
        steady: by shift, how many answers count, stay and are right.
        maps: sums of magnitudes by layer.
        blank: the same where the network sees zeros.
        mapped: images in each of them.
        foveation: paths by layer.
    """

    cross: dict[str, Tally] = dataclasses.field(default_factory=dict)
    rings: dict[str, Tally] = dataclasses.field(default_factory=dict)
    zones: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    reasons: dict[str, str] = dataclasses.field(default_factory=dict)
    looks: dict[tuple[str, float], Tally] = dataclasses.field(default_factory=dict)
    steady: dict[int, np.ndarray] = dataclasses.field(default_factory=dict)
    maps: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    blank: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    mapped: int = 0
    foveation: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)


class Progress:
    """How far the pass is, by batches; a tick is a look at one.

    Args:
        total: batches.
        stop: what may ask for an early end.
    """

    def __init__(self, total: int, stop: Stop):
        self.total, self.stop = total, stop
        self.done, self.start = 0, time.monotonic()

    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.start

    def tick(self) -> None:
        """Notes a look.

        Raises:
            StoppedError: if it was asked to end.
        """
        if self.stop.reached():
            raise StoppedError

    def status(self) -> Status:
        """For a screen."""
        parts = []
        if self.done:
            left = self.seconds() / self.done * (self.total - self.done)
            parts.append(f"{duration(left)} left")
        parts.append(f"batch {self.done} of {self.total}")
        return Status("looking near borders", parts, self.done, self.total)


@dataclasses.dataclass
class Measure:
    """A pass over the test set of a job.

    Attributes:
        job: of the run.
        state: that is looked at.
        progress: is told of each look.
    """

    job: Job
    state: TrainState
    progress: Progress

    def __post_init__(self):
        self.own, *others = paddings_of(self.job)
        self.see: dict[str, Callable[..., Seen]] = {self.own: seeing(self.job)}
        self.see |= {name: seeing(self.job, name) for name in others}
        self.found = Found()
        self._size: tuple[int, ...] | None = None

    def run(self) -> Found:
        """Every batch once: under each padding, and some of them in more ways."""
        batches = self.job.test_batches
        few, fewer = (spread(batches, most) for most in (IMAGES, MAPS))
        read = read_ahead(batches, workers=self.job.workers)
        for number, batch in enumerate(self.progress.stop.each(read)):
            self._cross(batch, more=number in few)
            if number in fewer:
                self._map(batch)
            self.progress.done = number + 1
        return self.found

    def _cross(self, batch: Batch, *, more: bool) -> None:
        placed: Any = self.job.place(batch)
        height, width = batch["image"].shape[1:3]
        size = (height, width)
        every, none = np.ones(size, bool), np.zeros(placed["label"].shape, np.int32)
        for name, see in self.see.items():
            if name in self.found.reasons:
                continue
            try:
                seen = see(self.state, placed, every, np.int32(0), none)
            except ValueError as error:
                if name == self.own:
                    raise
                self._give_up(name, str(error))
                continue
            self._add(name, seen)
            self.progress.tick()
            if more and name == self.own:
                self._look(placed, size, seen.answer)

    def _give_up(self, name: str, reason: str) -> None:
        self.found.reasons[name] = reason
        for sums in (self.found.cross, self.found.rings, self.found.zones):
            sums.pop(name, None)

    def _add(self, name: str, seen: Seen) -> None:
        sums: Any = jax.device_get(seen.sums)
        found = self.found
        if isinstance(sums, PixelSums):
            rings = by_ring(sums.maps)
            counts: Any = sums.confusion.astype(np.int64)
            found.rings[name] = added(found.rings.get(name), rings)
            found.zones[name] = counts + found.zones.get(name, 0)
            sums = Tally(*(each.sum() for each in rings))
        found.cross[name] = added(found.cross.get(name), sums)

    def _look(self, placed: Batch, size: tuple[int, int], first: Any) -> None:
        see, found = self.see[self.own], self.found
        every = np.ones(size, bool)
        if first.ndim == 1:
            for key, mask in looks(*size).items():
                seen = see(self.state, placed, mask, np.int32(0), first)
                sums: Any = jax.device_get(seen.sums)
                found.looks[key] = added(found.looks.get(key), sums)
                self.progress.tick()
        for pixels in shifts(*size):
            seen = see(self.state, placed, every, np.int32(pixels), first)
            steady = np.asarray(jax.device_get(seen.steady), np.int64)
            found.steady[pixels] = steady + found.steady.get(pixels, 0)
            self.progress.tick()

    def _map(self, batch: Batch) -> None:
        """Means over images of one size: that of the first."""
        job, found, size = self.job, self.found, batch["image"].shape[1:]
        if self._size is None:
            self._size = size
            model = job.model(self.state)
            layers = layers_with_borders(model, (1, *size))
            self._maps = mapping(job, layers)
            found.foveation = foveation_maps(model, (1, *size), layers)
        if size != self._size:
            return
        placed = job.place(batch)
        for sums, blank in ((found.maps, False), (found.blank, True)):
            more = jax.device_get(self._maps(self.state, placed, np.bool_(blank)))
            for name in found.foveation:  # in order of depth
                sums[name] = more[name].astype(np.float64) + sums.get(name, 0)
            self.progress.tick()
        found.mapped += int(jax.device_get(placed["real"]).sum())


def paddings_of(job: Job) -> list[str]:
    """Those that a run is tested under, its own first."""
    assert job.crossing is not None
    return [*dict.fromkeys([str(job.config["padding"]), *job.crossing.paddings])]


def spread(batches: EvalBatches, most: int) -> set[int]:
    """The numbers of batches that have so many images, or all, spread over the set."""
    count, size = len(batches), len(batches[0]["real"]) * jax.process_count()
    chosen = min(count, max(1, math.ceil(most / size)))
    return set(np.linspace(0, count - 1, chosen).round().astype(int).tolist())
