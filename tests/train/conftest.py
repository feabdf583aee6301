"""The trainer's tests run under jax's standard promotion."""

import jax
import pytest


@pytest.fixture(autouse=True, scope="session")
def _programs_share_what_they_compile(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("compiled")
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(folder))
        yield


@pytest.fixture(autouse=True)
def _standard_promotion():
    # optax's schedules divide integer counts by floats, and flax's BatchNorm joins
    # bfloat16 with float32.
    with jax.numpy_dtype_promotion("standard"):
        yield
