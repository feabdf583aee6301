"""Which regularizer a rule gives to which convolution, and what it is told of it."""

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from flax import nnx
from jax import lax

from ..registry import parse_call
from ..regularizers import REGULARIZERS
from ..typing import Array
from .conv import Conv
from .from_flax import from_flax
from .orthogonal import OrthogonalConv, OrthogonalConvTranspose
from .replace import as_regex
from .transposed import ConvTranspose


# One for all convolutions, or an ordered list of which the first that fits decides.
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

    def forward_kernel(self) -> Array:
        """The kernel of the convolution, or of the one that is transposed."""
        kernel = stored_kernel(self.layer)
        transposed = isinstance(self.layer, ConvTranspose)
        return jnp.swapaxes(kernel, -1, -2) if transposed else kernel

    def as_layer(self, kernel: Array) -> Array:
        """The inverse of `forward_kernel`: as the layer stores it."""
        if not isinstance(self.layer, ConvTranspose):
            return kernel
        swapped = jnp.swapaxes(kernel, -1, -2)
        return _unstored(self.layer, swapped)


def stored_kernel(layer: Any) -> Array:
    """A layer's kernel as `jaxpad.conv` or `jaxpad.conv_transpose` takes it."""
    kernel = layer.kernel[...]
    return _unstored(layer, kernel) if isinstance(layer, ConvTranspose) else kernel


def _unstored(layer: ConvTranspose, kernel: Array) -> Array:
    # Either is its own inverse.
    if layer.transpose_kernel:
        return jnp.swapaxes(kernel, -1, -2)
    return lax.rev(kernel, range(len(layer.kernel_size)))


def choose(
    model: nnx.Module, rules: Rules, sizes: Sizes | None = None
) -> dict[str, Chosen]:
    """The convolutions of a model that rules name, by path.

    Raises:
        ValueError: for an unknown regularizer or option, a rule without a weight, or
            one that decides about no layer.
    """
    ordered = [("", rules)] if isinstance(rules, str) else list(rules)
    read = [(as_regex(regex), _read(spec)) for regex, spec in ordered]
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


def _convolutions(model: nnx.Module) -> dict[str, Any]:
    """Trained kernels; those that are orthogonal by construction need no penalty."""
    return {
        "/".join(map(str, path)): layer
        for path, layer in nnx.iter_modules(model)
        if isinstance(layer, _LAYERS) and not isinstance(layer, _EXACT)
    }


def _read(spec: str) -> tuple[str, float, Callable[..., Array]] | None:
    """Name, weight and function of "name(weight=0.1, option=...)"; None for ""."""
    if not spec:
        return None
    name, options = parse_call(spec, "regularizer")
    weight = options.pop("weight", None)
    if not isinstance(weight, (int, float)) or isinstance(weight, bool):
        raise ValueError(
            f"regularizer {spec!r}: expected a weight, a number, as in "
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
        layer = from_flax(path, layer)
    told = {
        "kernel": stored_kernel(layer),
        "stride": layer.strides,
        "dilation": layer.kernel_dilation,
        "groups": layer.feature_group_count,
        "padding": layer.drawn(),
        "size": size,
        "transpose": isinstance(layer, ConvTranspose),
        "name": path or type(layer).__name__,
    }
    own = function.keywords if isinstance(function, functools.partial) else {}
    asked = inspect.signature(function).parameters
    arguments = {k: v for k, v in told.items() if k in asked and k not in own}
    return Chosen(layer, name, weight, function, arguments)
