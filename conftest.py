"""Strict settings for every test: 8 devices, no silent broadcasting or promotion."""

import os
import tempfile


os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Most of the suite's time is compiling; what is computed does not depend on it. To see
# optimized programs pass too: JAX_DISABLE_MOST_OPTIMIZATIONS=0 make test
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

# Where runs that tests start keep what they compiled, for all processes of the suite:
# many of them train the same network.
if "JAXPAD_TEST_PROGRAMS" not in os.environ:
    _programs = tempfile.TemporaryDirectory(prefix="jaxpad-programs-")
    os.environ["JAXPAD_TEST_PROGRAMS"] = _programs.name

import jax


jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")
