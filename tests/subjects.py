"""What the laws run over: every entry of the registries, and its options."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxpad.padding import MODES, PADDINGS, rule_of


def _with_options(name: str) -> list[str]:
    """The name, and for a rule the name with each number it takes changed."""
    if rule_of(MODES[name]) is None:
        return [name]
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
CHANNELS = 8


def _given(name: str, **arrays: Any) -> Any:
    mode: Any = MODES[name]
    return functools.partial(mode, **arrays)


# Modes that fill no array by their name alone: c2sp and the learned ones read the last
# axis as channels, these and random take arrays. The laws that they claim run over
# them too, through `subject`; what layers add to them is in tests of their own.
SPECIAL: dict[str, Callable[[int], Any]] = {
    "random": lambda rank: _given("random", key=jax.random.key(1)),
    "c2sp": lambda rank: "c2sp",
    "learned_constant": lambda rank: _given(
        "learned_constant", value=np.arange(CHANNELS, dtype=np.float32)
    ),
    "learned_extrapolation": lambda rank: _given(
        "learned_extrapolation",
        weights=integers((2, *(3,) * (rank - 1), CHANNELS), seed=7) / 8,
    ),
}

MODE_SPECS = [
    spec
    for name in MODES
    if name not in (*SPECIAL, *ON_THE_SPHERE)
    for spec in _with_options(name)
]


def claiming(law: str) -> list[str]:
    """The modes that claim a law, with their options, for `subject`."""
    specs = [*MODE_SPECS, *SPECIAL]
    return [s for s in specs if law in MODES.laws[s.partition("(")[0]]]


def subject(spec: str, rank: int, seed: int = 0) -> tuple[Any, Any, list]:
    """A mode, an array that it can fill, and widths."""
    shape, widths = SHAPES[rank], WIDTHS[rank]
    if spec not in SPECIAL:
        return spec, integers(shape, seed), widths
    if spec == "random":
        return SPECIAL[spec](rank), integers(shape, seed), widths
    x = integers((*shape, CHANNELS), seed)
    return SPECIAL[spec](rank), x, [*widths, (0, 0)]


PADDING_SPECS = [*MODE_SPECS, *(name for name in PADDINGS if name not in MODES)]

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
