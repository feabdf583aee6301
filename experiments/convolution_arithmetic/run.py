"""Are the relations of the convolution arithmetic guide right?

Command: python experiments/convolution_arithmetic/run.py [--torch PYTHON]
Device:  any CPU; under a minute
Writes:  results.json, figures/*.svg
"""

import argparse
import inspect
import itertools
import json
import pathlib
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from counting import COUNTED, restored, windows

from jaxpad.arith import (
    EXTENSIONS,
    RELATIONS,
    Track,
    conv_track,
    draw_svg,
    transposed_track,
)


HERE = pathlib.Path(__file__).resolve().parent
VALUES = {
    "i": range(1, 9),
    "k": range(1, 6),
    "s": range(1, 4),
    "d": range(1, 4),
    **dict.fromkeys(("p", "lo", "hi", "a"), range(4)),
}
# (relation, what it is called in the guide, its arguments, the output it shows)
FIGURES = [
    (1, "no padding, unit strides", (4, 3), 2),
    (2, "arbitrary padding, unit strides", (5, 4, 2), 6),
    (3, "half padding, unit strides", (5, 3), 5),
    (4, "full padding, unit strides", (5, 3), 7),
    (5, "no padding, arbitrary strides", (5, 3, 2), 2),
    (6, "padding and strides", (5, 3, 2, 1), 3),
    (6, "padding and strides, odd", (6, 3, 2, 1), 3),
    (7, "pooling", (5, 3, 1), 3),
    (8, "transposed, no padding, unit strides", (2, 3), 4),
    (9, "transposed, arbitrary padding, unit strides", (6, 4, 2), 5),
    (10, "transposed, half padding", (5, 3), 5),
    (11, "transposed, full padding", (7, 3), 5),
    (12, "transposed, no padding, arbitrary strides", (2, 3, 2), 5),
    (13, "transposed, padding and strides", (3, 3, 2, 1), 5),
    (14, "transposed, padding and strides, odd", (3, 3, 2, 1, 1), 6),
    (15, "dilated", (7, 3, 1, 0, 2), 3),
]


def cases(law: Callable[..., int]) -> Iterator[dict[str, int]]:
    """Every choice of a relation's numbers on the grid."""
    names = list(inspect.signature(law).parameters)
    for values in itertools.product(*(VALUES[name] for name in names)):
        yield dict(zip(names, values, strict=True))


def said(law: Callable[..., int], case: dict[str, int]) -> int | None:
    """What the relation says; None where it says that nothing fits."""
    try:
        return law(**case)
    except ValueError:
        return None


def check(number: Any, law: Callable[..., int]) -> dict[str, Any]:
    """One relation against counting, on the whole grid."""
    found = [(said(law, case), COUNTED[number](*case.values())) for case in cases(law)]
    return {
        "function": law.__name__,
        "configurations": len(found),
        "with outputs": sum(bool(right) for _, right in found),
        "mismatches": sum(left != (right or None) for left, right in found),
    }


def in_torch(law: Callable[..., int], case: dict[str, int]) -> dict[str, Any]:
    """A relation's numbers as the arguments of `size` in in_torch.py."""
    k, d, name = case["k"], case.get("d", 1), law.__name__
    both = case.get("p", 0)
    both = k // 2 if "half" in name else k - 1 if "full" in name else both
    lo, hi = (d * (k - 1), 0) if name == "causal" else (both, both)
    kinds = {"transposed": "transposed", "pooling": "pool", "ceil": "pool"}
    return {
        "kind": kinds.get(name.partition("_")[0], "conv"),
        "i": case["i"],
        "k": k,
        "s": case.get("s", 1),
        "lo": case.get("lo", lo),
        "hi": case.get("hi", hi),
        "d": d,
        "a": case.get("a", 0),
        "ceil": name == "ceil_mode",
    }


