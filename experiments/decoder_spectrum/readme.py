"""The tables of README.md, from results.json."""

import re
from collections.abc import Sequence
from typing import Any

from claims import CASES

from jaxpad.reports.markdown import table


def fill(page: str, results: dict[str, Any]) -> str:
    """The page with its tables, each between `<!-- NAME -->` and `<!-- end -->`."""
    for name, text in tables(results).items():
        pattern = f"(<!-- {name} -->\n\n)(.*?)(<!-- end -->)"
        page = re.sub(pattern, rf"\g<1>{text}\n\n\g<3>", page, flags=re.DOTALL)
    return page


def tables(results: dict[str, Any]) -> dict[str, str]:
    """Every table by its name."""
    measured = results["measured"]
    return {
        "theorems": table(
            ("", "it says", "largest relative error"),
            [
                (name, row["statement"], f"{row['largest error']:.0e}")
                for name, row in results["theorems"].items()
            ],
        ),
        "statements": table(
            ("", "as it is stated", "example", "the paper", "here"),
            [
                (name, row["statement"], row["case"], row["says"], row["is"])
                for name, row in results["statements"].items()
            ],
        ),
        "claims": table(
            ("on so many seeds", *CASES),
            [
                (row["statement"], *_of(row, CASES))
                for row in results["claims"].values()
                if set(row["holds"]) == set(CASES)
            ],
        ),
        "others": table(
            ("on so many seeds", "where"),
            [
                (row["statement"], _listed(row))
                for row in results["claims"].values()
                if set(row["holds"]) != set(CASES)
            ],
        ),
        "shares": table(
            ("low frequencies (%)", *CASES),
            [
                (f"{label} {key}", *(_spread(measured[part][c][key]) for c in CASES))
                for part, label in (
                    ("padding", "7 x 7,"),
                    ("kernel size", "kernel size"),
                    ("mean", "9 x 9, weights of mean"),
                )
                for key in measured[part][CASES[0]]
            ],
        ),
        "mixing": table(
            ("stays at its frequency (%)", "8 x 8", "16 x 16", "32 x 32"),
            [
                (mode, *map(_spread, sizes.values()))
                for mode, sizes in measured["mixing"].items()
            ],
        ),
        "upsampling": table(
            (
                "",
                "energy of the copies (%)",
                "repeats of frequency 0 (%)",
                "after 3 x 3",
            ),
            [
                (method, *map(_spread, row.values()))
                for method, row in measured["upsampling"].items()
            ],
        ),
    }


def _of(row: dict[str, Any], cases: Sequence[str]) -> list[str]:
    return [f"{row['holds'][case]} of {row['seeds']}" for case in cases]


def _listed(row: dict[str, Any]) -> str:
    pairs = zip(row["holds"], _of(row, list(row["holds"])), strict=True)
    return "; ".join(f"{case}: {seeds}" for case, seeds in pairs)


def _spread(found: dict[str, Any]) -> str:
    return f"{found['mean']:.1f} ± {found['std']:.1f}"
