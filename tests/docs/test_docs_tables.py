"""Tables and numbers in the pages are those of the code."""

import importlib
import json
import re
import tomllib

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

import jaxpad
from jaxpad import arith
from jaxpad.padding import LAWS
from jaxpad.train.workdir import open_workdir
from tests.oracles import SCIPY_MODES

from .pages import DOCS, PAGES, ROOT, TEXTS, name_of, tables


README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("path", tables.WRITTEN_OUT, ids=name_of)
def test_written_tables_are_fresh(path):
    text = path.read_text()
    assert tables.fill(text) == text, "run `python docs/tables.py`"


def test_every_study_is_in_the_index():
    text = (tables.STUDIES / "README.md").read_text()
    verdicts = ("holds", "does not hold", "cannot be told at this size")
    for folder in tables.STUDIES.glob("[!_.]*/"):
        assert (folder / "README.md").exists(), folder.name
        results = json.loads((folder / "results.json").read_text())
        found = re.search(
            rf"^\| (.+) \| \[{folder.name}\]\(.+\) \| (.+) \|$", text, re.M
        )
        assert found, folder.name
        assert found.groups() == (results["question"], results["verdict"])
        assert results["verdict"] in verdicts
        assert {"paper", "command", "device", "minutes"} <= set(results)


def test_the_picture_of_a_layer_is_what_the_command_draws(tmp_path, capsys):
    """To draw it again: the command of docs/arith.md with --svg and --animate."""
    path = tmp_path / "drawn.svg"
    tables.arith_main([*tables.DRAWN.split(), "--svg", str(path), "--animate"])
    assert path.read_text() == (DOCS / "img" / "conv_reflect.svg").read_text()
    assert f"python -m jaxpad.arith {tables.DRAWN}" in (DOCS / "arith.md").read_text()


def test_relations_are_in_the_table_by_number():
    rows = tables.relations().splitlines()[2:]
    assert (
        "| 6 | `padding_and_stride(i, k, s, p)` | `o = floor((i + 2 p - k) / s) + 1` |"
        in rows
    )
    assert [row.split(" | ")[0] for row in rows[:15]] == [
        f"| {n}" for n in range(1, 16)
    ]
    assert len(rows) == len(arith.RELATIONS) + len(arith.EXTENSIONS)


def test_readme_shows_every_mode_and_padding():
    for name in jaxpad.PADDINGS:
        assert re.search(rf"^\| `{name}[(`]", README, re.M), name


@pytest.mark.parametrize("name", [*jaxpad.PADDINGS, *arith.AMOUNTS])
def test_every_padding_and_amount_has_a_problem(name):
    """By hand: what a table made from the code says of it does not count."""
    text = (DOCS / "which_padding.md").read_text()
    assert re.search(rf"[`\"(]{name}[`\"(]", text)


def test_layers_beside_the_modes_have_a_problem():
    text = (DOCS / "which_padding.md").read_text()
    for name in (
        "PadChannel",
        "EdgeConv",
        "conv_transpose",
        "resize_conv",
        "blur_pool",
    ):
        assert hasattr(jaxpad.layers, name) or hasattr(jaxpad, name)
        assert re.search(rf"`[\w.]*{name}`", text), name


def test_abilities_are_those_of_the_modes():
    rows = tables.abilities().splitlines()[2:]
    assert "| `reflect` | yes | yes | yes |  |" in rows
    assert "| `linear` | yes | yes |  |  |" in rows
    assert "| `median` |  |  |  |  |" in rows
    assert "| `random` | yes |  |  | keys |" in rows
    assert "| `learned_constant` | yes |  |  | parameters |" in rows
    assert len(rows) == len(jaxpad.MODES)


def test_new_mode_is_in_the_table(monkeypatch):
    monkeypatch.setattr(jaxpad.MODES, "_entries", dict(jaxpad.MODES._entries))
    monkeypatch.setattr(jaxpad.MODES, "laws", dict(jaxpad.MODES.laws))

    @jaxpad.MODES.register
    @jaxpad.source
    def turned(i, n, *, by=1):
        """xyz|abcd|xyz

        First. Second.
        """
        return (i + by) % n

    row = "| `turned(by=1)` | <code>xyz&#124;abcd&#124;xyz</code> | First. |"
    assert row in tables.modes()
    assert "### turned\n\n```text\nxyz|abcd|xyz\n```" in tables.mode_sections()
    assert tables.fill(README) != README


def test_packers_are_in_the_table_with_their_options(monkeypatch):
    packers = jaxpad.batching.PACKERS
    monkeypatch.setattr(packers, "_entries", dict(packers._entries))

    @packers.register
    def sorted_fit(lengths, capacity, *, max_per_row=None, window=8):
        """First. Second."""

    rows = tables.packers().splitlines()[2:]
    assert len(rows) == len(packers)
    assert rows[-1] == "| `sorted_fit(window=8)` | in order | First. |"
    assert sum("| counts |" in row for row in rows) == 7
    assert "| `best_fit(open_rows=64)` | in order |" in tables.packers()


