"""Tables that are made from the code, for README.md and for the pages.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`. In README.md and in
experiments/README.md it is written out: run `python docs/tables.py` after a change of
a registry, a docstring or a study's results. The pages leave it empty, and mkdocs fills
it through `on_page_markdown`.
"""

import ast
import contextlib
import html
import importlib.util
import inspect
import io
import json
import pathlib
import re
import runpy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import jaxpad
from jaxpad.arith import AMOUNTS, EXTENSIONS, RELATIONS, side_widths, tap_counts
from jaxpad.arith.__main__ import main as arith_main
from jaxpad.attention import IMPLEMENTATIONS, LAYOUTS
from jaxpad.attention.choose import head_dims
from jaxpad.batching import PACKERS
from jaxpad.batching.catalogue import HistogramPacker
from jaxpad.layers import STATEFUL
from jaxpad.padding import (
    LAWS,
    REWEIGHTS,
    missing_arguments,
    reweight_ratio,
    rule_of,
)
from jaxpad.reports.markdown import table


ROOT = pathlib.Path(__file__).resolve().parent.parent
CONFIG = ROOT / "configs" / "default.py"
STUDIES = ROOT / "experiments"
WRITTEN_OUT = (ROOT / "README.md", STUDIES / "README.md")
DRAWN = "conv --input 5 --kernel 3 --stride 2 --padding 1 --mode reflect"

# Stride 1 and 2, wide and dilated kernels, an even one, and a window that sees nothing.
PARTIAL_CASES = (
    (8, 3, 1, 1, 1),
    (8, 3, 2, 1, 1),
    (7, 3, 2, 1, 1),
    (16, 7, 2, 3, 1),
    (8, 3, 1, 2, 2),
    (6, 2, 1, 1, 1),
    (6, 3, 1, 3, 1),
)
MISTAKES = (
    ("padding", "circlar"),
    ("padding", "circular(value=1.0)"),
    ("padding", "nolab.pads:polar"),
    ("model", "resnet21"),
    ("optimizer", ("sdg(momentum=0.9)",)),
    ("optimizer", ("clip_by_global_norm(max_norm=1.0)",)),
    ("batch_size", 2000),
    ("warmup_epochs", 40.0),
    ("label_smoothing", 1.5),
    ("regularizer", "lort(weight=0.1)"),
)


def modes() -> str:
    """Every mode: its name with its options, its drawing, when to use it."""
    rows = []
    for name, mode in jaxpad.MODES.items():
        drawing, text = _docstring(mode)
        rows.append((_code(call(name, mode)), _code(drawing), first_sentence(text)))
    return table(("mode", "`abcd` and three cells", "when"), rows)


def mode_sections() -> str:
    """Every mode: its docstring under a heading of its own."""
    sections = []
    for name, mode in jaxpad.MODES.items():
        drawing, text = _docstring(mode)
        sections.append(f"### {name}\n\n```text\n{drawing}\n```\n\n{text}")
        if call(name, mode) != name:
            sections.append(f"With its options: `{call(name, mode)}`.")
        sections.append(_laws_of(name))
    return "\n\n".join(sections)


def abilities() -> str:
    """Every mode: where it works, and what a layer holds for it."""
    rows = []
    for name, mode in jaxpad.MODES.items():
        works = (
            "affine" in jaxpad.MODES.laws[name],
            rule_of(mode) is not None,
            _takes_mask(name),
        )
        holds = ("parameters" if missing_arguments(mode) else "keys", "")
        shown = ("yes" if it else "" for it in works)
        rows.append((_code(name), *shown, holds[name not in STATEFUL]))
    heads = ("mode", "linear", "a rule", "masks", "a layer holds")
    return table(heads, rows)


def implementations() -> str:
    """Every implementation of attention: what it is, and what it can do."""
    rows = []
    for name, can in IMPLEMENTATIONS.abilities.items():
        dims = head_dims(can) if can.head_dims else "any"
        devices = ", ".join(can.devices) + ("; emulated elsewhere" * can.emulated)
        rows.append(
            (
                _code(name),
                ", ".join(can.layouts),
                *("yes" * able for able in (can.cross, can.causal, can.splits)),
                ", ".join(can.dtypes),
                dims,
                devices,
                can.gradients,
                can.memory,
            )
        )
    heads = ("other keys", "causal", "split", "dtypes", "head_dim", "devices")
    return table(("", "rows", *heads, "gradients", "memory"), rows)


