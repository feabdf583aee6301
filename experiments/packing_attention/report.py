"""What results.json says beside its numbers, and the tables of README.md."""

from typing import Any

import numpy as np
from claims import UNKNOWN, judge

from jaxpad.reports.markdown import table


def summary(results: dict[str, Any], device: str) -> dict[str, Any]:
    """The results with what the index of studies shows, and what came of each claim."""
    claims = judge(results["runs"], results["speed"])
    verdicts = {claim["verdict"] for claim in claims.values()}
    one = next((v for v in ("does not hold", UNKNOWN) if v in verdicts), "holds")
    return {
        "question": "Is a batch without padding as good as one with it?",
        "verdict": one.replace(UNKNOWN, f"{UNKNOWN} at this size"),
        "claims": claims,
        "paper": "Enhancing Training Efficiency Using Packing with Flash Attention, "
        "Kundu, Lee, Wynter, Ganti and Mishra, 2024",
        "command": "python experiments/packing_attention/run.py",
        "device": device,
        **{k: results[k] for k in ("minutes", "load", "runs", "speed")},
    }


def tables(results: dict[str, Any]) -> dict[str, str]:
    """Markdown by name."""
    return {
        "claims": claims(results["claims"]),
        "losses": losses(results["runs"]),
        "speed": speed(results["speed"]),
    }


def claims(found: dict[str, Any]) -> str:
    lines = []
    for says, it in found.items():
        nats = "p, Holm" in it or "learns" in says
        middle, low, high = (f"{x:+.4f}" if nats else f"{x:.2f}" for x in it["found"])
        unit = "nats" if nats else "times"
        p = shown(it["p, Holm"]) if "p, Holm" in it else ""
        lines.append((says, f"{middle} {unit}", f"{low} to {high}", p, it["verdict"]))
    return table(("claim", "found", "95% interval", "p, Holm", "verdict"), lines)


def shown(p: float) -> str:
    return "under 0.001" if p < 0.001 else f"{p:.3f}"


def losses(runs: dict[str, Any]) -> str:
    """What was reached, mean and sample standard deviation over the seeds."""
    lines = []
    for name, of_seeds in runs.items():
        ends = np.array([run["loss"] for run in of_seeds.values()])
        any_run = next(iter(of_seeds.values()))
        lines.append(
            (
                name,
                f"{ends.mean():.4f} ± {ends.std(ddof=1):.4f}",
                f"{any_run['steps']:,}",
                f"{any_run['texts a step']:.1f}",
            )
        )
    return table(("arm", "test loss, nats a byte", "steps", "texts a step"), lines)


def speed(found: dict[str, Any]) -> str:
    """What a step costs."""
    base = np.array(found["padded"]["tokens a second"])
    lines = []
    for name, it in found.items():
        each = np.array(it["tokens a second"])
        lines.append(
            (
                name,
                f"{it['padding']:.1%}",
                f"{np.median(each):,.0f}",
                f"{np.median(each / base):.2f}",
                f"{it['FLOPs a token'] / 1e6:.2f}",
                f"{it['temporary bytes'] / 2**20:.0f}",
            )
        )
    heads = ("arm", "padding", "tokens a second", "beside padded")
    return table((*heads, "MFLOPs a token", "MiB of a step"), lines)
