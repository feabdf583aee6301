"""Checkpoints: whole or not there, and never wrong without a word."""

import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest

from jaxpad.train.checkpoint import Checkpoints, DamagedError, newest_good
from jaxpad.train.checkpoint.manifest import read_manifest, write_manifest


def state_of(step: int, size: int = 64) -> dict[str, Any]:
    """A state with arrays of several kinds, which another step's differ from."""
    numbers = np.random.default_rng(step).standard_normal((size, 8))
    return {
        "step": jnp.int32(step),
        "params": {"kernel": jnp.asarray(numbers, jnp.float32)},
        "half": jnp.asarray(numbers, jnp.bfloat16),
        "mask": jnp.asarray(numbers > 0),
        "key": jax.random.key(step),
    }


def assert_equal(found: Any, expected: Any) -> None:
    def plain(leaf: Any) -> np.ndarray:
        is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(leaf) if is_key else leaf)

    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(plain(a), plain(b))


@pytest.fixture
def checkpoints(tmp_path: pathlib.Path) -> Iterator[Checkpoints]:
    made = Checkpoints(tmp_path / "run" / "checkpoints", 2)
    yield made
    made.close()


def names(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def files(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def flip(path: pathlib.Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def test_the_newest_are_kept_and_orbax_alone_reads_them(checkpoints: Checkpoints):
    for step in (1, 2, 3):
        checkpoints.save(step, state_of(step), wait=True)
    assert names(checkpoints.folder) == ["2", "3"]
    assert (checkpoints.folder.parent / "newest_checkpoint").read_text() == "3\n"
    for step in (2, 3):
        assert_equal(checkpoints.restore(step, state_of(0)), state_of(step))
    with ocp.StandardCheckpointer() as reader:
        arrays = reader.restore(checkpoints.folder / "3" / "arrays")
    assert_equal(arrays["params/kernel"], state_of(3)["params"]["kernel"])


def test_the_state_may_be_donated_while_it_is_written(checkpoints: Checkpoints):
    state = {"x": jax.random.normal(jax.random.key(0), (2**20,)), "n": jnp.int32(0)}
    step = jax.jit(lambda s: {"x": s["x"] * 1.5, "n": s["n"] + 1}, donate_argnums=0)
    expected = jax.device_get(state)
    checkpoints.save(1, state)
    assert names(checkpoints.folder) == ["1.saving"], "it did not wait"
    for _ in range(5):
        state = step(state)
    assert_equal(checkpoints.restore(1, state), expected)


def test_a_save_that_comes_too_early_is_left_out(
    checkpoints: Checkpoints, capsys: pytest.CaptureFixture[str]
):
    large = {"x": jax.random.normal(jax.random.key(0), (2**22,))}
    for step in range(1, 5):
        checkpoints.save(step, large)
    assert checkpoints.skipped == 3
    assert "that of step 3 is left out, 2 by now" in (said := capsys.readouterr().err)
    assert "step 4" not in said
    checkpoints.save(5, large, wait=True)
    assert names(checkpoints.folder) == ["1", "5"]


def flipped(checkpoints: Checkpoints, times: int) -> None:
    """Restores after one random flipped bit, so many times."""
    checkpoints.save(1, state_of(1), wait=True)
    draw = random.Random(times)
    for path in draw.choices(files(checkpoints.folder / "1"), k=times):
        if not (size := 8 * path.stat().st_size):
            continue
        bit = draw.randrange(size)
        flip(path, bit)
        with pytest.raises(DamagedError, match=path.name):
            checkpoints.restore(1, state_of(0))
        flip(path, bit)
    assert_equal(checkpoints.restore(1, state_of(0)), state_of(1))


def test_a_flipped_bit_is_found(checkpoints: Checkpoints):
    flipped(checkpoints, 40)


@pytest.mark.slow
def test_many_flipped_bits_are_found(checkpoints: Checkpoints):
    flipped(checkpoints, 2000)


def test_orbax_alone_reads_what_the_digests_of_arrays_find(checkpoints: Checkpoints):
    """Files that are as they were written, but not what was on the devices."""
    for step in (1, 2):
        checkpoints.save(step, state_of(step), wait=True)
    one, two = (checkpoints.folder / name for name in "12")
    arrays = read_manifest(one)["arrays"]
    shutil.rmtree(one / "arrays")
    shutil.copytree(two / "arrays", one / "arrays")
    write_manifest(one, 1, arrays)
    with pytest.raises(DamagedError, match=r"on the devices: array half; .*array step"):
        checkpoints.restore(1, state_of(0))


def test_each_file_that_is_shorter_missing_or_strange_is_found(
    checkpoints: Checkpoints,
):
    checkpoints.save(1, state_of(1), wait=True)
    folder = checkpoints.folder / "1"
    assert len(files(folder)) > 5
    for path in files(folder):
        data = path.read_bytes()
        for broken in (None, data[:-1], data + b"\0"):
            path.unlink()
            if broken is not None:
                path.write_bytes(broken)
            if broken != data:  # of an empty file
                with pytest.raises(DamagedError, match=path.name):
                    checkpoints.restore(1, state_of(0))
            path.write_bytes(data)
    (folder / "arrays" / "guest").touch()
    with pytest.raises(DamagedError, match="guest does not belong there"):
        checkpoints.restore(1, state_of(0))


def test_links_and_other_steps_are_damage(
    checkpoints: Checkpoints, tmp_path: pathlib.Path
):
    for step in (1, 2):
        checkpoints.save(step, state_of(step), wait=True)
    one, two = (checkpoints.folder / name for name in "12")
    for path in (files(one)[0], one / "manifest.json", one / "arrays"):
        kept = tmp_path / "kept"
        path.rename(kept)
        path.symlink_to(kept)
        with pytest.raises(DamagedError, match=path.name):
            checkpoints.restore(1, state_of(0))
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(DamagedError, match=path.name):
            checkpoints.restore(1, state_of(0))
        path.unlink()
        kept.rename(path)
    shutil.rmtree(two)
    one.rename(two)
    with pytest.raises(DamagedError, match="2 holds the checkpoint of step 1"):
        checkpoints.restore(2, state_of(0))


def test_a_folder_that_vanishes_is_not_made_again(
    checkpoints: Checkpoints, capsys: pytest.CaptureFixture[str]
):
    checkpoints.save(1, state_of(1), wait=True)
    away = checkpoints.folder.parent
    away.rename(away.with_name("elsewhere"))
    with pytest.raises(OSError, match="cannot write the checkpoint of step 2"):
        checkpoints.save(2, state_of(2), wait=True)
    assert not away.exists()
    away.with_name("elsewhere").rename(away)
    assert "cannot write" in capsys.readouterr().err


# Of each array that tensorstore has not written then.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_full_disk_is_told_at_once_and_tried_again(
    checkpoints: Checkpoints, capsys: pytest.CaptureFixture[str]
):
    checkpoints.save(1, state_of(1), wait=True)
    with full_disk():
        for step in (2, 3):
            checkpoints.save(step, state_of(step))
            checkpoints.wait()
            checkpoints.check()
            said = capsys.readouterr().err
            assert f"cannot write the checkpoint of step {step} into" in said
            assert "The newest whole checkpoint is of step 1" in said
    checkpoints.save(4, state_of(4), wait=True)
    assert names(checkpoints.folder) == ["1", "4"]
    with full_disk():
        for step in (5, 6, 7):
            checkpoints.check()
            checkpoints.save(step, state_of(step))
            checkpoints.wait()
        with pytest.raises(OSError, match=r"step 7 into (.|\n)*run the same command"):
            checkpoints.check()
    assert newest_good(checkpoints, state_of(0)) is not None
    assert names(checkpoints.folder) == ["1", "4"]


def full_disk() -> Any:
    """In here, no file grows beyond 1 KiB."""

    class Limit:
        def __enter__(self) -> None:
            self.before = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, self.before[1]))

        def __exit__(self, *_: Any) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, self.before)

    return Limit()


