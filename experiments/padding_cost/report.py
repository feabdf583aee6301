"""What the measurements say."""

from typing import Any


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


PARTS = ("cpu", "peers", "sharded", "tpu")


def _targets(results: dict[str, Any]) -> Any:
    for program, arms in results.get("cpu", {}).items():
        for mode in MODES:
            yield f"CPU time, {program}, {mode}", _at_most(arms[mode]["ratio"], TIME)
            memory = arms[mode]["memory"]
            yield f"CPU memory, {program}, {mode}", _at_most(memory, MEMORY)
        partial = arms["partial"]["ratio"]
        yield f"CPU time, {program}, partial", _at_most(partial, PARTIAL)
    for name, arms in results.get("tpu", {}).items():
        for arm, cost in arms.items():
            if arm.partition(",")[0] in MODES and "explicit" in arm:
                yield f"TPU bytes, {name}, {arm}", _at_most(cost["ratio"], 1.9)
    sharded = results.get("sharded", {})
    if sharded:
        zero, ring = sharded["zero GSPMD"], sharded["circular halo"]
        yield "bytes sent, circular against zero", _at_most(ring[0] / zero[0], 1.0)


def _at_most(value: float, target: float) -> dict[str, Any]:
    return {"value": round(value, 3), "target": target, "met": bool(value <= target)}
