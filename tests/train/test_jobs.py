"""Every published job in miniature: its config with other sizes, in the real format."""

import importlib.util
import json
import pathlib
from typing import Any

import numpy as np
import pytest
from flax import nnx
from rich.console import Console

from jaxpad.launch import default_config
from jaxpad.models import MODELS, save_weights
from jaxpad.reports import write_report
from jaxpad.train import build, run
from tests.data import miniatures


CONFIGS = pathlib.Path(__file__).parents[2] / "configs"
MAKERS = {
    "imagenet2012": miniatures.imagenet,
    "oxford_iiit_pet": miniatures.pets,
    "cityscapes": miniatures.cityscapes,
    "voc12_sbd": miniatures.voc,
    "ade20k": miniatures.ade,
}
# All that a miniature changes: sizes, places and times, and how many processes read.
SMALL: dict[str, Any] = {"batch_size": 8, "workers": 0}
CROPS = {
    "train_crop": "random_resized_crop(size=32)",
    "test_crop": "resize_crop(size=32, resize=36)",
}
DEEPLAB = "encoder='resnet50(width=2)', features=8"
JOBS: dict[str, dict[str, Any]] = {
    "imagenet_resnet50": {**CROPS, "model": "resnet50(width=2, zero_gamma=True)"},
    "imagenet_partial": {**CROPS, "model": "resnet50(width=2)"},
    "imagenet_vgg16bn": {
        **CROPS, "model": "vgg16_bn(width=2, hidden=8, grid=1)", "workers": 1
    },
    "imagenet_densenet121": {
        **CROPS, "model": "densenet121(growth=2, width=8, blocks=(1, 2, 2, 1))"
    },
    "cityscapes_deeplabv3plus": {
        "train_crop": "random_scale_crop(size=(32, 64), most=0.75)",
        "model": f"deeplabv3plus(output_stride=8, {DEEPLAB})",
    },
    "voc12_deeplabv3plus": {
        "train_crop": "random_scale_crop(size=33, most=0.75)",
        "model": f"deeplabv3plus(output_stride=8, {DEEPLAB})",
    },
    "ade20k_deeplabv3plus": {
        "train_crop": "random_scale_crop(size=33, most=0.75)",
        "model": f"deeplabv3plus(output_stride=8, {DEEPLAB})",
    },
    "pets_unet": {
        "train_crop": "random_scale_crop(size=32, scale=(0.5, 1.5))",
        "test_crop": "resize_crop(size=32, resize=32)",
        "model": "unet(width=2, norm=True)",
    },
}  # fmt: skip


# What comes with the install.
OFFLINE = ("photos10_resnet", "digit_scenes_unet", "bert_text")
# Whose command names a file of weights, which the test writes.
WEIGHTED = "cityscapes_deeplabv3plus"


def weights(path: pathlib.Path) -> pathlib.Path:
    """Those of a classifier of as small a size as the miniatures' encoders."""
    save_weights(MODELS["resnet50"](3, 10, width=2, rngs=nnx.Rngs(7)), path)
    return path


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, CONFIGS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config()


def small(name: str, folder: pathlib.Path) -> Any:
    """A job's config, two epochs of a miniature of its data set."""
    config = load(name)
    dataset = config.dataset
    data = MAKERS[dataset](folder / "data")
    config.update(SMALL | JOBS[name])
    config.dataset = f"{dataset}(data_dir={str(data)!r})"
    if name == WEIGHTED:
        config.weights = str(weights(folder / "resnet50.npz"))
    times = {"epochs": 2, "eval_epochs": 1, "warmup_epochs": config.warmup_epochs / 5}
    config.update(times | ({"steps": 4} if config.steps else {}))
    return config


def test_every_job_is_here():
    others = {"default", "__init__", *OFFLINE}
    assert {path.stem for path in CONFIGS.glob("*.py")} - others == set(JOBS)


@pytest.mark.parametrize("name", [*JOBS, *OFFLINE])
def test_a_job_changes_keys_that_exist_and_says_what_to_expect(name: str):
    config, keys = load(name), set(default_config())
    assert set(config) == keys
    text = (CONFIGS / f"{name}.py").read_text()
    for word in ("Command:", "Device:", "Expect:", f"configs/{name}.py"):
        assert word in text


@pytest.mark.slow
def test_a_segmenter_begins_with_the_weights_of_a_classifier(tmp_path: pathlib.Path):
    params = build(small(WEIGHTED, tmp_path)).init().params
    kernel = np.load(tmp_path / "resnet50.npz")["conv1.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(params["encoder"]["stem"]["kernel"][...], kernel)


@pytest.mark.slow
@pytest.mark.parametrize("name", JOBS)
def test_a_job_trains_and_is_tested(name: str, tmp_path: pathlib.Path):
    job = build(small(name, tmp_path))
    results = run(job, tmp_path / "run", Console(quiet=True))
    rows = [
        json.loads(line)
        for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    ]
    assert len([row for row in rows if "loss" in row]) == job.steps
    assert all(np.isfinite(row["loss"]) for row in rows if "loss" in row)
    assert results["test"]["examples"] == miniatures.TEST
    assert 0 <= results["test"][results["headline"]] <= 1
    page = write_report(tmp_path / "run").read_text()
    assert job.dataset.classes[0] in page
