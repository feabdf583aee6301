"""Regularizers of a model's convolutions, chosen by their paths."""

import itertools
import math
from typing import TypeVar

import jax.numpy as jnp
from flax import nnx

from ..orthogonal import delta_orthogonal, exists
from ..spectral import singular_values
from ..typing import Array
from .choose import Chosen, Rules, Sizes, choose, forward_kernel, turned


M = TypeVar("M", bound=nnx.Module)


def penalty(
    model: nnx.Module, rules: Rules, *, sizes: Sizes | None = None
) -> tuple[Array, dict[str, Array]]:
    """The sum of weighted regularizers over a model's convolutions, and a table.

    Stride, dilation, groups and padding are each layer's own, so one rule suits all;
    the convolutions of flax and of jaxpad, and the transposed ones, are found by
    themselves.

    Args:
        model: an nnx model.
        rules: "lorth(weight=0.1)" for every convolution, or an ordered list of `(path
            regex, "name(weight=...)")`: the first whose regex is found in a layer's
            path (such as "blocks/0/convs/1") decides, and "" leaves the layer out. A
            name in `jaxpad.regularizers.REGULARIZERS`, or "package.module:function".
            Options beside the weight are the regularizer's; one that the layer has too
            replaces the layer's, as in "lorth(weight=0.1, padding='circular')", which
            keeps the layer's amount. A function is told those of kernel, stride,
            dilation, groups, padding, amount, size and name (the path) that it has
            arguments for; of a transposed convolution those of the convolution that it
            transposes, and of a `ResizeConv` those after the enlarging.
        sizes: from a layer's path to the size of its input, for regularizers that look
            at the border: `{row.path: row.input for row in jaxpad.check(model,
            shape).rows}`. Layers that are not in it are taken without border. Learned
            constants count as zeros, and a mode that draws as in evaluation.

    Returns:
        The penalty, a float32 scalar; and by path each layer's value, not weighted.

    Raises:
        ValueError: for an unknown regularizer or option, a rule without a weight or
            one that decides about no layer, or by the regularizer of a layer, with its
            path.

    Example:
        >>> rngs = nnx.Rngs(0)
        >>> model = nnx.Sequential(*(nnx.Conv(4, 4, 3, rngs=rngs) for _ in "ab"))
        >>> total, table = penalty(model, [("1$", ""), ("", "lorth(weight=0.1)")])
        >>> list(table), bool(jnp.isclose(total, 0.1 * table["layers/0"]))
        (['layers/0'], True)
    """
    total, table = jnp.zeros((), jnp.float32), {}
    for path, found in choose(model, rules, sizes).items():
        table[path] = value = _value(path, found)
        total = total + found.weight * value.astype(jnp.float32)
    return total, table


def _value(path: str, chosen: Chosen) -> Array:
    try:
        return chosen.regularizer(**chosen.arguments)
    except ValueError as error:
        raise ValueError(f"regularizer of {path}: {error}") from error


def extremes(model: nnx.Module, rules: Rules) -> dict[str, tuple[Array, Array]]:
    """The largest and the smallest singular value of each convolution that rules name.

    On a torus of `2 k - 1` windows along each axis (or the next number that has no
    divisor in common with the dilation), beyond which orthogonality does not depend on
    the size; the padding is left out, as it has values of its own at the border only.

    Args:
        model, rules: as in `penalty`.

    Returns:
        By path the largest and the smallest, of the kernel's dtype.

    Raises:
        ValueError: as `penalty`.

    Example:
        >>> layer = nnx.Conv(1, 1, 2, use_bias=False, rngs=nnx.Rngs(0))
        >>> layer.kernel[...] = jnp.ones((2, 1, 1))
        >>> extremes(layer, "lorth(weight=0.1)")
        {'Conv': (Array(2., dtype=float32), Array(1., dtype=float32))}
    """
    found = {}
    for path, chosen in choose(model, rules).items():
        layer = chosen.layer
        axes = zip(layer.kernel_size, layer.strides, layer.kernel_dilation, strict=True)
        values = singular_values(
            forward_kernel(layer),
            [stride * _windows(taps, dilation) for taps, stride, dilation in axes],
            stride=layer.strides,
            dilation=layer.kernel_dilation,
            groups=layer.feature_group_count,
        )
        found[path] = values[0], values[-1]
    return found


def _windows(taps: int, dilation: int) -> int:
    """Enough for no two taps to fall on one cell of the torus, dilated or not."""
    least = 2 * taps - 1
    return next(n for n in itertools.count(least) if math.gcd(n, dilation) == 1)


def orthogonal_start(model: M, rules: Rules, *, rngs: nnx.Rngs) -> M:
    """A new model whose square layers under `lorth` begin orthogonal.

    A square layer has as many outputs as input numbers, `out = in * prod(stride)`.
    From independent numbers descent on `lorth` often ends in a bad minimum (see
    `jaxpad.orthogonal.winding`); `jaxpad.orthogonal.delta_orthogonal` begins in a good
    one.

    Args:
        model, rules: as in `penalty`.
        rngs: keys, from the stream "params".

    Returns:
        A new model; layers of other shapes and rules keep their kernels.

    Raises:
        ValueError: as `penalty`.

    Example:
        >>> layer = nnx.Conv(4, 4, 3, rngs=nnx.Rngs(0))
        >>> layer = orthogonal_start(layer, "lorth(weight=0.1)", rngs=nnx.Rngs(1))
        >>> bool(penalty(layer, "lorth(weight=0.1)")[0] < 1e-9)
        True
    """
    model = nnx.clone(model)
    for chosen in choose(model, rules).values():
        layer, kernel = chosen.layer, forward_kernel(chosen.layer)
        shape = {
            "stride": layer.strides,
            "dilation": layer.kernel_dilation,
            "groups": layer.feature_group_count,
        }
        inputs = kernel.shape[-2] * layer.feature_group_count
        square = inputs * math.prod(layer.strides) == kernel.shape[-1]
        possible = exists(inputs, kernel.shape[-1], layer.kernel_size, **shape)
        if chosen.name == "lorth" and square and possible:
            start = delta_orthogonal(**shape)
            kernel = start(rngs.params(), kernel.shape, kernel.dtype)
            layer.kernel[...] = turned(layer, kernel)
    return model
