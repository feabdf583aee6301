"""Hugging Face's BERT with weights that are a function of their names.

Where torch and transformers are, `python -m tests.models.hugging_face` writes what
golden_bert.json holds.
"""

import importlib
import json
import pathlib
from typing import Any

import numpy as np

from tests.studies import ROOT, load


SIZES = {"width": 8, "depth": 2, "heads": 2, "positions": 9}
TOKENS = 11
SENTENCES = [[1, 2, 3, 4, 5], [10, 0], [7], [9, 8, 7, 6, 5, 4, 3, 2, 1]]
GOLDEN = pathlib.Path(__file__).with_name("golden_bert.json")


def their_model(tokens: int = TOKENS, **sizes: int) -> Any:
    """A `BertForMaskedLM` in evaluation, with random weights of the right scale."""
    transformers = importlib.import_module("transformers")
    sizes = {**SIZES, **sizes}
    model = transformers.BertForMaskedLM(
        transformers.BertConfig(
            vocab_size=tokens,
            hidden_size=sizes["width"],
            num_hidden_layers=sizes["depth"],
            num_attention_heads=sizes["heads"],
            intermediate_size=4 * sizes["width"],
            max_position_embeddings=sizes["positions"],
        )
    )
    torch = importlib.import_module("torch")
    for name, array in random_arrays(shapes_of(model)).items():
        model.get_parameter(name).data = torch.from_numpy(array)
    return model.eval()


def shapes_of(model: Any) -> dict[str, tuple[int, ...]]:
    """Of each parameter, once: the decoder is the table of tokens."""
    return {name: tuple(p.shape) for name, p in model.named_parameters()}


def random_arrays(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    return load("scripts", "torch_weights", ROOT).random_arrays(shapes)


def their_logits(model: Any, sentences: list[list[int]]) -> list[np.ndarray]:
    """Of each sentence alone, `[length, tokens]`."""
    torch = importlib.import_module("torch")
    with torch.no_grad():
        return [model(torch.tensor([s])).logits[0].numpy() for s in sentences]


if __name__ == "__main__":
    found = their_logits(their_model(), SENTENCES)
    rows = [np.round(a.astype(float), 6).tolist() for a in found]
    GOLDEN.write_text(json.dumps(rows) + "\n")
