"""The studies and benchmarks, which are folders of scripts and no packages."""

import importlib.util
import pathlib
from types import ModuleType


ROOT = pathlib.Path(__file__).parents[1]
FOLDER = ROOT / "experiments"
BENCHMARKS = ROOT / "benchmarks"


def load(study: str, script: str, folder: pathlib.Path = FOLDER) -> ModuleType:
    """A script of a study, as a module."""
    path = folder / study / f"{script}.py"
    spec = importlib.util.spec_from_file_location(f"{study}_{script}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