def implementation_sections() -> str:
    """Every implementation: the first line of its docstring."""
    rows = [
        (_code(name), first_sentence(inspect.getdoc(function) or ""))
        for name, function in IMPLEMENTATIONS.items()
    ]
    return table(("implementation", "what it is"), rows)


def layouts() -> str:
    """Which slots of a row are real, and see each other."""
    return table(("rows", "in words"), LAYOUTS.items())


def laws() -> str:
    """The laws that a mode may claim."""
    return table(("law", "in words"), LAWS.items())


def paddings() -> str:
    """The paddings that are more than a mode."""
    rows = []
    for name, padding in jaxpad.PADDINGS.items():
        if name in jaxpad.MODES:
            continue
        if padding.reweight:
            text = inspect.getdoc(REWEIGHTS.resolve(padding.reweight)) or ""
            meaning = text.splitlines()[0]
        else:
            meaning = f"cells that are added: {AMOUNTS[str(padding.amount)]}"
        rows.append((_code(name), _code(_record(padding)), meaning))
    return table(("padding", "stands for", "meaning"), rows)


def packers() -> str:
    """Every packer: its name with its options, what it sees, what it does."""
    rows = []
    for name, packer in PACKERS.items():
        sees = "counts" if isinstance(packer, HistogramPacker) else "in order"
        text = inspect.getdoc(packer) or ""
        shown = call(name, packer, without=("max_per_row",))
        rows.append((_code(shown), sees, first_sentence(text)))
    return table(("packer", "needs", "what it does"), rows)


def amounts() -> str:
    """Every amount by name, with the cells that it adds to 8 cells in a few cases."""
    cases = {"k = 3": (3,), "k = 4": (4,), "stride 2": (3, 2), "d = 2": (3, 1, 2)}
    rows = [
        (_code(name), rule, *(side_widths(name, 8, *case) for case in cases.values()))
        for name, rule in AMOUNTS.items()
    ]
    return table(("amount", "adds", *cases), rows)


def partial() -> str:
    """The ratios along one row of outputs, at the corner row of a square image."""
    rows = []
    for n, k, stride, padding, dilation in PARTIAL_CASES:
        counts = tap_counts(n, k, stride, padding, dilation)
        first = reweight_ratio([counts, counts], (k, k), "partial")[0]
        shown = " ".join(f"{ratio:.5g}" for ratio in first)
        rows.append((str(n), f"{k} x {k}", stride, padding, dilation, _code(shown)))
    heads = ("n", "window", "stride", "amount", "dilation", "first row of ratios")
    return table(heads, rows)


def relations() -> str:
    """The guide's relations by number, then what it leaves out."""
    laws = [*RELATIONS.items(), *(("", law) for law in EXTENSIONS.values())]
    rows = []
    for number, law in laws:
        formula = (inspect.getdoc(law) or "").splitlines()[0]
        names = ", ".join(inspect.signature(law).parameters)
        rows.append((number, _code(f"{law.__name__}({names})"), formula))
    return table(("", "function", "output"), rows)


