"""Losses have one value, whatever the layout and the number of devices."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P

from jaxpad.batching import (
    length_weighted_loss,
    pack_sequences,
    packed,
    sequence_loss,
    token_loss,
)
from tests.batching.ragged_cases import LAYOUTS, littered


LENGTHS = np.random.default_rng(3).integers(1, 9, 24).tolist()


def pairs() -> list[np.ndarray]:
    """Of each token a loss and a weight; one sequence has no weight at all."""
    draw = np.random.default_rng(4)
    arrays = [
        np.stack([draw.gamma(1.0, size=n), draw.random(n) < 0.6], 1).astype(np.float32)
        for n in LENGTHS
    ]
    arrays[5][:, 1] = 0
    arrays[6][:, 1] = 1
    return arrays


def wanted(arrays: list[np.ndarray], weighted: bool) -> dict[str, float]:
    """In float64, one sequence after another."""
    total = tokens = means = count = 0.0
    for a in arrays:
        loss, weight = a.astype(np.float64).T
        weight = weight if weighted else np.ones_like(weight)
        total, tokens = total + (loss * weight).sum(), tokens + weight.sum()
        if weight.sum():
            means, count = means + (loss * weight).sum() / weight.sum(), count + 1
    return {"token": total / tokens, "sequence": means / count}


def losses_of(batch: Any, weighted: bool, axis_name: Any = None) -> dict[str, Any]:
    losses, weights = batch.values[..., 0], batch.values[..., 1]
    options = {"weights": weights if weighted else None, "axis_name": axis_name}
    rows = length_weighted_loss(losses, batch, **options)
    return {
        "token": token_loss(losses, batch, **options),
        "sequence": sequence_loss(losses, batch, **options),
        "rows": rows if axis_name is None else jax.lax.pmean(rows.mean(), axis_name),
    }


def assert_equal(found: dict[str, Any], weighted: bool):
    expected = wanted(pairs(), weighted)
    expected["rows"] = expected["sequence"]
    for name, value in found.items():
        np.testing.assert_allclose(np.mean(value), expected[name], rtol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_in_every_layout(layout: str, weighted: bool):
    batch = littered(LAYOUTS[layout](pack_sequences(pairs(), 16)))
    assert_equal(losses_of(batch, weighted), weighted)


def over_devices(devices: int) -> tuple[Any, Any]:
    """A batch of 16 rows, not equally full, and a mesh."""
    mesh = jax.make_mesh((devices,), ("data",), axis_types=(AxisType.Auto,))
    rows = np.arange(len(LENGTHS)) % 15
    batch = packed(pack_sequences(pairs(), 16), rows, 24, count=16)
    return littered(batch), mesh


@pytest.mark.parametrize("devices", [2, 8])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_same_on_any_number_of_devices(devices: int, weighted: bool):
    batch, mesh = over_devices(devices)
    by_rows = jax.device_put(batch, NamedSharding(mesh, P("data")))
    found = jax.jit(losses_of, static_argnums=1)(by_rows, weighted)
    assert_equal(found, weighted)
    share = jax.shard_map(
        lambda batch: losses_of(batch, weighted, "data"),
        mesh=mesh,
        in_specs=P("data"),
        out_specs=P(),
    )
    assert_equal(jax.jit(share)(batch), weighted)


def test_gradients_on_devices():
    batch, mesh = over_devices(8)

    def loss(scale: Any, batch: Any, axis_name: Any = None) -> Any:
        found = losses_of(batch.replace(batch.values * scale), True, axis_name)
        return found["token"] + found["sequence"]

    share = jax.shard_map(
        lambda scale, batch: jax.grad(loss)(scale, batch, "data"),
        mesh=mesh,
        in_specs=(P(), P("data")),
        out_specs=P(),
    )
    scale = jnp.ones(2)[None, None]
    np.testing.assert_allclose(
        jax.jit(share)(scale, batch), jax.grad(loss)(scale, batch), rtol=1e-5, atol=1e-6
    )


def test_nothing_to_count():
    batch = pack_sequences([[1.0, jnp.inf], [3.0]], 4)
    none, some = jnp.zeros((1, 4)), jnp.array([[1.0, 0.0, 0.0, 0.0]])
    for loss in (token_loss, sequence_loss):
        assert float(loss(batch.values, batch, weights=none)) == 0
        assert float(loss(batch.values, batch, weights=some)) == 1
    assert length_weighted_loss(batch.values, batch, weights=none).tolist() == [0]
    with pytest.raises(ValueError, match=r"losses has shape \(1, 3\)"):
        token_loss(batch.values[:, 1:], batch)
