"""A regularizer in the config: in the loss, in the log, and nowhere without it."""

import functools
import json
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from rich.console import Console

from jaxpad.layers import Conv
from jaxpad.regularizers import lorth
from jaxpad.train import Job, build
from jaxpad.train.checkpoint import Checkpoints
from jaxpad.train.running import run
from jaxpad.train.workdir import open_workdir

from .jobs import small_config


PLAIN = {"loss", "accuracy", "grad_norm", "learning_rate", "skipped"}


class Tiny(nnx.Module):
    """A wide layer, which begins as its initializer says, and a square one."""

    def __init__(self, channels, classes, *, padding, dtype, rngs):
        make = functools.partial(Conv, padding=padding, dtype=dtype, rngs=rngs)
        self.square = make(4 * channels, 4, (3, 3))
        self.wide = make(4, 6, (3, 3), 2)
        self.head = nnx.Linear(6, classes, rngs=rngs)

    def __call__(self, x):
        x = nnx.relu(self.wide(self.square(jnp.repeat(x, 4, -1))))
        return self.head(x.mean((1, 2)))


def config_with(regularizer: str, **changes: Any) -> Any:
    options = {"model": f"{__name__}:Tiny", "padding": "zero", **changes}
    return small_config(regularizer=regularizer, **options)


def job_with(regularizer: str, **changes: Any) -> Job:
    return build(config_with(regularizer, **changes))


@functools.cache
def first_step(regularizer: str) -> tuple[Any, dict[str, float]]:
    """The initial parameters by path, and what the first step logs."""
    job = job_with(regularizer)
    state = job.init()
    flat, _ = jax.tree_util.tree_flatten_with_path(state.params)
    params = {
        jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(leaf)
        for path, leaf in flat
    }
    _, metrics = job.train_step(state, job.batches[0])
    return params, {name: float(value) for name, value in metrics.items()}


def kernel(params: Any, layer: str) -> np.ndarray:
    (found,) = (v for k, v in params.items() if f"{layer}/kernel" in k)
    return found


def test_the_penalty_is_in_the_loss_and_in_the_log():
    params, logged = first_step("lorth(weight=0.5)")
    _, without = first_step("lorth(weight=0.0)")
    assert set(logged) == {*PLAIN, "penalty", "penalty/square", "penalty/wide"}
    # The images are 8x8, so that is the size of the border.
    expected = {
        "square": lorth(kernel(params, "square"), padding="zero", size=8),
        "wide": lorth(kernel(params, "wide"), stride=2, padding="zero", size=8),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(
            logged[f"penalty/{name}"], value, rtol=1e-5, atol=1e-9
        )
    assert expected["square"] < 1e-9, "a square layer begins orthogonal"
    assert expected["wide"] > 0.1
    np.testing.assert_allclose(logged["penalty"], 0.5 * expected["wide"], rtol=1e-5)
    assert without["penalty"] == 0
    added = logged["loss"] - without["loss"]
    np.testing.assert_allclose(added, logged["penalty"], rtol=1e-4)
    assert logged["grad_norm"] > without["grad_norm"] + 0.01


def test_without_one_nothing_is_added():
    params, logged = first_step("")
    assert set(logged) == PLAIN
    assert job_with("").spectra is None
    # Nor does the start change: no key is drawn, and square layers are random.
    plain = Tiny(1, 10, padding="zero", dtype=jnp.float32, rngs=nnx.Rngs(0))
    for layer in ("square", "wide"):
        value = getattr(plain, layer).kernel[...]
        np.testing.assert_array_equal(kernel(params, layer), value)


def test_rules_as_text_and_the_same_start_for_the_others():
    params, logged = first_step("[('square', ''), ('', 'lorth(weight=0.5)')]")
    assert set(logged) == {*PLAIN, "penalty", "penalty/wide"}
    plain, _ = first_step("")
    for name, value in plain.items():
        np.testing.assert_array_equal(params[name], value, name)


def rows_of(folder: pathlib.Path, config: Any) -> list[dict[str, Any]]:
    run(build(config), folder, Console(quiet=True))
    text = (folder / "metrics.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.slow
def test_a_run_logs_it_and_a_large_weight_makes_the_layer_orthogonal(
    tmp_path: pathlib.Path,
):
    rows = rows_of(tmp_path, config_with("lorth(weight=10.0, padding='circular')"))
    steps = [row for row in rows if "loss" in row]
    tests = [row for row in rows if "test_loss" in row]
    assert len(steps) == 22
    assert len(tests) == 2
    assert steps[-1]["penalty/wide"] < 0.05 * steps[0]["penalty/wide"]
    names = {
        f"sigma_{end}/{layer}" for end in ("max", "min") for layer in ("square", "wide")
    }
    for row in tests:
        assert {name for name in row if "sigma" in name} == names
        assert not any("penalty" in name for name in row)
    assert not any("sigma" in name for row in steps for name in row)
    for layer in ("square", "wide"):
        assert 0.7 < tests[-1][f"sigma_min/{layer}"] <= tests[-1][f"sigma_max/{layer}"]
        assert tests[-1][f"sigma_max/{layer}"] < 1.3


@pytest.mark.slow
def test_a_small_weight_does_not(tmp_path: pathlib.Path):
    """The test above can fail: 22 steps on the data alone leave it as it is."""
    config = config_with("lorth(weight=0.0, padding='circular')")
    steps = [row for row in rows_of(tmp_path, config) if "loss" in row]
    assert steps[-1]["penalty/wide"] > 0.5 * steps[0]["penalty/wide"]


def test_a_resume_goes_on_bit_equal(tmp_path: pathlib.Path):
    job = job_with("lorth(weight=0.5)")
    state, _ = job.train_step(job.init(), job.batches[0])
    checkpoints = Checkpoints(tmp_path / "checkpoints", 1)
    checkpoints.save(1, state)
    restored = checkpoints.restore(1, job.init())
    checkpoints.close()
    assert job.spectra is not None
    for step in (job.spectra, lambda s: job.train_step(s, job.batches[1])):
        first, second = (jax.tree.leaves(step(s)) for s in (state, restored))
        for one, other in zip(first, second, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lort(weight=0.1)", "unknown regularizer 'lort'. Did you mean 'lorth'"),
        ("lorth", "expected a weight, a number"),
        ("lorth(weight=1.0, padding='z')", "regularizer of square: unknown padding"),
        ("[('stem', 'lorth(weight=0.1)')]", r"\['stem'\] decide about no convolution"),
        ("[('', 'lorth(weight=0.1)'", "cannot be read .*Write .*lorth.weight=0.1"),
        ("('', 'lorth(weight=0.1)')", "cannot be read"),
    ],
)
def test_mistakes_name_the_key(text: str, message: str):
    with pytest.raises(ValueError, match=message) as caught:
        job_with(text)
    assert str(caught.value).startswith(f"config.regularizer={text!r}: ")


def test_a_folder_from_before_the_key(tmp_path: pathlib.Path):
    config = config_with("").to_dict()
    old = {key: value for key, value in config.items() if key != "regularizer"}
    open_workdir(tmp_path, old, 0)
    message = (
        r"config.regularizer: saved nothing, now ''\n.* regularizer came after that "
        r"run: write what it did then into .*config\.json\."
    )
    with pytest.raises(ValueError, match=message):
        open_workdir(tmp_path, config, 0)
    with pytest.raises(ValueError, match="another config") as caught:
        open_workdir(tmp_path, old | {"seed": 1}, 0)
    assert "came after" not in str(caught.value)
