"""Which optimizers may see arrays flattened, and what is refused."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
import pytest

from jaxpad.sharding import data_mesh, make_mesh, needs_shapes, zero


LIKE = {
    "matrix": jax.ShapeDtypeStruct((24, 13), "float32"),
    "kernel": jax.ShapeDtypeStruct((3, 3, 13, 17), "float32"),
    "bias": jax.ShapeDtypeStruct((7,), "float32"),
}


def of(change: Callable[[Any, Any], Any]) -> optax.GradientTransformation:
    return optax.stateless(lambda u, p: jax.tree.map(change, u, p))


@pytest.mark.parametrize(
    "change",
    [
        lambda u, p: u / (1e-3 + jnp.min(jnp.abs(u))),
        lambda u, p: u * jnp.min(jnp.abs(p)),
        lambda u, p: u / jnp.max(u),
        lambda u, p: u / (1 + jnp.sum(u <= 0, dtype=u.dtype)),
        lambda u, p: u / jnp.sum(jnp.exp(u)),
        lambda u, p: u * jnp.sum(jnp.exp(-jnp.abs(u))),
        lambda u, p: u * jax.lax.broadcasted_iota(u.dtype, u.shape, 0),
        lambda u, p: u / jnp.std(u),
    ],
)
def test_what_zeros_behind_an_array_change_keeps_its_shape(change: Any):
    assert needs_shapes(of(change), LIKE)


@pytest.mark.parametrize(
    "optimizer",
    [
        of(lambda u, p: u / jnp.max(jnp.abs(u))),
        of(lambda u, p: u / (1e-3 + jnp.linalg.norm(u))),
        optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1, momentum=0.9)),
        optax.lamb(1e-3),
        optax.lars(0.1),
        optax.novograd(1e-3),
        optax.rmsprop(1e-3),
    ],
)
def test_what_they_do_not_change_is_flattened(optimizer: Any):
    assert needs_shapes(optimizer, LIKE) is None


def test_what_cannot_be_split_is_told():
    with pytest.raises(ValueError, match=r"takes more than gradients.*'value'"):
        zero(optax.polyak_sgd(), LIKE, data_mesh())
    explicit = jax.make_mesh((len(jax.devices()),), ("data",))
    with pytest.raises(ValueError, match=r"\['data'\] are not Auto: use jaxpad"):
        zero(optax.sgd(0.1), LIKE, explicit)
    with pytest.raises(ValueError, match=r"its axes are \['dp'\]"):
        zero(optax.sgd(0.1), LIKE, make_mesh({"dp": -1}))
