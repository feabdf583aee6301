"""What attention is tried on."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxpad.attention import IMPLEMENTATIONS, attention


# All that a CPU can run. cuDNN's wrapper has a file of its own.
RUN_HERE = [
    name
    for name, can in IMPLEMENTATIONS.abilities.items()
    if can.emulated or "cpu" in can.devices
]
SMALL = {"chunked": "chunked(chunk=3)"}

# Segments of one slot, empty slots at the end and inside, an empty row, and ids in an
# order that no layout has.
IDS = np.array(
    [[1, 1, 1, 2, 3, 3, 3], [0, 0, 0, 0, 0, 0, 0], [2, 2, 0, 1, 5, 2, 0]], np.int32
)
# Of other keys; 3 of the first row is on no side, and 7 is no query's.
KEY_IDS = np.array([[1, 2, 2, 7, 0], [1, 1, 1, 1, 1], [0, 5, 1, 2, 2]], np.int32)
LENGTHS = np.array([7, 0, 4], np.int32)
KEY_LENGTHS = np.array([5, 3, 0], np.int32)


class Tried(NamedTuple):
    """Arguments of attention, and the ids that say the same to the reference."""

    options: dict[str, Any]
    ids: np.ndarray | None = None
    key_ids: np.ndarray | None = None
    keys: int = 7


def prefix(lengths: np.ndarray, slots: int) -> np.ndarray:
    return (np.arange(slots) < lengths[:, None]).astype(np.int32)


CASES = {
    "whole": Tried({}),
    "whole causal": Tried({"causal": True, "scale": 0.5}),
    "segments": Tried({"segment_ids": IDS}, IDS),
    "segments causal": Tried({"segment_ids": IDS, "causal": True}, IDS),
    "lengths": Tried({"lengths": LENGTHS}, prefix(LENGTHS, 7)),
    "lengths causal": Tried({"lengths": LENGTHS, "causal": True}, prefix(LENGTHS, 7)),
    "other keys": Tried({}, keys=5),
    "other keys, segments": Tried(
        {"segment_ids": IDS, "kv_segment_ids": KEY_IDS}, IDS, KEY_IDS, 5
    ),
    "other keys, lengths": Tried(
        {"lengths": LENGTHS, "kv_lengths": KEY_LENGTHS},
        prefix(LENGTHS, 7),
        prefix(KEY_LENGTHS, 5),
        5,
    ),
}
CROSS = [name for name, tried in CASES.items() if name.startswith("other")]


def arrays(keys: int = 7, dtype: Any = jnp.float32, head_dim: int = 16) -> list[Any]:
    """Queries with 4 heads, keys and values with 2, and a gradient of the output."""
    draw = np.random.default_rng(0)
    shapes = [(3, 7, 4, head_dim), *[(3, keys, 2, head_dim)] * 2, (3, 7, 4, head_dim)]
    return [jnp.asarray(draw.normal(size=shape), dtype) for shape in shapes]


def results(qkv: Any, g: Any, **options: Any) -> tuple[Any, ...]:
    """The output, and its gradients for `g`."""

    static = {k: v for k, v in options.items() if not isinstance(v, np.ndarray)}
    traced = {k: v for k, v in options.items() if k not in static}
    return compiled(tuple(static.items()))(*qkv, g, traced)


@functools.lru_cache
def compiled(static: tuple[Any, ...]) -> Any:
    @jax.jit
    def run(q: Any, k: Any, v: Any, g: Any, traced: Any) -> tuple[Any, ...]:
        call = functools.partial(attention, **dict(static), **traced)
        out, pull = jax.vjp(call, q, k, v)
        return out, *pull(g)

    return run
