"""Which strategy "auto" takes, and why."""

import math
from typing import NamedTuple

from ..padding import Padding, per_axis_modes, rule_of
from .geometry import Geometry, left_to_xla


# How much larger than the image its padded copy may be before it is padded again in
# the backward pass instead of kept. Measured by experiments/padding_cost: on a CPU,
# keeping the copy of a 14 x 14 map (1.31) takes 5% more memory in residual blocks, and
# that of a 56 x 56 map (1.07) 1%; padding again takes 1% and 6% more time. On a TPU
# bytes are what costs, and padding again moves more.
LARGEST_COPY = {"cpu": 1.1}
MEASURED = ("cpu", "tpu")


class Choice(NamedTuple):
    """What "auto" does.

    Attributes:
        strategy: a name in `STRATEGIES`.
        why: the reason, in words.
    """

    strategy: str
    why: str


def choose(window: Geometry, padding: Padding, backend: str) -> Choice:
    """The cheapest strategy for a convolution on a backend ("cpu", "gpu", "tpu").

    Args:
        window: the sizes.
        padding: its mode is used.
        backend: as `target_backend()` names it.
    """
    modes = per_axis_modes(padding.mode, len(window.window))
    made = [
        (0, 0) if leave else widths
        for widths, leave in zip(window.widths, left_to_xla(modes), strict=True)
    ]
    if not any(any(pair) for pair in made):
        return Choice("built_in", "no cell but zeros is added, and XLA adds those free")
    if any(rule_of(mode) is None for pair in modes for mode in pair):
        return Choice("built_in", "the mode is no rule, and may not be called twice")
    cells = zip(window.space, made, strict=True)
    growth = math.prod((n + lo + hi) / n for n, (lo, hi) in cells)
    if growth > LARGEST_COPY.get(backend, math.inf):
        return Choice(
            "repad",
            f"the padded copy would be {growth:.2f} times the image, too much to keep "
            f"for the backward pass on {backend}",
        )
    best = f"is the cheapest on {backend}"
    best = best if backend in MEASURED else f"is a guess: {backend} was not measured"
    return Choice("built_in", f"one padded copy, {growth:.2f} times the image, {best}")
