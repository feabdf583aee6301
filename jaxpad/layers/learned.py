"""The modes that a layer must hold something for: parameters, or a stream of keys."""

import functools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from ..padding.learned import learned_constant, learned_extrapolation
from ..padding.random import random
from ..registry import Registry
from ..typing import Array, PadMode


# From a mode's name to `make(features, rank, rngs)`, the module in its layer. One with
# `as_function()` gives each call of the layer a mode that holds arrays and no state.
STATEFUL: Registry[Any] = Registry("mode with a state")

Pairs = Sequence[tuple[int, int]]


@STATEFUL.register(name="learned_constant")
class LearnedConstant(nnx.Module):
    """The mode `learned_constant` with its parameter, which starts as zero.

    Args:
        features: channels of the images.
        rank: their space axes; any number.
        rngs: not used; every module of a mode takes it.

    Example:
        >>> mode = LearnedConstant(2, 1, rngs=nnx.Rngs(0))
        >>> mode.value[...] = jnp.array([5.0, 6.0])
        >>> mode(jnp.ones((2, 2)), [(1, 0), (0, 0)])
        Array([[5., 6.],
               [1., 1.],
               [1., 1.]], dtype=float32)
    """

    def __init__(self, features: int, rank: int, *, rngs: nnx.Rngs | None = None):
        self.value = nnx.Param(jnp.zeros(features))

    def as_function(self) -> PadMode:
        """The mode with its value."""
        return functools.partial(learned_constant, value=self.value[...])

    def __call__(self, x: Array, widths: Pairs) -> Array:
        return self.as_function()(x, widths)


@STATEFUL.register(name="learned_extrapolation")
class LearnedExtrapolation(nnx.Module):
    """The mode `learned_extrapolation` with its weights, which start as replicate.

    Args:
        features: channels of the images.
        rank: their space axes.
        rngs: not used; every module of a mode takes it.

    Example:
        >>> mode = LearnedExtrapolation(2, 1, rngs=nnx.Rngs(0))
        >>> mode(jnp.array([[3.0, 4.0], [5.0, 6.0]]), [(1, 0), (0, 0)])
        Array([[3., 4.],
               [3., 4.],
               [5., 6.]], dtype=float32)
    """

    def __init__(self, features: int, rank: int, *, rngs: nnx.Rngs | None = None):
        nearest = jnp.zeros((2, *(3,) * (rank - 1), features))
        self.weights = nnx.Param(nearest.at[(0, *(1,) * (rank - 1))].set(1))

    def as_function(self) -> PadMode:
        """The mode with its weights."""
        return functools.partial(learned_extrapolation, weights=self.weights[...])

    def __call__(self, x: Array, widths: Pairs) -> Array:
        return self.as_function()(x, widths)


@STATEFUL.register(name="random")
class Random(nnx.Module):
    """The mode `random` with its keys: drawn in training, zero padding in evaluation.

    `model.train()` and `model.eval()` switch it, as they switch `nnx.Dropout`.

    Args:
        features: channels of the images; any number.
        rank: their space axes; any number.
        rngs: keys, from the stream "padding", or its default stream without one.

    Raises:
        ValueError: without `rngs`.

    Example:
        >>> mode = Random(1, 1, rngs=nnx.Rngs(padding=0))
        >>> mode.eval()
        >>> mode(jnp.array([3, 4]), [(1, 1)])
        Array([0, 3, 4, 0], dtype=int32)
    """

    def __init__(
        self, features: int | None, rank: int, *, rngs: nnx.Rngs | None = None
    ):
        if rngs is None:
            raise ValueError(
                'padding "random" draws keys: give the layer rngs=nnx.Rngs(0), and '
                'replace_padding too: replace_padding(model, "random", rngs=nnx.Rngs('
                "0))."
            )
        # Its own count of keys, so that other layers draw what they drew before.
        self.rngs = rngs["padding"].fork()
        self.deterministic = False

    def as_function(self) -> PadMode:
        """The mode with its next key; without one in evaluation."""
        return functools.partial(
            random, key=None if self.deterministic else self.rngs()
        )

    def __call__(self, x: Array, widths: Pairs) -> Array:
        return self.as_function()(x, widths)


def with_state(
    mode: Any, amount: Any, features: int | None, rank: int, rngs: nnx.Rngs | None
) -> Any:
    """The mode, with a module in place of each name that needs one.

    Args:
        mode: as in `jaxpad.pad`; in a tuple, one name is one module.
        amount: "valid" and widths of 0 add no cells, and so there is nothing to
            learn or to draw.
        features: channels, where the layer knows them.
        rank: space axes.
        rngs: for modes that draw.

    Returns:
        The mode, with `nnx.List`s for tuples, into which nnx looks.

    Raises:
        ValueError: if a mode needs channels or rngs that are not given.
    """
    made: dict[str, nnx.Module] = {}

    def hold(mode: Any) -> Any:
        if isinstance(mode, tuple):
            return nnx.List([hold(m) for m in mode])
        named = isinstance(mode, str) and mode in STATEFUL
        if not named or _adds_none(amount):
            return mode
        if mode not in made:
            if features is None and mode != "random":
                raise ValueError(
                    f"padding {mode!r} has parameters for each channel, but this layer "
                    "does not know how many there are: give it features, as in "
                    f'jaxpad.layers.MaxPool((3, 3), padding="{mode}", features=8).'
                )
            made[mode] = STATEFUL[mode](features, rank, rngs=rngs)
        return made[mode]

    return hold(mode)


def _adds_none(amount: Any) -> bool:
    return amount == "valid" if isinstance(amount, str) else not np.any(amount)
