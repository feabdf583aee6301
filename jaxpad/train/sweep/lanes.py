"""The same step of several runs as one program, each run on a device of its own."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec


AXIS = "seed"


class Lanes:
    """A function of several runs: compiled once, and no device needs another.

    It is mapped by `jax.shard_map` over a mesh axis "seed", along which each device has
    the arrays of one run, one after the other. So they are not copied, but for scalars.

    Args:
        function: of pytrees of arrays.
        devices: one for each run.
        donate: the numbers of the arguments that it may overwrite.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        devices: Sequence[Any],
        donate: tuple[int, ...] = (),
    ):
        self._function, self._donate = function, donate
        mesh = Mesh(np.array(devices), (AXIS,), axis_types=(AxisType.Auto,))
        self._sharding = NamedSharding(mesh, PartitionSpec(AXIS))
        # By the shapes of the arguments: what comes of them, and the program.
        self._programs: dict[Any, tuple[Any, Callable[..., Any]]] = {}

    def __call__(self, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        """What the function makes of each run's arguments, which have equal shapes."""
        leaves, tree = jax.tree.flatten(calls[0])
        key = tree, tuple((leaf.shape, leaf.dtype) for leaf in leaves)
        if key not in self._programs:
            self._programs[key] = self._program(calls[0])
        like, program = self._programs[key]
        made, tree = jax.tree.flatten(program(*jax.tree.map(self._joined, *calls)))
        parts = [[shard.data for shard in array.addressable_shards] for array in made]
        found = [tree.unflatten(own) for own in zip(*parts, strict=True)]
        return [jax.tree.map(_as, one, like) for one in found]

    def _program(self, call: tuple[Any, ...]) -> tuple[Any, Callable[..., Any]]:
        shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), call)

        def lane(*args: Any) -> Any:
            made = self._function(*jax.tree.map(_as, args, shapes))
            return jax.tree.map(_with_axis, made)

        mapped = jax.shard_map(
            functools.update_wrapper(lane, self._function),  # for its name
            mesh=self._sharding.mesh,
            in_specs=self._sharding.spec,
            out_specs=self._sharding.spec,
            check_vma=False,
        )
        like = jax.eval_shape(self._function, *shapes)
        return like, jax.jit(mapped, donate_argnums=self._donate)

    def _joined(self, *parts: Any) -> Any:
        """An array of all runs, from that of each."""
        parts = tuple(map(_with_axis, parts))
        first, *more = parts[0].shape
        return jax.make_array_from_single_device_arrays(
            (first * len(parts), *more), self._sharding, list(parts)
        )


def _with_axis(x: Any) -> Any:
    """A scalar has none along which runs could lie."""
    return x if x.ndim else x.reshape(1)


def _as(x: Any, like: Any) -> Any:
    return x if x.shape == like.shape else x.reshape(like.shape)
