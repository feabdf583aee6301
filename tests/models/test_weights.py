"""Files in torchvision's and timm's names: the libraries' own logits, or an error."""

import importlib
import json
import pathlib
from typing import Any

import chex
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import load_file

from jaxpad.models import (
    MODELS,
    deeplabv3plus,
    load_weights,
    published_shapes,
    save_weights,
    unet,
)
from jaxpad.models.export import named_arrays, to_safetensors
from tests.models.miniatures import MINIATURES, PUBLISHED
from tests.studies import ROOT, load
from tests.train.networks import encoder


GOLDEN = json.loads(pathlib.Path(__file__).with_name("golden.json").read_text())


@pytest.fixture(scope="module")
def script() -> Any:
    if not (ROOT / "scripts").exists():
        pytest.skip("no scripts/ beside these tests")
    return load("scripts", "torch_weights", ROOT)


def written(path: pathlib.Path, arrays: Any) -> pathlib.Path:
    file = path / "weights.npz"
    np.savez(file, **arrays)
    return file


@pytest.mark.parametrize("which", GOLDEN["digests"])
def test_names_and_shapes_are_the_published(which: str, script: Any):
    library, name = which.split(":")
    model = nnx.eval_shape(lambda: MODELS[name](3, 1000, rngs=nnx.Rngs(0)))
    shapes = published_shapes(model, library)
    if which == "timm:vgg16_bn":  # where dense layers are convolutions
        shapes["pre_logits.fc1.weight"] = (4096, 512, 7, 7)
        shapes["pre_logits.fc2.weight"] = (4096, 4096, 1, 1)
    assert script.digest(shapes) == GOLDEN["digests"][which]


@pytest.mark.parametrize("which", GOLDEN["logits"])
def test_logits_are_the_published_models(which: str, script: Any, tmp_path: Any):
    """Recorded from the libraries' own classes with the same weights and images."""
    make, size = PUBLISHED[which]
    model = make()
    arrays = script.random_arrays(published_shapes(model, which.split(":")[0]))
    load_weights(model, written(tmp_path, arrays))
    logits = nnx.jit(lambda m, x: m(x))(model, script.random_images(size))
    np.testing.assert_allclose(logits, GOLDEN["logits"][which], atol=1e-5)


def variables(model: Any) -> dict[str, Any]:
    """Parameters and running statistics by path."""
    found = nnx.to_flat_state(nnx.state(model, (nnx.Param, nnx.BatchStat)))
    return {"/".join(map(str, path)): v for path, v in found}


def counted(model: Any) -> Any:
    """The model with a different number in every place."""
    first = 0
    for variable in variables(model).values():
        numbers = np.arange(first, first + variable.size, dtype=np.float32)
        variable.set_value(jnp.asarray(numbers.reshape(variable.shape)))
        first += variable.size
    return model


def same(first: Any, second: Any) -> None:
    chex.assert_trees_all_equal(
        *({p: v[...] for p, v in variables(m).items()} for m in (first, second))
    )


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize("family", MINIATURES)
def test_round_trip(family: str, suffix: str, tmp_path: Any):
    make = MINIATURES[family]
    first, second = counted(make()), make(seed=1)
    save_weights(first, tmp_path / f"weights{suffix}")
    load_weights(second, tmp_path / f"weights{suffix}")
    same(first, second)


def test_timm_writes_dense_layers_as_convolutions(tmp_path: Any):
    """[out, in, 7, 7] and [out, in * 49] are one dense layer."""
    shapes = published_shapes(MINIATURES["vgg"](), "torchvision")
    numbers = {n: np.random.default_rng(0).normal(size=s) for n, s in shapes.items()}
    timm = dict(numbers)
    for theirs, ours, shape in [
        ("pre_logits.fc1", "classifier.0", (6, 8, 7, 7)),
        ("pre_logits.fc2", "classifier.3", (6, 6, 1, 1)),
        ("head.fc", "classifier.6", (5, 6)),
    ]:
        timm[f"{theirs}.weight"] = timm.pop(f"{ours}.weight").reshape(shape)
        timm[f"{theirs}.bias"] = timm.pop(f"{ours}.bias")
    first, second = MINIATURES["vgg"](), MINIATURES["vgg"](seed=1)
    load_weights(first, written(tmp_path, numbers))
    load_weights(second, written(tmp_path, timm))
    same(first, second)


