"""BERT: Hugging Face's own logits in every layout, and nobody sees a neighbour."""

import functools
import importlib
import json
import pathlib
import re
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxpad.attention import rope
from jaxpad.batching import (
    Ragged,
    aligned,
    assert_isolated,
    assert_padding_invariant,
    flat,
    lanes,
    pack_sequences,
    padded,
)
from jaxpad.models import BERT, MODELS, load_weights, published_shapes, save_weights
from jaxpad.models.export import named_arrays, to_safetensors
from tests.batching.ragged_cases import littered, one_by_one
from tests.models.hugging_face import (
    GOLDEN,
    SENTENCES,
    SIZES,
    TOKENS,
    random_arrays,
    their_logits,
    their_model,
)
from tests.models.nets import filled


# At 30,522 tokens, those of transformers' own BertForMaskedLM.
PARAMETERS = {
    "bert_tiny": 4_416_698,
    "bert_mini": 11_201_594,
    "bert_small": 28_795_194,
    "bert_medium": 41_404_730,
    "bert_base": 109_514_298,
    "bert_large": 335_174_458,
}
BATCH = pack_sequences([np.array(s) for s in SENTENCES], 10)
LAYOUTS: dict[str, Callable[[Ragged], Ragged]] = {
    "packed": lambda batch: batch,
    "padded": lambda batch: padded(batch, 11),
    "lanes": lambda batch: lanes(batch, 3),
    "one row": lambda batch: flat(batch, 19),
}


def miniature(seed: int = 0, classes: int | None = TOKENS, **options: Any) -> BERT:
    options = {**SIZES, **options}
    return filled(lambda: BERT(TOKENS, classes, **options, rngs=nnx.Rngs(0)), seed)


def written(folder: pathlib.Path, arrays: Any) -> pathlib.Path:
    path = folder / "weights.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return random_arrays(published_shapes(miniature(), "huggingface"))


@functools.partial(jax.jit, static_argnums=0)
def run(graph: Any, state: Any, batch: Ragged) -> Ragged:
    return nnx.merge(graph, state)(batch)


@pytest.mark.parametrize(("name", "count"), PARAMETERS.items())
def test_published_number_of_parameters(name: str, count: int):
    model = nnx.eval_shape(lambda: MODELS[name](30_522, 30_522, rngs=nnx.Rngs(0)))
    params = jax.tree.leaves(nnx.state(model, nnx.Param))
    assert sum(p.size for p in params) == count


@pytest.mark.every
@pytest.mark.parametrize(
    ("layouts", "cells"), [(tuple(LAYOUTS), None), (("packed", "padded"), 18)]
)
def test_logits_are_hugging_face_s_in_every_layout(
    layouts: tuple[str, ...], cells: int | None, arrays: Any, tmp_path: Any
):
    model = miniature(flat=cells)
    load_weights(model, written(tmp_path, arrays))
    wanted = [np.array(rows) for rows in json.loads(GOLDEN.read_text())]
    for layout in layouts:
        batch = LAYOUTS[layout](BATCH)
        found = run(*nnx.split(model), batch)
        for mine, its in zip(one_by_one(found), wanted, strict=True):
            np.testing.assert_allclose(mine, its, atol=1e-5)
        assert not np.asarray(found.values)[~np.asarray(batch.real)].any()
        chex.assert_trees_all_equal(found.numbers, batch.numbers)


@pytest.mark.every
@pytest.mark.parametrize("tokens", [TOKENS, 1000])
def test_beside_transformers(tokens: int, tmp_path: Any):
    pytest.importorskip("torch", exc_type=ImportError)
    pytest.importorskip("transformers", exc_type=ImportError)
    sizes: Any = SIZES if tokens == TOKENS else {"width": 128, "depth": 2, "heads": 2}
    sizes = {"positions": 512, **sizes}
    theirs = their_model(tokens, **sizes)
    path = tmp_path / "theirs"
    theirs.save_pretrained(path)
    model = BERT(tokens, tokens, **sizes, rngs=nnx.Rngs(0))
    load_weights(model, path / "model.safetensors")
    wanted = their_logits(theirs, SENTENCES)
    found = one_by_one(run(*nnx.split(model), BATCH))
    apart = [np.abs(a - b).max() for a, b in zip(found, wanted, strict=True)]
    assert max(apart) < 1e-5
    # And their class reads our file.
    for parameter in theirs.parameters():
        parameter.data.zero_()
    save_weights(model, tmp_path / "ours.safetensors")
    torch = importlib.import_module("safetensors.torch")
    torch.load_model(theirs, tmp_path / "ours.safetensors", strict=False)
    chex.assert_trees_all_equal(their_logits(theirs, SENTENCES), wanted)


