"""README.md and the pages, and docs/tables.py as a module."""

import importlib.util
import pathlib
import re


ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
STUDIES = sorted((ROOT / "experiments").rglob("README.md"))
TEXTS = [ROOT / "README.md", *PAGES, *STUDIES]


def name_of(path: pathlib.Path) -> str:
    """The path as test ids show it."""
    return path.relative_to(ROOT).as_posix()


def code_blocks(path: pathlib.Path, language: str = "python") -> list[str]:
    """The blocks of code in a page, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(), re.M | re.S)


_spec = importlib.util.spec_from_file_location("tables", DOCS / "tables.py")
assert _spec is not None
assert _spec.loader is not None
tables = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tables)
