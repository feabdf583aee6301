"""ZeRO: optimizer state, gradients and parameters split over the "data" axis.

The arrays are split by NamedSharding and the step stays one jitted program, so that
whatever an optax transform adds up, such as a global norm, it adds up over all devices.
"ZeRO: Memory Optimizations Toward Training Trillion Parameter Models" (Rajbhandari et
al., 2020).
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import AbstractMesh, Mesh, NamedSharding, PartitionSpec

from ..typing import Array
from .checks import check_mesh, shape_reason, too_little
from .layout import WHOLE, Layout, coverage, pack, split, unpack


AXIS = "data"


class Stage(NamedTuple):
    """What is split."""

    optimizer: bool
    gradients: bool
    parameters: bool


STAGES = {
    0: Stage(optimizer=False, gradients=False, parameters=False),
    1: Stage(optimizer=True, gradients=False, parameters=False),
    2: Stage(optimizer=True, gradients=True, parameters=False),
    3: Stage(optimizer=True, gradients=True, parameters=True),
}


@dataclasses.dataclass(frozen=True)
class Zero:
    """An optimizer whose state lies in parts on the devices of a mesh; from `zero`.

    Attributes:
        optimizer: an optax chain.
        mesh: with an axis "data".
        stage: what is split.
        whole_layouts: of the parameters as the model sees them.
        layouts: of the parameters as the optimizer sees them, a pytree.
        state_layouts: of the optimizer's state.
        reason: why no array was flattened; None if they may be.
    """

    optimizer: optax.GradientTransformation
    mesh: Mesh | AbstractMesh
    stage: Stage
    whole_layouts: Any
    layouts: Any
    state_layouts: Any
    reason: str | None

    @property
    def coverage(self) -> float:
        """Of the optimizer's state: an even part, by what a device holds."""
        return coverage(jax.tree.leaves(self.state_layouts), self.mesh.shape[AXIS])

    @property
    def offloaded(self) -> bool:
        """Whether the optimizer's state lies in the hosts' memory between uses."""
        return any(layout.host for layout in jax.tree.leaves(self.state_layouts))

    def init(self, params: Any) -> tuple[Any, Any]:
        """The parameters as they are stored, and the state, on their devices."""

        def make(params: Any) -> tuple[Any, Any]:
            packed = self.pack(params)
            state = self.optimizer.init(packed)
            stored = packed if self.stage.parameters else self._whole(params)
            return stored, self._constrained(state)

        return jax.jit(make)(params)

    def pack(self, params: Any) -> Any:
        """The parameters, or what belongs to each, as the optimizer sees them."""
        return self._place(pack, params, self.layouts)

    def unpack(self, packed: Any) -> Any:
        """The opposite of `pack`."""
        return self._place(unpack, packed, self.layouts, self.whole_layouts)

    def packed(self, stored: Any) -> Any:
        """Stored parameters as the optimizer sees them."""
        return stored if self.stage.parameters else self.pack(stored)

    def whole(self, stored: Any) -> Any:
        """The parameters as the model sees them."""
        return self.unpack(stored) if self.stage.parameters else stored

    def gradients(self, grads: Any) -> Any:
        """Gradients as they are added up: split from stage 2 on."""
        return self.pack(grads) if self.stage.gradients else self._whole(grads)

    def update(
        self, grads: Any, state: Any, stored: Any, when: Array | None = None
    ) -> tuple[Any, Any]:
        """A step of the optimizer, each device on its part.

        Args:
            grads: from `gradients`.
            state: of the optimizer.
            stored: the parameters as they are stored.
            when: bool scalar; where it is False, nothing changes. None is True.

        Returns:
            The stored parameters and the state afterwards.
        """
        grads = grads if self.stage.gradients else self.pack(grads)
        params = self.packed(stored)
        before = params, jax.tree.map(_on_device, state, self.state_layouts)
        updates, state = self.optimizer.update(grads, before[1], params)
        after = optax.apply_updates(params, updates), state
        if when is not None:
            after = jax.tree.map(lambda n, o: jnp.where(when, n, o), after, before)
        params, state = self._place(_same, after[0], self.layouts), after[1]
        stored = params if self.stage.parameters else self.unpack(params)
        return stored, self._constrained(state)

    def _whole(self, params: Any) -> Any:
        return self._place(_same, params, self.whole_layouts)

    def _constrained(self, state: Any) -> Any:
        return self._place(_same, state, self.state_layouts)

    def _place(self, change: Any, tree: Any, layouts: Any, target: Any = None) -> Any:
        """A change of each array by its layout, and where the result lies."""

        def move(x: Any, layout: Layout, target: Layout) -> Any:
            moved = change(x, layout)
            if self.mesh.size > 1:  # one device may be a part of somebody's own mesh
                where = NamedSharding(self.mesh, target.spec)
                moved = jax.lax.with_sharding_constraint(moved, where)
            if not target.host:
                return moved
            # A constraint alone leaves it in the memory where it is.
            return jax.device_put(moved, target.sharding(self.mesh))

        return jax.tree.map(move, tree, layouts, layouts if target is None else target)


