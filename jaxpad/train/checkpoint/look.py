"""What lies in a run's folder of checkpoints, whether it is good, and what differs."""

import math
import pathlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
from jax.sharding import SingleDeviceSharding

from ...untrusted import RATIO, UNPACKED, read_json
from ..memory import size
from ..workdir import config_changes
from .digest import array_digests
from .fits import differences
from .folder import damaged_in, saved_steps, unfinished_in
from .manifest import ARRAYS, DamagedError, read_manifest
from .verify import check_digests, check_files


def table(run: pathlib.Path) -> str:
    """A line for each checkpoint of a run, also for unfinished and damaged ones.

    Whether files are as they were written is not looked at: that is `verify`.

    Raises:
        ValueError: if the folder holds no checkpoints.
    """
    folder = run / "checkpoints"
    rows = [row(folder / str(step)) for step in saved_steps(run)]
    rows += [(path.name, "", "", "", "unfinished") for path in unfinished_in(folder)]
    rows += [(f"damaged/{p.name}", *[""] * 3, "set aside") for p in damaged_in(folder)]
    if not rows:
        raise ValueError(f"{run} holds no checkpoints: give the folder of a run.")
    rows.insert(0, ("step", "saved", "size", "arrays", ""))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def row(path: pathlib.Path) -> tuple[str, ...]:
    """What the table says of one: step, time, size, number of arrays, and how it is."""
    try:
        manifest = read_manifest(path)
    except (DamagedError, ValueError) as error:
        return path.name, "", "", "", f"not good: {error}"
    when = manifest["saved"].replace("T", " ").removesuffix("+00:00") + " UTC"
    return path.name, when, _size(manifest), str(len(manifest["arrays"])), "whole"


def verify(run: pathlib.Path, step: int | None = None) -> Iterator[tuple[str, str]]:
    """Reads the checkpoints of a run, or one of them.

    Yields:
        The name of each before it is read, with ""; then again with "ok", with what is
        damaged, or that it is gone.

    Raises:
        ValueError: if there is none, or not that one.
    """
    steps = saved_steps(run) if step is None else [_checked(run, step)]
    if not steps:
        raise ValueError(f"{run} has no checkpoint: give the folder of a run.")
    for number in steps:
        path = run / "checkpoints" / str(number)
        yield str(number), ""
        try:
            manifest, _ = load(path)
        except (DamagedError, OSError, ValueError) as error:
            if not path.exists():
                yield str(number), "gone: a run has deleted it meanwhile"
            elif isinstance(error, DamagedError):
                yield str(number), f"damaged: {error}"
            else:
                raise
        else:
            yield (
                str(number),
                f"ok, {len(manifest['arrays'])} arrays, {_size(manifest)}",
            )


def diff(one: pathlib.Path, other: pathlib.Path) -> Iterator[str]:
    """What differs between two checkpoints, and between the configs of their runs.

    Yields:
        Lines.

    Raises:
        DamagedError: if one of them is.
    """
    configs = [path.parent.parent / "config.json" for path in (one, other)]
    if configs[0] != configs[1] and all(path.exists() for path in configs):
        first, second = (read_json(path) for path in configs)
        yield from config_changes(first, second).values()
    manifests = [check_files(path)["arrays"] for path in (one, other)]
    found = differences(*manifests)
    kinds = {"missing": "only in the second", "extra": "only in the first"}
    for kind, names in found.items():
        yield from (f"  {name}: {kinds.get(kind, kind)}" for name in names)
    both = [n for n in manifests[0] if n in manifests[1]]
    equal = [n for n in both if manifests[0][n] == manifests[1][n]]
    kept = [n for n in both if _alike(manifests[0][n], manifests[1][n])]
    if len(kept) > len(equal):
        arrays = [load(path)[1] for path in (one, other)]
        for name in kept:
            if name not in equal:
                largest = _largest(*(a[name] for a in arrays))
                yield f"  {name}: differs{largest}"
    yield f"{len(equal)} of {len(both)} common arrays are equal, bit for bit"


