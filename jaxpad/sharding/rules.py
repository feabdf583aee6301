"""Which parameters the "model" axis splits: an ordered list of rules by path."""

import re
from collections.abc import Sequence
from typing import Any

import jax
from jax.sharding import Mesh, PartitionSpec

from ..registry import Registry


AXIS = "model"
RULES: Registry[Any] = Registry("sharding rule")


@RULES.register
def whole(shape: tuple[int, ...], parts: int) -> PartitionSpec:
    """Every device along the axis holds the whole array."""
    return PartitionSpec()


@RULES.register
def along(shape: tuple[int, ...], parts: int, *, axis: int) -> PartitionSpec:
    """Equal parts along one axis of the array; -1 is the last.

    Raises:
        ValueError: if the array has no such axis, or `parts` does not divide it.
    """
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"an array of shape {shape} has no axis {axis}.")
    if shape[axis] % parts:
        raise ValueError(
            f"axis {axis} of shape {shape} does not split into {parts} equal parts."
        )
    names: list[str | None] = [None] * len(shape)
    names[axis] = AXIS
    return PartitionSpec(*names)


WHOLE = ((".*", "whole"),)
# Of the project's transformers: the layer that makes features splits its outputs, the
# next its inputs, so that between them nothing is exchanged and after them one sum is.
# "Megatron-LM" (Shoeybi et al., 2019).
TRANSFORMER = (
    (r".*/(qkv|dense/0)/(kernel|bias)(/value)?", "along(axis=-1)"),
    (r".*/(out|dense/1)/kernel(/value)?", "along(axis=0)"),
    (".*", "whole"),
)


SHARDINGS = {"whole": WHOLE, "transformer": TRANSFORMER}


def rules_of(sharding: str | Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """The rules that a config names, or lists.

    Raises:
        ValueError: for an unknown name.
    """
    if not isinstance(sharding, str):
        return sharding
    if sharding not in SHARDINGS:
        raise ValueError(
            f"{sharding!r}: expected one of {sorted(SHARDINGS)}, or a list of pairs of "
            "a regex of paths and a rule."
        )
    return SHARDINGS[sharding]


def match(rules: Sequence[tuple[str, str]], params: Any, mesh: Mesh) -> Any:
    """How a mesh's "model" axis splits parameters: by the first rule whose path fits.

    Args:
        rules: pairs of a regex for the whole path, such as `".*/kernel"`, and the name
            of a rule, such as `"along(axis=-1)"`.
        params: arrays or their shapes.
        mesh: with an axis "model", or without: then nothing is split.

    Returns:
        A pytree of PartitionSpecs.

    Raises:
        ValueError: if no rule fits a parameter, or one that fits cannot split it.

    Example:
        >>> from jaxpad.sharding import data_mesh
        >>> params = {"dense": {"kernel": jax.numpy.ones((4, 8))}}
        >>> tuple(match([(".*", "whole")], params, data_mesh())["dense"]["kernel"])
        ()
    """
    parts = dict(mesh.shape).get(AXIS, 1)
    compiled = [(re.compile(regex), RULES.resolve(rule)) for regex, rule in rules]

    def of(path: Any, param: Any) -> PartitionSpec:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        for regex, rule in compiled:
            if regex.fullmatch(name):
                return _split(name, rule, param.shape, parts)
        raise ValueError(
            f"sharding: no rule fits the parameter {name}; end the list with "
            '(".*", "whole").'
        )

    return jax.tree.map_with_path(of, params)


def _split(name: str, rule: Any, shape: tuple[int, ...], parts: int) -> PartitionSpec:
    if parts == 1:
        return PartitionSpec()
    try:
        return rule(shape, parts)
    except ValueError as error:
        raise ValueError(f"sharding: {name}: {error}") from error
