"""ResNets: published sizes, one padding for all layers, valid with its crop."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxpad import PADDINGS, Padding
from jaxpad.layers import STATEFUL, Conv, Padded, replace_padding
from jaxpad.models import MODELS, Block
from tests.subjects import ON_THE_SPHERE


# Parameters at 1,000 classes as torchvision's models have them.
PARAMETERS = {
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
}


def small(padding: Any = "zero", **options):
    return MODELS["resnet20"](
        1, 10, width=4, padding=padding, rngs=nnx.Rngs(0), **options
    )


@pytest.mark.parametrize(("name", "count"), PARAMETERS.items())
def test_published_number_of_parameters(name: str, count: int):
    model = nnx.eval_shape(lambda: MODELS[name](3, 1000, rngs=nnx.Rngs(0)))
    params = jax.tree.leaves(nnx.state(model, nnx.Param))
    assert sum(p.size for p in params) == count


@pytest.mark.parametrize("name", MODELS)
def test_published_stride_and_shapes(name: str):
    side, stride = (32, 4) if name == "resnet20" else (224, 32)
    model = nnx.eval_shape(lambda: MODELS[name](3, 7, rngs=nnx.Rngs(0)))
    graph, state = nnx.split(model)

    def last_map(state, x):
        model = nnx.merge(graph, state)
        seen = []
        # What the last block makes is what the mean is taken over.
        for block in model.blocks:
            block.__class__ = type("Spy", (Block,), {"__call__": spied(seen)})
        return model(x), seen[-1]

    def spied(seen):
        def call(self, x):
            seen.append(Block.__call__(self, x))
            return seen[-1]

        return call

    x = jax.ShapeDtypeStruct((2, side, side, 3), jnp.float32)
    scores, features = jax.eval_shape(last_map, state, x)
    assert scores.shape == (2, 7)
    assert features.shape[1:3] == (side // stride, side // stride)


# "full" makes the main branch of a block grow; a test below has its error.
@pytest.mark.parametrize(
    "padding", [p for p in PADDINGS if p not in ("full", *ON_THE_SPHERE)]
)
@pytest.mark.parametrize("name", ["resnet20", "resnet18"])
def test_every_padding_reaches_every_layer(name: str, padding: str):
    model = nnx.eval_shape(
        lambda: MODELS[name](1, 3, width=4, padding=padding, rngs=nnx.Rngs(0))
    )
    layers = [m for _, m in nnx.iter_modules(model) if isinstance(m, Padded)]
    spec = PADDINGS[padding]
    assert len(layers) > 15
    for m in layers:
        module = STATEFUL.get(str(spec.mode)) if m.amount != "valid" else None
        assert isinstance(m.mode, module) if module else m.mode == spec.mode
        assert m.reweight == spec.reweight
    graph, state = nnx.split(model)
    x = jax.ShapeDtypeStruct((2, 448, 448, 1), jnp.float32)
    scores = jax.eval_shape(lambda s, x: nnx.merge(graph, s)(x), state, x)
    assert scores.shape == (2, 3)


def test_paddings_differ_and_share_parameters():
    model = small("zero")
    x = jax.random.normal(jax.random.key(0), (2, 8, 8, 1))
    model.eval()
    circular = replace_padding(model, "circular")
    assert np.abs(model(x) - circular(x)).max() > 1e-3
    np.testing.assert_array_equal(replace_padding(circular, "zero")(x), model(x))


@pytest.mark.parametrize("small_image", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
def test_valid_shortcut_lies_under_the_main_branch(small_image: bool, stride: int):
    """A block whose kernels are centred deltas adds the image to itself, cropped."""
    block = Block(
        2,
        2 if small_image else 1,
        stride,
        bottleneck=not small_image,
        preactivated=False,
        padding=Padding(amount="valid"),
        dtype=None,
        rngs=nnx.Rngs(0),
    )
    block.eval()
    for conv in (*block.convs, *([block.projection] if block.projection else [])):
        assert isinstance(conv, Conv)
        kernel = np.zeros(conv.kernel.shape, np.float32)
        middle = kernel.shape[0] // 2
        kernel[middle, middle] = 1  # every output sums all inputs at the centre
        conv.kernel[...] = jnp.asarray(kernel)
    rows = jnp.arange(11.0)[None, :, None, None] * jnp.ones((1, 11, 12, 2))
    out = np.asarray(block(rows))[0, :, 0, 0]
    # Main branch and shortcut are both proportional to the row number: so is the sum.
    first = np.round(out[0] / (out[1] - out[0]) * stride, 3)
    reach = 1 if not small_image else 1 + stride
    assert first == reach


def test_too_small_image_names_the_smallest_legal_one():
    model = small("valid")
    with pytest.raises(ValueError, match="smallest legal input is 81x81"):
        model(jnp.ones((1, 80, 80, 1)))
    assert model(jnp.ones((1, 81, 81, 1))).shape == (1, 10)
    with pytest.raises(ValueError, match="smallest legal input is 5x5"):
        small("reflect")(jnp.ones((1, 4, 4, 1)))
    assert small("reflect")(jnp.ones((1, 5, 5, 1))).shape == (1, 10)


def test_amount_that_grows_the_main_branch_is_refused():
    with pytest.raises(ValueError, match='use the amount "half" or "valid"'):
        small("full")(jnp.ones((1, 16, 16, 1)))


def test_amount_of_its_own_spares_the_windows_of_one():
    x = jax.random.normal(jax.random.key(0), (1, 8, 8, 1))
    same = small(Padding("reflect", amount=1))
    np.testing.assert_array_equal(same(x), small("reflect")(x))
