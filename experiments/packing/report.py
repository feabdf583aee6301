"""What the measurements say: the paper's claims one by one, and the tables."""

from collections.abc import Iterable
from typing import Any

import learned
from curves import JOBS

from jaxpad.reports.markdown import table


PARTS = ("tables", "unpacked", "curves")
# The paper's packers, and those of them that take any depth.
PAPERS = ("spfhp", "lpfhp", "nnlshp")
QUICK = ("spfhp", "lpfhp")
SHORT = {"holds": "yes", "does not hold": "no"}
# So near is near enough, in points; so little time is none.
NEAR, NONE = 1.0, 0.1


def summary(results: dict[str, Any], device: str) -> dict[str, Any]:
    """The results with what the index of studies shows, and what came of each claim."""
    claims = judge(results["tables"]) if "tables" in results else {}
    if "curves" in results:
        claims |= learned.judge(results["curves"])
    verdicts = {claim["verdict"] for claim in claims.values()}
    worst = (v for v in ("does not hold", learned.UNKNOWN) if v in verdicts)
    verdict = next(worst, "holds" if claims else learned.UNKNOWN)
    return {
        "question": "Does packing save what its paper says?",
        "verdict": verdict.replace(learned.UNKNOWN, f"{learned.UNKNOWN} at this size"),
        "claims": claims,
        "paper": "Efficient Sequence Packing without Cross-contamination: Accelerating "
        "Large Language Models without Impacting Performance, Krell, Kosec, Perez and "
        "Fitzgibbon, 2021",
        "command": "python experiments/packing/run.py",
        "device": device,
        "minutes": round(sum(minutes(results).values()), 1),
        **{k: results[k] for k in ("data", "costs", *PARTS) if k in results},
    }


def minutes(results: dict[str, Any]) -> dict[str, float]:
    """Of each part; of the runs together, some of which are trained at a time."""
    found = {name: it["minutes"] for name, it in results["costs"].items()}
    if "curves" in results:
        runs = (run for arm in results["curves"].values() for run in arm.values())
        found["curves"] = sum(run["minutes"] for run in runs) / JOBS
    return found


def judge(tables: dict[str, Any]) -> dict[str, dict[str, str]]:
    """What the paper says of its packers: whether it holds, and by which numbers."""
    packers, rows = tables["packers"], _of(tables, "rows")
    deep = [depth for depth in tables["bounds"] if depth != "1"]
    lpfhp = {depth: rows["lpfhp", depth] for depth in deep}
    factor = rows["one_per_row", "any"] / lpfhp["any"]
    third = {name: _percent(packers[name].get("3")) for name in PAPERS}
    all_depths = _percent(packers["lpfhp"]["any"])
    best = max(third.values())
    slowest = max(packers[name][depth]["seconds"] for name in QUICK for depth in deep)
    fewer = sum(lpfhp[depth] <= rows["spfhp", depth] for depth in deep)
    return {
        "packing halves the rows": _claim(factor >= 2, f"{factor:.2f} times fewer"),
        "lpfhp leaves hardly any padding": _claim(
            all_depths >= 100 - NEAR, f"{100 - all_depths:.2f}% of the cells"
        ),
        "lpfhp takes no more rows than spfhp": _claim(
            fewer == len(deep), f"at {fewer} of {len(deep)} depths"
        ),
        "nnlshp is the best of the three at depth 3": _claim(
            best == third["nnlshp"],
            ", ".join(f"{name} {part:.2f}%" for name, part in third.items()),
        ),
        "depth 3 is nearly enough": _claim(
            best >= all_depths - NEAR, f"{all_depths - best:.2f} points are left"
        ),
        "spfhp and lpfhp take no time": _claim(
            slowest <= NONE, f"{1e3 * slowest:.1f} ms at most"
        ),
    }


def _claim(holds: bool, here: str) -> dict[str, str]:
    return {"verdict": "holds" if holds else "does not hold", "here": here}


def _percent(found: dict[str, Any] | None) -> float:
    return 100 * found["efficiency"] if found and "efficiency" in found else 0.0


def _of(tables: dict[str, Any], key: str) -> dict[tuple[str, str], Any]:
    """One number of each packer and depth that has it."""
    return {
        (name, depth): found[key]
        for name, depths in tables["packers"].items()
        for depth, found in depths.items()
        if key in found
    }


def tables(results: dict[str, Any]) -> dict[str, str]:
    """Markdown by name."""
    made = {}
    if found := results.get("tables"):
        made["claims"] = claims(results["claims"])
        made["efficiency"] = grid(found, _efficiency)
        made["rows"] = rows(found)
        made["times"] = grid(found, _time)
    if "unpacked" in results:
        made["unpacked"] = unpacked(results["unpacked"])
    if "curves" in results:
        made["learned"] = learned.ends(results["curves"])
    return made


def claims(found: dict[str, dict[str, Any]]) -> str:
    return table(
        ("claim", "here"),
        (
            (claim, f"{SHORT.get(it['verdict'], it['verdict'])}: {it['here']}")
            for claim, it in found.items()
        ),
    )


def grid(found: dict[str, Any], shown: Any) -> str:
    """A row for each packer, a column for each depth."""
    depths, whole = found["bounds"], found["packers"]["one_per_row"]["1"]["rows"]
    return table(
        ("packer", *_heads(depths)),
        (
            (name, *(shown(of_depth.get(depth), whole) for depth in depths))
            for name, of_depth in found["packers"].items()
        ),
    )


def _efficiency(found: dict[str, Any] | None, whole: int) -> str:
    """The part of the cells that hold a sequence, and the packing factor."""
    if not found or "refused" in found:
        return "refused" if found else ""
    return f"{100 * found['efficiency']:.2f} ({whole / found['rows']:.3f})"


def _time(found: dict[str, Any] | None, _: int) -> str:
    if not found or "refused" in found:
        return "refused" if found else ""
    ms = 1e3 * found["seconds"]
    return f"{ms:,.1f}" if ms < 100 else f"{ms:,.0f}"


def rows(found: dict[str, Any]) -> str:
    """Rows, and how many of them are beyond the best bound at the depth."""
    bounds = found["bounds"]

    def shown(it: dict[str, Any] | None, depth: str) -> str:
        if not it or "refused" in it:
            return "refused" if it else ""
        return f"{it['rows']:,} (+{it['rows'] - bounds[depth]:,})"

    lines = [
        (name, *(shown(of_depth.get(depth), depth) for depth in bounds))
        for name, of_depth in found["packers"].items()
    ]
    proved = ("proved to be needed", *(f"{bound:,}" for bound in bounds.values()))
    return table(("packer", *_heads(bounds)), [*lines, proved])


def _heads(depths: Iterable[str]) -> list[str]:
    return ["any depth" if depth == "any" else f"depth {depth}" for depth in depths]


def unpacked(found: dict[str, Any]) -> str:
    """The ways that do not pack."""

    def shown(it: dict[str, Any]) -> str:
        spread = f" ± {100 * it['std']:.2f}" if "std" in it else ""
        return f"{100 * it['efficiency']:.2f}{spread}"

    lines = ((name, shown(it), str(it["shapes"])) for name, it in found.items())
    return table(("batches", "percent of the cells", "shapes"), lines)
