"""What the networks that classify images have in common."""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Float, Shaped

from ..padding import Padding
from ..typing import AnyArray, Array


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
        graph, state = nnx.split(self)

        def maps(state, x):
            return nnx.merge(graph, state)._features(x)

        def fits(size: int) -> bool:
            image = jax.ShapeDtypeStruct((1, size, size, self.channels), jnp.float32)
            try:
                jax.eval_shape(maps, state, image)
            except ValueError:
                return False
            return True

        low, high = 1, largest
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if fits(middle) else (middle + 1, high)
        return low if fits(low) else None

    def _features(self, x: Array) -> Maps:
        raise NotImplementedError

    def _scores(self, x: Array) -> Array:
        raise NotImplementedError

    def _fitting(self, run: Callable[[Array], T], x: AnyArray) -> T:
        try:
            return run(jnp.asarray(x))
        except ValueError as error:
            smallest = self.smallest_input() if x.ndim == 4 else None
            if smallest is None or min(x.shape[1:3]) >= smallest:
                raise
            raise ValueError(
                f"images of {x.shape[1]}x{x.shape[2]} pixels are too small for this "
                f"network under {self.padding}: the smallest legal input is "
                f"{smallest}x{smallest}. Use larger images, fewer stages, or a padding "
                f'that takes any size such as "zero". ({error})'
            ) from error