@pytest.mark.parametrize(
    ("family", "new", "old"),
    [
        ("densenet", "denselayer2.norm1.weight", "denselayer2.norm.1.weight"),
        ("vit", "layer_1.mlp.3.bias", "layer_1.mlp.linear_2.bias"),
    ],
)
def test_names_of_older_files(family: str, new: str, old: str, tmp_path: Any):
    first, second = counted(MINIATURES[family]()), MINIATURES[family](seed=1)
    save_weights(first, tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as file:
        arrays = dict(file)
    assert any(name.endswith(new) for name in arrays)
    rename = {"densenet": (("norm", "norm."), ("conv", "conv.")), "vit": ()}[family]
    older = {}
    for name, array in arrays.items():
        start, dot, end = name.partition("denselayer")
        for a, b in rename:
            end = end.replace(f".{a}", f".{b}")
        name = start + dot + end
        name = name.replace("mlp.0.", "mlp.linear_1.")
        older[name.replace("mlp.3.", "mlp.linear_2.")] = array
    assert any(name.endswith(old) for name in older)
    load_weights(second, written(tmp_path, older))
    same(first, second)


def test_the_last_layer_may_stay(tmp_path: Any):
    for family, make in MINIATURES.items():
        first, second = counted(make()), make(classes=3, seed=1)
        kept = variables(make(classes=3, seed=1))
        path = tmp_path / f"{family}.npz"
        save_weights(first, path)
        text = r"write head=False, in a config new_head=True\."
        with pytest.raises(ValueError, match=text):
            load_weights(second, path)
        load_weights(second, path, head=False)
        for name, variable in variables(second).items():
            last = name.startswith(("head", "dense/2"))
            other = kept if last else variables(first)
            np.testing.assert_array_equal(variable[...], other[name][...])


def test_a_model_without_a_head_passes_it_over(tmp_path: Any):
    first, second = counted(MINIATURES["vgg"]()), MINIATURES["vgg"](classes=None)
    save_weights(first, tmp_path / "vgg.npz")
    load_weights(second, tmp_path / "vgg.npz")
    np.testing.assert_array_equal(second.norms[2].var[...], first.norms[2].var[...])


def test_the_padding_keeps_its_own_parameters(tmp_path: Any):
    model = MINIATURES["resnet"](padding="learned_constant")
    before = {p: v[...] for p, v in variables(model).items() if "mode" in p}
    save_weights(counted(MINIATURES["resnet"]()), tmp_path / "zero.npz")
    load_weights(model, tmp_path / "zero.npz")
    assert before
    for path, value in before.items():
        np.testing.assert_array_equal(variables(model)[path][...], value)


def test_an_error_lists_all_and_changes_nothing(tmp_path: Any):
    model = counted(MINIATURES["resnet"]())
    save_weights(MINIATURES["resnet"](seed=1), tmp_path / "weights.npz")
    with np.load(tmp_path / "weights.npz") as file:
        arrays = dict(file)
    del arrays["conv1.weight"], arrays["layer2.0.bn3.running_var"]
    arrays["layer1.0.conv1.weight"] = np.zeros((4, 4, 3, 3), "f4")
    arrays["layer1.0.conv2.weight"] = np.zeros((4, 4, 9), "f4")
    arrays["bn1.bias"] = np.zeros(4, int)
    arrays |= {"module.fc": np.zeros(1), "bn1.num_batches_tracked": np.zeros(())}
    with pytest.raises(ValueError, match="unchanged") as error:
        load_weights(model, written(tmp_path, arrays))
    for part in (
        "does not fit the ResNet",
        "Missing: conv1.weight, layer2.0.bn3.running_var. ",
        "Unknown: module.fc. ",
        "bn1.bias int64[4] for [4]",
        "layer1.0.conv1.weight float32[4, 4, 3, 3] for [4, 4, 1, 1]",
        "layer1.0.conv2.weight float32[4, 4, 9] for [4, 4, 3, 3]",
    ):
        assert part in str(error.value)
    same(model, counted(MINIATURES["resnet"]()))


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_half_precision_becomes_float32(suffix: str, tmp_path: Any):
    first, second = MINIATURES["resnet"](), MINIATURES["resnet"](seed=1)
    save_weights(first, tmp_path / "weights.npz")
    with np.load(tmp_path / "weights.npz") as file:
        arrays = {name: array.astype(np.float16) for name, array in file.items()}
    path = tmp_path / f"half{suffix}"
    if suffix == ".npz":
        np.savez(path, **arrays)
    else:
        bfloat16 = {n: a.astype(jnp.bfloat16) for n, a in arrays.items()}
        importlib.import_module("safetensors.flax").save_file(
            {n: jnp.asarray(a) for n, a in bfloat16.items()}, path
        )
    load_weights(second, path)
    for name, variable in variables(second).items():
        assert variable.dtype == np.float32
        np.testing.assert_allclose(
            variable[...], variables(first)[name][...], rtol=8e-3, atol=1e-6
        )


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_shapes_alone_can_be_loaded(suffix: str, tmp_path: Any):
    """As where a trainer asks for the shapes of what it will make."""
    make, path = MINIATURES["resnet"], tmp_path / f"weights{suffix}"
    save_weights(counted(make()), path)

    def loaded() -> Any:
        model = make(seed=1)
        load_weights(model, path)
        return model

    shapes = nnx.eval_shape(loaded)
    load_weights(shapes, path)
    same(shapes, counted(make()))


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize("data", [b"", b"garbage" * 10, b"PK\x03\x04garbage", None])
def test_a_file_that_cannot_be_read(suffix: str, data: bytes | None, tmp_path: Any):
    path = tmp_path / f"weights{suffix}"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"^{path} cannot be read: \w+: \S.*\.$"):
        load_weights(MINIATURES["resnet"](), path)


