"""What a network says of an image that is too small for it."""

from collections.abc import Callable
from typing import TypeVar

import jax
from flax import nnx

from ..typing import Array


M = TypeVar("M", bound=nnx.Module)


def or_too_small(
    model: M, apply: Callable[[M, Array], Array], x: Array, padding: object, advice: str
) -> Array:
    """`apply(model, x)`; if that fails for want of size, an error that names a size.

    Args:
        model: the network.
        apply: its computation.
        x: images `[batch, h, w, channels]`.
        padding: of the network, for the message.
        advice: what to do other than take larger images.

    Raises:
        ValueError: as `apply`; where larger images would do, with their size.
    """
    try:
        return apply(model, x)
    except ValueError as error:
        smallest = smallest_input(model, apply, x) if x.ndim == 4 else None
        if smallest is None or min(x.shape[1:3]) >= smallest:
            raise
        raise ValueError(
            f"images of {x.shape[1]}x{x.shape[2]} pixels are too small for this "
            f"network under {padding}: the smallest legal input is "
            f"{smallest}x{smallest}. Use larger images, {advice}, or a padding that "
            f'takes any size such as "zero". ({error})'
        ) from error


def smallest_input(
    model: M, apply: Callable[[M, Array], Array], x: Array, largest: int = 4096
) -> int | None:
    """The side of the smallest square images like `x` that the network takes, if any.

    It is found by bisection on shapes alone, for networks that take every larger image
    too.
    """
    graph, state = nnx.split(model)

    def fits(size: int) -> bool:
        images = jax.ShapeDtypeStruct((x.shape[0], size, size, x.shape[3]), x.dtype)
        try:
            jax.eval_shape(lambda s, x: apply(nnx.merge(graph, s), x), state, images)
        except ValueError:
            return False
        return True

    low, high = 1, largest
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle + 1, high)
    return low if fits(low) else None
