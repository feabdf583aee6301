"""What `jaxpad.pad` refuses, and what it says."""

import functools
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import jaxpad
from tests.subjects import MODE_SPECS


every_mode = pytest.mark.parametrize("mode", MODE_SPECS)


@pytest.mark.parametrize(("mode", "room"), [("reflect", 3), ("symmetric", 4)])
@pytest.mark.parametrize("side", [0, 1])
def test_too_wide(mode: str, room: int, side: int):
    x = jnp.arange(4.0)
    widths = [(0, 0)]
    widths[0] = (room, 0) if side == 0 else (0, room)
    assert jaxpad.pad(x, widths, mode).shape == (4 + room,)
    widths[0] = (room + 1, 0) if side == 0 else (0, room + 1)
    text = rf"width {room + 1} is too wide for {mode}: .* n=4 .* at most {room} on a"
    with pytest.raises(ValueError, match=text):
        jaxpad.pad(x, widths, mode)


@pytest.mark.parametrize(("mode", "room"), [("reflect", 0), ("symmetric", 1)])
def test_too_wide_for_one_cell(mode: str, room: int):
    with pytest.raises(ValueError, match=f"n=1 cells has room for at most {room}"):
        jaxpad.pad(jnp.ones((5, 1)), room + 1, mode)


@every_mode
@pytest.mark.parametrize("widths", [-1, (2, -1), [(0, 0), (-1, 2)]])
def test_negative_widths(mode: str, widths: Any):
    with pytest.raises(ValueError, match=r"widths \(.*-1.*\) are negative"):
        jaxpad.pad(jnp.ones((4, 4)), widths, mode)


@every_mode
def test_an_axis_without_cells(mode: str):
    x = jnp.ones((3, 0))
    with pytest.raises(ValueError, match=r"axis 1 .*\(3, 0\) has no cells.*\(0, 2\)"):
        jaxpad.pad(x, [(1, 1), (0, 2)], mode)
    assert jaxpad.pad(x, [(1, 1), (0, 0)], mode).shape == (5, 0)


@pytest.mark.parametrize("pairs", [[(1, 1)], [(1, 1)] * 3])
def test_wrong_number_of_pairs(pairs: Any):
    with pytest.raises(ValueError, match=rf"{len(pairs)} pairs, .*but 2 axes"):
        jaxpad.pad(jnp.ones((4, 4)), pairs)


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("reflct", "unknown padding mode 'reflct'. Did you mean 'reflect'"),
        ("partial", "unknown padding mode 'partial'"),
        ("constant(val=1)", "has no option 'val'; it takes value"),
        ("zero(value=1.0)", "'zero' has no option 'value'; it takes no options"),
        ("constant(1.0)", "cannot read padding mode"),
        ("nowhere.at_all:mode", "cannot import padding mode"),
        (("zero",) * 3, "mode has 3 entries, one per axis, but 2 axes"),
        ((("zero", "zero", "zero"), "zero"), "a pair is .before, after."),
    ],
)
def test_unknown_modes(mode: Any, text: str):
    with pytest.raises(ValueError, match=text):
        jaxpad.pad(jnp.ones((4, 4)), 1, mode)


@pytest.mark.parametrize(
    ("axes", "text"),
    [
        ((0, 0), "name an axis twice"),
        ((0, -2), "name an axis twice"),
        ((2,), "not all in an array of 2 axes"),
    ],
)
def test_wrong_axes(axes: tuple[int, ...], text: str):
    with pytest.raises(ValueError, match=text):
        jaxpad.pad(jnp.ones((4, 4)), 1, axes=axes)


@pytest.mark.parametrize("value", [0.5, -1.0, 256.0, float("inf"), float("nan")])
def test_a_value_that_whole_numbers_cannot_hold(value: float):
    with pytest.raises(ValueError, match=r"uint8\s+cannot hold"):
        jaxpad.pad(np.ones(3, np.uint8), 1, _constant(value))


def _constant(value: float) -> Any:
    mode: Any = jaxpad.MODES["constant"]
    return functools.partial(mode, value=value)


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        (lambda x, widths: x, r"float32\[3\] for widths .* float32\[5\] was expected"),
        (
            lambda x, widths: jnp.pad(x, widths).astype(jnp.int32),
            r"int32\[5\] .* float32\[5\] was expected",
        ),
    ],
)
def test_a_mode_that_does_more_than_add_cells(returned: Any, text: str):
    with pytest.raises(ValueError, match=text):
        jaxpad.pad(jnp.ones(3), 1, returned)


@pytest.mark.parametrize("returned", [None, 0.5])
def test_a_source_that_is_no_position(returned: Any):
    @jaxpad.source
    def lost(i, n):
        return returned

    text = rf"the source lost returned {returned} for i=-1, n=3: expected the position"
    with pytest.raises(TypeError, match=text):
        jaxpad.pad(jnp.ones(3), 1, lost)
