"""How a padded image is convolved: the same numbers to rounding, at another cost.

A strategy is a function of the unpadded image. To add one, write a function with the
arguments of `built_in` and register it.
"""

from typing import Any, Protocol, runtime_checkable

import jax

from ..padding import Padding
from ..registry import Registry
from ..target import target_backend
from ..typing import Array
from .choose import choose
from .convolve import Convolve
from .geometry import Geometry, fill
from .halo import over_devices
from .kernels import kernel
from .shards import Widths, image_is_split, windowed
from .strips import strips


@runtime_checkable
class Strategy(Protocol):
    """Convolves an image `[batch, *space, in]` as if it were padded.

    `window` has the widths, `padding` the mode; `convolve` is XLA's convolution.
    """

    def __call__(
        self,
        x: Array,
        kernel: Array,
        window: Geometry,
        padding: Padding,
        convolve: Convolve,
        /,
    ) -> Array: ...


STRATEGIES: Registry[Any] = Registry("strategy")
STRATEGIES.register(strips)
STRATEGIES.register(kernel)
STRATEGIES.register(over_devices, name="halo")


@STRATEGIES.register
def built_in(
    x: Array, kernel: Array, window: Geometry, padding: Padding, convolve: Convolve
) -> Array:
    """Writes the padded image out, but leaves zeros to XLA, which adds them free.

    Of an image that is split over devices each writes what its windows read.
    """

    def apply(x: Array, zeros: Widths, kernel: Array) -> Array:
        return convolve(x, kernel, window.stride, zeros, window.dilation)

    return windowed(apply, x, kernel, window=window, padding=padding)


@STRATEGIES.register
def explicit(
    x: Array, kernel: Array, window: Geometry, padding: Padding, convolve: Convolve
) -> Array:
    """Writes the padded image out, zeros too, and keeps it for the backward pass."""
    x, zeros = fill(x, window, padding, everywhere=True)
    return convolve(x, kernel, window.stride, zeros, window.dilation)


@STRATEGIES.register
def repad(
    x: Array, kernel: Array, window: Geometry, padding: Padding, convolve: Convolve
) -> Array:
    """As built_in, but keeps the image alone and pads it again in the backward pass.

    On a small map the padded copy is much larger than the image: 16 x 16 cells for
    14 x 14 are 31% more.
    """

    @jax.checkpoint
    def padded(x: Array, kernel: Array) -> Array:
        return built_in(x, kernel, window, padding, convolve)

    return padded(x, kernel)


@STRATEGIES.register
def auto(
    x: Array, kernel: Array, window: Geometry, padding: Padding, convolve: Convolve
) -> Array:
    """The strategy that `choose` names for the default backend and this shape.

    Under a mesh that splits images, "built_in". A program compiled for another backend
    than that of this machine is traced in `jaxpad.conv.target(backend)`.
    """
    if image_is_split():  # to pad again would be to communicate again
        return built_in(x, kernel, window, padding, convolve)
    choice = choose(window, padding, target_backend())
    return STRATEGIES[choice.strategy](x, kernel, window, padding, convolve)


def strategy_of(strategy: str | Strategy) -> Strategy:
    """A strategy by its name; on parts of images all but "halo" are `built_in`.

    The others would leave the parts to XLA, whose gradients of kernels can be wrong
    there.
    """
    if image_is_split() and strategy in ("explicit", "repad", "strips", "kernel"):
        return built_in
    return STRATEGIES.resolve(strategy)
