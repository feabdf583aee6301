"""What the networks that classify images have in common."""

from collections.abc import Callable
from typing import TypeVar

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Float, Shaped

from ..padding import Padding
from ..typing import AnyArray, Array
from .small import or_too_small, smallest_input


T = TypeVar("T")
Maps = tuple[Array, ...]


class Classifier(nnx.Module):
    """Feature maps of an image, and class scores of the last one.

    A subclass sets the attributes and writes `padding`, `_features` and `_scores`.

    Attributes:
        channels: of the image.
        feature_channels: of each map that `features` gives.
        feature_strides: pixels of the image from one cell of a map to the next.
    """

    channels: int
    feature_channels: tuple[int, ...]
    feature_strides: tuple[int, ...]

    def __call__(
        self, x: Float[AnyArray, "batch height width channels"]
    ) -> Float[Array, "batch classes"]:
        """Class scores of images.

        Raises:
            ValueError: if the image is too small for the padding; it names the
                smallest square image that is not.
        """
        return self._fitting(lambda x: self._scores(self._features(x)[-1]), x)

    def features(
        self, x: Float[AnyArray, "batch height width channels"]
    ) -> tuple[Shaped[Array, "batch _ _ _"], ...]:
        """The map of the stem and that of each stage, from fine to coarse.

        Raises:
            ValueError: as calling the network does.
        """
        return self._fitting(self._features, x)

    @property
    def padding(self) -> Padding:
        """What the layers with a border do there."""
        raise NotImplementedError

    def smallest_input(self, largest: int = 4096) -> int | None:
        """The side of the smallest square image that the network takes, if any."""
        return smallest_input(self, lambda m, x: m._features(x), self.channels, largest)

    def _features(self, x: Array) -> Maps:
        raise NotImplementedError

    def _scores(self, x: Array) -> Array:
        raise NotImplementedError

    def _fitting(self, run: Callable[[Array], T], x: AnyArray) -> T:
        with or_too_small(x, self.smallest_input, self.padding, "fewer stages"):
            return run(jnp.asarray(x))
