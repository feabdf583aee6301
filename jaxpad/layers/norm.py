"""`GroupNorm`: flax's group norm, and that of each sequence in rows."""

from typing import Any, overload

from flax import nnx
from jaxtyping import Shaped

from ..batching import Ragged, segment_norm
from ..batching.batch import one_array
from ..typing import AnyArray, Array


class GroupNorm(nnx.GroupNorm):
    """`flax.nnx.GroupNorm`, which of a `Ragged` norms each sequence alone.

    Of an array `[batch, ..., num_features]` it is flax's layer. Of sequences in rows
    the means are over the cells of one sequence, as if the row held nothing else.

    Args:
        num_features: of a cell.
        num_groups: the features are split into so many, each with its own mean; 1 is
            the norm of speech models' stems, `num_features` instance normalisation.
        epsilon: added to the variance.
        dtype: of the result; None infers it from input and parameters.
        rngs: as flax wants them.

    Raises:
        ValueError: if groups do not divide the features.

    Example:
        >>> from jaxpad.batching import pack_sequences
        >>> batch = pack_sequences([[[1.0], [3.0]], [[5.0], [5.0], [8.0]]], capacity=6)
        >>> GroupNorm(1, 1, rngs=nnx.Rngs(0))(batch).values[0, :, 0]
        Array([-0.9999995,  0.9999995, -0.7071066, -0.7071066,  1.4142132,
                0.       ], dtype=float32)

    "Group Normalization" (Wu and He, 2018).
    """

    def __init__(
        self,
        num_features: int,
        num_groups: int = 32,
        *,
        epsilon: float = 1e-6,
        dtype: Any = None,
        rngs: nnx.Rngs,
    ):
        super().__init__(
            num_features, num_groups, epsilon=epsilon, dtype=dtype, rngs=rngs
        )

    @overload
    def __call__(self, x: Ragged) -> Ragged: ...
    @overload
    def __call__(
        self,
        x: Shaped[AnyArray, "batch *space features"],
        *,
        mask: Shaped[AnyArray, "batch *space _"] | None = None,
    ) -> Shaped[Array, "batch *space features"]: ...
    def __call__(self, x: Any, *, mask: Any = None) -> Any:
        """Applies the layer.

        `mask` is flax's, true where an array is real; a `Ragged` says that itself.

        Raises:
            ValueError: for values of the wrong shape.
            TypeError: for a mask beside a `Ragged`.
        """
        if not isinstance(x, Ragged):
            return super().__call__(x, mask=mask)
        if mask is not None:
            raise TypeError(
                "mask came beside a Ragged, which says itself which cells are real: "
                "leave mask away."
            )
        parameters = self.scale, self.bias
        operands = (
            one_array("GroupNorm", x),
            *(None if p is None else p[...] for p in parameters),
        )
        values, scale, bias = self.promote_dtype(operands, dtype=self.dtype)
        return segment_norm(
            x.replace(values),
            groups=self.num_groups,
            epsilon=self.epsilon,
            scale=scale,
            bias=bias,
        )
