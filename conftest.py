"""Strict settings for every test: 8 devices, no silent broadcasting or promotion."""

import collections
import os
import tempfile
import zlib


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
import pytest


jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")


# Folders whose tests try a law on grids of cases. Of each test one case in SHARE runs,
# always the same and at least one; `make slow` runs the rest. Of a test that is marked
# `every` all run.
GRIDS = (
    *("analysis", "arith", "attention", "batching", "conv", "init", "layers"),
    *("models", "orthogonal", "padding", "regularizers", "sharding", "spectral"),
)
SHARE = 10


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    cases = collections.defaultdict(list)
    for item in items:
        grid = item.path.parent.name in GRIDS
        if grid and item.get_closest_marker("every") is None:
            cases[item.nodeid.partition("[")[0]].append(item)
    for grid in cases.values():
        grid.sort(key=lambda item: zlib.crc32(item.name.encode()))
        for item in grid[max(1, len(grid) // SHARE) :]:
            item.add_marker("rest")
