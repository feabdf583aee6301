"""ZerO: kernels that begin as zeros and ones, up to a fixed transform."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..conv.arguments import whole
from ..typing import Array


# Multiples of it spread evenly over a circle, however many there are.
_GOLDEN = (math.sqrt(5) - 1) / 2


def zero_init(
    *,
    groups: int = 1,
    scale: str = "orthonormal",
    transform: str = "hadamard",
) -> Callable[..., Array]:
    """An initializer without random numbers: an identity, or the start of a transform.

    The kernel `W`, `[in, out]`, of a dense layer is

        out <= in:  W[q, p] = 1 if p = q else 0
        out > in:   W[q, p] = c H[q, p],  H[q, p] = (-1)^popcount(p & q),

    with Sylvester's Hadamard matrix `H` of size `2^m`, the smallest not below `out`.
    A convolution's kernel is that at the centre tap and 0 elsewhere. The centre of an
    even window of `k` taps is tap `(k-1)//2`, which the amount "same" puts on the pixel
    ("same_lower" and "half" put the tap after it there). So a layer that changes
    neither the number of channels nor the size is the identity, if its padding adds
    cells and does not reweight them.

    Where `out` is no power of two the Hadamard matrix is cut off, and singular values
    lie between `sqrt(1/2)` and 1. The transform "dct" keeps lengths at every width, as
    its cosines are orthonormal for each `out`, and has no two outputs alike, as
    Hadamard's `p` and `p + in` are if `in` is a power of two:

        W[q, p] = c_q cos(pi q (2r+1) / (2 out)),  c_0^2 = 1/out,  c_q^2 = 2/out,

    with `r = p s mod out`. Outputs `r` and `r + 1` are much alike; the step `s`, the
    number next to 0.618 `out` that has no common divisor with it, sets them apart.

    Args:
        groups: of the convolution; each group of channels begins as a layer of its
            own.
        scale: "orthonormal" has `c = 2^(-m/2)`, as the authors' code; "paper" has
            `c = 2^(-(m-1)/2)`, as printed: `sqrt(2)` times as much where out > in, with
            either transform.
        transform: "hadamard", or "dct".

    Returns:
        `init(key, shape, dtype=float32)` for shapes `[*window, in / groups, out]` with
        no, one or more axes of a window. The key is not used: every call gives the
        same numbers.

    Raises:
        ValueError: for an unknown scale or transform; from `init`, for a shape that is
            no kernel's, or groups that do not divide `out`.
        TypeError: from `init`, for a dtype of whole numbers.

    Example:
        >>> zero_init()(None, (2, 4))
        Array([[ 0.5,  0.5,  0.5,  0.5],
               [ 0.5, -0.5,  0.5, -0.5]], dtype=float32)
        >>> zero_init()(None, (3, 2, 2))[1]
        Array([[1., 0.],
               [0., 1.]], dtype=float32)

    "ZerO Initialization: Initializing Neural Networks with only Zeros and Ones"
    (Zhao, Schaefer, Anandkumar, 2022), algorithms 1 and 2.
    """
    groups = whole("groups", groups)
    gain = _choice("scale", scale, {"orthonormal": 1.0, "paper": math.sqrt(2)})
    wider = _choice("transform", transform, {"hadamard": _hadamard, "dct": _dct})

    def init(key: Any, shape: Sequence[int], dtype: Any = jnp.float32) -> Array:
        *window, features, out = _kernel_shape(shape, groups)
        if not jnp.issubdtype(dtype, jnp.inexact):
            raise TypeError(
                f"dtype={jnp.dtype(dtype).name} cannot hold the transform's fractions: "
                "use a floating one such as jnp.float32."
            )
        if out // groups <= features:
            matrix = jnp.eye(features, out // groups, dtype=dtype)
        else:
            matrix = wider(features, out // groups, gain, dtype)
        centre = tuple((k - 1) // 2 for k in window)
        kernel = jnp.zeros((*window, features, out), dtype)
        return kernel.at[centre].set(jnp.tile(matrix, (1, groups)))

    return init


def _hadamard(features: int, out: int, gain: float, dtype: Any) -> Array:
    # From integers, not a constant: a wide layer's would be part of the program.
    rows, columns = (jnp.arange(n, dtype=jnp.uint32) for n in (features, out))
    ones = lax.population_count(rows[:, None] & columns[None])
    size = jnp.asarray(gain * 2 ** (-(out - 1).bit_length() / 2), dtype)
    return jnp.where(ones % 2 == 0, size, -size)


def _dct(features: int, out: int, gain: float, dtype: Any) -> Array:
    # In NumPy: XLA's cosine may differ in the last bit with what it is fused into.
    steps = (s for s in range(1, out + 1) if math.gcd(s, out) == 1)
    step = min(steps, key=lambda s: abs(s - _GOLDEN * out))
    rows, columns = np.arange(features)[:, None], np.arange(out)[None] * step % out
    waves = np.cos(np.pi / (2 * out) * (rows * (2 * columns + 1) % (4 * out)))
    return jnp.asarray(gain * np.sqrt(np.where(rows, 2, 1) / out) * waves, dtype)


def _kernel_shape(shape: Sequence[int], groups: int) -> tuple[int, ...]:
    shape = tuple(shape)
    if len(shape) < 2 or min(shape) < 1:
        raise ValueError(
            f"shape={shape} is no kernel's: expected [in, out] or "
            "[*window, in / groups, out], each at least 1. Biases begin as zeros: "
            "use jax.nn.initializers.zeros."
        )
    if shape[-1] % groups:
        raise ValueError(
            f"groups={groups} does not divide the {shape[-1]} output channels of "
            f"shape={shape}: use zero_init(groups=g) with the layer's own groups."
        )
    return shape


def _choice(name: str, value: Any, choices: dict[str, Any]) -> Any:
    if value not in choices:
        names = " or ".join(f'"{choice}"' for choice in choices)
        raise ValueError(f"{name}={value!r} is unknown: use {names}.")
    return choices[value]
