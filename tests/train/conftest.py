"""The trainer's tests run under jax's standard promotion."""

import jax
import pytest


@pytest.fixture(autouse=True)
def _standard_promotion():
    # optax's schedules divide integer counts by floats, and flax's BatchNorm joins
    # bfloat16 with float32.
    with jax.numpy_dtype_promotion("standard"):
        yield
