"""A trained model under paddings that it was not trained with."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from flax import nnx

from ...layers import EdgeConv, replace_padding
from ...padding import Padding, as_padding
from ..layers import as_jaxpad, bordered


M = TypeVar("M", bound=nnx.Module)


class Crossed(NamedTuple):
    """A cross-padding matrix.

    Attributes:
        figures: by the padding that a model was trained with (row) and the one that it
            was tested under (column); None where it cannot be.
        reasons: why not, by the same two names.
    """

    figures: dict[str, dict[str, Any]]
    reasons: dict[tuple[str, str], str]


def cross_paddings(
    models: Mapping[str, Callable[[str], Any]],
    measure: Callable[[Any], Any],
    paddings: Iterable[str] | None = None,
) -> Crossed:
    """Every model, trained with the padding of its row, tested under each column's.

    `M[a, b] = measure(models[a](b))`. The diagonal is the plain evaluation; what a
    column loses beside it is what the network has learned of its own border.

    Args:
        models: by the padding that each was trained with, a function from the name of
            a padding to the model function under it, such as
            `lambda padding: under_padding(model, padding)`.
        measure: from a model function to a figure.
        paddings: the columns; by default the names in `models`.

    Returns:
        A `Crossed`. A ValueError of a model or a measure, such as an image that is too
        small for "valid", becomes None with its text among the reasons.

    Example:
        >>> import numpy as np
        >>> model = nnx.Conv(1, 1, (3, 3), kernel_init=nnx.initializers.ones,
        ...                  rngs=nnx.Rngs(0))
        >>> image = np.ones((1, 4, 4, 1), np.float32)
        >>> cross_paddings(
        ...     {"zero": lambda padding: under_padding(model, padding)},
        ...     lambda net: float(net(image)[0, 0, 0, 0]),
        ...     ("zero", "circular", "partial"),
        ... ).figures
        {'zero': {'zero': 4.0, 'circular': 9.0, 'partial': 9.0}}

    "Partial Convolution based Padding" (Liu et al., 2018) reports 16 points of
    ImageNet accuracy less for a ResNet-50 that was trained with zeros and tested under
    partial convolution.
    """
    columns = list(models) if paddings is None else list(paddings)
    found = Crossed({}, {})
    for trained, model in models.items():
        row = found.figures.setdefault(trained, {})
        for tested in columns:
            try:
                row[tested] = measure(model(tested))
            except ValueError as error:
                row[tested] = None
                found.reasons[trained, tested] = str(error)
    return found


def under_padding(
    model: M, padding: str | Padding, *, like: nnx.Module | None = None
) -> M:
    """The same parameters under another padding, in evaluation mode.

    As `jaxpad.layers.replace_padding`: each layer keeps its amount, so that all
    paddings sample the same grid, unless the padding brings one, as "valid" does.

    Args:
        model: of which the parameters are shared; its own mode stays.
        padding: one for all layers.
        like: a model of the same layers whose amounts they take instead of their own:
            one that was trained under "valid" has lost those that it would pad by.
            Shapes alone will do (`nnx.eval_shape`).

    Returns:
        A new model.

    Raises:
        ValueError: as `replace_padding`.

    Example:
        >>> from jaxpad.layers import Conv
        >>> make = lambda padding: Conv(
        ...     1, 1, (3, 3), padding=padding, amount="half", rngs=nnx.Rngs(0))
        >>> under_padding(make("valid"), "zero").padding.amount
        'valid'
        >>> under_padding(make("valid"), "zero", like=make("zero")).padding.amount
        'half'
    """
    spec, rules = as_padding(padding), {"": as_padding(padding)}
    if like is not None and spec.amount is None:
        rules = {
            f"^{re.escape(path)}$": Padding(spec.mode, layer.amount, spec.reweight)
            for path, layer in _replaceable(like).items()
        }
    new = replace_padding(model, rules, rngs=nnx.Rngs(0))
    new.eval()
    return new


def _replaceable(model: nnx.Module) -> dict[str, Any]:
    """Layers whose padding can be replaced, as jaxpad's."""
    found = {path: as_jaxpad(layer) for path, layer in bordered(model).items()}
    return {p: x for p, x in found.items() if x and not isinstance(x, EdgeConv)}