def test_other_files_and_models(tmp_path: Any):
    with pytest.raises(
        ValueError, match=r"no \.safetensors or \.npz file.*torch\.load"
    ):
        load_weights(MINIATURES["vit"](), tmp_path / "resnet50.pth")
    with pytest.raises(TypeError, match=r"for ResNet, .* is a Linear.*model\.encoder"):
        save_weights(nnx.Linear(1, 1, rngs=nnx.Rngs(0)), tmp_path / "a.npz")


def miniature_unet(classes: int, padding: str = "zero", seed: int = 0) -> nnx.Module:
    rngs = nnx.Rngs(seed)
    return unet(3, classes, width=2, depth=1, padding=padding, rngs=rngs)


def test_own_names_fit_any_model_and_any_padding(tmp_path: Any):
    path = tmp_path / "own.safetensors"
    to_safetensors(miniature_unet(4, "learned_constant"), path)
    for padding in ("learned_constant", "learned_extrapolation", "zero"):
        model = miniature_unet(4, padding, seed=1)
        before = named_arrays(model)
        load_weights(model, path)
        after, saved = named_arrays(model), load_file(path)
        for name, array in after.items():
            own = "/mode/" in name and padding != "learned_constant"
            np.testing.assert_array_equal(array, (before if own else saved)[name])


def test_own_names_of_a_file_that_fits_in_part(tmp_path: Any):
    path = tmp_path / "own.safetensors"
    to_safetensors(miniature_unet(4), path)
    model = miniature_unet(5, seed=1)
    before = named_arrays(model)
    with pytest.raises(ValueError, match=r"head/bias float32\[4\] for \[5\].*new_head"):
        load_weights(model, path)
    chex.assert_trees_all_equal(named_arrays(model), before)
    load_weights(model, path, head=False)
    saved = load_file(path)
    for name, array in named_arrays(model).items():
        expected = before if name.startswith("head/") else saved
        np.testing.assert_array_equal(array, expected[name], name)


def test_own_names_of_a_segmenter_s_encoder(tmp_path: Any):
    def segmenter(seed: int) -> nnx.Module:
        options: Any = {"features": 4, "multi_grid": (1, 2)}
        rngs = nnx.Rngs(seed)
        name = "tests.train.networks:encoder"
        return deeplabv3plus(3, 2, encoder=name, rngs=rngs, **options)

    whole, again = segmenter(0), segmenter(2)
    path = tmp_path / "own.safetensors"
    classifier = encoder(3, 7, rngs=nnx.Rngs(1))
    to_safetensors(classifier, path)
    load_weights(whole, path)
    found, expected = named_arrays(whole), named_arrays(classifier)
    for name in expected:
        if not name.startswith("head/"):
            np.testing.assert_array_equal(found[f"encoder/{name}"], expected[name])
    to_safetensors(whole, path)
    load_weights(again, path)
    chex.assert_trees_all_equal(named_arrays(again), found)


def test_own_names_of_a_model_without_a_head(tmp_path: Any):
    path = tmp_path / "own.safetensors"
    model = nnx.Sequential(nnx.Linear(2, 3, rngs=nnx.Rngs(0)))
    to_safetensors(model, path)
    load_weights(model, path)
    with pytest.raises(ValueError, match="the Sequential has no layer named head"):
        load_weights(model, path, head=False)