def test_each_mode_shows_its_laws():
    sections = tables.mode_sections().split("### ")
    shown = {section.split("\n", 1)[0]: section for section in sections}
    assert shown["reflect"].rstrip().endswith("Obeys all laws.")
    said = (
        "Obeys the laws identity, affine, transforms, dtype; not interior, flip, axes."
    )
    assert said in shown["random"]
    for law in LAWS:
        assert f"| {law} | " in tables.laws()


@pytest.mark.parametrize("name", jaxpad.MODES)
def test_each_mode_has_a_drawing_and_says_when_to_use_it(name):
    drawing, text = tables._docstring(jaxpad.MODES[name])
    # Those of many faces draw the numbers of faces.
    assert re.search(r"\|(abcd|(\d)\2{3})\|", drawing)
    assert 20 < len(tables.first_sentence(text)) < 250
    assert "<class" not in tables.call(name, jaxpad.MODES[name])


def test_every_config_key_has_a_meaning():
    rows = tables.config()
    for key, value in tables._get_config().to_dict().items():
        row = re.search(rf"^\| `config\.{key}` \| (.+) \| (.+) \|$", rows, re.M)
        assert row, f"configs/default.py: {key} has no comment on its line"
        first = value[0] if isinstance(value, tuple) and value else value
        assert repr(first) in row[1]
        assert len(row[2]) > 3


def test_every_mistake_is_an_error():
    rows = tables.errors().splitlines()[2:]
    for row, (key, _) in zip(rows, tables.MISTAKES, strict=True):
        assert f"--config.{key}=" in row


def test_ratios_are_those_of_the_paper():
    rows = tables.partial()
    assert "| 8 | 3 x 3 | 1 | 1 | 1 | `2.25 1.5 1.5 1.5 1.5 1.5 1.5 2.25` |" in rows
    assert "`3.0625 2.0417 1.75 1.75 1.75 1.75 1.75 2.45`" in rows
    assert "`4 2 2 2 2 2 4`" in rows
    assert "`0 0 0 0 0 0 0 0 0 0`" in rows


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_tables_of_the_page_are_known(path):
    text = path.read_text()
    assert text.count("<!-- table:") == text.count("<!-- end -->")
    assert set(re.findall(r"<!-- table: (\w+) -->", text)) <= set(tables.TABLES)


def names_elsewhere() -> list[tuple[str, ...]]:
    text = (DOCS / "amounts.md").read_text().partition("NumPy `pad`")[2]
    return re.findall(r"^\| `(\w+)` \| `([\w-]+)` \| `([\w-]+)` \|", text, re.M)


def test_names_elsewhere_has_every_mode():
    """Of the modes that SciPy has."""
    assert {here for here, *_ in names_elsewhere()} == {*SCIPY_MODES, "constant"}


@pytest.mark.parametrize(("here", "numpy", "scipy"), names_elsewhere())
def test_names_elsewhere_mean_the_same(here, numpy, scipy):
    x, width = np.arange(1.0, 7.0), 3
    padded = np.asarray(jaxpad.pad(jnp.asarray(x), width, here))
    np.testing.assert_array_equal(padded, np.pad(x, width, mode=numpy))
    for first, part in ((True, padded[: len(x)]), (False, padded[-len(x) :])):
        tap = np.zeros(2 * width + 1)
        tap[0 if first else -1] = 1
        np.testing.assert_array_equal(ndimage.correlate1d(x, tap, mode=scipy), part)


def test_versions_are_those_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11,<3.14"
    assert "jax>=0.10.1,!=0.10.2,!=0.11.1,<0.13" in project["dependencies"]
    assert "flax>=0.12.2" in project["dependencies"]
    stability = (DOCS / "stability.md").read_text()
    assert f"version {project['version']}" in stability
    assert jaxpad.__version__ == project["version"]
    for text in (README, stability):
        assert re.search(r"0\.10\.1 to 0\.12,? without", text)
        assert all(v in text for v in ("3.11", "3.13", "0.10.2", "0.11.1", "0.12.2"))


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_names_exist(path):
    for name in set(re.findall(r"`jaxpad\.([\w.]*\w)`", path.read_text())):
        thing = jaxpad
        for part in name.split("."):
            if part == "configs":  # only in an installed package
                break
            if not hasattr(thing, part):  # a module that nothing has imported yet
                importlib.import_module(f"{thing.__name__}.{part}")
            thing = getattr(thing, part)


def test_stable_names_exist():
    text = (DOCS / "stability.md").read_text()
    for module in ("arith", "layers", "analysis"):
        names = re.search(rf"`jaxpad\.{module}`: (.*?)[|;]", text)
        assert names
        for name in re.findall(r"`(\w+)`", names[1]):
            assert hasattr(getattr(jaxpad, module), name), name


def test_refusal_of_another_config_is_quoted(tmp_path):
    open_workdir(tmp_path, {"seed": 0}, 0)
    with pytest.raises(ValueError, match="another config") as refusal:
        open_workdir(tmp_path, {"seed": 1}, 0)
    said = str(refusal.value).replace(str(tmp_path), "runs/first")
    assert said in (DOCS / "trainer.md").read_text()
