"""The `Padding` record, and the registry of paddings."""

import dataclasses
from typing import Any

import pytest

import jaxpad
from jaxpad.padding import MODES, PADDINGS, Padding, as_padding


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


def test_what_the_package_shows():
    assert jaxpad.MODES is MODES
    assert jaxpad.PADDINGS is PADDINGS


@pytest.mark.parametrize("text", ["('reflect', 'circ", "(reflect, circular)"])
def test_modes_per_axis_that_cannot_be_read(text: str):
    with pytest.raises(ValueError, match="write a mode per axis with the names in"):
        as_padding(text)
