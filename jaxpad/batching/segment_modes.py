"""What each sequence of a batch has beyond its borders, under any mode.

Lengths are not known while tracing, so a mode that fills an image of some size cannot
be called on a sequence. A rule for one cell is read into a table; any other mode has a
form for sequences, which `SEGMENT_MODES` holds under the mode's name.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ..padding import MODES, mode_name, pad, rule_of, unwrapped
from ..registry import Registry
from ..typing import Array
from .batch import Ragged, known_lengths
from .borders import borders, by_rule


# From a batch, widths (lo, hi) and the mode's options to the padding cells of each
# sequence, `[sequences, lo + hi, channels]`; not numbers if it is too short.
SEGMENT_MODES: Registry[Callable[..., Array]] = Registry("mode of sequences")

# These only move a sequence, among zeros.
MOVES = (MODES["c2sp"], MODES["random"])

Pair = tuple[int, int]
Modes = tuple[Any, Any]


def has_form(mode: Any) -> bool:
    """Whether a mode pads sequences whose lengths are not known."""
    return rule_of(mode) is not None or moves(mode) or _form_of(mode) is not None


def moves(mode: Any) -> bool:
    """Whether a mode moves the sequence."""
    return unwrapped(mode)[0] in MOVES


def cells_before(mode: Any, widths: Pair, channels: int) -> Array:
    """How many zeros a mode that moves a sequence puts before it, `[channels]`."""
    cells = pad(jnp.ones((1, channels)), widths, mode, axes=[0])
    return jnp.argmax(cells, 0).astype(jnp.int32)


def _form_of(mode: Any) -> Callable[..., Array] | None:
    function, options = unwrapped(mode)
    for name, form in SEGMENT_MODES.items():
        if MODES.get(name) is function:
            return functools.partial(form, **options)
    return None


def check_modes(batch: Ragged, x: Array, modes: Modes, widths: Pair) -> None:
    """Raises if a mode cannot fill the borders of the sequences, as far as is known.

    Raises:
        ValueError: for a mode of several axes, one without a form where lengths are not
            known, or a sequence that is known to be too short.
    """
    lengths = known_lengths(batch)
    known: dict[int, int] = {}
    for number, n in enumerate([] if lengths is None else lengths.tolist()):
        if n:
            known.setdefault(n, number)
    for mode, pair in _sides(modes, widths):
        line = functools.partial(_refused, x, mode, pair)
        if rule_of(mode) is not None:
            refused = borders(mode, *pair, batch.capacity).refused
        elif has_form(mode):  # what it refuses are short ones, or options
            if words := line(batch.capacity):
                raise ValueError(words)
            refused = {n: line(n) for n in sorted(known)[:1]}
        elif lengths is not None:
            continue  # jaxpad.conv sees each sequence
        else:
            words = line(batch.capacity) if _registered(mode) else ""
            raise ValueError(words or _no_form(mode))
        for n, number in known.items():
            if words := refused.get(n):
                raise ValueError(f"sequence {number} has {n} cells: {words}")


def _sides(modes: Modes, widths: Pair) -> list[tuple[Any, Pair]]:
    """Each mode, with the widths that it fills."""
    (before, after), (lo, hi) = modes, widths
    same = before is after
    return [(before, widths)] if same else [(before, (lo, 0)), (after, (0, hi))]


def _registered(mode: Any) -> bool:
    return any(entry is unwrapped(mode)[0] for entry in MODES.values())


def _refused(x: Array, mode: Any, widths: Pair, n: int) -> str:
    """What a mode says of a line of `n` cells that it cannot fill; "" if it can."""
    line = jax.ShapeDtypeStruct((1, n, x.shape[-1]), x.dtype)
    try:
        jax.eval_shape(lambda x: pad(x, widths, mode, axes=[1]), line)
    except ValueError as error:
        return str(error)
    return ""


def _no_form(mode: Any) -> str:
    names = ", ".join(SEGMENT_MODES)
    return (
        f"padding mode {mode_name(mode)} is a function of lines of a known size, but "
        "lengths are not known under jax.jit. Take a mode made by jaxpad.source or "
        f"jaxpad.affine, or one of {names}; or register a form of yours in "
        "jaxpad.batching.SEGMENT_MODES, under the mode's name in jaxpad.MODES."
    )


def beyond(
    batch: Ragged, x: Array, modes: Modes, widths: Pair
) -> Callable[[Array], Array]:
    """What is beyond the borders of the sequences, under modes that have a form.

    Args:
        batch: says whose the cells are.
        x: `[rows, capacity, channels]`.
        modes: before and after each sequence.
        widths: likewise, how many cells.

    Returns:
        A function from `[rows, capacity]`, which padding cell of its sequence each cell
        asks for (0 to lo + hi - 1), to what is there, `[rows, capacity, channels]`.
    """
    lo, _ = widths
    sides = [_filled(batch, x, mode, pair) for mode, pair in _sides(modes, widths)]
    if len(sides) == 1:
        return sides[0]
    before, after = sides

    def either(column: Array) -> Array:
        seen = before(jnp.minimum(column, lo - 1)), after(jnp.maximum(column - lo, 0))
        return jnp.where((column < lo)[..., None], *seen)

    return either


def _filled(
    batch: Ragged, x: Array, mode: Any, widths: Pair
) -> Callable[[Array], Array]:
    if not any(widths):
        return lambda column: jnp.zeros_like(x)
    if (form := _form_of(mode)) is None:
        table = borders(mode, *widths, batch.capacity)
        return functools.partial(by_rule, batch, x, table)
    cells = form(batch.replace(x), widths).astype(x.dtype)
    number = jnp.minimum(batch.numbers, batch.sequences - 1)
    return lambda column: cells[number, column]