def gradients(model: BERT, batch: Ragged) -> Any:
    graph, params = nnx.split(model)

    def loss(params: Any) -> Any:
        logits = nnx.merge(graph, params)(batch).values
        logits = jax.nn.log_softmax(logits)[..., 3]
        weights = (1 + batch.positions).astype(jnp.float32)
        return jnp.where(batch.real, logits * weights, 0).sum()

    return nnx.to_pure_dict(jax.jit(jax.grad(loss))(params))


@pytest.mark.slow
def test_gradients_are_those_of_each_sentence_alone():
    alone = [gradients(miniature(), padded(b)) for b in map(one, SENTENCES[:2])]
    both = pack_sequences([np.array(s) for s in SENTENCES[:2]], 8)
    wanted = jax.tree.map(lambda *x: sum(x), *alone)
    for cells in (None, 9):
        found = gradients(miniature(flat=cells), both)
        chex.assert_trees_all_close(found, wanted, rtol=1e-4, atol=1e-5)
    # Nothing but the second type, which no token is of, is without one.
    assert not found["types"]["embedding"][1].any()
    for gradient in jax.tree.leaves(found):
        assert gradient.any()


def one(sentence: list[int]) -> Ragged:
    return pack_sequences([np.array(sentence)], len(sentence))


@pytest.mark.every
@pytest.mark.parametrize("cells", [None, pytest.param(12, marks=pytest.mark.slow)])
@pytest.mark.parametrize("positions", [9, "rotary"])
def test_nobody_sees_a_neighbour_or_padding(cells: int | None, positions: Any):
    model = miniature(depth=1, flat=cells, positions=positions)
    batch = pack_sequences([np.array(s) for s in ([1, 2, 3], [4, 5], [6])], 6)
    assert_padding_invariant(model, batch)
    if cells is not None:
        assert_isolated(model, batch)

    # Tokens have no derivative; vectors have.
    def after_embedding(batch: Ragged) -> Ragged:
        if cells is None:
            return model.tell(model.encode(batch))
        return aligned(model.tell(model.encode(flat(batch, cells), batch)), batch)

    assert_isolated(after_embedding, jax.jit(model.embed)(batch))


def test_what_stands_in_empty_cells_is_no_token():
    wrong = littered(BATCH)  # 1000 is none
    assert int(wrong.values.max()) == 1000
    model = miniature(depth=1)
    found, wanted = (run(*nnx.split(model), b).values for b in (wrong, BATCH))
    chex.assert_trees_all_equal(found, wanted)
    # 0 times what is no number would be none.
    chex.assert_trees_all_equal(gradients(model, wrong), gradients(model, BATCH))


def test_rows_may_be_longer_than_positions_and_sentences_may_not():
    model = miniature(depth=1, positions=5)
    with pytest.raises(ValueError, match=r"9 tokens, .*positions=5: make it with pos"):
        model(BATCH)
    # Under jit that is not known: the row of such a sentence is no number.
    found = run(*nnx.split(model), BATCH)
    long = np.asarray((BATCH.numbers == 3).any(1))
    assert np.isnan(np.asarray(found.values)[long][np.asarray(BATCH.real)[long]]).all()
    assert np.isfinite(np.asarray(found.values)[~long]).all()
    short = pack_sequences([np.array(s) for s in SENTENCES[:3]], 10)
    assert short.rows == 1
    assert np.isfinite(run(*nnx.split(model), short).values).all()


