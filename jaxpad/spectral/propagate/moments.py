"""The frequency response of random kernels, on average."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Complex, Float

from ...conv.arguments import whole, window_of
from ...conv.geometry import per_axis
from ...typing import Array, PerAxis
from .waves import outer, wave_sum


class RandomLayer(NamedTuple):
    """A convolution whose weights are independent draws of one distribution.

    Attributes:
        window: taps along each axis.
        mean: of a weight.
        std: of a weight.
        features: channels of its output.
    """

    window: Sequence[int]
    mean: Any
    std: Any
    features: int = 1


def expected_transfer(
    layers: Sequence[RandomLayer], size: PerAxis
) -> Complex[Array, "*size"]:
    """The mean of an entry of the transfer of a stack of random kernels.

    `E T[f] = prod_l mean_l R_l[f] prod_{l < L} features_l`, with `R` the response of
    a window of ones. Windows start at the output's own cell, as in
    `jaxpad.spectral.transfer`.

    Args:
        layers: first to last, with circular padding and stride 1.
        size: cells of the image along each axis.

    Returns:
        Complex `[*size]`; all entries have the same mean.

    Example:
        >>> expected_transfer([RandomLayer((2,), 0.5, 1.0)] * 2, 4).round(3)
        Array([1.+0.j , 0.+0.5j, 0.+0.j , 0.-0.5j], dtype=complex64)

    Theorem 4.2 of "Defects of Convolutional Decoder Networks in Frequency
    Representation", Tang et al., 2023.
    """
    responses, between = _read(layers, size)
    total = jnp.ones_like(responses[0])
    for layer, response, paths in zip(layers, responses, between, strict=True):
        mean = jnp.asarray(layer.mean).astype(response.dtype)
        total = total * (paths * mean * response)
    return total


def log_second_moment(
    layers: Sequence[RandomLayer], size: PerAxis
) -> Float[Array, "*size"]:
    """`log E |T[f]|^2` of an entry of the transfer of a stack of random kernels.

    With one channel `sum_l log(|mean_l R_l|^2 + taps_l std_l^2)`. With more, the mean
    of `conj(T_j) T_k` for two rows of a column counts too, since a later layer adds
    rows up. With `m = |mean R|^2`, `s = m + taps std^2` and `C` the channels between:

    `P' = C s P + C (C - 1) m Q`, `Q' = m (C P + C (C - 1) Q)`

    go from `P = E |T_j|^2`, `Q = E conj(T_j) T_k` to those of one layer more.

    Args:
        layers: first to last, with circular padding and stride 1.
        size: cells of the image along each axis.

    Returns:
        `[*size]`, natural logarithms; minus infinity where nothing comes through.

    Raises:
        ValueError: for no layers, or windows of different ranks.

    Example:
        >>> log_second_moment([RandomLayer((3,), 0.0, 1.0)] * 2, 2)  # 2 log 3
        Array([2.197, 2.197], dtype=float32)

    Theorem 4.2 of "Defects of Convolutional Decoder Networks in Frequency
    Representation", Tang et al., 2023. Its appendix A.4 takes `Q` for the product of
    the means, which is right up to two layers or at mean 0.
    """
    responses, between = _read(layers, size)
    log, ratio = jnp.zeros(responses[0].shape), None  # ratio is Q / P
    for layer, response, paths in zip(layers, responses, between, strict=True):
        mean, std = (jnp.asarray(v).astype(log.dtype) for v in (layer.mean, layer.std))
        m = (mean * jnp.abs(response)) ** 2
        s = m + math.prod(layer.window) * std**2
        other = 0 if ratio is None else (paths - 1) * ratio
        grown = paths * (s + m * other)
        log = log + jnp.log(grown)
        # Where nothing comes through, nothing is shared.
        ratio = paths * m * (1 + other) / jnp.where(grown > 0, grown, 1)
    return log


def _read(
    layers: Sequence[RandomLayer], size: PerAxis
) -> tuple[list[Array], list[int]]:
    """The response of each layer's window, and the channels of its input.

    The first layer's input counts as one: an entry of the transfer has one source.
    """
    if not layers:
        raise ValueError("layers is empty; one RandomLayer was expected.")
    responses = []
    for layer in layers:
        window = window_of("window", layer.window)
        sizes = per_axis("size", size, len(window))
        axes = [wave_sum(k, n) for k, n in zip(window, sizes, strict=True)]
        responses.append(jnp.asarray(outer(axes)))
    if len({response.shape for response in responses}) > 1:
        windows = [tuple(layer.window) for layer in layers]
        raise ValueError(f"the windows {windows} have different numbers of axes.")
    return responses, [1, *(whole("features", f) for *_, f in layers[:-1])]
