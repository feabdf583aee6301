"""Who may import whom, read off the import statements."""

import ast
import pathlib
from collections.abc import Iterator

import pytest

import jaxpad


# Left may not import right; those on one row may not import each other.
LAYERS = [
    ["untrusted"],
    ["registry", "typing", "address", "options", "target"],
    ["arith"],
    ["padding"],
    ["conv", "attention"],
    ["spectral"],
    ["orthogonal"],
    ["init", "regularizers", "batching"],
    ["layers"],
    ["models", "data", "sharding", "analysis"],
    ["train"],
    ["reports"],
    ["launch"],
]
LEVEL = {name: level for level, row in enumerate(LAYERS) for name in row}
PACKAGE = pathlib.Path(jaxpad.__file__).parent
# Numerics are plain functions of arrays; arithmetic needs no jax either.
FORBIDDEN = {name: {"flax"} for name in LEVEL if LEVEL[name] < LEVEL["layers"]}
FORBIDDEN["arith"] = {"flax", "jax", "numpy"}


def imports(path: pathlib.Path, module: list[str]) -> Iterator[str]:
    """Full dotted names of what a file imports, wherever the statement stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = module[: len(module) - node.level] if node.level else []
            base = [*base, *(node.module or "").split(".")] if node.module else base
            yield from (".".join([*base, alias.name]) for alias in node.names)


def violations(package: pathlib.Path) -> list[str]:
    """Imports that go the wrong way, as "file imports name"."""
    found = []
    for path in sorted(package.rglob("*.py")):
        parts = list(path.relative_to(package.parent).with_suffix("").parts)
        if len(parts) == 2 and parts[1] == "__init__":
            continue  # the table of contents
        # A command imports like the launcher: nothing imports it, so no ring closes.
        here = "launch" if parts[-1] == "__main__" else parts[1]
        found += [
            f"{'/'.join(parts[1:])} imports {name}"
            for name in imports(path, parts)
            if not may_import(here, name.split("."))
        ]
    return found


def may_import(here: str, there: list[str]) -> bool:
    if there[0] != "jaxpad":
        return there[0] not in FORBIDDEN.get(here, ())
    if len(there) == 1:
        return False  # the package as a whole holds everything
    target = "launch" if "__main__" in there else there[1]
    return target == here or (target in LEVEL and LEVEL[target] < LEVEL[here])


def test_every_module_has_its_place():
    names = {path.stem for path in PACKAGE.iterdir() if path.suffix in ("", ".py")}
    assert names - {"__init__", "__pycache__", "configs"} <= set(LEVEL)


def test_imports_go_from_right_to_left():
    assert violations(PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "statement"),
    [
        ("arith/sizes.py", "from ..padding import pad"),
        ("arith/sizes.py", "import jax.numpy as jnp"),
        ("padding/pad.py", "from ..conv.geometry import fill"),
        ("padding/pad.py", "from .. import conv"),
        ("padding/pad.py", "import jaxpad.conv"),
        ("padding/pad.py", "def f():\n    from flax import nnx"),
        ("padding/pad.py", "import jaxpad"),
        ("conv/pool.py", "from ..attention import attend"),
        ("models/resnet.py", "from ..sharding.mesh import data_mesh"),
        ("train/loop.py", "from jaxpad.reports import write_report"),
        ("train/loop.py", "from ..launch import main"),
        ("train/loop.py", "from ..arith.__main__ import main"),
    ],
)
def test_a_planted_violation_is_found(
    tmp_path: pathlib.Path, file: str, statement: str
):
    path = tmp_path / "jaxpad" / file
    path.parent.mkdir(parents=True)
    path.write_text(f"from ..registry import Registry\n{statement}\n")
    (found,) = violations(tmp_path / "jaxpad")
    assert found.startswith(f"{file.removesuffix('.py')} imports ")


def test_what_is_allowed_is_not_found(tmp_path: pathlib.Path):
    for folder in ("layers", "arith"):
        (tmp_path / "jaxpad" / folder).mkdir(parents=True)
    (tmp_path / "jaxpad" / "layers" / "conv.py").write_text(
        "import jax\nfrom flax import nnx\nfrom ..conv import conv\n"
        "from .padded import Padded\nfrom jaxpad.padding import pad\n"
    )
    (tmp_path / "jaxpad" / "arith" / "__main__.py").write_text(
        "from jaxpad.padding import MODES\nfrom .sizes import conv_output_size\n"
    )
    assert violations(tmp_path / "jaxpad") == []
