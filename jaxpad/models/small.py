"""What a network says of an image that is too small for it."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from flax import nnx

from ..typing import AnyArray


M = TypeVar("M", bound=nnx.Module)


@contextlib.contextmanager
def or_too_small(
    x: AnyArray, smallest: Callable[[], int | None], padding: object, advice: str
) -> Iterator[None]:
    """Names the smallest legal image where one of the size of `x` is the trouble.

    Args:
        x: images `[batch, h, w, channels]`.
        smallest: the side of the smallest legal square image, if any.
        padding: of the network, for the message.
        advice: what to do other than take larger images.

    Raises:
        ValueError: in place of the one that was raised within.
    """
    try:
        yield
    except ValueError as error:
        side = smallest() if x.ndim == 4 else None
        if side is None or min(x.shape[1:3]) >= side:
            raise
        raise ValueError(
            f"images of {x.shape[1]}x{x.shape[2]} pixels are too small for this "
            f"network under {padding}: the smallest legal input is {side}x{side}. Use "
            f"larger images, {advice}, or a padding that takes any size such as "
            f'"zero". ({error})'
        ) from error


def smallest_input(
    model: M, apply: Callable[[M, Any], Any], channels: int, largest: int = 4096
) -> int | None:
    """The side of the smallest square image that `apply(model, image)` takes, if any.

    It is found by bisection on shapes alone, for networks that take every larger image
    too.
    """
    graph, state = nnx.split(model)

    def fits(size: int) -> bool:
        image = jax.ShapeDtypeStruct((1, size, size, channels), jnp.float32)
        try:
            jax.eval_shape(lambda s, x: apply(nnx.merge(graph, s), x), state, image)
        except ValueError:
            return False
        return True

    low, high = 1, largest
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle + 1, high)
    return low if fits(low) else None
