"""What `jaxpad.pad` refuses, and what it says."""

import functools
import inspect
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxpad
from jaxpad.padding import rule_of
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


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1e6, jnp.float16),
        (-7e4, jnp.float16),
        (3.5e38, jnp.bfloat16),
        (1e39, np.float32),
        (0.5, np.bool_),
        (2.0, np.bool_),
        (-1.0, np.bool_),
    ],
)
def test_a_value_beyond_the_range_of_the_array(value: float, dtype: Any):
    name = np.dtype(dtype).name
    with pytest.raises(ValueError, match=rf"fills cells with .*{name}\s+cannot hold"):
        jaxpad.pad(jnp.ones(3, dtype), 1, _constant(value))


def test_values_that_an_array_can_hold():
    for value, dtype in ((65519.0, jnp.float16), (True, np.bool_), (1, np.bool_)):
        padded = jaxpad.pad(jnp.ones(3, dtype), 1, _constant(value))
        assert padded[0] == np.asarray(value, dtype)
    for value in (np.inf, -np.inf, np.nan):
        padded = jaxpad.pad(jnp.ones(3, jnp.float16), 1, _constant(value))
        np.testing.assert_array_equal(padded[0], value)
    for one in (np.int64(1), np.float32(1), jnp.array(1)):
        assert jaxpad.pad(jnp.zeros(3), 1, _constant(one))[0] == 1


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("mean(cells=1.5)", "whole number, such as cells=2"),
        ("median(cells=1.5)", "whole number, such as cells=2"),
        ("median(cells='two')", "whole number, such as cells=2"),
        ("linear_prediction(order=1.5)", "whole number, such as order=2"),
        ("linear_prediction(ridge='a')", "number that is .* such as ridge=1.0"),
        ("distribution(patch=2.5)", "whole number, such as patch=2"),
        ("constant(value='a')", "number that is .* such as value=1.0"),
        ("constant(value='1.5')", "number that is .* such as value=1.0"),
        ("constant(value=1j)", "number that is .* such as value=1.0"),
        ("constant(value=(1.0, 2.0))", "number that is .* such as value=1.0"),
    ],
)
def test_options_of_another_kind(mode: str, text: str):
    """The error repeats what was written."""
    call: Any = jaxpad.MODES.resolve(mode)
    if rule_of(call) is None:  # without the types that the tests check before
        call = functools.partial(inspect.unwrap(call.func), **call.keywords)
    with pytest.raises(TypeError, match=f"{re.escape(mode)}: expected a {text}"):
        jaxpad.pad(jnp.ones(6), 1, call)


def test_a_constant_is_known_while_tracing():
    with pytest.raises(TypeError, match="known while tracing, such as value="):
        jax.jit(lambda v: jaxpad.pad(jnp.ones(3), 1, _constant(v)))(1.0)


def _constant(value: Any) -> Any:
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
