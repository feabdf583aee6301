"""A run's key figures and its config in words."""

import json
import pathlib
from typing import Any


NAMES = {"accuracy": "accuracy", "miou": "mIoU"}


def key_figures(results: dict[str, Any]) -> list[tuple[str, str]]:
    """Puts a run's key figures in words.

    Args:
        results: the content of results.json.

    Returns:
        Pairs of a name and a value with its unit, in the order to show them.
    """
    test, best, trivial = results["test"], results["best"], results["trivial"]
    headline = results["headline"]
    name = NAMES.get(headline, headline)
    figures = [
        (f"test {name}", percent(test[headline])),
        (f"trivial predictor's {name}", percent(trivial[headline])),
        (
            f"best epoch's {name}",
            f"{percent(best[headline])} (epoch {best['epoch']:g})" if best else "none",
        ),
    ]
    if headline == "miou":
        figures += [
            ("pixel accuracy", percent(test["accuracy"])),
            ("trivial predictor's pixel accuracy", percent(trivial["accuracy"])),
            ("mean accuracy of classes", percent(test["mean_accuracy"])),
        ]
    if "packing" in results:
        figures += _packing(results)
    loss = test["loss"]
    return [
        *figures,
        ("test loss", "not finite" if loss is None else f"{loss:.4g}"),
        ("epochs", f"{results['epochs']:g}"),
        ("steps", f"{results['steps']:,}"),
        ("training time", duration(results["train_seconds"])),
        ("parameters", f"{results['model']['parameters']:,}"),
        ("device", results["device"]),
        *([] if "packing" in results else [("padding", str(results["padding"]))]),
        ("seed", str(results["seed"])),
    ]


def _packing(results: dict[str, Any]) -> list[tuple[str, str]]:
    """Of texts: how rows were filled, and what that brought."""
    packing, bits = results["packing"], results["test"]["bits_per_token"]
    held, speed = packing["sequences_per_step"], packing["tokens_per_second"]
    return [
        ("bits per hidden token", "not finite" if bits is None else f"{bits:.3f}"),
        ("batching", packing["batching"]),
        ("rows a step", f"{packing['rows_per_step']:,} of {packing['capacity']:,}"),
        ("texts a step", "unknown" if held is None else f"{held:.1f}"),
        ("padding share", percent(packing["padding_share"])),
        ("packing factor", f"{packing['packing_factor']:.2f}"),
        ("real tokens a second", "unknown" if speed is None else f"{speed:,.0f}"),
    ]


def summary(results: dict[str, Any], folder: pathlib.Path, report: pathlib.Path) -> str:
    """What is said at the end of a run.

    Args:
        results: the content of results.json.
        folder: the run's.
        report: the page.
    """
    test, headline = results["test"], results["headline"]
    if headline == "miou":
        found = (
            f"{test['examples']:,} images; pixel accuracy {percent(test['accuracy'])}"
        )
    elif "packing" in results:
        found = (
            f"{test['tokens']:,} hidden tokens of {test['examples']:,} texts; padding "
            f"{percent(results['packing']['padding_share'])}"
        )
    else:
        low, high = test["interval"]
        found = (
            f"95% interval {low:.1%} to {high:.1%}, "
            f"{test['correct']:,} of {test['examples']:,} images"
        )
    name = NAMES.get(headline, headline)
    image = "token" if "packing" in results else "image"
    each = "pixel" if headline == "miou" else image
    lines = {
        f"test {name}": f"{percent(test[headline])} ({found})",
        "trivial": f"{percent(results['trivial'][headline])} "
        f"(the best answer that is the same for every {each})",
        "training": duration(results["train_seconds"]),
        "files": folder,
        "report": report,
    }
    width = max(map(len, lines)) + 1
    return "".join(f"\n{name:{width}}{value}" for name, value in lines.items())


def percent(share: float | None) -> str:
    """A part of one in words.

    Example:
        >>> percent(0.98765), percent(None)
        ('98.77%', 'no figure')
    """
    return "no figure" if share is None else f"{share:.2%}"


def duration(seconds: int | float) -> str:
    """Writes a time in the unit that suits it.

    Example:
        >>> duration(60.2), duration(5400)
        ('60.2 s', '90.0 min')
    """
    for limit, unit, length in ((120, "s", 1), (7200, "min", 60)):
        if seconds < limit:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds / 3600:.1f} h"


def flatten(config: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Lists a nested config as dotted keys and values.

    Args:
        config: dictionaries in dictionaries.
        prefix: what stands before each key.

    Returns:
        Pairs of a key and its value as JSON, in the order of the config.

    Example:
        >>> flatten({"seed": 0, "optimizer": {"name": "sgd"}})
        [('seed', '0'), ('optimizer.name', '"sgd"')]
    """
    rows = []
    for key, value in config.items():
        if isinstance(value, dict) and value:
            rows += flatten(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", json.dumps(value, ensure_ascii=False)))
    return rows
