"""What the kernels of a program move between the main memory and VMEM."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax


class Traffic(NamedTuple):
    """What one call of a kernel moves.

    Attributes:
        grid: parts of the batch, and steps.
        blocks: the shape of each operand's block, then of each result's.
        bytes: of all blocks, each counted when its index changes from one step to the
            next. Cells that fill up tiles are not counted.
    """

    grid: tuple[int, ...]
    blocks: list[tuple[int, ...]]
    bytes: int


def traffic(f: Callable[..., Any], *args: Any) -> list[Traffic]:
    """The calls of `strategy="kernel"` in a function, and what each moves.

    Args:
        f: any function, a training step for example.
        args: its arguments, or `jax.ShapeDtypeStruct`s of them.

    Returns:
        One record per call, in the order of the program; calls whose result is not
        used are listed too.

    Example:
        >>> import jax.numpy as jnp, jaxpad
        >>> x, kernel = jnp.ones((2, 6, 8, 4)), jnp.ones((3, 3, 4, 4))
        >>> def circular(x, kernel):
        ...     return jaxpad.conv(x, kernel, padding="circular", strategy="kernel")
        >>> [call] = traffic(circular, x, kernel)
        >>> call.grid, call.bytes  # 6 + 2 rows in, the kernel, 6 rows out, float32
        ((1, 8), 4160)
    """
    return list(_calls(jax.make_jaxpr(f)(*args).jaxpr))


def _calls(jaxpr: Any) -> Iterator[Traffic]:
    for equation in jaxpr.eqns:
        params = equation.params
        if equation.primitive.name == "pallas_call":
            if not params["interpret"]:
                yield _traffic(params)
            continue
        for value in params.values():
            for inner in value if isinstance(value, (tuple, list)) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    yield from _calls(inner)


def _traffic(params: dict[str, Any]) -> Traffic:
    mapping = params["grid_mapping"]
    shapes = [m.block_shape for m in mapping.block_mappings]
    blocks = [tuple(getattr(d, "block_size", d) for d in shape) for shape in shapes]
    return Traffic(mapping.grid, blocks, params["cost_estimate"].bytes_accessed)
