"""`zero_init_model` on our networks and on those of others."""

import functools
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxpad.init import zero_init
from jaxpad.layers import Conv, ConvTranspose, LearnedConstant, zero_init_model
from jaxpad.models import MODELS
from tests.subjects import integers


class Torchvision(nnx.Module):
    """The names of torchvision, more convolutions than digits, and groups."""

    def __init__(self, rngs: nnx.Rngs):
        conv = functools.partial(nnx.Conv, kernel_size=(3, 3), rngs=rngs)
        self.conv1 = conv(3, 8)
        self.layer1 = nnx.List([nnx.Dict(), nnx.Dict()])
        for n in range(1, 12):
            self.layer1[0][f"conv{n}"] = conv(8, 8)
            self.layer1[1][f"conv_{n}"] = conv(8, 8, feature_group_count=2)
        self.downsample = conv(8, 16, feature_group_count=4)
        self.shift = nnx.Param(jnp.ones(3))
        self.fc = nnx.Linear(16, 20, rngs=rngs)


class Rare(nnx.Module):
    """Names that no default can guess, with other norms."""

    def __init__(self, rngs: nnx.Rngs):
        self.body = nnx.List(
            nnx.Sequential(
                nnx.GroupNorm(4, num_groups=2, rngs=rngs),
                Conv(4, 4, (3, 3), padding="learned_constant", rngs=rngs),
                nnx.relu,
                nnx.Conv(4, 4, (3, 3), rngs=rngs),
            )
            for _ in range(2)
        )


def make(name: str, seed: int = 0, **options: Any) -> Any:
    return MODELS[name](3, 10, width=8, rngs=nnx.Rngs(seed), **options)


def kernels(model: nnx.Module) -> dict[str, Any]:
    return {
        "/".join(map(str, path)): module.kernel[...]
        for path, module in nnx.iter_modules(model)
        if isinstance(module, (nnx.Conv, nnx.Linear, Conv))
    }


def scrambled(model: Any) -> Any:
    """A model all of whose variables have been trained to something else."""
    state = nnx.state(model)
    return nnx.merge(nnx.graphdef(model), jax.tree.map(lambda v: v + 3, state))


@pytest.mark.parametrize(
    "name",
    ["resnet20", "resnet18", pytest.param("resnet50", marks=pytest.mark.slow)],
)
def test_every_block_of_our_networks_begins_as_its_shortcut(name: str):
    model = zero_init_model(scrambled(make(name)))
    model.eval()
    shortcuts, seen = 0, set()
    for block in model.blocks:
        features = block.convs[0].in_features
        shortcuts += block.projection is None
        if block.projection is None and features not in seen:
            seen.add(features)
            x = jnp.abs(integers((1, 4, 4, features)))
            np.testing.assert_array_equal(block(x), x)
        assert not block.convs[-1].kernel[...].any()
    assert shortcuts > len(model.blocks) / 2


@pytest.mark.parametrize("name", ["resnet20", "resnet18", "resnet50"])
@pytest.mark.parametrize("options", [{}, {"transform": "dct", "scale": "paper"}])
def test_every_other_kernel_is_that_of_zero_init(name: str, options: Any):
    model = zero_init_model(scrambled(make(name)), **options)
    last = {f"blocks/{n}/convs/{len(b.convs) - 1}" for n, b in enumerate(model.blocks)}
    for path, kernel in kernels(model).items():
        if path not in last:
            expected = zero_init(**options)(None, kernel.shape)
            np.testing.assert_array_equal(kernel, expected, err_msg=path)


def test_norms_and_biases_begin_as_if_new():
    model = make("resnet20")
    new = zero_init_model(scrambled(model))
    chex.assert_trees_all_equal(new.norm, model.norm)
    chex.assert_trees_all_equal(new.blocks[0].norms[0], model.blocks[0].norms[0])
    assert not new.head.bias[...].any()


def test_the_seed_is_forgotten_and_the_model_kept():
    models = [make("resnet20", seed) for seed in (0, 1)]
    before = jax.tree.map(jnp.copy, nnx.state(models[0]))
    first, second = map(zero_init_model, models)
    chex.assert_trees_all_equal(nnx.state(first), nnx.state(second))
    chex.assert_trees_all_equal(nnx.state(models[0]), before)
    x = np.ones((2, 8, 8, 3), np.float32)
    np.testing.assert_array_equal(first(x), second(x))


def test_names_of_others_are_found():
    """The last of eleven is the eleventh, and the stem is no branch."""
    found = kernels(zero_init_model(Torchvision(nnx.Rngs(0))))
    zeros = {path for path, kernel in found.items() if not kernel.any()}
    assert zeros == {"layer1/0/conv11", "layer1/1/conv_11"}
    for path, groups in (("downsample", 4), ("layer1/1/conv_3", 2), ("fc", 1)):
        expected = zero_init(groups=groups)(None, found[path].shape)
        np.testing.assert_array_equal(found[path], expected)


def test_rules_are_the_user_s():
    model = Rare(nnx.Rngs(0))
    by_branch = zero_init_model(model, r"(body/\d)/layers/\d")
    by_name = zero_init_model(model, [r"body/0/layers/3", r"1/layers/3"])
    for new in (by_branch, by_name):
        found = kernels(new)
        zeros = {path for path, kernel in found.items() if not kernel.any()}
        assert zeros == {"body/0/layers/3", "body/1/layers/3"}
    one = kernels(zero_init_model(model, "body/0/layers/3"))
    assert one["body/1/layers/3"].any()


def test_a_mode_s_values_and_vectors_stay():
    model = Torchvision(nnx.Rngs(0))
    assert zero_init_model(model).shift[...].sum() == 3
    rare: Any = Rare(nnx.Rngs(0))
    rare.body[0].layers[1].padding.mode.value[...] = jnp.arange(4.0)
    mode = zero_init_model(rare, "layers/3").body[0].layers[1].padding.mode
    assert isinstance(mode, LearnedConstant)
    np.testing.assert_array_equal(mode.value[...], np.arange(4))
    # Its weights have more than one axis, and one is in a pool.
    learned = zero_init_model(make("resnet18", padding="learned_extrapolation"))
    assert learned.pool.padding.mode.weights.ndim > 1


def test_a_rule_that_matches_nothing_is_refused():
    with pytest.raises(ValueError, match=r"matches none of the layers body/0/layers/1"):
        zero_init_model(Rare(nnx.Rngs(0)))
    with pytest.raises(ValueError, match=r"branches: 'conv' matches none .* Name the"):
        zero_init_model(Rare(nnx.Rngs(0)), ["layers/3", "conv"])
    with pytest.raises(ValueError, match=r"'\(' is no regex"):
        zero_init_model(Rare(nnx.Rngs(0)), "(")


@pytest.mark.parametrize(
    "other",
    [
        lambda rngs: nnx.Embed(5, 4, rngs=rngs),
        lambda rngs: nnx.ConvTranspose(4, 4, (3, 3), rngs=rngs),
        lambda rngs: ConvTranspose(4, 4, (3, 3), rngs=rngs),
    ],
)
def test_what_would_stay_random_is_refused(other: Any):
    model = nnx.Dict(trunk=Rare(nnx.Rngs(0)), other=other(nnx.Rngs(0)))
    kind = type(model.other).__name__
    with pytest.raises(
        ValueError, match=rf"other is a {kind} .* of shape .* stay random"
    ):
        zero_init_model(model, "layers/3")
    zero_init_model(model.trunk, "layers/3")
