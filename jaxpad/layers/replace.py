"""`replace_padding`: the same model, meeting its borders in another way."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import jax
from flax import nnx

from ..arith import span
from ..padding import Padding, as_padding
from ..typing import Amount, Mode
from .conv import Conv
from .padded import Padded


M = TypeVar("M", bound=nnx.Module)


def replace_padding(
    model: M,
    padding: Mode | Padding | Mapping[str, Mode | Padding],
    *,
    rngs: nnx.Rngs | None = None,
) -> M:
    """A new model with another padding in its layers, sharing the parameters.

    Works on every `flax.nnx.Conv` (which becomes a `jaxpad.layers.Conv`) and every
    layer of jaxpad. Each layer keeps its amount, so that all paddings sample the
    same grid; a `Padding` with an amount of its own, or "valid", replaces it.

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
            of `nnx.Conv` or one with options that jaxpad's has not (input dilation, a
            weight mask), or a module that is no pytree, into which this cannot look.

    Example:
        >>> model = nnx.Sequential(nnx.Conv(1, 4, (3, 3), rngs=nnx.Rngs(0)), nnx.relu)
        >>> replace_padding(model, "partial").layers[0].padding
        Padding(mode='zero', amount='same', reweight='partial')
    """
    rules = dict(padding) if isinstance(padding, Mapping) else {"": padding}
    specs = {regex: as_padding(spec) for regex, spec in rules.items()}
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


_LAYERS = (nnx.Conv, Padded)
_FLAX_ONLY = (
    "mask",
    "conv_general_dilated",
    "promote_dtype",
    "preferred_element_type",
)


def _with_padding(
    name: str, layer: Any, padding: Padding, rngs: nnx.Rngs | None
) -> Padded:
    if isinstance(layer, nnx.Conv):
        new, amount = _from_flax(name, layer), _flax_amount(layer)
    else:
        new, amount = nnx.clone(layer, variables=False), layer.amount
    try:
        new.set_padding(padding, amount, rngs=rngs)
    except ValueError as error:
        raise ValueError(f"{name}: {error}" if name else str(error)) from error
    return new


def _from_flax(name: str, layer: nnx.Conv) -> Conv:
    """A jaxpad Conv that holds the very variables of a flax one."""
    plain = nnx.eval_shape(lambda: nnx.Conv(1, 1, 1, rngs=nnx.Rngs(0)))
    odd = [o for o in _FLAX_ONLY if getattr(layer, o) is not getattr(plain, o)]
    if layer.input_dilation not in (None, 1, (1,) * len(layer.kernel_size)):
        odd.append("input_dilation")
    if type(layer) is not nnx.Conv or odd:
        what = f"with {', '.join(odd)}" if odd else "that overrides nnx.Conv"
        raise ValueError(
            f"{name}: a {type(layer).__name__} {what} has no counterpart in jaxpad; "
            "leave it out by giving rules for the other paths: "
            'replace_padding(model, {"regex of a path": padding}).'
        )
    new = nnx.eval_shape(
        lambda: Conv(
            layer.in_features,
            layer.out_features,
            _window(layer),
            1 if layer.strides is None else layer.strides,
            kernel_dilation=1
            if layer.kernel_dilation is None
            else layer.kernel_dilation,
            feature_group_count=layer.feature_group_count,
            use_bias=layer.use_bias,
            dtype=layer.dtype,
            param_dtype=layer.param_dtype,
            precision=layer.precision,
            rngs=nnx.Rngs(0),
        )
    )
    new.kernel, new.bias = layer.kernel, layer.bias
    return new


def _window(layer: nnx.Conv) -> tuple[int, ...]:
    return tuple(layer.kernel_size)


def _flax_amount(layer: nnx.Conv) -> Amount:
    """The cells that flax adds, as an amount of ours.

    Flax's "CIRCULAR" and "REFLECT" add the same cells at every stride, unlike its
    "SAME": that is why they sample another grid there.
    """
    padding = layer.padding
    if padding in ("CIRCULAR", "REFLECT"):
        dilation = layer.kernel_dilation or 1
        dilations = [dilation] * 9 if isinstance(dilation, int) else dilation
        reach = [span(k, d) for k, d in zip(_window(layer), dilations, strict=False)]
        return tuple(((k - 1) // 2, k // 2) for k in reach)
    if isinstance(padding, str):
        return padding.lower()
    if isinstance(padding, int):
        return padding
    return [(p, p) if isinstance(p, int) else (p[0], p[-1]) for p in padding]
