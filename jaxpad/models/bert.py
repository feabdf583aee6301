"""BERT: an encoder of tokens, each of which sees its whole sequence."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from ..attention import rope
from ..batching import Ragged, aligned, flat
from ..conv.arguments import whole
from ..layers import Attention
from ..padding import Padding, as_padding
from ..typing import Array, Mode
from .parts import layer_norm
from .tokens import check_tokens


# The published start of all tables and kernels, and what norms add to the variance.
_init = nnx.initializers.truncated_normal(0.02)
EPSILON = 1e-12


class PostNormBlock(nnx.Module):
    """norm(x + attention(x)), then the same with a dense layer of 4 times the width.

    Args:
        features: of a token.
        heads: of the attention.
        rotary: whether the attention turns queries and keys by their positions.
        dtype: of the computation; the sums and norms between are in float32.
        rngs: keys for the initializers.
    """

    def __init__(
        self, features: int, heads: int, *, rotary: bool, dtype: Any, rngs: nnx.Rngs
    ):
        options: Any = {"kernel_init": _init, "dtype": dtype, "rngs": rngs}
        turn = rope if rotary else None
        self.attention = Attention(heads, features, rotary=turn, **options)
        self.norms = nnx.List(_norm(features, dtype, rngs) for _ in range(2))
        self.dense = nnx.List(
            [
                nnx.Linear(features, 4 * features, **options),
                nnx.Linear(4 * features, features, **options),
            ]
        )

    def __call__(self, batch: Ragged, rows: Ragged | None = None) -> Ragged:
        """Of vectors; `rows` is another layout for the attention."""
        x, seen = batch.values, self.attention(batch, rows).values
        x = self.norms[0](x + seen.astype(x.dtype))
        y = self.dense[1](jax.nn.gelu(self.dense[0](x), approximate=False))
        return batch.replace(self.norms[1](x + y.astype(x.dtype)))


class TokenHead(nnx.Module):
    """Scores of every token of a vocabulary, from the table that embeds them.

    Args:
        features: of a token.
        classes: tokens of the vocabulary.
        dtype: of the computation.
        rngs: keys for the initializers.
    """

    def __init__(self, features: int, classes: int, *, dtype: Any, rngs: nnx.Rngs):
        self.dense = nnx.Linear(
            features, features, kernel_init=_init, dtype=dtype, rngs=rngs
        )
        self.norm = _norm(features, dtype, rngs)
        self.bias = nnx.Param(jnp.zeros(classes))

    def __call__(self, x: Array, table: nnx.Embed) -> Array:
        """Of vectors `[rows, capacity, features]`."""
        x = self.norm(jax.nn.gelu(self.dense(x), approximate=False))
        scores = table.attend(x)
        return scores + self.bias.astype(scores.dtype)[None, None]


class BERT(nnx.Module):
    """Embeddings of tokens and positions, blocks, and a head that tells tokens.

    It takes a `jaxpad.batching.Ragged` of tokens, so it computes the same whether
    sequences are padded, packed or flat. There is no border to pad: a sequence ends
    where it ends, and every padding gives the same function. `padding` is there so that
    a config may name one. There is no dropout.

    All tokens are of the first of the two published types: in masked-language modelling
    without a second sentence there is no other.

    Args:
        channels: how many different tokens come in.
        classes: how many are told, as many: the head reads the table that embeds them.
            None leaves the head away: calling the network gives a vector for each
            token.
        width: features of a token.
        depth: blocks.
        heads: of the attention; they divide `width`.
        positions: tokens of the longest sequence; rows may be longer. Or "rotary":
            no table, and the attention turns queries and keys by their positions
            (`jaxpad.attention.rope`). That has no longest sequence, and learns far
            sooner what stands beside a token; no published weights have it.
        flat: cells of one row without padding, `jaxpad.batching.flat`, in which all but
            attention is computed; None for the rows as they come. After
            "ByteTransformer" (Zhai et al., 2022).
        padding: a name in `jaxpad.PADDINGS`, a mode, or a `jaxpad.Padding`.
        dtype: of the computation; parameters stay float32.
        rngs: keys for the initializers.

    Raises:
        ValueError: if heads do not divide the width, classes are not channels, or
            positions are another word, or rotary with an odd number of features a head.

    Example:
        >>> from jaxpad.batching import pack_sequences
        >>> net = BERT(9, 9, width=8, depth=1, heads=2, rngs=nnx.Rngs(0))
        >>> net(pack_sequences([[1, 2, 3], [4, 5], [8]], capacity=4)).values.shape
        (2, 4, 9)

    "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding"
    (Devlin et al., 2019); the small sizes: "Well-Read Students Learn Better" (Turc et
    al., 2019).
    """

    def __init__(
        self,
        channels: int,
        classes: int | None,
        *,
        width: int,
        depth: int,
        heads: int,
        positions: int | str = 512,
        flat: int | None = None,
        padding: Mode | Padding = "zero",
        dtype: Any = None,
        rngs: nnx.Rngs,
    ):
        if classes not in (None, channels):
            raise ValueError(
                f"classes={classes} and channels={channels}: this is a model of "
                f"tokens, and tells those that come in. Type classes={channels}, or "
                "classes=None for no head; for images take another model."
            )
        as_padding(padding)  # raises for one that is none
        self.channels, self.dtype = channels, dtype
        self.flat = None if flat is None else whole("flat", flat)

        def table(rows: int) -> nnx.Embed:
            return nnx.Embed(rows, width, embedding_init=_init, dtype=dtype, rngs=rngs)

        self.tokens, self.types = table(channels), table(2)
        rotary = _rotary(positions)
        if rotary and width // heads % 2:
            raise ValueError(
                f"rotary positions turn pairs of features, but width={width} and "
                f"heads={heads} give each head {width // heads}: take heads that leave "
                "an even number."
            )
        self.positions = nnx.data(
            None if rotary else table(whole("positions", positions))
        )
        self.norm = _norm(width, dtype, rngs)
        self.blocks = nnx.List(
            PostNormBlock(width, heads, rotary=rotary, dtype=dtype, rngs=rngs)
            for _ in range(depth)
        )
        self.head = nnx.data(None)
        if classes is not None:
            self.head = TokenHead(width, classes, dtype=dtype, rngs=rngs)

    def __call__(self, batch: Ragged) -> Ragged:
        """Scores of tokens.

        Args:
            batch: values `[rows, capacity]`, tokens from 0 to `channels - 1`.

        Returns:
            The batch with values `[rows, capacity, classes]`, 0 in empty cells.

        Raises:
            ValueError: for a token that is none, a sequence longer than `positions`, or
                tokens that do not fit into `flat`. Under `jax.jit`, where numbers are
                not known, the row of such a token or sequence gets no numbers (NaN),
                nor does a sequence that does not fit into `flat`, which `lost` counts.
            TypeError: for values that are no whole numbers.
        """
        check_tokens(batch, self.channels, self.longest)
        if self.flat is None:
            return self.tell(self.encode(self.embed(batch)))
        cells = self.embed(flat(batch, self.flat))
        told = aligned(self.tell(self.encode(cells, batch)), batch)
        # No numbers for what did not fit, so that no loss is learned from the rest.
        lost = (batch.real & ~told.real)[..., None]
        return told.replace(jnp.where(lost, jnp.nan, told.values))

    @property
    def longest(self) -> int | None:
        """Tokens of the longest sequence; None if there is no longest."""
        return None if self.positions is None else self.positions.num_embeddings

    def embed(self, batch: Ragged) -> Ragged:
        """From tokens to vectors, each by itself: `[rows, capacity, width]`."""
        tokens = jnp.where(batch.real, batch.values.astype(jnp.int32), 0)
        # One below 0 would count from the end; one beyond it is no number.
        x = self.tokens(jnp.where(tokens < 0, self.channels, tokens))
        if self.positions is not None:
            x = x + self.positions(batch.positions)
        x = x + self.types(jnp.zeros_like(batch.positions))
        return batch.replace(self.norm(x))

    def encode(self, batch: Ragged, rows: Ragged | None = None) -> Ragged:
        """All blocks on vectors; `rows` is another layout for the attention."""
        for block in self.blocks:
            batch = block(batch, rows)
        return batch

    def tell(self, batch: Ragged) -> Ragged:
        """From vectors to scores, each by itself."""
        x = batch.values
        scores = x if self.head is None else self.head(x, self.tokens)
        return batch.replace(jnp.where(batch.real[..., None], scores, 0))


def _rotary(positions: int | str) -> bool:
    if isinstance(positions, str) and positions != "rotary":
        raise ValueError(
            f"positions={positions!r}: expected how many tokens the longest sequence "
            'has, or "rotary".'
        )
    return positions == "rotary"


def _norm(features: int, dtype: Any, rngs: nnx.Rngs) -> nnx.LayerNorm:
    return layer_norm(features, epsilon=EPSILON, dtype=dtype, rngs=rngs)
