"""Who can do a given attention, and which of them "auto" takes."""

from typing import Any, NamedTuple

import jax
from jax.sharding import AxisType

from ..registry import parse_call
from ..target import target_backend
from .inputs import Inputs
from .table import IMPLEMENTATIONS, Abilities


# Written for one kind of device; the first of them that can do it is taken there.
KERNELS = ("splash", "cudnn", "triton")
# Scores of one head, queries times keys, up to which "dense" is the faster. On a CPU,
# forward and backward, "chunked" took 1.2 times dense's time at 512 x 512 with 8
# segments in a row, 0.7 at 1024 x 1024 and a quarter at 2048 x 2048; of whole rows 1.3,
# 1.2 and 1.1 times, in less memory: benchmarks/attention.py.
MOST_SCORES = 512 * 512
_WANTED = {"segments": "segment_ids", "lengths": "lengths", "whole": "whole rows"}


class Case(NamedTuple):
    """What of a call decides who can do it.

    Attributes:
        layout: a name in `LAYOUTS`.
        cross: whether the keys are other slots than the queries.
        causal: whether a query is kept from later keys.
        dtype: of the operands.
        head_dim: features of a head.
        scores: queries times keys of one head.
        backend: "cpu", "gpu" or "tpu".
        one_device: whether the program is for one device, or a part in
            `jax.shard_map`.
    """

    layout: str
    cross: bool
    causal: bool
    dtype: str
    head_dim: int
    scores: int
    backend: str
    one_device: bool


class Choice(NamedTuple):
    """What "auto" takes.

    Attributes:
        implementation: a name in `IMPLEMENTATIONS`.
        why: the reason, in words.
    """

    implementation: str
    why: str


def case_of(inputs: Inputs) -> Case:
    """What of checked arguments decides who can do it."""
    layout = "whole" if inputs.query_ids is None else "segments"
    queries, keys = inputs.query.shape[1], inputs.key.shape[1]
    return Case(
        layout="lengths" if inputs.lengths is not None else layout,
        cross=queries != keys or inputs.query_ids is not inputs.key_ids,
        causal=inputs.causal,
        dtype=str(inputs.query.dtype),
        head_dim=inputs.query.shape[-1],
        scores=queries * keys,
        backend=target_backend(),
        one_device=_one_device(),
    )


def refusals(can: Abilities, case: Case) -> list[str]:
    """Why an implementation cannot do it, reason by reason; none if it can."""
    there = can.emulated or case.backend in can.devices
    fits = can.head_dims is None or case.head_dim in can.head_dims
    fulfilled = {
        f"it takes no {_WANTED[case.layout]}": case.layout in can.layouts,
        "its keys are the queries' own slots": can.cross or not case.cross,
        "it has no causal=True": can.causal or not case.causal,
        f"it takes {' or '.join(can.dtypes)}, not {case.dtype}": (
            case.dtype in can.dtypes
        ),
        f"a head has {head_dims(can)} features, not {case.head_dim}": fits,
        f"it runs on {' or '.join(can.devices)}, not {case.backend}": there,
    }
    return [reason for reason, good in fulfilled.items() if not good]


def head_dims(can: Abilities) -> str:
    """Features of a head that an implementation takes, in words."""
    if can.head_dims is None:
        return "any number of"
    first, last = can.head_dims[0], can.head_dims[-1]
    step = can.head_dims.step
    return f"{first} to {last}" + (f" by {step}" if step > 1 else "")


def check_able(spec: Any, case: Case) -> None:
    """Raises unless an implementation can do it, if the table knows that.

    Raises:
        ValueError: with the reasons, who can, and what to type.
    """
    name = parse_call(spec, "implementation")[0] if isinstance(spec, str) else ""
    table = IMPLEMENTATIONS.abilities
    if name not in table or not (reasons := refusals(table[name], case)):
        return
    able = [repr(other) for other, can in table.items() if not refusals(can, case)]
    raise ValueError(
        f"implementation={spec!r} cannot do this attention: {'; '.join(reasons)}. "
        f"Those that can: {', '.join(able)}. Type "
        f"implementation={choose(case).implementation!r}."
    )


def choose(case: Case) -> Choice:
    """The implementation that "auto" takes.

    A kernel for the device, if one can do it; else "dense" where the scores are few,
    and "chunked" where they are many. Kernels were not timed by us.
    """
    table, besides = IMPLEMENTATIONS.abilities, ""
    for name in KERNELS:
        if case.backend not in table[name].devices or refusals(table[name], case):
            continue
        if table[name].splits or case.one_device:
            return Choice(name, f"a kernel for {case.backend} that can do this")
        besides += (
            f"; {name!r} only in jax.shard_map, as the compiler does not split it over "
            "devices"
        )
    if case.scores <= MOST_SCORES:
        return Choice("dense", f"{case.scores} scores a head are few{besides}")
    return Choice("chunked", f"{case.scores} scores a head are many{besides}")


def _one_device() -> bool:
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return jax.device_count() == 1
    return all(kind == AxisType.Manual for kind in mesh.axis_types)
