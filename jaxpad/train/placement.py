"""How a training state lies on the devices, and as plain arrays in checkpoints."""

import dataclasses
import functools
from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ..sharding import Layout, Zero, pack, unpack
from .state import TrainState


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where each array of a state lies.

    Attributes:
        mesh: of devices.
        plain: shapes of the state as a checkpoint holds it, with shardings.
        layouts: of each array, a pytree like the state.
    """

    mesh: Mesh
    plain: TrainState
    layouts: TrainState

    @property
    def platform(self) -> str:
        """Of the devices: "cpu", "gpu" or "tpu"."""
        return self.mesh.devices.flat[0].platform

    @property
    def stored(self) -> TrainState:
        """Shapes of the state as a step takes it, with shardings."""
        return jax.tree.map(
            lambda a, layout: jax.ShapeDtypeStruct(
                layout.stored_shape, a.dtype, sharding=layout.sharding(self.mesh)
            ),
            self.plain,
            self.layouts,
        )

    @property
    def shardings(self) -> TrainState:
        """Of the state as a step takes it."""
        return jax.tree.map(lambda layout: layout.sharding(self.mesh), self.layouts)

    def store(self, plain: TrainState) -> TrainState:
        """A plain state as a step takes it, on its devices."""
        packed = self._changed(pack, plain)
        return jax.device_put(packed, self.shardings)

    def unpack(self, stored: TrainState) -> TrainState:
        """A state as a checkpoint holds it: no array is flattened or padded."""
        return self._changed(unpack, stored)

    def _changed(self, change: Any, state: TrainState) -> TrainState:
        """The state, with all arrays changed that are stored flat, in one program."""
        leaves, tree = jax.tree.flatten(state)
        layouts = jax.tree.leaves(self.layouts)
        flat = [n for n, layout in enumerate(layouts) if layout.padded is not None]
        changed = _change(
            [leaves[n] for n in flat],
            change=change,
            layouts=tuple(layouts[n] for n in flat),
            where=NamedSharding(self.mesh, PartitionSpec()),
        )
        for n, array in zip(flat, changed, strict=True):
            leaves[n] = array
        return jax.tree.unflatten(tree, leaves)


# Outside, so that the second checkpoint does not compile it again.
@functools.partial(jax.jit, static_argnames=("change", "layouts", "where"))
def _change(
    arrays: list[Any], *, change: Any, layouts: tuple[Layout, ...], where: NamedSharding
) -> list[Any]:
    # Of an optimizer's state that lies on the host.
    arrays = [jax.device_put(array, jax.memory.Space.Device) for array in arrays]
    pairs = zip(arrays, layouts, strict=True)
    changed = [change(array, layout) for array, layout in pairs]
    return jax.lax.with_sharding_constraint(changed, where)


def placement(mesh: Mesh, split: Zero, like: TrainState) -> Placement:
    """Where a state lies whose optimizer is split.

    Args:
        mesh: of devices.
        split: from `zero`.
        like: shapes of the plain state.
    """
    stats = jax.tree.map(lambda a: Layout(a.shape), like.stats)
    own = split.layouts if split.stage.parameters else split.whole_layouts
    layouts = TrainState(
        step=Layout(()),
        params=own,
        stats=stats,
        opt_state=split.state_layouts,
        average=None if like.average is None else (split.layouts, stats),
        usual=jax.tree.map(lambda a: Layout(a.shape), like.usual),
    )
    whole = NamedSharding(mesh, PartitionSpec())

    def shape(a: Any, layout: Layout) -> jax.ShapeDtypeStruct:
        where = layout.sharding(mesh) if layout.padded is None else whole
        return jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=where)

    return Placement(mesh, jax.tree.map(shape, like, layouts), layouts)
