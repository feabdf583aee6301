"""The tables of README.md, from results.json.

Command: python experiments/zero_init/page.py prints them
"""

import json
import pathlib
import statistics
from typing import Any

from jaxpad.reports.markdown import table


def tables(results: dict[str, Any]) -> dict[str, str]:
    """Markdown by name."""
    again = results["repeated"]["accuracy, one order of the data"]
    return {
        **{norm: accuracy(inits) for norm, inits in results["accuracy"].items()},
        "ranks": ranks(results),
        "one order": table(
            ("initial values", "accuracy"),
            ((init, f"{s['mean']} ± {s['std']}") for init, s in again.items()),
        ),
    }


def accuracy(inits: dict[str, Any]) -> str:
    """A row for each initializer, a column for each depth."""
    depths = next(iter(inits.values()))
    return table(
        ("initial values", *(f"{depth} layers" for depth in depths)),
        (
            (init, *(f"{f['mean']} ± {f['std']} ({f['rate']})" for f in found.values()))
            for init, found in inits.items()
        ),
    )


def ranks(results: dict[str, Any]) -> str:
    """At the start and at the end, means over the seeds that have learned."""

    def ends(runs: list[list[float]], accuracies: list[float]) -> str:
        learned = [
            run
            for run, accuracy in zip(runs, accuracies, strict=True)
            if accuracy >= 80
        ]
        start, end = (statistics.mean(run[n] for run in learned) for n in (0, -1))
        return f"{start:.1f} to {end:.1f}"

    return table(
        ("network", "initial values", "first convolution", "last convolution"),
        (
            (norm, init, *(ends(runs, values) for runs in kernels.values()))
            for norm, inits in results["ranks"].items()
            for init, kernels in inits.items()
            for values in [results["accuracy"][norm][init]["18"]["values"]]
        ),
    )


if __name__ == "__main__":
    file = pathlib.Path(__file__).parent / "results.json"
    for name, text in tables(json.loads(file.read_text())).items():
        print(f"{name}\n\n{text}\n")
