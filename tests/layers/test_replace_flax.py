"""`replace_padding` on `flax.nnx.Conv`: the grid that each layer sampled is kept."""

import functools
from typing import Any

import chex
import jax
import numpy as np
import optax
import pytest
from flax import nnx

from jaxpad import Padding
from jaxpad.layers import Conv, replace_padding
from tests.subjects import integers, sixteenths


# flax's padding -> ours that fills the cells in the same way
FLAX: list[tuple[Any, str]] = [
    ("SAME", "zero"),
    ("SAME_LOWER", "zero"),
    ("VALID", "zero"),
    ("CIRCULAR", "circular"),
    ("REFLECT", "reflect"),
    (2, "zero"),
    ([1, 2], "zero"),
    ([(2, 0), (1, 3)], "zero"),
    (((0, 1), (2, 2)), "zero"),
    ([(2, 1), 1], "zero"),
]
every_step = pytest.mark.parametrize(
    ("stride", "dilation", "kernel"),
    [
        (1, 1, (3, 3)),
        (2, 1, (3, 3)),
        (2, 1, (4, 2)),
        (1, 2, (4, 2)),
        ((2, 1), (2, 1), (2, 3)),
        (None, None, (4, 3)),
    ],
)


@pytest.mark.parametrize(("padding", "ours"), FLAX)
@every_step
def test_same_output(padding: Any, ours: str, stride: Any, dilation: Any, kernel: Any):
    x = integers((2, 9, 8, 2))
    layer = nnx.Conv(
        2,
        4,
        kernel,
        stride,
        padding=padding,
        kernel_dilation=dilation,
        feature_group_count=2,
        kernel_init=sixteenths,
        rngs=nnx.Rngs(0),
    )
    new = replace_padding(nnx.Sequential(layer), ours)
    assert isinstance(new.layers[0], Conv)
    chex.assert_trees_all_close(nnx.jit(new)(x), layer(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2, None])
@pytest.mark.parametrize("dilation", [1, 2, None])
def test_causal(stride: Any, dilation: Any):
    x = integers((2, 9, 2))
    layer = nnx.Conv(
        2,
        3,
        3,
        stride,
        padding="CAUSAL",
        kernel_dilation=dilation,
        kernel_init=sixteenths,
        rngs=nnx.Rngs(0),
    )
    new: Any = replace_padding(layer, "zero")
    assert new.padding == Padding("zero", "causal")
    chex.assert_trees_all_close(new(x), layer(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("padding", "ours"), FLAX)
def test_every_mode_keeps_the_grid(padding: Any, ours: str):
    """Away from the border the new layer gives what the old one gave."""
    layer = nnx.Conv(
        1, 1, (3, 3), 2, padding=padding, kernel_init=sixteenths, rngs=nnx.Rngs(0)
    )
    x = integers((1, 16, 17, 1))
    old = layer(x)
    for mode in ("zero", "replicate", "partial"):
        new: Any = replace_padding(layer, mode)
        assert new(x).shape == old.shape
        inside = (slice(None), slice(2, -2), slice(2, -2))
        chex.assert_trees_all_close(new(x)[inside], old[inside], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"use_bias": False},
        {"dtype": "bfloat16"},
        {"precision": "highest"},
        {"kernel_dilation": None, "input_dilation": None},
    ],
)
def test_options_are_kept(options: dict[str, Any]):
    layer = nnx.Conv(1, 2, (3, 3), kernel_init=sixteenths, rngs=nnx.Rngs(0), **options)
    new: Any = replace_padding(layer, "zero")
    x = integers((1, 6, 6, 1))
    got, expected = new(x), layer(x)
    assert got.dtype == expected.dtype
    chex.assert_trees_all_close(got, expected, rtol=1e-5, atol=1e-5)
    assert new.precision == layer.precision


class CNN(nnx.Module):
    """The model of flax's MNIST tutorial, line by line but for smaller widths."""

    def __init__(self, *, rngs: nnx.Rngs):
        self.conv1 = nnx.Conv(1, 8, kernel_size=(3, 3), rngs=rngs)
        self.batch_norm1 = nnx.BatchNorm(8, rngs=rngs)
        self.dropout1 = nnx.Dropout(rate=0.025, rngs=rngs)
        self.conv2 = nnx.Conv(8, 16, kernel_size=(3, 3), rngs=rngs)
        self.batch_norm2 = nnx.BatchNorm(16, rngs=rngs)
        self.avg_pool = functools.partial(
            nnx.avg_pool, window_shape=(2, 2), strides=(2, 2)
        )
        self.linear1 = nnx.Linear(3 * 3 * 16, 32, rngs=rngs)
        self.dropout2 = nnx.Dropout(rate=0.025, rngs=rngs)
        self.linear2 = nnx.Linear(32, 10, rngs=rngs)

    def __call__(self, x: jax.Array, rngs: nnx.Rngs | None = None) -> jax.Array:
        x = self.batch_norm1(self.dropout1(self.conv1(x), rngs=rngs))
        x = self.avg_pool(nnx.relu(x))
        x = self.batch_norm2(self.conv2(x))
        x = self.avg_pool(nnx.relu(x))
        x = x.reshape(x.shape[0], -1)
        x = nnx.relu(self.dropout2(self.linear1(x), rngs=rngs))
        return self.linear2(x)


@jax.numpy_dtype_promotion("standard")  # flax's Dropout needs it
def test_the_tutorial_s_model_trains_with_another_padding():
    model = CNN(rngs=nnx.Rngs(0))
    x, labels = integers((8, 12, 12, 1)), integers((8,), dtype=np.int32) + 4
    new = replace_padding(model, "partial")
    assert type(new) is CNN
    optimizer = nnx.Optimizer(new, optax.sgd(0.05), wrt=nnx.Param)

    @nnx.jit
    def step(model: CNN, optimizer: nnx.Optimizer) -> jax.Array:
        def loss(model: CNN) -> jax.Array:
            cross_entropy = optax.softmax_cross_entropy_with_integer_labels
            return cross_entropy(model(x), labels).mean()

        value, grads = nnx.value_and_grad(loss)(model)
        optimizer.update(model, grads)
        return value

    losses = [float(step(new, optimizer)) for _ in range(5)]
    assert losses[-1] < losses[0]
    # Its parameters are the old model's.
    models = (model, new, replace_padding(new, "zero"))
    for m in models:
        m.eval()
    zero, partial, back = (nnx.jit(lambda m: m(x))(m) for m in models)
    assert not np.allclose(zero, partial)
    chex.assert_trees_all_close(back, zero, rtol=1e-4, atol=1e-4)
