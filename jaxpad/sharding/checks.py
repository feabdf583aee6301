"""What ZeRO refuses, and what to type instead."""

from typing import Any

import optax
from jax.sharding import AbstractMesh, AxisType, Mesh

from .shapes import needs_shapes


def check_mesh(mesh: Mesh | AbstractMesh, axis: str) -> None:
    """Raises unless the compiler may place arrays, and split them along an axis."""
    kinds = dict(zip(mesh.axis_names, mesh.axis_types, strict=True))
    # An abstract mesh only counts: nothing is placed on it.
    real = isinstance(mesh, Mesh)
    wrong = [name for name, kind in kinds.items() if real and kind != AxisType.Auto]
    if axis not in kinds or wrong:
        found = f"{wrong} are not Auto" if wrong else f"its axes are {list(kinds)}"
        raise ValueError(
            f'zero: the mesh needs Auto axes, one of them named "{axis}", and {found}: '
            f'use jaxpad.sharding.make_mesh({{"{axis}": -1}}).'
        )


def shape_reason(optimizer: optax.GradientTransformation, params: Any) -> str | None:
    """As `needs_shapes`; raises for an optimizer that cannot be asked."""
    try:
        return needs_shapes(optimizer, params)
    except TypeError as error:
        if "keyword-only argument" not in str(error):
            raise
        raise ValueError(
            f"zero: the optimizer's update takes more than gradients, state and "
            f"parameters ({error}), and cannot be split: use stage=0 and its own "
            "update, or another optimizer."
        ) from error


def too_little(coverage: float, reason: str | None, least: float) -> str:
    """What is wrong where a device holds too much."""
    return (
        f"zero: a device would hold {1 / coverage:.3g} times its even part of "
        f"the optimizer's state (coverage {coverage:.3f}, at least {least} was "
        f"asked for). Arrays keep their shapes because {reason}. Use another "
        "optimizer, fewer devices on the data axis, or a lower config.zero_coverage."
    )