@pytest.mark.parametrize("cells", [None, 19])
def test_rotary_positions_tell_order_and_nothing_else(cells: int | None):
    model = miniature(positions="rotary", flat=cells)
    sentences = [np.array(s) for s in SENTENCES]
    packed = one_by_one(run(*nnx.split(model), BATCH))
    # Only differences of positions count.
    later = miniature(positions="rotary")
    for block in later.blocks:
        block.attention.rotary = lambda x, positions: rope(x, positions + 700)
    for sentence, found in zip(sentences, packed, strict=True):
        batch = pack_sequences([sentence], 10)
        (alone,) = one_by_one(run(*nnx.split(miniature(positions="rotary")), batch))
        np.testing.assert_allclose(found, alone, atol=1e-5)
        (shifted,) = one_by_one(run(*nnx.split(later), batch))
        np.testing.assert_allclose(shifted, alone, atol=1e-4)
        (turned,) = one_by_one(model(pack_sequences([sentence[::-1]], 10)))
        if len(sentence) > 1:
            assert np.abs(turned[::-1] - alone).max() > 1e-2
    assert "positions" not in nnx.to_pure_dict(nnx.state(model, nnx.Param))


def test_rotary_positions_have_no_longest_sequence_and_no_published_names(
    tmp_path: Any,
):
    model = miniature(positions="rotary", depth=1)
    long = pack_sequences([np.arange(2000) % TOKENS], 2000)
    assert np.isfinite(run(*nnx.split(model), long).values).all()
    with pytest.raises(ValueError, match=r"no published BERT .*positions=512"):
        save_weights(model, tmp_path / "weights.npz")
    to_safetensors(model, tmp_path / "own.safetensors")
    second = miniature(2, positions="rotary", depth=1)
    load_weights(second, tmp_path / "own.safetensors")
    chex.assert_trees_all_equal(named_arrays(model), named_arrays(second))


def test_flat_cells_that_are_too_few():
    model = miniature(depth=1, flat=16)
    with pytest.raises(ValueError, match="1 sequences do not fit into 1 rows of 16"):
        model(BATCH)
    found = run(*nnx.split(model), BATCH)
    assert int(found.lost.sum()) == 9
    lost, scores = np.asarray(BATCH.numbers) == 3, np.asarray(found.values)
    assert np.isnan(scores[lost]).all()
    assert np.isfinite(scores[~lost]).all()


def test_every_padding_is_the_same():
    same = [run(*nnx.split(miniature(padding=p)), BATCH) for p in ("zero", "reflect")]
    chex.assert_trees_all_equal(*same)


def test_bfloat16_keeps_parameters_and_comes_near():
    full, half = (miniature(dtype=d) for d in (None, jnp.bfloat16))
    for variable in jax.tree.leaves(nnx.state(half, nnx.Param)):
        assert variable.dtype == jnp.float32
    found, wanted = (run(*nnx.split(m), BATCH).values for m in (half, full))
    assert found.dtype == jnp.bfloat16
    np.testing.assert_allclose(found.astype("f4"), wanted, atol=0.1, rtol=0.1)


def test_without_a_head_it_gives_vectors(arrays: Any, tmp_path: Any):
    model = miniature(classes=None)
    load_weights(model, written(tmp_path, arrays))
    found = run(*nnx.split(model), BATCH)
    assert found.values.shape == (*BATCH.values.shape, 8)