def check_torch(python: str, laws: Sequence[Callable[..., int]]) -> dict[str, Any]:
    """All relations against what PyTorch's operations return."""
    asked, expected = [], []
    for law in laws:
        for case in cases(law):
            output, arguments = said(law, case), in_torch(law, case)
            # PyTorch refuses a pool with more padding than half its window.
            wide = arguments["kind"] == "pool" and 2 * arguments["lo"] > case["k"]
            if output and not wide:
                asked.append(arguments)
                expected.append(output)
    done = subprocess.run(
        [python, str(HERE / "in_torch.py")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    pairs = zip(answer["sizes"], expected, strict=True)
    return {
        "version": answer["version"].partition("+")[0],
        "configurations": len(asked),
        "mismatches": sum(a != b for a, b in pairs),
    }


def track(number: int, case: Sequence[int]) -> Track:
    """The axis that a figure of the guide shows."""
    law = RELATIONS[number]
    names = inspect.signature(law).parameters
    given = in_torch(law, dict(zip(names, case, strict=True)))
    i, k, s, p, d = (given[name] for name in ("i", "k", "s", "lo", "d"))
    if given["kind"] == "transposed":
        return transposed_track(i, k, s, p, given["a"], d)
    return conv_track(i, k, s, p, d)


def draw(folder: pathlib.Path) -> list[dict[str, Any]]:
    """Draws every worked figure of the guide, and says what it shows."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, title, case, shown in FIGURES:
        axis = track(number, case)
        names = inspect.signature(RELATIONS[number]).parameters
        numbers = dict(zip(names, case, strict=True))
        given = ", ".join(f"{name} = {value}" for name, value in numbers.items())
        name = f"{number:02}_{title.replace(',', '').replace(' ', '_')}.svg"
        caption = f"{number}: {title}; {given}; o = {len(axis.windows)}"
        (folder / name).write_text(draw_svg(axis, axis, caption, animate=True))
        drawn = {"relation": number, "file": name, "drawn": len(axis.windows)}
        rows.append({**drawn, "guide": shown, **numbers})
    return rows


def erratum() -> dict[str, Any]:
    """The caption of relation 14's figure, i = 6, k = 3, s = 2, p = 1: a 2x2 input."""
    return {
        "relation": 14,
        "caption": 2,
        "output of the convolution": len(windows(6, 3, 2, 1, 1)),
        "restored from the caption's": restored(2, 3, 2, 1, 1),
        "restored from the convolution's": restored(3, 3, 2, 1, 1),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Checks, draws and writes results.json."""
    parser = argparse.ArgumentParser(description="The guide's relations and figures.")
    parser.add_argument("--torch", metavar="PYTHON", help="a Python that has PyTorch")
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    options = parser.parse_args(arguments)
    start = time.monotonic()
    laws: dict[Any, Callable[..., int]] = {**RELATIONS, **EXTENSIONS}
    relations = {str(number): check(number, law) for number, law in laws.items()}
    torch = check_torch(options.torch, list(laws.values())) if options.torch else None
    figures = draw(options.out / "figures")
    checked = [*relations.values(), *([torch] if torch else [])]
    wrong = sum(row["mismatches"] for row in checked)
    wrong += sum(row["drawn"] != row["guide"] for row in figures)
    results = {
        "question": "Are the relations of the convolution arithmetic guide right?",
        "verdict": "does not hold" if wrong else "holds",
        "paper": "A guide to convolution arithmetic for deep learning, Dumoulin and "
        "Visin, 2016, arXiv 1603.07285",
        "command": "python experiments/convolution_arithmetic/run.py --torch PYTHON",
        "device": "CPU",
        "minutes": round((time.monotonic() - start) / 60, 1),
        "relations": relations,
        "torch": torch,
        "figures": figures,
        "erratum": erratum(),
    }
    text = json.dumps(results, indent=2)
    (options.out / "results.json").write_text(f"{text}\n")
    print(f"{len(relations)} relations, {len(figures)} figures, {wrong} mismatches")


if __name__ == "__main__":
    main()
