"""What the measurements say: the claims one by one, and the verdict."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from arms import KINDS, Size, formula


# Fixed before the grid was measured: how far apart results may be, XLA's FLOPs from the
# formula, and time from FLOPs; and what is near enough to the share of the tokens.
SAME, COUNTED, IN_STEP, NEAR = 1e-5, 0.02, 0.15, 1.1
UNPADDED = ("packed", "flat", "flat on packed")
MACHINE = ("device", "versions", "load", "minutes", "CPU minutes")
Point = dict[str, Any]
Claim = dict[str, Any]


class Ratio(NamedTuple):
    """The median of ratios round by round, and its interval."""

    median: float
    low: float
    high: float


def summary(results: dict[str, Any]) -> dict[str, Any]:
    """The results with what the index of studies shows, and what came of each claim."""
    claims = judge(results["points"], size_of(results))
    held = [claim["holds"] for claim in claims.values()] or [None]
    unless = "cannot be told at this size" if None in held else "holds"
    return {
        "question": "Does a batch without padding cost what its tokens cost?",
        "verdict": "does not hold" if False in held else unless,
        "claims": claims,
        "paper": "ByteTransformer: A High-Performance Transformer Boosted for "
        "Variable-Length Inputs, Zhai, Jiang, Wang, Jia, Zhang, Chen, Liu and Zhu, "
        "2022",
        "command": "python experiments/padding_free/run.py",
        **{key: results[key] for key in (*MACHINE, "setting", "rows", "points")},
    }


def size_of(results: dict[str, Any]) -> Size:
    return Size(**{key: results["setting"][key] for key in Size._fields})


def judge(points: Sequence[Point], size: Size) -> dict[str, Claim]:
    """Each claim: whether it holds, None if that is open, and by which numbers."""
    ragged = [(p, kind) for p in points if p["mean"] < 1 for kind in KINDS]
    if not ragged:
        return {}
    claims = {
        "every layout computes the same": _same(points),
        "XLA's FLOPs are the formula's, beside padded's": _counted(ragged, size),
        "flat is faster than padded wherever there is padding": _faster(
            [beside(p, kind, "flat") for p, kind in ragged]
        ),
        "time is saved as FLOPs are": _in_step(ragged, size),
        "packed rows are faster than flat cells with padded attention": _faster(
            [beside(p, kind, "packed", "flat") for p, kind in ragged]
        ),
        "the fastest layout costs its share of the tokens": _near(ragged, size),
    }
    if peers := [p for p in points if "torch nested" in p["arms"]]:
        claims["the fastest layout is faster than PyTorch's nested tensors"] = _faster(
            [
                beside(p, "forward", ranked(p, "forward")[0], "torch nested")
                for p in peers
            ]
        )
    return claims


def beside(point: Point, kind: str, arm: str, base: str = "padded") -> Ratio:
    """The time of one arm in parts of another's.

    The interval is of the order statistics whose ranks a fair coin leaves out with
    probability below 5%: it assumes nothing of the distribution.
    """
    mine, other = (np.array(point["arms"][name][kind]["ms"]) for name in (arm, base))
    ratios = np.sort(mine / other)
    n, tail, low = len(ratios), 0.5 ** len(ratios), 0
    term = tail
    while (term := term * (n - low) / (low + 1)) and tail + term <= 0.025:
        tail, low = tail + term, low + 1
    return Ratio(*(float(r) for r in (np.median(ratios), ratios[low], ratios[~low])))


def ranked(point: Point, kind: str) -> list[str]:
    """The arms of this project, the fastest first."""
    mine = [name for name in point["arms"] if not name.startswith("torch")]
    return sorted(mine, key=lambda arm: np.median(point["arms"][arm][kind]["ms"]))


def share(point: Point, size: Size) -> float:
    """The part of the padded cells that hold a token."""
    return point["tokens"] / (size.sequences * point["length"])


def expected(point: Point, kind: str, arm: str, size: Size) -> float:
    """The formula's FLOPs, in parts of padded's."""
    mine, base = (
        formula(kind, found["cells"], found["area"], size)
        for found in (point["arms"][arm], point["arms"]["padded"])
    )
    return mine / base


def counted(point: Point, kind: str, arm: str) -> float:
    """XLA's FLOPs, in parts of padded's."""
    mine, base = (point["arms"][name][kind]["flops"] for name in (arm, "padded"))
    return mine / base


def _same(points: Sequence[Point]) -> Claim:
    apart = [
        found[kind]["difference"]
        for point in points
        for found in point["arms"].values()
        for kind in KINDS
        if "difference" in found.get(kind, {})
    ]
    # NaN is not at most anything.
    return _claim(all(d <= SAME for d in apart), f"at most {max(apart):.1g} apart")


def _counted(ragged: Sequence[tuple[Point, str]], size: Size) -> Claim:
    off = max(
        abs(counted(p, kind, arm) / expected(p, kind, arm, size) - 1)
        for p, kind in ragged
        for arm in UNPADDED
    )
    return _claim(off <= COUNTED, f"at most {off:.1%} from them")


def _in_step(ragged: Sequence[tuple[Point, str]], size: Size) -> Claim:
    """How far the interval of the time is from the part of the FLOPs."""
    off = []
    for p, kind in ragged:
        for arm in UNPADDED:
            (_, low, high), part = beside(p, kind, arm), expected(p, kind, arm, size)
            off.append(min(max(part, low), high) / part - 1)
    good = sum(abs(part) <= IN_STEP for part in off)
    words = f"at {good} of {len(off)} points; off by {min(off):+.0%} to {max(off):+.0%}"
    return _claim(good == len(off), words)


def _near(ragged: Sequence[tuple[Point, str]], size: Size) -> Claim:
    """The fastest layout's time in parts of the tokens' share."""
    off = np.array(
        [
            np.array(beside(p, kind, ranked(p, kind)[0])) / share(p, size)
            for p, kind in ragged
        ]
    )
    medians, good = off[:, 0], sum(off[:, 1] <= NEAR)
    words = f"at {good} of {len(off)} points, by the median at {sum(medians <= NEAR)}; "
    return _claim(good == len(off), f"{words}up to {max(medians):.2f} times that")


def _faster(ratios: Sequence[Ratio]) -> Claim:
    """Open where an interval has 1 in it and none is above."""
    slower, faster = sum(r.low > 1 for r in ratios), sum(r.high < 1 for r in ratios)
    holds = False if slower else (True if faster == len(ratios) else None)
    medians = [r.median for r in ratios]
    words = f"at {faster} of {len(ratios)} points, slower at {slower}; "
    return _claim(holds, f"{words}{min(medians):.2f} to {max(medians):.2f} of its time")


def _claim(holds: bool | None, here: str) -> Claim:
    return {"holds": None if holds is None else bool(holds), "here": here}
