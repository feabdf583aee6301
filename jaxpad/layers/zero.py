"""`zero_init_model`: ZerO for a whole residual network."""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from flax import nnx

from ..init import zero_init
from ..typing import Array
from .conv import Conv
from .learned import LearnedConstant, LearnedExtrapolation
from .orthogonal import OrthogonalConv
from .replace import as_regex


M = TypeVar("M", bound=nnx.Module)

Init = Callable[..., Array]

# "blocks/0/convs/1" as well as "layer1/0/conv2", but no stem that is named "conv1".
_CONVS = r"(.+)/convs?[/_]?\d+$"

_zeros, _ones = nnx.initializers.zeros, nnx.initializers.ones
_LAYERS = (Conv, nnx.Conv, nnx.Linear)
_NORMS = (
    nnx.BatchNorm,
    nnx.GroupNorm,
    nnx.InstanceNorm,
    nnx.LayerNorm,
    nnx.RMSNorm,
)
# Modes of padding, whose values are not random at the start.
_MODES = (LearnedConstant, LearnedExtrapolation)
_OTHERS: Mapping[str, Init] = {
    "scale": _ones,
    "bias": _zeros,
    "mean": _zeros,
    "var": _ones,
}


def zero_init_model(
    model: M,
    branches: str | Sequence[str] = _CONVS,
    *,
    scale: str = "orthonormal",
    transform: str = "hadamard",
) -> M:
    """A residual network that begins without random numbers, as a new model.

    The last layer of every residual branch begins as zeros, so that every block begins
    as its shortcut. Other kernels, those of shortcuts that change the width among them,
    begin as `jaxpad.init.zero_init` says; biases as 0; norms as scale 1, bias 0, with
    statistics of nothing seen. Parameters of one axis in other modules stay.

    A network without norms wants scalars around its convolutions besides, as in
    "Fixup Initialization" (Zhang, Dauphin, Ma, 2019); they are the model's own.

    Args:
        model: an nnx module of convolutions, dense layers and norms.
        branches: regexes that are searched in the paths of convolutions and dense
            layers, such as "blocks/0/convs/1". Layers for which a regex's first group
            has the same text are one branch, and the last of them, counting numbers as
            numbers, is its last layer. A regex without a group names last layers.
        scale, transform: as in `jaxpad.init.zero_init`.

    Returns:
        A new model of the same class; its variables are its own.

    Raises:
        ValueError: for a regex that matches no layer, or a parameter of two or more
            axes in a layer that ZerO has no rule for, which would stay random.

    Example:
        >>> from jaxpad.models import MODELS
        >>> model = zero_init_model(MODELS["resnet20"](1, 10, rngs=nnx.Rngs(0)))
        >>> first, last = model.blocks[0].convs
        >>> float(first.kernel[...].sum()), float(last.kernel[...].sum())
        (16.0, 0.0)

    "ZerO Initialization: Initializing Neural Networks with only Zeros and Ones"
    (Zhao, Schaefer, Anandkumar, 2022).
    """
    make = functools.partial(zero_init, scale=scale, transform=transform)
    model = nnx.clone(model)
    modules = {
        "/".join(map(str, path)): module for path, module in nnx.iter_modules(model)
    }
    _refuse_others(model, modules)
    layers = {path: m for path, m in modules.items() if isinstance(m, _LAYERS)}
    regexes = [branches] if isinstance(branches, str) else branches
    last = {path for regex in regexes for path in _last_layers(regex, layers)}
    for path, layer in layers.items():
        kernel = make(groups=getattr(layer, "feature_group_count", 1))
        _fill(layer, {"kernel": _zeros if path in last else kernel})
    for module in modules.values():
        if isinstance(module, (*_LAYERS, *_NORMS)):
            _fill(module, _OTHERS)
    return model


def _fill(module: Any, inits: Mapping[str, Init]) -> None:
    for name, init in inits.items():
        variable = getattr(module, name, None)
        if isinstance(variable, nnx.Variable):
            variable[...] = init(None, variable.shape, variable.dtype)


def _last_layers(regex: str, paths: Sequence[str] | Mapping[str, Any]) -> list[str]:
    found = {path: re.search(as_regex(regex), path) for path in paths}
    branches: dict[str, list[str]] = {}
    for path, match in found.items():
        if match:
            branch = match[1] if match.re.groups else path
            branches.setdefault(branch, []).append(path)
    if not branches:
        raise ValueError(
            f"branches: {regex!r} matches none of the layers {', '.join(paths)}. Name "
            'the layers of each residual branch, as in r"(blocks/\\d+)/convs/\\d+".'
        )
    return [max(branch, key=_by_number) for branch in branches.values()]


def _by_number(path: str) -> list[Any]:
    """So that conv10 comes after conv9: text and numbers take turns."""
    parts = re.split(r"(\d+)", path)
    return [int(part) if part.isdigit() else part for part in parts]


def _refuse_others(model: nnx.Module, modules: Mapping[str, Any]) -> None:
    ours = (*_LAYERS, *_NORMS, *_MODES)
    known = {
        path
        for path, module in modules.items()
        if isinstance(module, ours) and not isinstance(module, OrthogonalConv)
    }
    for path, node in nnx.iter_graph(model):
        inside = ("/".join(map(str, path[:n])) for n in range(len(path)))
        if not isinstance(node, nnx.Param) or node.ndim < 2 or known & set(inside):
            continue
        *owner, name = map(str, path)
        owner = "/".join(owner)
        raise ValueError(
            f"{owner or 'the model'} is a {type(modules.get(owner)).__name__} whose "
            f"{name} of shape {node.shape} would stay random: ZerO has rules for Conv, "
            "Linear and norms. Apply zero_init_model to the parts that are made of "
            "those, and give the other parameters values of your own."
        )
