"""RandAugment: some operations in a row, drawn from fourteen, at one magnitude.

"RandAugment", Cubuk et al., 2020. The ranges are those of "AutoAugment", Cubuk et al.,
2019, of which magnitude 10 is the end: 30 degrees, slope 0.3, 150/331 of the image's
side, 4 bits, threshold 0, and factors of 1 -+ 0.9. Every operation grows with the
magnitude (in the first published code solarize and posterize shrank), its sign is
drawn, and grey comes in from outside.
"""

from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import Float, Key

from ...typing import Array
from . import colours, geometry
from .compose import AUGMENTS, Image, Label, Number, check_option, per_record


Sign = Float[Array, ""]

# Name -> from (image, magnitude / 10, sign) to an image.
_COLOURS: dict[str, Callable[[Any, float, Any], Any]] = {
    "identity": lambda image, part, sign: image,
    "autocontrast": lambda image, part, sign: colours.autocontrast(image),
    "equalize": lambda image, part, sign: colours.equalize(image),
    "posterize": lambda image, part, sign: colours.posterize(
        image, round(8 - 4 * part)
    ),
    "solarize": lambda image, part, sign: colours.solarize(
        image, 256 * (1 - part) / 255
    ),
    "colour": lambda image, part, sign: colours.colour(image, 1 + 0.9 * part * sign),
    "contrast": lambda image, part, sign: colours.contrast(
        image, 1 + 0.9 * part * sign
    ),
    "brightness": lambda image, part, sign: colours.brightness(
        image, 1 + 0.9 * part * sign
    ),
    "sharpness": lambda image, part, sign: colours.sharpness(
        image, 1 + 0.9 * part * sign
    ),
}
# Name -> from (magnitude / 10 with its sign, size) to a matrix.
_MAPS: dict[str, Callable[[Any, Any], Any]] = {
    "rotate": lambda part, size: geometry.rotate(30 * part, size),
    "shear_x": lambda part, size: geometry.shear_x(0.3 * part),
    "shear_y": lambda part, size: geometry.shear_y(0.3 * part),
    "translate_x": lambda part, size: geometry.translate_x(150 / 331 * size[1] * part),
    "translate_y": lambda part, size: geometry.translate_y(150 / 331 * size[0] * part),
}
OPERATIONS = (*_COLOURS, *_MAPS)


@AUGMENTS.register
@per_record
def randaugment(
    image: Image,
    label: Label,
    key: Key[Array, ""],
    *,
    layers: int = 2,
    magnitude: Number = 9,
) -> tuple[Image, Label]:
    """Applies `layers` operations, each drawn anew from `OPERATIONS`.

    Args:
        image: `[h, w, c]` of each record, of 1 or 3 channels.
        label: a mask moves with the image, 255 comes in.
        key: of the record.
        layers: operations a record.
        magnitude: of each, 0 to 10.

    Returns:
        Image and label of the same shapes.

    Raises:
        ValueError: for layers or a magnitude out of range, or other channels.

    Example:
        >>> OPERATIONS[:4]
        ('identity', 'autocontrast', 'equalize', 'posterize')
    """
    check_option(layers >= 0, "randaugment's layers", layers, "0 or more")
    check_option(
        0 <= magnitude <= 10,
        "randaugment's magnitude",
        magnitude,
        "0 to 10, where 10 is the end of AutoAugment's ranges",
    )
    for own in jax.random.split(key, layers):
        which, coin = jax.random.split(own)
        drawn = jax.random.randint(which, (), 0, len(OPERATIONS))
        sign = jax.random.rademacher(coin, (), image.dtype)
        image, label = operate(image, label, drawn, magnitude / 10, sign)
    return image, label


def operate(
    image: Image, label: Label, drawn: Array, part: float, sign: Sign
) -> tuple[Image, Label]:
    """The operation of number `drawn`.

    Under vmap every branch of a switch is computed for every record. So the maps,
    whose gathers cost most, differ in their matrix alone and share one gather.
    """
    size, split = image.shape[:2], len(_COLOURS)
    painted = jax.lax.switch(
        jax.numpy.where(drawn < split, drawn, 0),
        [lambda x, f=f: f(x, part, sign) for f in _COLOURS.values()],
        image,
    )
    matrix = jax.lax.switch(
        jax.numpy.maximum(drawn - split + 1, 0),
        [
            lambda s: geometry.identity(),
            *(lambda s, f=f: f(part * s, size) for f in _MAPS.values()),
        ],
        sign,
    )
    return geometry.warp(painted, label, matrix)
