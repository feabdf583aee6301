"""What the compiled programs say: the verdict, and the tables of README.md."""

from collections.abc import Iterator, Mapping
from typing import Any

from jaxpad.reports.markdown import table
from jaxpad.train.chips import CHIPS


PADDINGS = ("zero", "partial", "circular", "reflect", "replicate", "valid")
PROGRAMS = ("residual blocks", "ResNet-50", "DeepLabV3+")
BORDERS = ("circular", "reflect", "replicate")
CHIP = CHIPS["TPU v5 lite"]
GB = 1e9
# Expected of every program before a network's figures under a border were seen:
# experiments/padding_cost has 1.52 to 1.79 times the bytes of zeros for two blocks with
# these borders, all three alike, and 1.00 for partial.
BYTES, PARTIAL, SPREAD = 1.8, 1.01, 1.01

Found = Mapping[str, Mapping[str, Any]]


def summary(found: Found) -> dict[str, Any]:
    """The results with what the index of studies shows, and each claim's outcome."""
    claims = dict(_claims(found))
    met = all(claim["met"] for claim in claims.values())
    seconds = [cost["seconds"] for _, _, cost in compiled(found)]
    return {
        "question": "What does a border that is not zero cost a training step on a "
        "TPU?",
        "verdict": ("holds" if met else "does not hold")
        if all(whole(found.get(name, {})) for name in PROGRAMS)
        else "cannot be told at this size",
        "paper": "none: what experiments/padding_cost found of two residual blocks, "
        "expected of whole networks",
        "command": "python experiments/padding_on_tpu/run.py --full",
        "device": "TPU v5e, compiled for on two CPU cores",
        "minutes": round(sum(seconds) / 60),
        "claims": claims,
        "programs": found,
    }


def whole(arms: Mapping[str, Any]) -> bool:
    """Whether each padding was compiled or refused."""
    return set(arms) == {*PADDINGS}


def compiled(found: Found) -> Iterator[tuple[str, str, Any]]:
    """(program, padding, cost) of each that was not refused."""
    for name, arms in found.items():
        for padding, cost in arms.items():
            if "refused" not in cost:
                yield name, padding, cost


def roofline(cost: Mapping[str, Any]) -> float:
    """Seconds below which no v5e does the step, and what bounds them."""
    return max(cost["flops"] / CHIP.flops, cost["bytes"] / CHIP.bandwidth)


def ratio(arms: Mapping[str, Any], padding: str, key: str) -> float:
    """To zero padding's, to three decimals."""
    if key == "roofline":
        return round(roofline(arms[padding]) / roofline(arms["zero"]), 3)
    return round(arms[padding][key] / arms["zero"][key], 3)


def _claims(found: Found) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of the programs that are there under every padding."""
    blocks = found.get(PROGRAMS[0], {})
    for name, arms in found.items():
        if not whole(arms):
            continue
        moved = [ratio(arms, border, "bytes") for border in BORDERS]
        partial = ratio(arms, "partial", "bytes")
        yield f"{name}: bytes under partial", _at_most(partial, PARTIAL)
        yield f"{name}: bytes under the other borders", _at_most(max(moved), BYTES)
        spread = round(max(moved) / min(moved), 3)
        yield f"{name}: most to fewest bytes of these three", _at_most(spread, SPREAD)
        if name != PROGRAMS[0] and whole(blocks):
            # A network's 1x1 convolutions have no border.
            least = min(ratio(blocks, border, "bytes") for border in BORDERS)
            claim = f"{name}: bytes, below those of the blocks"
            yield claim, _at_most(max(moved), least)


def _at_most(value: float, target: float) -> dict[str, Any]:
    return {"value": value, "target": target, "met": value <= target}


def tables(results: Mapping[str, Any]) -> dict[str, str]:
    """The tables of README.md, by name."""
    made = {name: _costs(arms) for name, arms in results["programs"].items()}
    rows = [
        (name, claim["value"], claim["target"], "yes" if claim["met"] else "no")
        for name, claim in results["claims"].items()
    ]
    return made | {"claims": table(("times zero's", "found", "at most", "held"), rows)}


def _costs(arms: Mapping[str, Any]) -> str:
    """Each figure with, in brackets, its ratio to zero padding's."""
    heads = ("padding", "GB moved", "TFLOP", "GB at the peak", "GB temporary", "ms")
    rows = []
    for padding, cost in ((p, arms[p]) for p in PADDINGS if p in arms):
        if "refused" in cost:
            rows.append((padding, *["refused"] * 5))
            continue
        cells = {
            "bytes": f"{cost['bytes'] / GB:.2f}",
            "flops": f"{cost['flops'] / 1e12:.3f}",
            "peak": f"{cost['peak'] / GB:.3f}",
            "temporary": f"{cost['temporary'] / GB:.3f}",
            "roofline": f"{1e3 * roofline(cost):.2f}",
        }
        shown = [f"{cell} ({ratio(arms, padding, k):.3f})" for k, cell in cells.items()]
        rows.append((padding, *shown))
    return table(heads, rows)
