"""A small causal language model of jaxpad's layers, on a batch in any layout."""

import jax
from flax import nnx

from jaxpad.attention import rope
from jaxpad.batching import Ragged
from jaxpad.layers import Attention


WIDTH, DEPTH, HEADS = 64, 2, 2


class Block(nnx.Module):
    """x + attention(norm(x)), then the same with a dense layer of 4 times the width."""

    def __init__(self, rngs: nnx.Rngs):
        self.norms = nnx.List(nnx.LayerNorm(WIDTH, rngs=rngs) for _ in range(2))
        self.attention = Attention(HEADS, WIDTH, causal=True, rotary=rope, rngs=rngs)
        self.wide = nnx.Linear(WIDTH, 4 * WIDTH, rngs=rngs)
        self.narrow = nnx.Linear(4 * WIDTH, WIDTH, rngs=rngs)

    def __call__(self, batch: Ragged, rows: Ragged | None) -> Ragged:
        x = batch.values
        x = x + self.attention(batch.replace(self.norms[0](x)), rows).values
        x = x + self.narrow(jax.nn.gelu(self.wide(self.norms[1](x))))
        return batch.replace(x)


class Reader(nnx.Module):
    """Says which token comes next; where a token stands, rotations say."""

    def __init__(self, tokens: int, rngs: nnx.Rngs):
        self.table = nnx.Embed(tokens, WIDTH, rngs=rngs)
        self.blocks = nnx.List(Block(rngs) for _ in range(DEPTH))
        self.norm = nnx.LayerNorm(WIDTH, rngs=rngs)
        self.head = nnx.Linear(WIDTH, tokens, rngs=rngs)

    def __call__(self, batch: Ragged, rows: Ragged | None = None) -> Ragged:
        """Scores of the next token; `rows` is another layout for the attention."""
        batch = batch.replace(self.table(batch.values))
        for block in self.blocks:
            batch = block(batch, rows)
        return batch.replace(self.head(self.norm(batch.values)))
