"""PyTorch's encoder with the same parameters: padded, and as nested tensors.

Where torch is not installed, nothing is measured of it.
"""

import importlib.util
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from arms import Size, direction
from flax import nnx

from jaxpad.batching import Ragged


Call = Callable[[], Any]
EPSILON = 1e-12  # of BERT's norms


def installed() -> bool:
    return importlib.util.find_spec("torch") is not None


def calls(parameters: Any, batch: Ragged, size: Size) -> dict[str, dict[str, Call]]:
    """By name and kind, of a padded batch; none without torch.

    Both hide padded keys. "torch nested" has no padding between the embedding and the
    end; PyTorch does that where no gradient is asked for.
    """
    if not installed():
        return {}
    import torch

    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", ".*nested tensors is in prototype stage")
    tokens, real = (torch.tensor(np.array(a)) for a in (batch.values, batch.real))
    along = torch.tensor(np.array(direction(size)))
    padded, nested = (
        encoder(parameters, batch.capacity, size, nested=nested)
        for nested in (False, True)
    )

    def forward(net: Any) -> Any:
        with torch.no_grad():
            return net.eval()(tokens, real)

    def step() -> float:
        padded.train().zero_grad()
        loss = (padded(tokens, real) @ along)[real].mean()
        loss.backward()
        return loss.item()

    return {
        "torch padded": {"forward": lambda: forward(padded), "step": step},
        "torch nested": {"forward": lambda: forward(nested)},
    }


def outputs(out: Any, batch: Ragged) -> np.ndarray:
    """As numbers, 0 where there is no token."""
    return np.where(np.asarray(batch.real)[..., None], out.numpy(), 0)


def encoder(parameters: Any, length: int, size: Size, *, nested: bool) -> Any:
    """Embeddings, their norm, and `torch.nn.TransformerEncoder`."""
    import torch
    from torch import nn

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            width, heads = size.width, size.heads
            self.tokens = nn.Embedding(size.words, width)
            self.types = nn.Embedding(2, width)
            self.positions = nn.Embedding(length, width)
            self.norm = nn.LayerNorm(width, EPSILON)
            layer = nn.TransformerEncoderLayer(
                *(width, heads, 4 * width, 0.0, "gelu", EPSILON), batch_first=True
            )
            self.blocks = nn.TransformerEncoder(
                layer, size.depth, enable_nested_tensor=nested
            )

        def forward(self, tokens: Any, real: Any) -> Any:
            x = self.tokens(tokens) + self.positions.weight + self.types.weight[0]
            return self.blocks(self.norm(x), src_key_padding_mask=~real)

    net = Encoder()
    net.load_state_dict({k: torch.tensor(v) for k, v in named(parameters)})
    return net


def named(parameters: Any) -> Iterator[tuple[str, np.ndarray]]:
    """BERT's parameters under PyTorch's names, in its shapes."""
    flat = {k: np.array(v.get_value()) for k, v in nnx.to_flat_state(parameters)}
    width = flat["norm", "scale"].size

    def pair(theirs: str, *ours: Any) -> Iterator[tuple[str, np.ndarray]]:
        """A dense layer, or a norm, whose scale PyTorch calls a weight too."""
        weight = flat.get((*ours, "scale"))
        if weight is None:
            *_, last = bias = flat[(*ours, "bias")].shape
            out = last if len(bias) == 1 else width
            weight = flat[(*ours, "kernel")].reshape(-1, out).T
        yield f"{theirs}weight", weight
        yield f"{theirs}bias", flat[(*ours, "bias")].ravel()

    for table in ("tokens", "types", "positions"):
        yield f"{table}.weight", flat[table, "embedding"]
    yield from pair("norm.", "norm")
    for i in {key[1] for key in flat if key[0] == "blocks"}:
        ours, theirs = ("blocks", i), f"blocks.layers.{i}."
        heads = [
            dict(pair("", *ours, "attention", k)) for k in ("query", "key", "value")
        ]
        for name in ("weight", "bias"):
            joined = np.concatenate([head[name] for head in heads])
            yield f"{theirs}self_attn.in_proj_{name}", joined
        yield from pair(f"{theirs}self_attn.out_proj.", *ours, "attention", "out")
        for n in range(2):
            yield from pair(f"{theirs}linear{n + 1}.", *ours, "dense", n)
            yield from pair(f"{theirs}norm{n + 1}.", *ours, "norms", n)
