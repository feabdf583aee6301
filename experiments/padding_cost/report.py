"""What the measurements say."""

from collections.abc import Sequence
from typing import Any

from jaxpad.reports.markdown import table


MODES = ("circular", "reflect", "symmetric", "replicate")
# The targets: at most so many times zero padding's.
TIME, MEMORY, PARTIAL = 1.05, 1.05, 1.02


def summary(results: dict[str, Any], device: str) -> dict[str, Any]:
    """The results with what the index of studies shows, and each target's outcome."""
    targets = dict(_targets(results))
    met = all(outcome["met"] for outcome in targets.values())
    measured = all(part in results for part in PARTS)
    return {
        "question": "What does a border that is not zero cost?",
        "verdict": ("holds" if met else "does not hold")
        if measured
        else "cannot be told at this size",
        "paper": "none: the target of this project, other borders at the cost of zeros",
        "command": "python experiments/padding_cost/run.py",
        "device": device,
        "minutes": round(sum(results.get("part minutes", {}).values()), 1),
        "targets": targets,
        **{k: v for k, v in results.items() if k in (*PARTS, "part minutes")},
    }


PARTS = ("residual", "network", "peers", "sharded", "tpu")


def _targets(results: dict[str, Any]) -> Any:
    for program, arms in _cpu(results).items():
        for mode in MODES:
            yield f"CPU time, {program}, {mode}", _at_most(arms[mode]["ratio"], TIME)
            memory = arms[mode]["memory"]
            yield f"CPU memory, {program}, {mode}", _at_most(memory, MEMORY)
        partial = arms["partial"]["ratio"]
        yield f"CPU time, {program}, partial", _at_most(partial, PARTIAL)
    yield from _beside_peers(results.get("peers", {}))
    for name, arms in results.get("tpu", {}).items():
        for arm, cost in arms.items():
            if arm.partition(",")[0] in MODES and arm.endswith(("explicit", "kernel")):
                most = 1.9 if arm.endswith("explicit") else 1.1
                yield f"TPU bytes, {name}, {arm}", _at_most(cost["ratio"], most)
    sharded = results.get("sharded", {})
    if sharded:
        zero, ring = sharded["zero GSPMD"], sharded["circular halo"]
        yield "bytes sent, circular against zero", _at_most(ring[0] / zero[0], 1.0)


def _beside_peers(peers: dict[str, Any]) -> Any:
    """Each of our ratios to zeros against that of every other library."""
    for name, arms in peers.items():
        library, _, shape = name.rpartition(" ")
        ours = peers[f"jaxpad {shape}"]
        for mode in MODES:
            if not library.startswith("jaxpad") and mode in arms:
                what = f"CPU time, one convolution {shape}, {mode}, beside {library}"
                yield what, _at_most(ours[mode]["ratio"], arms[mode]["ratio"])


def _cpu(results: dict[str, Any]) -> dict[str, Any]:
    return {**results.get("residual", {}), **results.get("network", {})}


def _at_most(value: float, target: float) -> dict[str, Any]:
    return {"value": round(value, 3), "target": target, "met": bool(value <= target)}


def tables(results: dict[str, Any]) -> dict[str, str]:
    """The tables of README.md, by name."""
    made = {"targets": _target_table(results["targets"])}
    if cpu := _cpu(results):
        made["cpu"] = _by_program(
            cpu, ("ratio", "interval", "memory", "bytes", "milliseconds")
        )
    if peers := results.get("peers"):
        made["peers"] = _by_program(peers, ("ratio", "interval", "memory"))
    if sharded := results.get("sharded"):
        rows = [(name, *sent) for name, sent in sharded.items()]
        made["sharded"] = table(("mode and way", "forward", "and backward"), rows)
    if tpu := results.get("tpu"):
        keys = ("ratio", "bytes", "of which kernels", "temporary")
        made["tpu"] = _by_program(tpu, keys)
    return made


def _target_table(targets: dict[str, Any]) -> str:
    rows = [
        (name, outcome["value"], outcome["target"], "yes" if outcome["met"] else "no")
        for name, outcome in targets.items()
    ]
    return table(("what", "measured", "at most", "met"), rows)


def _by_program(programs: dict[str, Any], keys: Sequence[str]) -> str:
    rows = [
        (program, arm, *(_shown(found.get(key, "")) for key in keys))
        for program, arms in programs.items()
        for arm, found in arms.items()
    ]
    return table(("program", "padding", *keys), rows)


def _shown(value: Any) -> str:
    return " to ".join(map(str, value)) if isinstance(value, list) else str(value)
