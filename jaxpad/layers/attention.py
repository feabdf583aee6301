"""`Attention`: flax's multi-head attention on sequences in rows."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import nnx

from ..attention import Implementation, attention
from ..batching import Ragged, aligned
from ..batching.batch import one_array
from ..conv.arguments import whole
from ..typing import Array


# flax's own
_kernel_init = nnx.initializers.lecun_normal()


class Attention(nnx.Module):
    """Multi-head self-attention of each sequence of a batch alone.

    `query`, `key`, `value` and `out` have the names, shapes and initial values of
    `flax.nnx.MultiHeadAttention`, so a checkpoint of one loads into this layer and the
    other way round.

    Args:
        num_heads: of the attention; they divide `in_features`.
        in_features: features of a token, in and out.
        causal: whether a token is kept from those after it.
        rotary: turns queries and keys by their positions: `jaxpad.attention.rope` or a
            `functools.partial` of it; None for no positions.
        implementation: as in `jaxpad.attention.attention`.
        dtype: of the computation; None infers it from input and parameters.
        kernel_init: initializer of the kernels.
        rngs: keys for the initializers, from the stream "params".

    Raises:
        ValueError: if heads do not divide the features.

    Example:
        >>> from jaxpad.batching import pack_sequences
        >>> batch = pack_sequences([jnp.ones((3, 8)), jnp.zeros((2, 8))], capacity=6)
        >>> layer = Attention(2, 8, causal=True, rngs=nnx.Rngs(0))
        >>> layer(batch).values.shape
        (1, 6, 8)

    "Attention Is All You Need" (Vaswani et al., 2017).
    """

    def __init__(
        self,
        num_heads: int,
        in_features: int,
        *,
        causal: bool = False,
        rotary: Callable[[Array, Array], Array] | None = None,
        implementation: str | Implementation = "auto",
        dtype: Any = None,
        kernel_init: Any = _kernel_init,
        rngs: nnx.Rngs,
    ):
        if in_features % whole("num_heads", num_heads):
            raise ValueError(
                f"num_heads={num_heads} must divide in_features={in_features}."
            )
        self.num_heads, self.in_features = num_heads, in_features
        self.causal, self.rotary, self.dtype = causal, rotary, dtype
        self.implementation = implementation
        options: Any = {"dtype": dtype, "kernel_init": kernel_init, "rngs": rngs}
        heads = (num_heads, in_features // num_heads)
        self.query = nnx.LinearGeneral(in_features, heads, **options)
        self.key = nnx.LinearGeneral(in_features, heads, **options)
        self.value = nnx.LinearGeneral(in_features, heads, **options)
        self.out = nnx.LinearGeneral(heads, in_features, axis=(-2, -1), **options)

    def __call__(self, batch: Ragged, rows: Ragged | None = None) -> Ragged:
        """Applies the layer to values `[rows, capacity, in_features]`.

        Args:
            batch: in any layout.
            rows: the same sequences in another one, in which the scores are computed;
                all else costs the cells of `batch`, as of `flat(batch)`. After
                "ByteTransformer" (Zhai et al., 2022).

        Returns:
            The batch with values of the same shape, 0 in empty cells.

        Raises:
            ValueError: for values of the wrong shape, or rows of other sequences.
        """
        x = one_array("Attention", batch)
        if x.ndim != 3 or x.shape[-1] != self.in_features:
            raise ValueError(
                f"Attention: values have shape {x.shape}: expected [rows, capacity, "
                f"{self.in_features}], as the layer was made for "
                f"in_features={self.in_features}."
            )
        real = batch.real[..., None]
        x = jnp.where(real, x, 0)
        q, k, v = self.query(x), self.key(x), self.value(x)
        if self.rotary is not None:
            q, k = self.rotary(q, batch.positions), self.rotary(k, batch.positions)
        seen = batch.replace((q, k, v))
        seen = self._attend(seen if rows is None else aligned(seen, rows))
        if rows is not None:
            seen = aligned(seen, batch)
        return batch.replace(jnp.where(real, self.out(seen.values), 0))

    def _attend(self, batch: Ragged) -> Ragged:
        """Of queries, keys and values what each token sees."""
        seen = attention(
            *batch.values,
            segment_ids=batch.segment_ids,
            causal=self.causal,
            implementation=self.implementation,
        )
        return batch.replace(seen)