def older(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """With the names of files that are older than the names, and what they carry."""
    ends = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    found = {}
    for name, array in arrays.items():
        for new, old in ends.items():
            name = name.replace(new, old)
        found[name] = array
    return {
        **found,
        "bert.embeddings.position_ids": np.arange(9)[None],
        "bert.pooler.dense.weight": np.zeros((8, 8), "f4"),
        "bert.pooler.dense.bias": np.zeros(8, "f4"),
        "cls.seq_relationship.weight": np.zeros((2, 8), "f4"),
        "cls.seq_relationship.bias": np.zeros(2, "f4"),
        "cls.predictions.decoder.weight": arrays[TABLE],
    }


TABLE = "bert.embeddings.word_embeddings.weight"


def test_names_of_older_files(arrays: Any, tmp_path: Any):
    first, second = miniature(1), miniature(2)
    load_weights(first, written(tmp_path, arrays))
    load_weights(second, written(tmp_path, older(arrays)))
    chex.assert_trees_all_equal(named_arrays(first), named_arrays(second))


@pytest.mark.every
@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_round_trip(suffix: str, tmp_path: Any):
    first, second = miniature(1), miniature(2)
    save_weights(first, tmp_path / f"weights{suffix}")
    load_weights(second, tmp_path / f"weights{suffix}")
    chex.assert_trees_all_equal(named_arrays(first), named_arrays(second))


def test_the_head_may_stay(arrays: Any, tmp_path: Any):
    arrays = {**arrays, "cls.predictions.decoder.weight": np.zeros((TOKENS, 8), "f4")}
    to_safetensors(miniature(1), tmp_path / "own.safetensors")
    for path in (written(tmp_path, arrays), tmp_path / "own.safetensors"):
        model, before = miniature(2), named_arrays(miniature(2))
        load_weights(model, path, head=False)
        for name, array in named_arrays(model).items():
            assert (array == before[name]).all() == name.startswith("head/"), name


def test_a_decoder_that_is_not_the_table(arrays: Any, tmp_path: Any):
    other = {**arrays, "cls.predictions.decoder.weight": arrays[TABLE] + 1}
    model, before = miniature(), named_arrays(miniature())
    with pytest.raises(ValueError, match=r"decoder\.weight is not .*Write head=False"):
        load_weights(model, written(tmp_path, other))
    chex.assert_trees_all_equal(named_arrays(model), before)
    # One of the two is enough.
    one = {**arrays, "cls.predictions.decoder.weight": arrays[TABLE]}
    del one[TABLE]
    load_weights(model, written(tmp_path, one))
    np.testing.assert_array_equal(model.tokens.embedding[...], arrays[TABLE])


def test_arrays_of_another_shape_are_listed(arrays: Any, tmp_path: Any):
    query = "bert.encoder.layer.0.attention.self.query."
    wrong = {**arrays, f"{query}weight": np.zeros((4, 16), "f4")}
    del wrong[f"{query}bias"]
    with pytest.raises(ValueError, match="unchanged") as error:
        load_weights(miniature(), written(tmp_path, wrong))
    assert f"Missing: {query}bias. Unknown: none. " in str(error.value)
    assert f"{query}weight float32[4, 16] for [8, 8]" in str(error.value)


def tokens(*numbers: Any) -> Ragged:
    return pack_sequences([np.array(numbers)], len(numbers))


REFUSED = [
    (lambda: miniature(classes=5), "Type classes=11, or classes=None for no head"),
    (lambda: miniature(heads=3), "num_heads=3 must divide in_features=8"),
    (lambda: miniature(padding="nothing"), "unknown padding 'nothing'"),
    (
        lambda: miniature(positions="rotary", heads=8),
        "width=8 and heads=8 give each head 1: take heads that leave an even number",
    ),
    (
        lambda: miniature(positions="learned"),
        "positions='learned': expected how many tokens the longest sequence has, or",
    ),
    (
        lambda: miniature()(tokens(1, 11)),
        "a token is 11, but the model has channels=11",
    ),
    (lambda: miniature()(tokens(-1, 3)), "a token is -1, but"),
    (lambda: miniature()(tokens([1, 2])), "expected [rows, capacity], one token for"),
]


@pytest.mark.every
@pytest.mark.parametrize(("call", "text"), REFUSED)
def test_refused(call: Any, text: str):
    with pytest.raises(ValueError, match=re.escape(text)):
        call()


def test_tokens_are_whole_numbers():
    with pytest.raises(TypeError, match="values are float32, but tokens are whole"):
        miniature()(tokens(1.0, 2.0))


def test_a_token_that_is_not_known_to_be_wrong_is_no_number():
    model = miniature(depth=1)
    for wrong in (-1, 11):
        assert np.isnan(run(*nnx.split(model), tokens(1, wrong)).values).all()
