"""The tables of README.md, from results.json.

Command: python experiments/partial_padding/page.py prints them
"""

import json
import pathlib
import statistics
from typing import Any

from claims import by_number, comparison

from jaxpad.reports.markdown import table


def tables(results: dict[str, Any]) -> dict[str, str]:
    """Markdown by name."""
    settings = results["settings"]
    return {
        "claims": verdicts(results["claims"]),
        "final": final(settings),
        "gains": gains(settings),
        "cost": cost(settings),
    }


def verdicts(claims: list[dict[str, Any]]) -> str:
    """A row for each claim."""
    return table(
        ("claim", "points", "95% interval", "p, Holm", "pairs", "needed", "verdict"),
        (
            (
                claim["says"],
                f"{claim['difference']:+.2f}",
                "{:+.2f} to {:+.2f}".format(*claim["interval"]),
                f"{claim['p, Holm']:.3f}",
                str(claim["pairs"]),
                str(claim["pairs needed"] or "over 100,000"),
                claim["verdict"],
            )
            for claim in claims
        ),
    )


def final(settings: dict[str, Any]) -> str:
    """Mean and deviation at the final epoch: a row for each setting."""
    paddings = list(max(settings.values(), key=len))
    return table(
        ("setting", *paddings),
        (
            (name, *(spread(arms.get(p), "final") for p in paddings))
            for name, arms in settings.items()
        ),
    )


def gains(settings: dict[str, Any]) -> str:
    """Partial against zero, in each setting."""
    rows = []
    for name, arms in settings.items():
        for figure in ("final", "best"):
            found = comparison(arms, "partial", figure)
            rows.append(
                (
                    f"{name}, {figure} epoch",
                    f"{found.mean:+.2f}",
                    f"{found.low:+.2f} to {found.high:+.2f}",
                    f"{found.p:.3f}",
                )
            )
    return table(("setting", "partial - zero", "95% interval", "p"), rows)


def cost(settings: dict[str, Any]) -> str:
    """FLOPs of an image and memory of a training step, by those of zero."""
    paddings = [p for p in max(settings.values(), key=len) if p != "zero"]

    def ratios(arms: dict[str, Any], padding: str) -> str:
        if padding not in arms:
            return "-"
        arm, zero = arms[padding], arms["zero"]
        memory = [next(iter(by_number(a, "memory").values())) for a in (arm, zero)]
        flops = arm["megaflops"] / zero["megaflops"]
        return f"{flops:.2f}, {memory[0] / memory[1]:.2f}"

    return table(
        ("setting", *paddings),
        (
            (name, *(ratios(arms, p) for p in paddings))
            for name, arms in settings.items()
        ),
    )


def spread(arm: dict[str, Any] | None, figure: str) -> str:
    """Mean and sample standard deviation over the seeds."""
    if arm is None:
        return "-"
    values = list(by_number(arm, figure).values())
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"


if __name__ == "__main__":
    file = pathlib.Path(__file__).parent / "results.json"
    for name, text in tables(json.loads(file.read_text())).items():
        print(f"{name}\n\n{text}\n")
