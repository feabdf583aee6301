"""What a device holds at each stage is what the paper's formula says.

The program is that of the study zero_memory, with 110 million parameters.
"""

from typing import Any

import jax
import pytest

from jaxpad.sharding import STAGES, Stage, data_mesh
from tests.studies import FOLDER, load


pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="no experiments/ beside")


@pytest.fixture(autouse=True)
def _promotion():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture(scope="module")
def decoder() -> Any:
    return load("zero_memory", "decoder")


def held(decoder: Any, stage: int) -> float:
    """What the arguments of the compiled step take, but for the batch."""
    memory = decoder.lowered(decoder.SMALL, data_mesh(), stage).compile()
    batch = 4 * (decoder.SMALL.tokens + 1)
    return memory.memory_analysis().argument_size_in_bytes - batch


@pytest.mark.every
@pytest.mark.parametrize("stage", sorted(STAGES))
def test_memory_is_the_formula_s(decoder: Any, stage: int):
    parameters = decoder.count(decoder.SMALL)
    assert parameters > 100e6
    formula = decoder.formula(parameters, stage, 8)
    assert held(decoder, stage) == pytest.approx(formula, rel=0.02)


@pytest.mark.parametrize("field", Stage._fields)
def test_a_wrong_row_would_be_seen(
    decoder: Any, field: str, monkeypatch: pytest.MonkeyPatch
):
    flipped = STAGES[2]._replace(**{field: not getattr(STAGES[2], field)})
    monkeypatch.setitem(STAGES, 2, flipped)
    formula = decoder.formula(decoder.count(decoder.SMALL), 2, 8)
    assert held(decoder, 2) != pytest.approx(formula, rel=0.02)
