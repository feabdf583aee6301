"""Which regularizer a rule gives to which convolution, and what it is told of it."""

import dataclasses
import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from flax import nnx
from jax import lax

from ..arith import transposed_output_size
from ..conv.geometry import per_axis
from ..padding import Padding, per_axis_amounts
from ..registry import parse_call
from ..regularizers import REGULARIZERS
from ..typing import Array
from ..untrusted import literal
from .conv import Conv
from .from_flax import from_flax
from .learned import LearnedConstant, Random
from .orthogonal import OrthogonalConv, OrthogonalConvTranspose
from .replace import as_regex
from .resample import ResizeConv
from .transposed import ConvTranspose


# One for all convolutions, or an ordered list of which the first that fits decides;
# the list may be text, as in a config.
Rules = str | Sequence[tuple[str, str]]
Sizes = Mapping[str, Sequence[int]]

_LAYERS = (nnx.Conv, nnx.ConvTranspose, Conv, ConvTranspose)
_EXACT = (OrthogonalConv, OrthogonalConvTranspose)


class Chosen(NamedTuple):
    """A convolution that a rule names.

    Attributes:
        layer: of jaxpad; it holds the model's own variables.
        name: of the regularizer.
        weight: of its number in the penalty.
        regularizer: from `arguments` to a number.
        arguments: what it asks about the layer, by name.
    """

    layer: Any
    name: str
    weight: float
    regularizer: Callable[..., Array]
    arguments: dict[str, Any]


def forward_kernel(layer: Any) -> Array:
    """A layer's kernel for `jaxpad.conv`; of a transposed layer that of its adjoint."""
    return turned(layer, layer.kernel[...])


def turned(layer: Any, kernel: Array) -> Array:
    """From a layer's kernel to that of the convolution, and back."""
    if not isinstance(layer, ConvTranspose) or layer.transpose_kernel:
        return kernel
    return jnp.swapaxes(lax.rev(kernel, range(len(layer.kernel_size))), -1, -2)


def choose(
    model: nnx.Module, rules: Rules, sizes: Sizes | None = None
) -> dict[str, Chosen]:
    """The convolutions of a model that rules name, by path.

    Raises:
        ValueError: for an unknown regularizer or option, a rule without a weight, or
            one that decides about no layer.
    """
    read = [(as_regex(regex), _read(spec)) for regex, spec in _ordered(rules)]
    unused, found = dict(read), {}
    for path, layer in _convolutions(model).items():
        decided = next((rule for rule in read if re.search(rule[0], path)), None)
        if decided is None:
            continue
        regex, rule = decided
        unused.pop(regex, None)
        if rule is not None:
            size = None if sizes is None else sizes.get(path)
            found[path] = _chosen(path, layer, *rule, size)
    if unused:
        raise ValueError(
            f"regularizer: the rules for {sorted(unused)} decide about no convolution; "
            f"the paths are {', '.join(_convolutions(model)) or 'none'}."
        )
    return found


def _ordered(rules: Rules) -> Sequence[tuple[str, str]]:
    if not isinstance(rules, str):
        pairs = rules.items() if isinstance(rules, Mapping) else rules
        return [_pair(rule) for rule in pairs]
    if not rules.startswith(("[", "(")):
        return [("", rules)]
    try:
        return [_pair(rule) for rule in literal(rules)]
    except (TypeError, ValueError) as error:
        raise ValueError(
            f'rules {rules!r} cannot be read ({error}). Write "lorth(weight=0.1)", or '
            "pairs of a path's regex and a regularizer, \"[('stem', ''), ('', "
            "'lorth(weight=0.1)')]\"."
        ) from error


def _pair(rule: Any) -> tuple[str, str]:
    if not isinstance(rule, (tuple, list)) or [type(r) for r in rule] != [str, str]:
        raise ValueError(
            f"the rule {rule!r} is no pair of a path's regex and a regularizer, as in "
            '("", "lorth(weight=0.1)")'
        )
    return rule[0], rule[1]


def _convolutions(model: nnx.Module) -> dict[str, Any]:
    """Trained kernels; those that are orthogonal by construction need no penalty."""
    return {
        # As `jaxpad.check` names a layer that is the whole model.
        "/".join(map(str, path)) or type(layer).__name__: layer
        for path, layer in nnx.iter_modules(model)
        if isinstance(layer, _LAYERS) and not isinstance(layer, _EXACT)
    }


def _read(spec: str) -> tuple[str, float, Callable[..., Array]] | None:
    """Name, weight and function of "name(weight=0.1, option=...)"; None for ""."""
    if not spec:
        return None
    name, options = parse_call(spec, "regularizer")
    weight = options.pop("weight", None)
    number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
    if not number or weight < 0:
        raise ValueError(
            f"regularizer {spec!r}: expected a weight, a number of 0 or more, as in "
            f'"{name}(weight=0.1)".'
        )
    text = ", ".join(f"{key}={value!r}" for key, value in options.items())
    function = REGULARIZERS.resolve(f"{name}({text})" if text else name)
    return name, float(weight), function


def _chosen(
    path: str,
    layer: Any,
    name: str,
    weight: float,
    function: Callable[..., Array],
    size: Sequence[int] | None,
) -> Chosen:
    if isinstance(layer, (nnx.Conv, nnx.ConvTranspose)):
        layer = from_flax(path, layer, '[("regex of a path", "lorth(weight=0.1)")]')
    told = {
        "kernel": forward_kernel(layer),
        "stride": layer.strides,
        "dilation": layer.kernel_dilation,
        "groups": layer.feature_group_count,
        "padding": _linear(layer.padding),
        "amount": layer.amount,
        "size": None if size is None else _forward_size(layer, size),
        "name": path,
    }
    own = function.keywords if isinstance(function, functools.partial) else {}
    asked = inspect.signature(function).parameters
    arguments = {k: v for k, v in told.items() if k in asked and k not in own}
    return Chosen(layer, name, weight, function, arguments)


def _linear(padding: Padding) -> Padding:
    """What a padding does to the image: learned constants add none of it.

    A mode that draws is taken as in evaluation, and draws nothing.
    """

    def of(mode: Any) -> Any:
        if isinstance(mode, tuple):
            return tuple(map(of, mode))
        zeros = isinstance(mode, (LearnedConstant, Random))
        return "constant(value=0.0)" if zeros else mode

    return dataclasses.replace(padding, mode=of(padding.mode))


def _forward_size(layer: Any, size: Sequence[int]) -> tuple[int, ...]:
    """What the convolution slides over in a layer with an input of `size`."""
    rank = layer.rank
    size = per_axis("size", size, rank)
    if isinstance(layer, ResizeConv):
        return tuple(n * s for n, s in zip(size, layer.scale, strict=True))
    if not isinstance(layer, ConvTranspose):
        return size
    return tuple(
        map(
            transposed_output_size,
            size,
            layer.kernel_size,
            layer.strides,
            per_axis_amounts(layer.amount, rank),
            layer.output_padding,
            layer.kernel_dilation,
        )
    )
