"""What the paper says, as differences of what was measured, and the verdicts."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxpad.reports.statistics import Comparison, by_seed, holm, within


# Nats a token: losses that lie nearer are the same. The paper's are within 0.004 where
# it calls them so, and 0.13 to 0.74 apart where it does not.
SAME = 0.02
LEVEL = 0.05
UNKNOWN = "cannot be told"

# Losses of the first are the same as of the second, or higher.
EQUAL = {
    "flattened learns as padded": ("flattened", "padded"),
    "packed with a mask learns as padded, text for text": ("packed", "padded"),
}
HIGHER = {
    "without a mask the loss is higher": ("packed without a mask", "packed"),
    "as many rows, so fewer steps: the loss is higher": (
        "packed, as many rows",
        "padded",
    ),
}
FASTER = {
    "flattened reads more tokens a second than padded": ("flattened", "padded"),
    "packed reads more than padded": ("packed", "padded"),
    "packed reads more than flattened": ("packed", "flattened"),
}


def judge(runs: Any, speeds: Any) -> dict[str, dict[str, Any]]:
    """Every claim: its number with 95% intervals, and how it turned out.

    Holm's correction is over the claims of higher losses. Losses are the same if the
    interval lies within `SAME`, and differ if it lies outside; else it cannot be told.
    """
    found = {}
    for says, (arm, other) in EQUAL.items():
        found[says] = alike(by_seed(losses(runs[arm]), losses(runs[other])))
    compared = {
        says: by_seed(losses(runs[arm]), losses(runs[other]))
        for says, (arm, other) in HIGHER.items()
    }
    corrected = holm(np.array([c.p for c in compared.values()]))
    for (says, c), p in zip(compared.items(), corrected, strict=True):
        verdict = "holds" if c.mean > 0 else "does not hold"
        found[says] = {
            "found": [c.mean, c.low, c.high],
            "p, Holm": float(p),
            "verdict": verdict if p <= LEVEL else UNKNOWN,
        }
    for says, (arm, other) in FASTER.items():
        found[says] = faster(speeds[arm], speeds[other])
    return found


def alike(c: Comparison) -> dict[str, Any]:
    """Whether the whole interval lies within `SAME`."""
    low, high = (c.mean, c.mean) if np.isnan(c.low) else (c.low, c.high)
    told = {True: "holds", False: "does not hold", None: UNKNOWN}
    return {"found": [c.mean, low, high], "verdict": told[within(c, SAME)]}


def faster(arm: Any, other: Any) -> dict[str, Any]:
    """The ratio of tokens a second: Student's t of its logarithm, round by round."""
    logs = [dict(enumerate(np.log(it["tokens a second"]))) for it in (arm, other)]
    c = by_seed(*logs)
    ratio = [float(np.exp(x)) for x in (c.mean, c.low, c.high)]
    verdict = "holds" if c.low > 0 else "does not hold" if c.high < 0 else UNKNOWN
    return {"found": ratio, "verdict": verdict}


def losses(of_seeds: Mapping[str, Any]) -> dict[int, float]:
    """Seed -> the loss in the end."""
    return {int(seed): run["loss"] for seed, run in of_seeds.items()}
