"""Sweeps in words: what they mean, and what is said of those that mean nothing."""

import itertools
from typing import Any

import pytest
from hypothesis import given, strategies as st

from jaxpad.train import read_sweep
from jaxpad.train.sweep import in_words, with_overrides
from jaxpad.train.sweep.words import split

from .tiny import tiny_config


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("zero=0,1,3", [0, 1, 3]),
        ("padding=zero,constant(value=1.0)", ["zero", "constant(value=1.0)"]),
        ("learning_rate=1,1e-3", [1.0, 1e-3]),
        ("new_head=true,false", [True, False]),
        ("mesh.model=2", [2]),
        ("regularizer=,lorth(weight=0.1)", ["", "lorth(weight=0.1)"]),
        ("augment=(),('flip','cutout'),flip", [(), ("flip", "cutout"), ("flip",)]),
        ("dataset=__import__('os').getcwd()", ["__import__('os').getcwd()"]),
    ],
)
def test_values_have_the_type_of_the_configs_own(word: str, values: list[Any]):
    key = word.partition("=")[0]
    found = read_sweep([word], tiny_config())
    assert found == [{key: value} for value in values]
    assert [type(arm[key]) for arm in found] == [type(value) for value in values]


def test_words_make_every_combination():
    found = read_sweep(["zero=0,3", "mesh.model=1,2", "seed=5"], tiny_config())
    assert [tuple(arm.values()) for arm in found] == [
        (zero, model, 5) for zero, model in itertools.product((0, 3), (1, 2))
    ]
    assert in_words(found[-1]) == "zero=3 mesh.model=2 seed=5"


def test_without_words_one_arm_changes_nothing():
    assert read_sweep([], tiny_config()) == [{}]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["zero"], r"'zero': expected KEY=VALUE,VALUE,\.\.\., such as --sweep zero=0"),
        (["pading=zero"], r"no key 'pading'\. Did you mean 'padding'\?"),
        (["config.zero=1"], r"no key 'config\.zero'\. Did you mean 'zero'\?"),
        (["mesh=1"], r"keys of its own, mesh\.columns, .*--sweep mesh\.columns=1"),
        (["padding="], r"padding=: no values\. .*--sweep 'padding=partial'"),
        (
            ["zero=0,many"],
            r"zero=0,many: 'many' is not a whole number, as config\.zero",
        ),
        (["zero=0,,1"], r"'' is not a whole number"),
        (["zero=0,1,0"], r"zero=0,1,0: '0' stands there twice"),
        (["zero=1.5"], r"'1\.5' is not a whole number"),
        (["new_head=maybe"], "'maybe' is not true or false"),
        (["learning_rate=fast"], "'fast' is not a number"),
        (["augment=flip cutout"], "'flip cutout' is not a tuple"),
        (["augment={[]: 1}"], r"'\{\[\]: 1\}' is not a tuple"),
        (["model=resnet20(width=4"], r"model=resnet20\(width=4: a \) is missing"),
        (["zero=0,1", "zero=3"], r"zero has values already.* such as zero=0,1,3"),
    ],
)
def test_mistake_is_named(words: list[str], message: str):
    with pytest.raises(ValueError, match=message):
        read_sweep(words, tiny_config())


def test_a_value_is_never_run():
    with pytest.raises(ValueError, match="is not a whole number"):
        read_sweep(["zero=int(1)"], tiny_config())
    (arm,) = read_sweep(["augment=(print('run'),)"], tiny_config())
    assert arm["augment"] == ("(print('run'),)",)


def test_overrides_change_a_copy():
    config = tiny_config()
    changed = with_overrides(config, {"zero": 3, "mesh.model": 2, "augment": ("flip",)})
    assert (changed.zero, changed.mesh.model, changed.augment) == (3, 2, ("flip",))
    assert (config.zero, config.mesh.model, config.augment) == (0, 1, ())
    assert changed.is_locked
    left = {"zero": 0, "mesh.model": 1, "augment": ()}
    assert with_overrides(changed, left) == config


LEAVES = st.sampled_from(["zero", "1", "a b", "'a,b'", '"(,"', ""])
ITEMS = st.recursive(
    LEAVES, lambda inner: st.builds("({},{})".format, inner, inner), max_leaves=5
)


@given(st.lists(ITEMS, min_size=1, max_size=4))
def test_commas_in_brackets_and_quotes_part_nothing(items: list[str]):
    assert split(",".join(items)) == items


def test_a_long_word_is_read_once():
    # Letter by letter onto a growing text, this took minutes.
    parts = split("-" * 10**6 + ",1")
    assert [len(part) for part in parts] == [10**6, 1]
