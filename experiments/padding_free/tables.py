"""The tables of README.md, from the results alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from arms import KINDS, Size, formula
from report import (
    UNPADDED,
    Point,
    Ratio,
    beside,
    counted,
    expected,
    ranked,
    share,
    size_of,
)

from jaxpad.reports.markdown import table


# ByteTransformer's table for 16 sequences with a mean of 0.6: ms of FasterTransformer,
# the same without padding, and ByteTransformer, on an A100 in float16.
PAPER = {
    128: (3.62, 3.33, 3.18),
    256: (6.77, 5.49, 6.85),
    512: (18.03, 13.79, 9.22),
    1024: (50.28, 45.22, 24.70),
}
PAPER_MEAN, BERT_BASE = 0.6, Size(width=768, depth=12, heads=12)
CHUNKED = ("padded chunked", "packed chunked")
MIB = 2**20


def tables(results: dict[str, Any]) -> dict[str, str]:
    """Markdown by name."""
    points, size = results["points"], size_of(results)
    found = {"claims": claims(results["claims"]), "paper": paper(points)}
    for kind in KINDS:
        found[f"fastest {kind}"] = fastest(points, kind)
        found[kind] = times(points, kind, size)
    found["flops"] = flops(points, size)
    found["memory"] = memory(points)
    found["rows"] = rows(results["rows"])
    if any("torch padded" in p["arms"] for p in points):
        found["torch"] = torch(points)
    return found


def claims(found: dict[str, dict[str, Any]]) -> str:
    said = {True: "yes", False: "no", None: "open"}
    return table(
        ("claim", "here"),
        ((name, f"{said[it['holds']]}: {it['here']}") for name, it in found.items()),
    )


def paper(points: Sequence[Point]) -> str:
    """Removed padding beside the same program with it: there, by FLOPs, and here."""
    lines = []
    for p in points:
        if p["mean"] != PAPER_MEAN or p["length"] not in PAPER:
            continue
        padded, flat, byte = PAPER[p["length"]]
        cells, area = 16 * p["length"], 16 * p["length"] ** 2
        whole = formula("forward", cells, area, BERT_BASE)
        part = formula("forward", round(PAPER_MEAN * cells), area, BERT_BASE) / whole
        here = (shown(beside(p, "forward", arm)) for arm in ("flat", "flat on packed"))
        there = (f"{ms / padded:.2f}" for ms in (flat, byte))
        lines.append((str(p["length"]), *there, f"{part:.2f}", *here))
    heads = ("length", "FasterTransformer without padding", "ByteTransformer")
    heads += ("flat, by FLOPs of BERT-base", "flat, here", "flat on packed, here")
    return table(heads, lines)


def fastest(points: Sequence[Point], kind: str) -> str:
    """By length and mean, in parts of padded's time, with all that it ties with."""
    means = sorted({p["mean"] for p in points})
    lengths = sorted({p["length"] for p in points})
    cells = {(p["length"], p["mean"]): winner(p, kind) for p in points}
    lines = (
        (str(length), *(cells.get((length, mean), "") for mean in means))
        for length in lengths
    )
    return table(("length", *(f"mean {mean}" for mean in means)), lines)


def winner(point: Point, kind: str) -> str:
    """The fastest, and those whose time may be as short: the interval has 1 in it."""
    first, *others = ranked(point, kind)
    ties = [arm for arm in others if beside(point, kind, arm, first).low <= 1]
    part = f"{beside(point, kind, first).median:.2f}"
    if ties:
        return f"tie: {', '.join([first, *ties])} ({part})"
    over = beside(point, kind, others[0], first).median - 1
    return f"**{first}** ({part}; {over:.0%} ahead of {others[0]})"


def times(points: Sequence[Point], kind: str, size: Size) -> str:
    """Milliseconds of padded, and the others in parts of it."""
    arms = [*UNPADDED, *CHUNKED]
    lines = []
    for p in points:
        there = (
            shown(beside(p, kind, arm)) if arm in p["arms"] else "" for arm in arms
        )
        lines.append((*_place(p, size), _ms(p, kind, "padded"), *there))
    return table(("length", "mean", "tokens", "padded, ms", *arms), lines)


def flops(points: Sequence[Point], size: Size) -> str:
    """XLA's of a forward pass, in parts of padded's, and the formula's."""
    lines, kind = [], "forward"
    for p in points:
        padded = f"{p['arms']['padded'][kind]['flops'] / 1e9:.2f}"
        there = (
            f"{counted(p, kind, arm):.3f} ({expected(p, kind, arm, size):.3f})"
            for arm in UNPADDED
        )
        lines.append((*_place(p, size), padded, *there))
    return table(("length", "mean", "tokens", "padded, GFLOP", *UNPADDED), lines)


def memory(points: Sequence[Point]) -> str:
    """Temporary arrays of a step, at the paper's mean."""
    arms = ["padded", *UNPADDED, *CHUNKED]
    lines = []
    for p in points:
        if p["mean"] == PAPER_MEAN:
            held = ((p["arms"].get(arm) or {}).get("step") for arm in arms)
            mib = (f"{it['temporary'] / MIB:.0f}" if it else "" for it in held)
            lines.append((str(p["length"]), *mib))
    return table(("length", *arms), lines)


def torch(points: Sequence[Point]) -> str:
    """Milliseconds of PyTorch and, beside it, of the same here."""
    lines = []
    for p in (p for p in points if "torch padded" in p["arms"]):
        first, step = (ranked(p, kind)[0] for kind in KINDS)
        lines.append(
            (
                *(str(p["length"]), str(p["mean"])),
                _ms(p, "forward", "torch padded"),
                shown(beside(p, "forward", "padded", "torch padded")),
                _ms(p, "forward", "torch nested"),
                f"{first}: {shown(beside(p, 'forward', first, 'torch nested'))}",
                _ms(p, "step", "torch padded"),
                shown(beside(p, "step", "padded", "torch padded")),
                f"{step}: {shown(beside(p, 'step', step, 'torch padded'))}",
            )
        )
    heads = ("length", "mean", "padded, ms", "padded here", "nested, ms")
    heads += ("the fastest here", "padded step, ms", "padded step here")
    return table((*heads, "the fastest step here"), lines)


def rows(found: dict[str, Any]) -> str:
    """Rows by packer, and the part of their cells that hold a token."""
    lines = []
    for key, it in found.items():
        if key == "length":
            continue
        mean, count = key.split(", ")
        cells = (
            f"{n:,} ({it['tokens'] / (n * found['length']):.1%})"
            for n in it["rows"].values()
        )
        lines.append((f"{int(count):,}", mean, *cells))
    packers = next(it["rows"] for key, it in found.items() if key != "length")
    return table(("sequences", "mean", *packers), lines)


def shown(ratio: Ratio) -> str:
    return f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def _place(point: Point, size: Size) -> tuple[str, str, str]:
    return str(point["length"]), str(point["mean"]), f"{share(point, size):.1%}"


def _ms(point: Point, kind: str, arm: str) -> str:
    return f"{np.median(point['arms'][arm][kind]['ms']):.1f}"