def test_a_save_that_waits_fails_at_once(checkpoints: Checkpoints):
    checkpoints.folder.parent.mkdir()
    checkpoints.folder.touch()  # no folder can be made there
    with pytest.raises(OSError, match="newest whole checkpoint is not there yet"):
        checkpoints.save(1, state_of(1), wait=True)


KILLED = """
import os, pathlib, signal, sys, jax, jax.numpy as jnp
from jaxpad.train.checkpoint import Checkpoints
checkpoints = Checkpoints(pathlib.Path(sys.argv[1]), 2)
for step in (1, 2):
    checkpoints.save(step, {"x": jnp.full(3, step)}, wait=True)
checkpoints.save(3, {"x": jax.random.normal(jax.random.key(0), (2**24,))})
while not any((checkpoints.folder / "3.saving").iterdir()):
    pass
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_in_the_middle_of_a_save(
    checkpoints: Checkpoints, capsys: pytest.CaptureFixture[str]
):
    command = [sys.executable, "-c", KILLED, str(checkpoints.folder)]
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    assert subprocess.run(command, check=False, env=environment).returncode == (
        -signal.SIGKILL
    )
    assert names(checkpoints.folder) == ["1", "2", "3.saving"]
    step, state = newest_good(checkpoints, {"x": jnp.zeros(3, jnp.int32)}) or (0, None)
    assert step == 2
    assert_equal(state, {"x": jnp.full(3, 2)})
    assert names(checkpoints.folder) == ["1", "2"]
    assert "3.saving, which a save that was interrupted left" in capsys.readouterr().err
