"""`replace_padding`: the same model, meeting its borders in another way."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import jax
from flax import nnx

from ..padding import Padding, as_padding
from ..typing import Mode
from .from_flax import from_flax
from .padded import Padded


M = TypeVar("M", bound=nnx.Module)


def replace_padding(
    model: M,
    padding: Mode | Padding | Mapping[str, Mode | Padding],
    *,
    rngs: nnx.Rngs | None = None,
) -> M:
    """A new model with another padding in its layers, sharing the parameters.

    Works on every `flax.nnx.Conv` and `ConvTranspose` (which become those of
    `jaxpad.layers`) and every layer of jaxpad. Each layer keeps its amount, so that
    all paddings sample the same grid; a `Padding` with an amount of its own, or
    "valid", replaces it.

    Args:
        model: an nnx module, of any library or your own.
        padding: one padding for all layers, or rules `{path regex: padding}` of
            which the first whose regex is found in a layer's path (such as
            "blocks/0/conv1") decides; layers that no rule matches stay as they are.
        rngs: keys for a mode that draws.

    Returns:
        A new model of the same class. Its variables are those of `model`: an update
        of one is seen by the other. `nnx.clone` makes an independent copy. A layer
        used in two places stays one, a container of layers becomes two. A mode with
        parameters that is given as a module is shared by all layers that get it; of
        one that is given by name, such as "learned_constant", each layer has its own.

    Raises:
        ValueError: for an unknown padding, a rule that matches no layer, a subclass
            of flax's layers or one with options that jaxpad's has not (input dilation,
            a weight mask, a transposed convolution that adds more than its window
            reaches), or a module that is no pytree, into which this cannot look.

    Example:
        >>> model = nnx.Sequential(nnx.Conv(1, 4, (3, 3), rngs=nnx.Rngs(0)), nnx.relu)
        >>> replace_padding(model, "partial").layers[0].padding
        Padding(mode='zero', amount='same', reweight='partial')
    """
    rules = dict(padding) if isinstance(padding, Mapping) else {"": padding}
    specs = {as_regex(regex): as_padding(spec) for regex, spec in rules.items()}
    unused, done = set(specs), {}

    def visit(path: tuple[Any, ...], node: Any) -> Any:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        if isinstance(node, nnx.Module) and not isinstance(node, _LAYERS):
            raise ValueError(f"{name}: {type(node).__name__} has pytree=False.")
        regex = next((r for r in specs if re.search(r, name)), None)
        if not isinstance(node, _LAYERS) or regex is None:
            return node
        unused.discard(regex)
        # One layer used in two places stays one layer.
        return done.setdefault(id(node), _with_padding(name, node, specs[regex], rngs))

    new = jax.tree_util.tree_map_with_path(
        visit, model, is_leaf=lambda n: isinstance(n, (*_LAYERS, nnx.Variable))
    )
    if unused:
        raise ValueError(
            f"no layer with a padding matches {sorted(unused)}: the regex is searched "
            "in paths such as 'blocks/0/conv1'."
        )
    return new


def as_regex(text: str) -> str:
    """A rule of the user's, once it is known to be a regex."""
    try:
        re.compile(text)
    except re.error as e:
        raise ValueError(
            f"the rule {text!r} is no regex ({e}): expected one that is searched in "
            f"paths such as 'blocks/0/conv1'; re.escape(path) makes one of a path."
        ) from e
    return text


_LAYERS = (nnx.Conv, nnx.ConvTranspose, Padded)


def _with_padding(
    name: str, layer: Any, padding: Padding, rngs: nnx.Rngs | None
) -> Padded:
    if isinstance(layer, (nnx.Conv, nnx.ConvTranspose)):
        new, amount = from_flax(name, layer)
    else:
        new, amount = nnx.clone(layer, variables=False), layer.amount
    try:
        new.set_padding(padding, amount, rngs=rngs)
    except ValueError as error:
        if not name:
            raise
        rules = f'{{"^{name}$": "zero", "": ...}}'
        raise ValueError(
            f"{name}: {error} Rules give this layer a padding of its own: "
            f"replace_padding(model, {rules})."
        ) from error
    return new
