"""`replace_padding` on models of our own layers and of flax's."""

import functools
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import jaxpad
from jaxpad import Padding
from jaxpad.layers import (
    AvgPool,
    Conv,
    LearnedConstant,
    MaxPool,
    replace_padding,
)
from tests.subjects import PADDING_SPECS, integers, sixteenths


X = integers((2, 9, 8, 1))


class Block(nnx.Module):
    """Layers in a List, a Dict and attributes, one of them used in two places."""

    def __init__(self, make: Any, rngs: nnx.Rngs):
        make = functools.partial(make, kernel_init=sixteenths)
        self.stem = make(1, 4, (3, 3), rngs=rngs)
        self.stages = nnx.List([make(4, 4, (3, 3), rngs=rngs) for _ in range(2)])
        self.heads = nnx.Dict(wide=make(4, 4, (5, 3), rngs=rngs), norm=None)
        self.again = self.stages[0]
        self.norm = nnx.BatchNorm(4, rngs=rngs)
        self.drop = nnx.Dropout(0.5, rngs=rngs)
        self.tail = nnx.Sequential(make(4, 2, (1, 1), rngs=rngs), nnx.relu)
        self.scale = 2.0

    def __call__(self, x: jax.Array) -> jax.Array:
        x = self.stem(x)
        for stage in self.stages:
            x = nnx.relu(stage(x))
        x = self.again(self.norm(x)) + self.heads["wide"](x)
        return self.tail(self.drop(x)) * self.scale


def block(make: Any = nnx.Conv) -> Block:
    model = Block(make, nnx.Rngs(0))
    model.eval()
    return model


def layers_of(model: nnx.Module) -> dict[str, Conv]:
    found = ((path, m) for path, m in nnx.iter_modules(model) if isinstance(m, Conv))
    return {"/".join(map(str, path)): m for path, m in found}


@pytest.mark.parametrize("make", [nnx.Conv, Conv])
@pytest.mark.parametrize("padding", PADDING_SPECS)
def test_every_layer_has_the_padding(make: Any, padding: str):
    model = replace_padding(block(make), padding)
    assert type(model) is Block
    paths = {"stem", "stages/0", "stages/1", "heads/wide", "tail/layers/0"}
    assert len(layers_of(model)) == len(paths)
    wanted = jaxpad.padding.as_padding(padding)
    for layer in layers_of(model).values():
        assert layer.padding.mode == wanted.mode
        assert layer.padding.reweight == wanted.reweight
        assert layer.padding.amount == (wanted.amount or "same")


@pytest.mark.parametrize("make", [nnx.Conv, Conv])
def test_what_it_had_changes_nothing(make: Any):
    model = block(make)
    same = replace_padding(model, "zero")
    chex.assert_trees_all_close(same(X), model(X), rtol=1e-5, atol=1e-5)
    other = replace_padding(model, "circular")
    assert not np.allclose(other(X), model(X))
    chex.assert_trees_all_close(nnx.jit(other)(X), other(X), rtol=1e-4, atol=1e-4)


def test_a_layer_in_two_places_stays_one():
    model = replace_padding(block(), "reflect")
    assert model.again is model.stages[0]
    assert len(jax.tree.leaves(nnx.state(model, nnx.Param))) == 12


@pytest.mark.parametrize("make", [nnx.Conv, Conv])
def test_variables_are_shared_and_a_clone_s_are_not(make: Any):
    model = block(make)
    new = replace_padding(model, "circular")
    apart = nnx.clone(new)
    assert new.stages[1].kernel is model.stages[1].kernel
    assert new.norm.mean is model.norm.mean
    before = new(X)
    model.stages[1].kernel[...] = jnp.zeros((3, 3, 4, 4))
    assert not np.allclose(new(X), before)
    chex.assert_trees_all_equal(apart(X), before)


@pytest.mark.parametrize("make", [nnx.Conv, Conv])
def test_the_state_is_laid_out_as_before(make: Any):
    model = block(make)
    new = replace_padding(model, "circular")
    for kind in (nnx.Param, nnx.BatchStat, nnx.RngState):
        states = [nnx.to_pure_dict(nnx.state(m, kind)) for m in (model, new)]
        chex.assert_trees_all_equal_structs(*states)
    params = [nnx.to_pure_dict(nnx.state(m, nnx.Param)) for m in (model, new)]
    chex.assert_trees_all_equal(*params)


def test_the_original_keeps_its_padding():
    model = block(Conv)
    before = model(X)
    replace_padding(model, Padding("reflect", amount=0, reweight="partial"))
    assert all(m.padding == Padding("zero", "same") for m in layers_of(model).values())
    chex.assert_trees_all_equal(model(X), before)


def test_there_and_back():
    model = block(Conv)
    there = replace_padding(model, Padding("circular", amount="half"))
    back = replace_padding(there, Padding("zero", amount="same"))
    chex.assert_trees_all_equal(back(X), model(X))
    chex.assert_trees_all_equal_structs(nnx.split(back)[1], nnx.split(model)[1])


def test_a_layer_alone():
    assert replace_padding(block(Conv).stem, "circular").padding.mode == "circular"
    alone = replace_padding(block().stem, "circular")
    assert isinstance(alone, Conv)