def zero(
    optimizer: optax.GradientTransformation,
    params: Any,
    mesh: Mesh | AbstractMesh,
    *,
    stage: int = 1,
    specs: Any = None,
    least: float = 0.9,
) -> Zero:
    """Splits an optimizer's state, and more by stage, over the "data" axis of a mesh.

    Each array is split along an axis, or flattened and padded with zeros where the
    optimizer allows it (`needs_shapes`).

    Args:
        optimizer: an optax chain.
        params: arrays or their shapes.
        mesh: with an axis "data"; an abstract one serves to see what would be split.
        stage: 0 nothing, 1 the optimizer's state, 2 gradients too, 3 parameters too.
        specs: how other axes of the mesh split the parameters, a pytree of
            PartitionSpecs; None if they do not.
        least: coverage of the state below which this is an error.

    Raises:
        ValueError: for an unknown stage, a mesh that is not Auto or has no axis "data",
            an optimizer whose update takes more than gradients, state and parameters,
            or a coverage below `least`.

    Example:
        >>> from jaxpad.sharding import data_mesh
        >>> params = {"kernel": jax.numpy.ones((3, 3, 5, 7)), "bias": jax.numpy.ones(7)}
        >>> split = zero(optax.sgd(0.1, 0.9), params, data_mesh(), stage=1)
        >>> params, state = split.init(params)
        >>> grads = split.gradients(params)
        >>> params, state = jax.jit(split.update)(grads, state, params)
        >>> params["kernel"].shape
        (3, 3, 5, 7)
    """
    if stage not in STAGES:
        raise ValueError(f"zero={stage!r}: expected one of {sorted(STAGES)}.")
    check_mesh(mesh, AXIS)
    chosen, parts = STAGES[stage], mesh.shape[AXIS]
    used = parts if chosen.optimizer else 1
    reason = shape_reason(optimizer, params) if used > 1 else None
    if specs is None:
        specs = jax.tree.map(lambda _: WHOLE, params)

    def layouts_of(array: Any, spec: PartitionSpec) -> tuple[Layout, Layout]:
        others = _parts_of(mesh, spec)
        flatten = reason is None
        options: dict[str, Any] = {"taken": spec, "taken_parts": others}
        whole = split(array.shape, AXIS, 1, **options)
        return whole, split(array.shape, AXIS, used, flatten=flatten, **options)

    pairs = jax.tree.map(layouts_of, params, specs)
    whole, layouts = (
        jax.tree.map(lambda _, pair, n=n: pair[n], params, pairs) for n in (0, 1)
    )
    state = _state_layouts(optimizer, params, layouts, used)
    found = Zero(optimizer, mesh, chosen, whole, layouts, state, reason)
    if used > 1 and found.coverage < least:
        raise ValueError(too_little(found.coverage, found.reason, least))
    return found


def _parts_of(mesh: Mesh | AbstractMesh, spec: PartitionSpec) -> int:
    sizes = 1
    for names in spec:
        for name in names if isinstance(names, tuple) else (names,):
            sizes *= mesh.shape[name] if name else 1
    return sizes


def _state_layouts(
    optimizer: optax.GradientTransformation, params: Any, layouts: Any, parts: int
) -> Any:
    """Of what stands at a parameter's path, its layout; of the rest, one of its own.

    Transforms keep what belongs to a parameter at its path, below paths of their own.
    """
    packed = jax.tree.map(
        lambda p, layout: jax.ShapeDtypeStruct(layout.stored_shape, p.dtype),
        params,
        layouts,
    )
    known = dict(jax.tree.leaves_with_path(layouts))

    def of(path: tuple[Any, ...], leaf: Any) -> Layout:
        for start in range(len(path) + 1):
            layout = known.get(path[start:])
            if layout is not None and layout.stored_shape == leaf.shape:
                return layout
        return split(leaf.shape, AXIS, parts, flatten=False)

    return jax.tree.map_with_path(of, jax.eval_shape(optimizer.init, packed))


def _same(x: Any, layout: Layout) -> Any:
    return x


def _on_device(x: Any, layout: Layout) -> Any:
    return jax.device_put(x, jax.memory.Space.Device) if layout.host else x
