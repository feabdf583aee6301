"""What a device holds at each stage is what the paper's formula says."""

import jax
import pytest

from jaxpad.sharding import STAGES, Stage, data_mesh

from . import transformer


@pytest.fixture(autouse=True)
def _promotion():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_memory_is_the_formula_s(stage: int):
    assert transformer.count() > 100e6
    found = transformer.bytes_a_device(data_mesh(), stage)
    assert found == pytest.approx(transformer.formula(stage, 8), rel=0.02)


@pytest.mark.parametrize("field", Stage._fields)
def test_a_wrong_row_would_be_seen(field: str, monkeypatch: pytest.MonkeyPatch):
    flipped = STAGES[2]._replace(**{field: not getattr(STAGES[2], field)})
    monkeypatch.setitem(STAGES, 2, flipped)
    found = transformer.bytes_a_device(data_mesh(), 2)
    assert found != pytest.approx(transformer.formula(2, 8), rel=0.02)
