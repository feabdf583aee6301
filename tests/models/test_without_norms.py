"""Networks without batch norms: all but the norms is the same, and blocks begin off."""

import functools
import zlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxpad.models import MODELS, Block
from jaxpad.models.parts import Shift


NETS = {
    "resnet20": {"blocks": (1, 1), "width": 4},
    "resnet18": {"blocks": (1, 1, 1, 1), "width": 4},
    "resnet50": {"blocks": (1, 1, 1, 1), "width": 2},
    "vgg16_bn": {"blocks": (1, 2), "width": 4, "hidden": 8, "grid": 2},
    "deeplabv3plus": {
        "encoder": functools.partial(MODELS["resnet18"], blocks=(1, 1, 1, 1), width=4),
        "multi_grid": None,
        "features": 8,
    },
}
IMAGES = jax.random.normal(jax.random.key(1), (2, 32, 32, 3))


def make(name: str, **options: Any) -> Any:
    """In evaluation mode; a path has the same numbers with norms and without."""
    given = {**NETS[name], **options}
    model: Any = nnx.eval_shape(
        lambda: MODELS[name](3, 5, padding="partial", rngs=nnx.Rngs(0), **given)
    )
    for path, variable in nnx.iter_graph(model):
        if not isinstance(variable, nnx.Param | nnx.BatchStat):
            continue
        rng = np.random.default_rng(zlib.crc32(str(path).encode()))
        scale = np.prod(variable.shape[:-1]) ** -0.5 if variable.ndim > 1 else 0.1
        numbers = rng.normal(0, scale, variable.shape)
        # A running mean of 0 and variance of 1 - epsilon: no norm changes anything.
        fixed = {"scale": 1, "mean": 0, "var": 1 - 1e-5, "factor": 1}.get(str(path[-1]))
        numbers = numbers if fixed is None else np.full(variable.shape, fixed)
        variable.set_value(jnp.asarray(numbers, variable.dtype))
    model.eval()
    return model


def parts(model: nnx.Module, kind: Any) -> list[Any]:
    return [part for _, part in nnx.iter_modules(model) if isinstance(part, kind)]


@pytest.mark.every
@pytest.mark.parametrize("name", NETS)
def test_is_the_network_whose_norms_change_nothing(name: str):
    normed, plain = make(name), make(name, norm=False)
    assert not parts(plain, nnx.BatchNorm)
    assert len(parts(plain, Shift)) == len(parts(normed, nnx.BatchNorm)) > 0
    np.testing.assert_allclose(plain(IMAGES), normed(IMAGES), rtol=1e-4, atol=1e-5)


def test_blocks_begin_as_their_shortcut_and_can_leave_it():
    model = MODELS["resnet20"](3, 5, blocks=(2,), norm=False, rngs=nnx.Rngs(0))
    x = model.stem(IMAGES)
    for block in parts(model, Block):
        np.testing.assert_array_equal(block(x), x)
    slopes = nnx.grad(lambda model: (model(IMAGES) ** 2).sum())(model)
    assert all(float(abs(slopes.blocks[n].factor[...])) > 0 for n in range(2))


def test_zero_gamma_is_of_norms():
    with pytest.raises(ValueError, match="norm=False leaves them away"):
        MODELS["resnet18"](3, 5, norm=False, zero_gamma=True, rngs=nnx.Rngs(0))