def drawing() -> str:
    """What the command says of one layer."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        arith_main(DRAWN.split())
    return f"```text\n{said.getvalue().rstrip()}\n```"


def studies(folder: pathlib.Path = STUDIES) -> str:
    """Every study: its question, its folder, and what it found."""
    rows = []
    for path in sorted(folder.glob("*/results.json")):
        results = json.loads(path.read_text())
        name = path.parent.name
        link = f"[{name}]({name}/README.md)"
        rows.append((results["question"], link, results["verdict"]))
    return table(("question", "folder", "verdict"), rows)


def config() -> str:
    """Every key of the config: its default and its comment, in groups."""
    lines, group = [], []
    values = _get_config().to_dict()
    for line in CONFIG.read_text().splitlines():
        if heading := re.fullmatch(r"    # (.*)", line):
            lines += _config_group(group)
            lines, group = [*lines, f"\n**{heading[1]}**\n"], []
        if key := re.match(r"    config\.(\w+) = .*?  # (.*)", line):
            group.append((_code(f"config.{key[1]}"), _value(values[key[1]]), key[2]))
    return "\n".join([*lines, *_config_group(group)])


def jobs() -> str:
    """Every config file but the default: what it is, and what to expect."""
    rows = []
    for path in sorted(CONFIG.parent.glob("*.py")):
        if path.stem in ("default", "__init__"):
            continue
        text = ast.get_docstring(ast.parse(path.read_text())) or ""
        what, _, fields = text.partition("\n\n")
        expect = re.search(r"Expect:(.*)", fields, re.DOTALL)
        words = [
            html.escape(" ".join(part.split()), quote=False)
            for part in (
                what,
                expect[1] if expect else "",
            )
        ]
        rows.append((_code(path.name), *words))
    return table(("config", "what it is", "what to expect"), rows)


def errors() -> str:
    """What the trainer says to a mistake in the config, before it compiles anything."""
    from jaxpad.train import build

    rows = []
    for key, value in MISTAKES:
        job = _get_config()
        job[key] = value
        try:
            build(job)
        except ValueError as error:
            shown = f'("{value[0]}",)' if isinstance(value, tuple) else value
            answer = html.escape(str(error), quote=False)
            rows.append((_code(f"--config.{key}={shown}"), answer))
    return table(("flag", "error"), rows)


def faults() -> str:
    """What can happen to a run, what it does, and the tests that show it."""
    path = ROOT / "tests" / "faults" / "cases.py"
    cases = runpy.run_path(str(path))
    aimed_at = runpy.run_path(str(ROOT / "scripts" / "mutation.py"))["aimed_at"]
    rows = []
    for case in cases["CASES"]:
        shown = [*map(_code, case.tests), *([case.left] if case.left else [])]
        bugs = {bug for test in case.tests for bug in aimed_at(*cases["place"](test))}
        columns = (case.what, case.then, "<br>".join(shown))
        rows.append((*columns, "<br>".join(sorted(bugs))))
    heads = ("what happens", "what the run does", "tests", "bugs that they find")
    return table(heads, rows)


TABLES: dict[str, Callable[[], str]] = {
    table.__name__: table
    for table in (
        modes,
        mode_sections,
        abilities,
        implementations,
        implementation_sections,
        layouts,
        laws,
        paddings,
        packers,
        amounts,
        partial,
        relations,
        drawing,
        studies,
        config,
        jobs,
        faults,
        errors,
    )
}


def fill(markdown: str) -> str:
    """The text with every table in it made anew."""
    return re.sub(
        r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)",
        lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n\n{found[3]}",
        markdown,
        flags=re.DOTALL,
    )


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for every page."""
    return fill(markdown)


def call(name: str, mode: Any, without: Sequence[str] = ()) -> str:
    """A mode as a config names it, with its options: `constant(value=0.0)`."""
    options = [
        # A parameter that must be given has no default.
        p.name if p.default is p.empty else f"{p.name}={p.default!r}"
        for p in inspect.signature(mode).parameters.values()
        if p.kind is p.KEYWORD_ONLY and p.name not in without
    ]
    return f"{name}({', '.join(options)})" if options else name


def first_sentence(text: str) -> str:
    """The text up to its first full stop.

    Example:
        >>> first_sentence("One line. Another.")
        'One line.'
    """
    return re.split(r"(?<=\.)\s", " ".join(text.split()), maxsplit=1)[0]


def _takes_mask(name: str) -> bool:
    try:
        jaxpad.propagate_mask(np.ones((1, 4, 1), bool), (3,), padding=name)
    except ValueError:
        return False
    return True


def _laws_of(name: str) -> str:
    claimed = jaxpad.MODES.laws[name]
    if set(claimed) == set(LAWS):
        return "Obeys all laws."
    broken = ", ".join(law for law in LAWS if law not in claimed)
    return f"Obeys the laws {', '.join(claimed)}; not {broken}."


def _docstring(mode: Any) -> tuple[str, str]:
    drawing, _, text = (inspect.getdoc(mode) or "").partition("\n")
    return drawing, text.strip()


def _record(padding: jaxpad.Padding) -> str:
    """A padding without the fields that are left at their default."""
    fields = {"mode": "zero", "amount": None, "reweight": None}
    given = {n: getattr(padding, n) for n in fields if getattr(padding, n) != fields[n]}
    return f"Padding({', '.join(f'{n}={v!r}' for n, v in given.items())})"


def _get_config() -> Any:
    spec = importlib.util.spec_from_file_location("default_config", CONFIG)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config()


def _config_group(rows: Sequence[Sequence[Any]]) -> list[str]:
    return [table(("key", "default", "meaning or unit"), rows)] if rows else []


def _value(value: Any) -> str:
    parts = value if isinstance(value, tuple) and value else (value,)
    return ",<br>".join(_code(repr(part)) for part in parts)


def _code(text: Any) -> str:
    if "|" not in str(text):
        return f"`{text}`"
    # A bar would end the cell, and each Markdown has its own way to escape one.
    return f"<code>{html.escape(str(text)).replace('|', '&#124;')}</code>"


if __name__ == "__main__":
    for page in WRITTEN_OUT:
        page.write_text(fill(page.read_text()))