def test_pooling_layers_too():
    model = nnx.Sequential(MaxPool((3, 3), 2, amount="half"), AvgPool((2, 2)))
    new = replace_padding(model, "reflect")
    layers: Any = new.layers
    assert [m.padding for m in layers] == [
        Padding("reflect", "half"),
        Padding("reflect", "valid"),
    ]


def test_rules_by_path():
    """The first rule that is found in the path decides; the rest stays as it is."""
    rules = {r"^stages/1$": "reflect", "stages": "circular", "heads/wide": "partial"}
    model = replace_padding(block(), rules)
    assert model.stages[0].padding.mode == "circular"
    assert model.stages[1].padding.mode == "reflect"
    assert model.heads["wide"].padding.reweight == "partial"
    assert type(model.stem) is type(model.tail.layers[0]) is nnx.Conv


def test_a_rule_that_matches_nothing():
    rules = {"stem": "circular", "no_such_layer": "zero"}
    with pytest.raises(ValueError, match=r"no layer .* matches \['no_such_layer'\]"):
        replace_padding(block(), rules)


def test_a_model_without_such_layers():
    with pytest.raises(ValueError, match="no layer with a padding matches"):
        replace_padding(nnx.Linear(2, 2, rngs=nnx.Rngs(0)), "circular")


@pytest.mark.parametrize(
    "options",
    [
        {"input_dilation": 2},
        {"input_dilation": (1, 2)},
        {"mask": jnp.ones((3, 3, 1, 1))},
        {"preferred_element_type": jnp.float32},
    ],
)
def test_layers_that_have_no_counterpart(options: dict[str, Any]):
    odd = nnx.Conv(1, 1, (3, 3), rngs=nnx.Rngs(0), **options)
    model = nnx.Sequential(nnx.Conv(1, 1, (3, 3), rngs=nnx.Rngs(0)), odd)
    text = f"layers/1: a Conv with {next(iter(options))} has no counterpart"
    with pytest.raises(ValueError, match=text):
        replace_padding(model, "circular")
    new = replace_padding(model, {"layers/0": "circular"})
    assert isinstance(new.layers[0], Conv)
    assert isinstance(new.layers[1], nnx.Conv)


def test_an_unknown_padding():
    with pytest.raises(ValueError, match="Did you mean 'circular'"):
        replace_padding(block(), "circlar")


@pytest.mark.parametrize("make", [nnx.Conv, Conv])
def test_a_padding_for_another_number_of_axes(make: Any):
    rngs = nnx.Rngs(0)
    model = nnx.Sequential(make(1, 1, (3, 3), rngs=rngs), make(1, 1, (3,), rngs=rngs))
    text = "layers/1: mode has 2 entries, one per axis, but 1 axes"
    with pytest.raises(ValueError, match=text):
        replace_padding(model, ("circular", "zero"))


def test_a_layer_that_cannot_have_the_padding_is_offered_a_rule():
    rngs = nnx.Rngs(0)
    layers = [Conv(1, 1, (3, 3), rngs=rngs), MaxPool((2, 2), amount=1)]
    model = nnx.Sequential(*layers)
    with pytest.raises(ValueError, match="layers/1: ") as e:
        replace_padding(model, "learned_constant")
    rules = str(e.value).split("replace_padding(model, ")[1].rstrip(").")
    assert rules == '{"^layers/1$": "zero", "": ...}'
    typed = eval(rules.replace("...", '"learned_constant"'))
    new: Any = replace_padding(model, typed)
    assert new.layers[1].padding.mode == "zero"
    assert isinstance(new.layers[0].mode, LearnedConstant)


@pytest.mark.parametrize("amount", [0, (0, 0), ((0, 0), (0, 0)), "valid"])
@pytest.mark.parametrize("padding", ["learned_constant", "random"])
def test_a_pool_that_adds_nothing_takes_every_padding(padding: str, amount: Any):
    model = nnx.Sequential(MaxPool((2, 2), 1, amount=amount))
    new = replace_padding(model, padding)
    chex.assert_trees_all_equal(new(X), model(X))
    assert not jax.tree.leaves(nnx.state(new))


def test_a_rule_that_is_no_regex():
    with pytest.raises(ValueError, match=r"the rule 'stem\(' is no regex .*re\.escape"):
        replace_padding(block(), {"stem(": "circular"})


def test_a_module_that_is_no_pytree():
    class Closed(nnx.Module, pytree=False):
        def __init__(self):
            self.conv = nnx.Conv(1, 1, (3, 3), rngs=nnx.Rngs(0))

    model = nnx.Sequential(nnx.Conv(1, 1, (3, 3), rngs=nnx.Rngs(0)), Closed())
    with pytest.raises(ValueError, match="layers/1: Closed has pytree=False"):
        replace_padding(model, "circular")


def test_subclass_of_the_flax_layer_is_not_replaced_in_silence():
    class Scaled(nnx.Conv):
        def __call__(self, inputs: Any, out_sharding: Any = None) -> Any:
            return 3 * super().__call__(inputs, out_sharding)

    model = nnx.Sequential(Scaled(1, 1, (3, 3), rngs=nnx.Rngs(0)))
    with pytest.raises(ValueError, match="layers/0: a Scaled that overrides"):
        replace_padding(model, "circular")
