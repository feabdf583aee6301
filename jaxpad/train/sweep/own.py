"""The sweep that a config file brings: `def sweep(): yield {"seed": 0}`."""

import importlib.util
import pathlib

from .words import Overrides


def own_sweep(path: pathlib.Path) -> list[Overrides]:
    """What `sweep()` of a config file yields.

    Args:
        path: of the file, which is run.

    Raises:
        ValueError: if it has none, or yields something else than dicts of keys.
    """
    spec = importlib.util.spec_from_file_location("config_of_sweep", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "sweep"):
        raise ValueError(
            f"--sweep: {path} has no sweep(). Type what is swept, such as --sweep "
            "padding=zero,partial seed=0:5, or write a def sweep() into it that yields "
            'dicts such as {"padding": "zero", "seed": 0}.'
        )
    arms = list(module.sweep())
    for arm in arms:
        if not isinstance(arm, dict) or not all(isinstance(key, str) for key in arm):
            raise ValueError(
                f"sweep() of {path} yields {arm!r}: expected a dict from dotted keys "
                'of the config to values, such as {"padding": "zero", "seed": 0}.'
            )
    if not arms:
        raise ValueError(f"sweep() of {path} yields nothing.")
    return arms