def load(path: pathlib.Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The manifest and the arrays of a checkpoint, all checked, on one device.

    Raises:
        DamagedError: if a file or an array is not as it was written.
    """
    manifest = check_files(path)
    _check_written(path, manifest)
    try:
        like = {name: _like(entry) for name, entry in manifest["arrays"].items()}
        with ocp.StandardCheckpointer() as reader:
            arrays = reader.restore(path.absolute() / ARRAYS, like)
    except (TypeError, ValueError) as error:  # no such dtype
        reason = f"{path}: its arrays are not those of its manifest: {error}"
        raise DamagedError(reason) from error
    check_digests(path, manifest, array_digests(arrays))
    return manifest, arrays


def find(words: list[str]) -> tuple[pathlib.Path, pathlib.Path]:
    """The two checkpoints that words name.

    Args:
        words: a run, of which the newest two are meant; two runs, of which the newest
            are, or folders of checkpoints; or a run and two steps.

    Raises:
        ValueError: if there are none such.
    """
    run = pathlib.Path(words[0])
    if len(words) == 2:
        return _newest(run), _newest(pathlib.Path(words[1]))
    steps = words[1:] or saved_steps(run)[-2:]
    if len(steps) != 2:
        raise ValueError(
            f"expected RUN, RUN STEP STEP or RUN RUN, with two checkpoints in a lone "
            f"RUN, but got {' '.join(words)}."
        )
    paths = [run / "checkpoints" / str(_checked(run, step)) for step in steps]
    return paths[0], paths[1]


def _checked(run: pathlib.Path, step: int | str) -> int:
    """The step, if a run has a checkpoint of it."""
    steps = saved_steps(run)
    if str(step) not in map(str, steps):
        there = f"but of {', '.join(map(str, steps))}" if steps else "nor any other"
        raise ValueError(f"{run} has no checkpoint of step {step}, {there}.")
    return int(step)


def _newest(place: pathlib.Path) -> pathlib.Path:
    if (place / ARRAYS).is_dir():
        return place
    if not (steps := saved_steps(place)):
        raise ValueError(f"{place} is no run with checkpoints, and no checkpoint.")
    return place / "checkpoints" / str(steps[-1])


def _check_written(path: pathlib.Path, manifest: dict[str, Any]) -> None:
    """Raises unless Orbax wrote what the manifest says; before anything is allocated.

    Somebody else's checkpoint may claim more than there is memory.
    """
    with ocp.StandardCheckpointer() as reader:
        found: Any = reader.metadata(path.absolute() / ARRAYS).item_metadata
    written = dict(found.tree)
    for name, entry in manifest["arrays"].items():
        # Of random keys Orbax writes the words that they are made of.
        shape = None if entry["dtype"].startswith("key") else tuple(entry["shape"])
        if name not in written or shape not in (None, tuple(written[name].shape)):
            raise DamagedError(
                f"{path}: array {name} is not as its manifest says, {entry['dtype']}"
                f"{entry['shape']}"
            )
    there = sum(file["bytes"] for file in manifest["files"].values())
    claimed = sum(math.prod(a.shape) * a.dtype.itemsize for a in written.values())
    if claimed > (most := max(UNPACKED, RATIO * there)):
        raise DamagedError(
            f"{path} claims {claimed:,} bytes of arrays in {there:,} bytes of files, "
            f"and at most {most:,} are read"
        )


def _like(entry: dict[str, Any]) -> jax.ShapeDtypeStruct:
    where = SingleDeviceSharding(jax.local_devices()[0])
    return jax.ShapeDtypeStruct(
        tuple(entry["shape"]), _dtype(entry["dtype"]), sharding=where
    )


def _size(manifest: dict[str, Any]) -> str:
    return size(sum(file["bytes"] for file in manifest["files"].values()))


def _alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (one["shape"], one["dtype"]) == (other["shape"], other["dtype"])


def _largest(one: Any, other: Any) -> str:
    """The largest absolute difference of two arrays, in words."""
    if jnp.issubdtype(one.dtype, jax.dtypes.prng_key):
        return ", random keys"
    gap = jnp.abs(one.astype(jnp.float32) - other.astype(jnp.float32))
    return f" by up to {float(jnp.max(gap, initial=0)):.3g}"


def _dtype(name: str) -> Any:
    """From the name of a dtype, also of typed random keys."""
    keys = (jax.random.key(0, impl=i) for i in ("threefry2x32", "rbg", "unsafe_rbg"))
    found = [key.dtype for key in keys if str(key.dtype) == name]
    return found[0] if found else jnp.dtype(name)
