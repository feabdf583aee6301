"""What a step is made of when a row holds several sequences.

A packed row holds `factor` sequences, so that as many rows as before are more sequences
a step than the learning rate and the optimizer were chosen for.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from ..registry import Registry


class Step(NamedTuple):
    """What a step is made of.

    Attributes:
        rows: of a batch.
        parts: of the batch, whose gradients are computed one after another.
        power: to which the decay rates of the optimizer's averages are raised.
    """

    rows: int
    parts: int
    power: float = 1.0


# From (factor, step, multiple): the mean number of sequences of a row, the step for
# rows of one sequence, and what the rows of a batch have to be a multiple of.
RESCALES: Registry[Callable[[float, Step, int], Step]] = Registry("rescale")


@RESCALES.register
def none(factor: float, step: Step, multiple: int) -> Step:
    """As many rows: `factor` times as many sequences a step."""
    return step


@RESCALES.register
def rows(factor: float, step: Step, multiple: int) -> Step:
    """As many sequences a step, so fewer rows: rate and optimizer stay right.

    Rounded to what divides, at least one multiple; the sequences a step are logged.
    "Efficient Sequence Packing without Cross-contamination", Krell et al., 2021.

    Example:
        >>> rows(2.0, Step(64, 2), multiple=8)
        Step(rows=32, parts=2, power=1.0)
    """
    # Parts that the devices share evenly, where those of the step are such.
    unit = math.gcd(step.rows, multiple * step.parts)
    return step._replace(rows=unit * max(1, round(step.rows / factor / unit)))


@RESCALES.register
def accumulate(factor: float, step: Step, multiple: int) -> Step:
    """As many sequences a step, so fewer parts, each with as many rows as before.

    Rounded up to what divides; of one part none can be left out.

    Example:
        >>> accumulate(2.0, Step(64, 4), multiple=8)
        Step(rows=32, parts=2, power=1.0)
    """
    each = step.rows // step.parts
    enough = range(math.ceil(step.parts / factor), step.parts)
    parts = next((n for n in enough if n * each % multiple == 0), step.parts)
    return step._replace(rows=each * parts, parts=parts)


@RESCALES.register
def betas(factor: float, step: Step, multiple: int) -> Step:
    """As many rows, and averages that forget as fast by sequence: `beta ** factor`.

    Example:
        >>> betas(2.0, Step(64, 1), multiple=8)
        Step(rows=64, parts=1, power=2.0)
    """
    return step._replace(power=factor)
