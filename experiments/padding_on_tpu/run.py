"""What does a border that is not zero cost a training step on a TPU?

Command: python experiments/padding_on_tpu/run.py [--full] [--out DIR]
Device:  two CPU cores and libtpu (pip install "jaxpad[tpu_compile]"); no TPU. The
         residual blocks take 4 minutes; --full compiles the networks too: 2 hours.
         What results.json has of the same program and compiler is not compiled again,
         so that a run that was stopped goes on where it was.
Writes:  results.json, after each program; cost.svg, and the tables of README.md
"""

import argparse
import functools
import importlib.metadata
import json
import pathlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
from programs import CASES, Case, lowered
from report import PADDINGS, summary, tables

from jaxpad.reports.markdown import filled
from jaxpad.train import topology_devices
from jaxpad.train.compiled import cache_file, measure


HERE = pathlib.Path(__file__).resolve().parent
QUICK = ("residual blocks",)


def collect(
    cases: Mapping[str, Case],
    device: Any,
    known: Mapping[str, Mapping[str, Any]],
    save: Callable[[dict[str, Any]], None],
) -> None:
    """Compiles each case under each padding, and saves after each.

    Args:
        cases: by name.
        device: what is compiled for.
        known: case -> padding -> what was found before; other cases stay in it.
        save: takes all that is known.
    """
    found = {name: dict(arms) for name, arms in known.items()}
    for number, (name, padding) in enumerate((n, p) for n in cases for p in PADDINGS):
        begin = f"{number + 1} of {len(cases) * len(PADDINGS)}: {name}, {padding}"
        arms = found.setdefault(name, {})
        arms[padding] = cost(
            functools.partial(lowered, cases[name], padding, device),
            device,
            arms.get(padding, {}),
            lambda text, begin=begin: say(f"{begin}: {text}"),
        )
        save(found)


def cost(
    lower: Callable[[], Any],
    device: Any,
    before: Mapping[str, Any],
    say: Callable[[str], None],
) -> dict[str, Any]:
    """What a device's compiler counts in a program, or why there is none.

    Args:
        lower: gives the program; a ValueError is the reason why there is none.
        device: what it is for.
        before: what was found before; of the same program it is the answer.
        say: takes what is going on.
    """
    try:
        program = lower()
    except ValueError as error:
        say("refused")
        return {"refused": str(error)}
    key = cache_file(program, [device], HERE).stem
    if before.get("key") == key:
        say("known")
        return dict(before)
    say("compiling")
    start = time.monotonic()
    done = program.compile()
    measured = measure(done, device.platform)
    return {
        "flops": measured.flops,
        "bytes": measured.moved,
        "peak": measured.peak,
        "temporary": done.memory_analysis().temp_size_in_bytes,
        "arguments": measured.arguments,
        "seconds": round(time.monotonic() - start),
        "compiler": compiler(),
        "key": key,
    }


def compiler() -> str:
    """The versions that the numbers depend on."""
    names = ("jax", "libtpu")
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def save(out: pathlib.Path, found: dict[str, Any]) -> None:
    """Writes results.json whole or not at all."""
    unfinished = out / "results.json.tmp"
    unfinished.write_text(json.dumps(summary(found), indent=1) + "\n")
    unfinished.replace(out / "results.json")


def write_page(results: dict[str, Any]) -> None:
    """Draws the results, and writes them into the tables of README.md."""
    from plot import draw

    draw(results["programs"], HERE / "cost.svg")
    page = (HERE / "README.md").read_text()
    (HERE / "README.md").write_text(filled(page, tables(results)))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="the networks too: hours")
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    options = parser.parse_args(arguments)
    jax.config.update("jax_platforms", "cpu")  # the TPU is only compiled for
    path = HERE / "results.json"
    known = json.loads(path.read_text())["programs"] if path.exists() else {}
    cases = {n: case for n, case in CASES.items() if options.full or n in QUICK}
    options.out.mkdir(parents=True, exist_ok=True)
    collect(
        cases,
        topology_devices("v5e:2x2")[0],
        known,
        functools.partial(save, options.out),
    )
    results = json.loads((options.out / "results.json").read_text())
    if options.out == HERE:
        write_page(results)
    print(f"{results['verdict']}: {options.out / 'results.json'}")


if __name__ == "__main__":
    main()
