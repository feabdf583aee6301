"""What a look near borders takes from a config."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from flax import nnx

from ..padding import as_padding
from .keys import named


class Crossing(NamedTuple):
    """How a finished run is looked at near borders.

    Attributes:
        paddings: names of those that it is tested under, beside its own.
        usual: shapes of the model under zero padding, for the amounts of its layers, if
            its own padding brings an amount.
        predict: from (model, images) to scores; the model is a pure function.
    """

    paddings: tuple[str, ...]
    usual: nnx.Module | None
    predict: Callable[..., Any]


def read_crossing(
    config: Any, make: Callable[..., Any], predict: Callable[..., Any]
) -> Crossing | None:
    """Reads config.borders and config.cross_paddings.

    Args:
        config: with every key.
        make: the model, from a padding and keys.
        predict: from (model, images) to scores.

    Returns:
        None if a finished run is not looked at.

    Raises:
        ValueError: for a name that is no padding.
    """
    with named("cross_paddings", config):
        names = config.cross_paddings
        names = (names,) if isinstance(names, str) else tuple(names)
        for name in names:
            as_padding(name)
    if not config.borders:
        return None
    usual = None
    if as_padding(config.padding).amount is not None:
        plain = functools.partial(make, padding=as_padding("zero"))
        usual = nnx.eval_shape(lambda: plain(rngs=nnx.Rngs(0)))
    return Crossing(names, usual, predict)
