"""The `Padding` record, and the registry of paddings."""

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
import scipy.ndimage

import jaxpad
from jaxpad.layers import LearnedConstant
from jaxpad.padding import MODES, PADDINGS, Padding, as_padding
from jaxpad.padding.names import ELSEWHERE, mode_name


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_a_padding(mode: str):
    assert as_padding(mode) == PADDINGS[mode] == Padding(mode)
    assert PADDINGS[mode].amount is None


def test_the_paddings_that_are_no_modes():
    assert as_padding("partial") == Padding("zero", None, "partial")
    assert as_padding("partial_sqrt") == Padding("zero", None, "partial_sqrt")
    assert as_padding("valid") == Padding("zero", "valid")
    assert as_padding("full") == Padding("zero", "full")
    assert not {"partial", "partial_sqrt", "valid", "full"} & set(MODES)


@pytest.mark.parametrize(
    "spec",
    [
        "constant(value=1.0)",
        "jax.numpy:pad",
        ("circular", "zero"),
        (("reflect", "replicate"), "circular"),
        MODES["reflect"],
    ],
)
def test_a_mode_becomes_a_padding(spec: Any):
    assert as_padding(spec) == Padding(mode=spec)


def test_a_padding_stays_itself():
    padding = Padding("reflect", (1, 2), "partial")
    assert as_padding(padding) is padding
    with pytest.raises(dataclasses.FrozenInstanceError):
        padding.mode = "zero"  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"mode": "valid"}, 'is an amount, not a mode.*Padding.amount="valid"'),
        ({"mode": "nonsense"}, "unknown padding mode 'nonsense'"),
        ({"mode": ("zero", "nonsense")}, "unknown padding mode 'nonsense'"),
        ({"mode": "partial"}, "unknown padding mode 'partial'"),
        ({"amount": "most"}, "unknown amount 'most'.*'same', 'same_lower'"),
        ({"amount": -1}, r"widths \(-1, -1\) are negative"),
        ({"amount": ((1, 1), (0, -2))}, r"widths \(0, -2\) are negative"),
        ({"reweight": "partly"}, "unknown reweight 'partly'.*'partial'"),
    ],
)
def test_refusals(arguments: dict[str, Any], text: str):
    with pytest.raises(ValueError, match=text):
        Padding(**arguments)


@pytest.mark.parametrize("name", ["circlar", "valid_", ""])
def test_unknown_paddings(name: str):
    with pytest.raises(ValueError, match=rf"unknown padding {name!r}.*'valid'"):
        as_padding(name)


def test_a_near_miss_is_named():
    with pytest.raises(ValueError, match="Did you mean 'circular'"):
        as_padding("CIRCULAR")


def drawn_by_others(name: str, cells: np.ndarray, width: int) -> np.ndarray:
    """What NumPy, SciPy or PyTorch put around a row under a name of theirs."""
    if name in ("wrap", "edge"):
        return np.pad(cells, width, mode=name)
    if name == "zeros":
        return np.pad(cells, width)
    around = np.arange(-width, len(cells) + width)
    return scipy.ndimage.map_coordinates(cells, [around], order=1, mode=name)


@pytest.mark.parametrize(
    "name", ["wrap", "edge", "mirror", "nearest", "zeros", "grid-wrap", "grid-mirror"]
)
def test_a_name_of_another_library_is_answered_with_ours(name: str):
    for read in (as_padding, Padding, MODES.resolve):
        with pytest.raises(ValueError, match=rf"'{name}'\. Did you mean ") as e:
            read(name)
        ours = str(e.value).split("Did you mean '")[1].split("'")[0]
        cells = np.array([3.0, 1.0, 4.0, 1.5, 9.0])
        expected = drawn_by_others(name, cells, 4)
        np.testing.assert_array_equal(jaxpad.pad(cells, 4, ours), expected)


def test_names_elsewhere_are_not_ours_and_lead_to_ours():
    assert not set(ELSEWHERE) & set(PADDINGS)
    assert set(ELSEWHERE.values()) <= set(MODES)


@pytest.mark.parametrize("name", ["partial", "partial_sqrt"])
def test_a_reweighting_among_modes_says_where_it_goes(name: str):
    text = rf"Padding\(\(\"zero\", \"circular\"\), reweight=\"{name}\"\)"
    for read in (lambda: Padding(name), lambda: as_padding((name, "circular"))):
        with pytest.raises(ValueError, match=text):
            read()
    typed = Padding(("zero", "circular"), reweight=name)
    assert jaxpad.avg_pool(np.ones((1, 4, 4, 1)), (2, 2), padding=typed).shape


@pytest.mark.parametrize("name", ["same", "SAME", "causal", "half"])
def test_an_amount_among_modes_is_told(name: str):
    text = f'It is an amount, not a mode: write amount="{name.lower()}"'
    for read in (as_padding, Padding, lambda name: Padding(("zero", name))):
        with pytest.raises(ValueError, match=text):
            read(name)


@pytest.mark.parametrize(
    ("cells", "amount"),
    [
        (((1, 1), (0, 2)), "((1, 1), (0, 2))"),
        ([(1, 1), (0, 2)], "((1, 1), (0, 2))"),
        ((1, 2), "((1, 1), (2, 2))"),  # flax and PyTorch: one number per axis
        ((1, (0, 2)), "((1, 1), (0, 2))"),
        (2, "2"),
        (np.int64(2), "np.int64(2)"),
    ],
)
def test_numbers_of_cells_are_told_to_be_an_amount(cells: Any, amount: str):
    with pytest.raises(TypeError, match=re.escape(f"write amount={amount}, and pad")):
        as_padding(cells)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("SAME", "unknown amount 'SAME'. Did you mean 'same'"),
        ("SAME_LOWER", "Did you mean 'same_lower'"),
        ("circular", 'amount=.circular. says what fills .* write padding="circular"'),
        ("wrap", 'amount=.wrap. says what fills the cells.* write padding="circular"'),
        ("partial", 'amount=.partial. says what fills .* write padding="partial"'),
    ],
)
def test_amounts_that_are_none(amount: str, text: str):
    with pytest.raises(ValueError, match=text):
        Padding(amount=amount)
    with pytest.raises(ValueError, match=text):
        jaxpad.conv(np.ones((1, 4, 1)), np.ones((3, 1, 1)), amount=amount)
    with pytest.raises(ValueError, match=text):
        jaxpad.conv_transpose(np.ones((1, 4, 1)), np.ones((3, 1, 1)), amount=amount)


def test_what_the_package_shows():
    assert jaxpad.MODES is MODES
    assert jaxpad.PADDINGS is PADDINGS


@pytest.mark.parametrize("text", ["('reflect', 'circ", "(reflect, circular)"])
def test_modes_per_axis_that_cannot_be_read(text: str):
    with pytest.raises(ValueError, match="write a mode per axis with the names in"):
        as_padding(text)


def test_a_rule_in_a_record_is_its_name():
    assert repr(Padding(MODES["circular"]).mode) == "<padding mode circular>"


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("constant(value=1.0)", "constant(value=1.0)"),
        (MODES["reflect"], "reflect"),
        (MODES.resolve("constant(value=1.0)"), "constant(value=1.0)"),
        ((("zero", MODES["circular"]), "linear"), "((zero, circular), linear)"),
        (LearnedConstant(2, 1), "LearnedConstant"),
    ],
)
def test_a_mode_in_a_message_is_one_line(mode: Any, name: str):
    assert mode_name(mode) == name
