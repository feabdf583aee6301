"""The study of what padding costs: how it measures, and that its page says it."""

import functools
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from scipy import stats

import jaxpad
from tests.studies import FOLDER, load


STUDY = FOLDER / "padding_cost"
pytestmark = pytest.mark.skipif(not STUDY.exists(), reason="no experiments/ beside")


part = functools.partial(load, "padding_cost")


@pytest.fixture(scope="module")
def results() -> Any:
    return json.loads((STUDY / "results.json").read_text())


def test_the_page_shows_the_results(results: Any):
    page = (STUDY / "README.md").read_text()
    tables = part("report").tables(results)
    assert set(tables) == {"targets", "cpu", "peers", "sharded", "tpu"}
    for name, table in tables.items():
        assert f"<!-- {name} -->\n\n{table}\n\n<!-- end {name} -->" in page


def test_the_verdict_follows_from_the_measurements(results: Any):
    again = part("report").summary(results, results["device"])
    assert again == results
    met = [target["met"] for target in results["targets"].values()]
    assert results["verdict"] == ("holds" if all(met) else "does not hold")


def test_a_target_that_is_missed_is_told(results: Any):
    worse = json.loads(json.dumps(results))
    worse["residual"]["blocks 56x56x64"]["circular"]["ratio"] = 1.051
    worse["peers"]["jaxpad 56x56x64"]["reflect"]["ratio"] = 9.0
    targets = part("report").summary(worse, "")["targets"]
    missed = {name for name, target in targets.items() if not target["met"]}
    assert "CPU time, blocks 56x56x64, circular" in missed
    assert "CPU time, one convolution 56x56x64, reflect, beside torch" in missed


@pytest.mark.parametrize("n", [6, 10, 21, 61])
def test_intervals_are_those_of_the_sign_test(n: int):
    """The narrowest pair of order statistics that a fair coin leaves out below 5%."""
    ratio = part("measure").ratio
    values = np.arange(1.0, n + 1)
    low, high = ratio(values, np.ones(n))["interval"]
    assert low + high == n + 1
    assert 2 * stats.binom.cdf(low - 1, n, 0.5) <= 0.05
    assert 2 * stats.binom.cdf(low, n, 0.5) > 0.05


def test_all_results_of_a_collective_are_counted():
    sent = part("measure").bytes_sent
    program = """
  %a = f32[2,3]{1,0} collective-permute(%x), channel_id=1
  %b = (f32[4]{0}, f32[]) all-reduce(%y, %z), channel_id=2
  %c = (f32[8]{0}, f32[8]{0}) all-gather-start(%y), channel_id=3
  %d = f32[8]{0} all-gather-done(%c)
  %e = f32[99]{0} add(%x, %all-reduce.1)
"""
    assert sent(program) == 4 * (6 + 4 + 1 + 8)


def test_a_ring_sends_no_more_than_zeros():
    """GSPMD splits a zero-padded convolution by itself; `halo` sends no more."""
    mesh = jax.make_mesh((8,), ("rows",), axis_types=(AxisType.Auto,))
    rows, whole = NamedSharding(mesh, P(None, "rows")), NamedSharding(mesh, P())
    x = jax.device_put(jnp.ones((8, 64, 64, 64)), rows)
    kernel = jax.device_put(jnp.ones((3, 3, 64, 64)), whole)
    sent = part("measure").bytes_sent

    def bytes_of(padding: str, strategy: Any, *, backward: bool) -> int:
        def conv(x: Any, kernel: Any) -> Any:
            y = jaxpad.conv(x, kernel, padding=padding, strategy=strategy)
            return jnp.sum(y**2) if backward else y

        f = jax.jit(jax.grad(conv, (0, 1)), out_shardings=(rows, whole))
        f = f if backward else jax.jit(conv)
        with jax.set_mesh(mesh):
            return sent(str(f.lower(x, kernel).compile().as_text()))

    for backward in (False, True):
        zero = bytes_of("zero", "built_in", backward=backward)
        assert bytes_of("circular", jaxpad.halo("rows"), backward=backward) <= zero
        assert bytes_of("circular", "explicit", backward=backward) > 2 * zero
    assert (
        bytes_of("circular", jaxpad.halo("rows"), backward=False) == 2 * 8 * 64 * 64 * 4
    )
