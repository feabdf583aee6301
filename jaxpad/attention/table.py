"""The implementations of attention, and what each of them can do."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

from ..registry import Registry
from ..typing import Array
from .inputs import Inputs


# Which slots of a row are real, and see each other.
LAYOUTS = {
    "whole": "all slots of a row are one sequence",
    "lengths": "the first slots of each row are one sequence, the rest is empty",
    "segments": "slots see those with their own segment id; 0 is empty",
}


@runtime_checkable
class Implementation(Protocol):
    """Attends: `[batch, queries, heads, head_dim]`, of the query's dtype.

    What it gives an empty query, or one that sees no key, is replaced by 0.
    """

    def __call__(self, inputs: Inputs, /) -> Array: ...


class Abilities(NamedTuple):
    """What an implementation can do; the rest is refused.

    Attributes:
        layouts: names in `LAYOUTS`.
        cross: whether keys may be other slots than the queries.
        causal: whether a query may be kept from later keys.
        dtypes: of its operands; sums are in float32 at least.
        head_dims: features of a head; None for any number.
        devices: that it is compiled for: "cpu", "gpu", "tpu".
        emulated: whether the other devices can run it, slowly.
        splits: whether the compiler splits it over devices; if not, it is for programs
            of one device and for `jax.shard_map`.
        memory: that it takes besides operands and result, in words.
        gradients: that it has, in words.
    """

    layouts: tuple[str, ...]
    cross: bool
    causal: bool
    dtypes: tuple[str, ...]
    head_dims: range | None
    devices: tuple[str, ...]
    emulated: bool
    splits: bool
    memory: str
    gradients: str


class Implementations(Registry[Implementation]):
    """The registry of implementations, and what each of them can do."""

    def __init__(self):
        super().__init__("implementation of attention")
        self.abilities: dict[str, Abilities] = {}

    def register(
        self,
        entry: Any = None,
        /,
        *,
        name: str | None = None,
        abilities: Abilities | None = None,
    ) -> Any:
        """Adds an implementation with what it can do.

        Raises:
            ValueError: if the name is taken, or nothing is said of what it can do.
        """
        if entry is None:
            return lambda entry: self.register(entry, name=name, abilities=abilities)
        if abilities is None:
            raise ValueError(
                f"say what {entry.__name__} can do: "
                "@IMPLEMENTATIONS.register(abilities=Abilities(...))."
            )
        super().register(entry, name=name)
        self.abilities[str(name or entry.__name__)] = abilities
        return entry


IMPLEMENTATIONS = Implementations()
