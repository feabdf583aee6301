"""The probes pass what respects segments, and find what does not."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import lax

from jaxpad.attention import attention, rope
from jaxpad.batching import (
    Ragged,
    assert_isolated,
    assert_padding_invariant,
    pack_sequences,
    padded,
    segment_conv,
    segment_norm,
    segment_pool,
    segment_scan,
    to_cells,
)
from tests.batching.ragged_cases import sequences


LENGTHS = (3, 4, 2)
KERNEL = jnp.asarray(np.random.default_rng(5).normal(size=(3, 4, 4)), jnp.float32)
BATCH = pack_sequences(sequences(4, LENGTHS), 8)
PROBES = [assert_isolated, assert_padding_invariant]


def attend(batch: Ragged, ids: Any) -> Any:
    x = batch.values[..., None, :]
    q = rope(x, batch.positions)
    return attention(q, q, x, segment_ids=ids)[..., 0, :]


def net(batch: Ragged) -> Ragged:
    """Every function of segments, one after another."""
    batch = segment_norm(segment_conv(batch, KERNEL, padding="reflect"), groups=2)
    batch = batch.replace(batch.values + attend(batch, batch.segment_ids))
    cells = segment_scan(lambda h, x: (h + x, jnp.tanh(h + x)), jnp.zeros(4), batch)
    pooled = segment_pool(cells, "mean") + segment_pool(cells, "max")
    return batch.replace(cells.values * to_cells(pooled, batch))


def plain_conv(batch: Ragged) -> Any:
    return lax.conv_general_dilated(
        batch.values, KERNEL, (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC")
    )


def row_norm(batch: Ragged) -> Any:
    x = jnp.where(batch.real[..., None], batch.values, 0)
    return (x - x.mean((1, 2), keepdims=True)) / x.std((1, 2), keepdims=True)


LEAKS = {
    "attention without mask": lambda batch: attend(batch, None),
    "attention that sees empty cells": lambda batch: attend(
        batch, jnp.maximum(batch.segment_ids, 1)
    ),
    "convolution across borders": plain_conv,
    "norm over the row": row_norm,
    "recurrence without reset": lambda batch: lax.associative_scan(
        jnp.add, batch.values, axis=1
    ),
}


@pytest.mark.parametrize("probe", PROBES)
def test_what_respects_segments_passes(probe: Any):
    probe(net, BATCH)
    # As many features as the longest has cells: no doubt what the axes are.
    probe(lambda batch: segment_pool(segment_norm(batch), "last"), padded(BATCH))
    probe(lambda batch: {"a": segment_norm(batch), "b": batch.positions}, BATCH)


@pytest.mark.every
@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("probe", PROBES)
def test_a_planted_leak_is_found(probe: Any, leak: str):
    with pytest.raises(AssertionError, match="sequence"):
        probe(LEAKS[leak], BATCH)


@pytest.mark.slow
def test_a_leak_deep_in_a_net_is_found():
    def leaky(batch: Ragged) -> Any:
        return segment_pool(net(batch.replace(row_norm(batch))), "mean")

    with pytest.raises(AssertionError, match="a leak"):
        assert_isolated(leaky, BATCH)


def test_the_leak_is_named():
    def from_third(batch: Ragged) -> Any:
        third = jnp.where((batch.numbers == 2)[..., None], batch.values, 0).sum()
        return batch.values + jnp.where((batch.numbers == 0)[..., None], third, 0)

    with pytest.raises(AssertionError) as error:
        assert_isolated(from_third, BATCH)
    assert "an output of sequence 0 has the derivative" in str(error.value)
    assert "only values of sequence 2 move" in str(error.value)


def test_tokens_have_no_derivative_and_are_changed():
    table = jnp.asarray(np.random.default_rng(6).normal(size=(9, 4)), jnp.float32)
    tokens = [np.array(s) for s in ([1, 2, 3], [4, 5, 6, 7], [8, 0])]
    batch = pack_sequences(tokens, 8)

    def model(batch: Ragged) -> Ragged:
        return net(batch.replace(table[batch.values]))

    assert_isolated(model, batch)
    with pytest.raises(AssertionError, match="has changed to"):
        assert_isolated(
            lambda batch: row_norm(batch.replace(table[batch.values])), batch
        )


def most_of_row(batch: Ragged) -> Any:
    return batch.values + batch.values.max(1, keepdims=True)


def test_a_batch_that_proves_nothing_is_refused():
    for same in ([[3, 3, 3], [3, 3]], [[1.0, 1.0, 1.0], [1.0, 1.0]]):
        with pytest.raises(
            ValueError, match=r"all 5 cells .* have the same values, so"
        ):
            assert_isolated(most_of_row, pack_sequences(same, 5))
    for alone in ([[3, 4, 5]], [[3, 4, 5], [6, 7, 8]]):
        with pytest.raises(ValueError, match="each row is one sequence without an emp"):
            assert_isolated(most_of_row, pack_sequences(alone, 3))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("tokens", [[[3, 3, 3], [3, 4]], [[4, 3], [3]], [[4, 4, 3]]])
@pytest.mark.every
def test_each_cell_gets_another_value(tokens: list, seed: int):
    # Two values, or the zeros of the empty cells: a leak by one cell shows each time.
    batch = pack_sequences(tokens, 6 if len(tokens) == 1 else 5)

    def leaky(batch: Ragged) -> Any:
        return batch.values * 0 + batch.values[:, -1:]

    with pytest.raises(AssertionError, match="has changed to"):
        assert_isolated(leaky, batch, seed=seed)


class Training(nnx.Module):
    """What changes its own state, but after `eval`."""

    def __init__(self, part: Any):
        self.part = part

    def __call__(self, batch: Ragged) -> Any:
        return self.part(batch.values)


PARTS = {
    "dropout": lambda: nnx.Dropout(0.5, rngs=nnx.Rngs(0)),
    "batch norm": lambda: nnx.BatchNorm(4, rngs=nnx.Rngs(0)),
}


@pytest.mark.every
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("probe", PROBES)
def test_a_model_in_training_is_told_to_evaluate(probe: Any, part: str):
    model = Training(PARTS[part]())
    with pytest.raises(ValueError, match=r"call model\.eval\(\) first"):
        probe(model, BATCH)
    model.eval()
    probe(model, BATCH)


def test_an_error_of_the_model_is_its_own():
    def broken(batch: Ragged) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        assert_isolated(broken, BATCH)


def test_both_probes_are_needed():
    def by_place(batch: Ragged) -> Any:
        return batch.values + (batch.starts + batch.capacity)[..., None].astype(float)

    def by_values(batch: Ragged) -> Any:
        own = jnp.where(batch.real[..., None], batch.values, 0)
        return jnp.broadcast_to(own.sum((0, 1)), (batch.sequences, 4))

    assert_isolated(by_place, BATCH)
    with pytest.raises(AssertionError, match="differs by"):
        assert_padding_invariant(by_place, BATCH)
    assert_padding_invariant(by_values, BATCH)
    with pytest.raises(AssertionError, match="a leak"):
        assert_isolated(by_values, BATCH)


def test_a_leak_without_derivative_is_found():
    with pytest.raises(AssertionError, match="has changed to"):
        assert_isolated(lambda b: jnp.argsort(b.values.sum(-1), axis=1), BATCH)


def test_no_number_is_a_leak():
    def bad(batch: Ragged) -> Any:
        return batch.values + 0 * jnp.log(batch.values[:, :1] * 0)

    with pytest.raises(AssertionError, match="a leak"):
        assert_isolated(bad, BATCH)


def test_what_the_probes_cannot_read():
    with pytest.raises(ValueError, match=r"array of shape \(3,\)|array of shape \(\)"):
        assert_isolated(lambda batch: batch.values.sum(), BATCH)
    with pytest.raises(ValueError, match="the model returned nothing"):
        assert_padding_invariant(lambda batch: None, BATCH)
    with pytest.raises(ValueError, match=r"call them outside of jax\.jit"):
        jax.jit(lambda batch: assert_isolated(net, batch))(BATCH)
