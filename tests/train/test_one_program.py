"""Runs that differ in the seed alone, as one program."""

import pathlib
import signal
import subprocess
import threading
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpad.train import Stop, build, read_sweep
from jaxpad.train.sweep import runs_of, together
from jaxpad.train.sweep.lanes import Lanes
from jaxpad.train.sweep.meeting import Meeting
from jaxpad.train.sweep.runs import seeds, words_of

from .jobs import environment
from .test_resume import assert_same_end
from .test_sweep_runs import command, kill_all, start
from .tiny import tiny_config


def devices(count: int) -> list[Any]:
    found = jax.devices()[:count]
    if len(found) < count:
        pytest.skip(f"needs {count} devices")
    return found


def jobs_of(count: int) -> list[Any]:
    """With all that draws: augmentation, a padding with a key in the state."""
    own = {"model": "tests.train.networks:OneConv", "padding": "random"}
    options = own | {"augment": ("shift(pixels=1)",)}
    return [
        build(tiny_config(seed=seed, **options), [device])
        for seed, device in enumerate(devices(count))
    ]


@pytest.mark.slow
def test_a_step_of_two_runs_is_that_of_each():
    jobs, where = jobs_of(2), devices(2)
    calls = [(job.init(), job.place(job.batches[0])) for job in jobs]
    both = zip(jobs, calls, strict=True)
    alone = [job.train_step(*copied(call)) for job, call in both]
    step = Lanes(jobs[0].train_step.__wrapped__, where, donate=(0,))
    program: Any = step._program(calls[0])[1]
    text = program.lower(*jax.tree.map(step._joined, *calls)).compile().as_text()
    assert not any(word in text for word in ("all-reduce", "all-gather", "permute"))
    found = step(calls)
    for one, own in zip(found, alone, strict=True):
        jax.tree.map(assert_same_bits, one, own)
    assert len({float(metrics["loss"]) for _, metrics in found}) == 2


def test_the_program_is_the_same_for_every_seed():
    texts = {
        job.train_step.lower(job.placement.stored, job.batch).as_text()
        for job in jobs_of(2)
    }
    assert len(texts) == 1


def test_runs_that_are_at_different_steps_do_not_hold_each_other_up():
    where = devices(3)
    double = Lanes(lambda x: {"double": 2 * x}, where)
    square = Lanes(lambda x, y: x * x + y, where)
    meeting = Meeting({"double": double, "square": square}, where)
    found: dict[int, list[float]] = {0: [], 1: [], 2: []}

    def lane(n: int, calls: list[str]) -> None:
        twice, squared = (meeting.function(name, n) for name in ("double", "square"))
        for k, name in enumerate(calls):
            x = jax.device_put(jnp.full((n + 1 if n == 2 else 1,), n + k), where[n])
            y = twice(x)["double"] if name == "double" else squared(x, x)
            found[n].append(float(y[0]))
        meeting.leave(n)

    plans = [["double", "square", "double"], ["square"], ["double", "double"]]
    threads = [
        threading.Thread(target=lane, args=(n, plan), daemon=True)
        for n, plan in enumerate(plans)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {0: [0, 2, 4], 1: [2], 2: [4, 6]}


def test_what_a_program_cannot_do_every_caller_hears():
    where = devices(2)

    def wrong(x: Any) -> Any:
        raise ValueError("no such step")

    meeting = Meeting({"wrong": Lanes(wrong, where)}, where)
    errors = []

    def lane(n: int) -> None:
        try:
            meeting.function("wrong", n)(jax.device_put(jnp.ones(2), where[n]))
        except ValueError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=lane, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == ["no such step"] * 2


def copied(call: Any) -> Any:
    return jax.tree.map(lambda x: x.copy(), call)


def assert_same_bits(x: Any, y: Any) -> None:
    if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
        x, y = jax.random.key_data(x), jax.random.key_data(y)
    np.testing.assert_array_equal(x, y)


def test_groups_are_of_seeds(tmp_path: pathlib.Path):
    config = tiny_config()
    arms = read_sweep(["seed=0:3", "padding=zero,constant(value=1.0)"], config)
    groups = seeds(runs_of(config, arms, tmp_path), 2)
    assert [len(group) for group in groups] == [2, 1, 2, 1]
    assert words_of(groups[2]) == ["seed=0,1", "padding=constant(value=1.0)"]
    again = runs_of(config, read_sweep(words_of(groups[2]), config), tmp_path)
    assert tuple(again) == groups[2]
    with pytest.raises(ValueError, match="runs that differ in the seed alone"):
        together(config, [run for group in groups for run in group], Stop())
    config.offload = True
    with pytest.raises(ValueError, match=r"config\.offload=True is for one run"):
        together(config, groups[0], Stop())


@pytest.mark.slow
def test_one_program_ends_as_runs_that_are_alone_also_when_it_is_stopped(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    # XLA parts its sums among threads, and has one for each device at least.
    monkeypatch.setenv("NPROC", "3")
    words = ("padding=zero,partial", "seed=0:3")
    net = ("--config.model=tests.train.networks:resnet8", "--config.epochs=2")
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    done = start(alone, *words, *net)
    assert done.returncode == 0, done.stderr
    line = command(killed, *words, *net, "--one_program")
    for number in (signal.SIGKILL, signal.SIGTERM):
        process = subprocess.Popen(line, env=environment(devices=1))
        saved = len(list(killed.glob("*/checkpoints/*/manifest.json")))
        while len(list(killed.glob("*/checkpoints/*/manifest.json"))) < saved + 2:
            assert process.poll() is None
        if number == signal.SIGKILL:
            kill_all(process)
        else:
            process.send_signal(number)
            assert process.wait() == 42
    done = start(killed, *words, *net, "--one_program")
    assert done.returncode == 0, done.stderr
    runs = sorted(path.parent.name for path in alone.glob("*/report.html"))
    assert len(runs) == 6
    for name in runs:
        assert_same_end(killed / name, alone / name, name)
