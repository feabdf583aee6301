"""Arguments of the operations that their callers may get wrong, read in one place."""

import operator
from typing import Any

import jax.numpy as jnp

from ..typing import Array
from .geometry import per_axis


def window_of(name: str, window: Any) -> tuple[int, ...]:
    """Reads a window; how many space axes there are is how many numbers it has.

    Raises:
        TypeError: for one number alone, or one that is no whole number.
        ValueError: if one is below 1.
    """
    try:
        numbers = tuple(window)
    except TypeError as e:
        raise TypeError(
            f"{name} has one int for each space axis, but {window!r} came: write "
            f"({window!r},) for 1 axis, ({window!r}, {window!r}) for 2."
        ) from e
    return per_axis(name, numbers, len(numbers))


def whole(name: str, value: Any) -> int:
    """Reads an int of at least 1.

    Raises:
        TypeError: if it is no whole number.
        ValueError: if it is below 1.
    """
    try:
        number = operator.index(value)
    except TypeError as e:
        raise TypeError(f"{name} is one int, but {value!r} came.") from e
    if number < 1:
        raise ValueError(f"{name}={value!r}: expected an int of at least 1.")
    return number


def kernel_of(name: str, kernel: Any) -> Array:
    """Reads `[*window, in, out]`, of which the window has an axis at least.

    Raises:
        ValueError: if it has none.
    """
    kernel = jnp.asarray(kernel)
    if kernel.ndim < 3:
        raise ValueError(
            f"{name}: kernel has shape {kernel.shape}, but 1, 2 or 3 axes of a window "
            "and two of channels were expected. Add the missing axes, for example "
            "with kernel[:, None, None]."
        )
    return kernel
