"""What was split how, as a table to print: nothing is split or left whole silently."""

import collections
import math
from typing import Any

import jax

from .layout import Layout, coverage
from .stages import AXIS, Zero


WAYS = ("along an axis", "flattened", "whole")


def describe(split: Zero, params: Any) -> str:
    """How parameters, gradients and optimizer state lie on the devices.

    Args:
        split: from `zero`.
        params: arrays or their shapes.

    Returns:
        A table with a row of each kind: bytes, bytes that a device holds, coverage (an
        even part by what is held), and the number of arrays split in each way; then
        why arrays kept their shapes, if they had to, and what lies on the hosts.

    Example:
        >>> import optax
        >>> from jaxpad.sharding import data_mesh, zero
        >>> params = {"kernel": jax.numpy.ones((8, 8)), "bias": jax.numpy.ones(3)}
        >>> found = zero(optax.sgd(0.1, 0.9), params, data_mesh(), stage=0)
        >>> describe(found, params).splitlines()[0].split()[:3]
        ['zero', '0', 'bytes']
    """
    number = sum(split.stage)
    lines = [_row(f"zero {number}", "bytes", "a device", "coverage", *WAYS)]
    found = kinds(split, params)
    lines += [_row(name, *_cells(split, *kind)) for name, kind in found.items()]
    if split.reason:
        lines.append(f"Arrays keep their shapes: of the optimizer, {split.reason}.")
    if split.offloaded:
        lines.append("Between steps the optimizer's state lies in the hosts' memory.")
    return "\n".join(lines)


def kinds(split: Zero, params: Any) -> dict[str, tuple[Any, Any]]:
    """The arrays of each kind, or their shapes, and their layouts, two pytrees."""
    state = jax.eval_shape(split.optimizer.init, _stored(params, split.layouts))
    stage, whole = split.stage, split.whole_layouts
    return {
        "parameters": (params, split.layouts if stage.parameters else whole),
        "gradients": (params, split.layouts if stage.gradients else whole),
        "optimizer state": (state, split.state_layouts),
    }


def _stored(params: Any, layouts: Any) -> Any:
    return jax.tree.map(
        lambda p, layout: jax.ShapeDtypeStruct(layout.stored_shape, p.dtype),
        params,
        layouts,
    )


def _cells(split: Zero, arrays: Any, layouts: Any) -> list[str]:
    found: list[Layout] = jax.tree.leaves(layouts)
    sizes = [leaf.dtype.itemsize for leaf in jax.tree.leaves(arrays)]
    pairs = list(zip(found, sizes, strict=True))
    ways = collections.Counter(_way(layout) for layout in found)
    return [
        f"{sum(math.prod(layout.shape) * size for layout, size in pairs):,}",
        f"{sum(layout.held * size for layout, size in pairs):,}",
        f"{coverage(found, split.mesh.shape[AXIS]):.3f}",
        *(str(ways[way]) for way in WAYS),
    ]


def _way(layout: Layout) -> str:
    if layout.padded is not None:
        return "flattened"
    return "along an axis" if layout.parts > 1 else "whole"


def _row(name: str, *cells: str) -> str:
    widths = (16, 16, 11, 16, 12, 8)
    return f"{name:16}" + "".join(
        f"{c:>{w}}" for c, w in zip(cells, widths, strict=True)
    )
