"""What the laws run over: every entry of the registries, and its options."""

import inspect
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxpad.padding import MODES, PADDINGS


def _with_options(name: str) -> list[str]:
    """The name, and the name with each number it takes changed."""
    numbers = [
        f"{name}({p.name}={p.default + 2})"
        for p in inspect.signature(MODES[name]).parameters.values()
        if p.kind is p.KEYWORD_ONLY and isinstance(p.default, float)
    ]
    return [name, *numbers]


# Modes that want a whole globe, with a shape and widths for it: the laws run over them
# in tests/padding/test_sphere.py.
ON_THE_SPHERE: dict[str, Any] = {
    "latlon": ((2, 5, 6, 3), [(0, 0), (1, 3), (7, 2), (0, 0)]),
    "cube_sphere": ((12, 4, 4, 2), [(0, 0), (1, 3), (2, 0), (0, 0)]),
    "healpix": ((24, 4, 4, 2), [(0, 0), (3, 1), (0, 2), (0, 0)]),
}
PLANE_MODES = [name for name in MODES if name not in ON_THE_SPHERE]
MODE_SPECS = [spec for name in PLANE_MODES for spec in _with_options(name)]


def claiming(law: str) -> list[str]:
    """The modes that claim a law, with their options."""
    return [s for s in MODE_SPECS if law in MODES.laws[s.partition("(")[0]]]


PADDING_SPECS = [
    *(name for name in PADDINGS if name not in ON_THE_SPHERE),
    *(spec for spec in MODE_SPECS if spec not in MODES),
]

# Non-square, with other widths on every side, each within what every mode can fill.
SHAPES = {1: (7,), 2: (5, 7), 3: (4, 5, 6)}
WIDTHS = {
    1: [(2, 3)],
    2: [(1, 3), (2, 0)],
    3: [(1, 3), (2, 0), (4, 5)],
}


def integers(shape: tuple[int, ...], seed: int = 0, dtype: Any = np.float32) -> Any:
    """Random whole numbers, whose sums and products are exact in float32."""
    low = 0 if np.dtype(dtype).kind in "ub" else -4
    return np.random.default_rng(seed).integers(low, 5, shape).astype(dtype)


def sixteenths(_: Any, shape: tuple[int, ...], dtype: Any = np.float32) -> Any:
    """A flax initializer that, unlike flax's own, takes no time to compile."""
    return jnp.asarray(integers(shape, seed=sum(shape)) / 16, dtype)
