"""The studies and benchmarks, which are folders of scripts and no packages."""

import importlib.util
import pathlib
import sys
from types import ModuleType


ROOT = pathlib.Path(__file__).parents[1]
FOLDER = ROOT / "experiments"
BENCHMARKS = ROOT / "benchmarks"


def load(study: str, script: str, folder: pathlib.Path = FOLDER) -> ModuleType:
    """A script of a study, as a module."""
    path = folder / study / f"{script}.py"
    _forget_others(path.parent)
    spec = importlib.util.spec_from_file_location(f"{study}_{script}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _forget_others(study: pathlib.Path) -> None:
    """Scripts of other studies import sisters of the same names."""
    for name, module in list(sys.modules.items()):
        file = pathlib.Path(getattr(module, "__file__", None) or "/")
        if FOLDER in file.parents and study not in file.parents:
            del sys.modules[name]
