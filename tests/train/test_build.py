"""Every mistake in a config is found before anything is compiled."""

import json
from typing import Any

import jax
import ml_collections
import pytest

from jaxpad import Padding
from jaxpad.data import Dataset
from jaxpad.padding import as_padding
from jaxpad.train import build
from jaxpad.train.keys import check_values

from .jobs import small_config
from .tiny import tiny_config, tiny_job


GLOBE = Padding(("replicate", "circular"), amount="half")


SCENES = {
    "dataset": "digit_scenes",
    "label_smoothing": 0.0,
    "train_crop": "random_resized_crop(size=32)",
    "augment": (),
}
VIT = {"model": "vit_s_16(image_size=16, patch=8, width=8, depth=1, heads=2)"}


def not_installed() -> Dataset:
    """As a data set whose reader is an extra."""
    raise ImportError("pip install what_reads_it")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"padding": "partail"}, "unknown padding 'partail'. Did you mean 'partial'"),
        ({"padding": "valid"}, "the smallest legal input is 25x25"),
        ({"padding": "constant(v=1)"}, "no option 'v'; it takes value"),
        ({"model": "resnet21"}, "unknown model 'resnet21'. Did you mean 'resnet"),
        ({"dataset": "digit"}, "unknown data set 'digit'. Did you mean 'digits'"),
        ({"augment": ("shfit",)}, "unknown augmentation 'shfit'"),
        ({"schedule": "cos"}, "unknown schedule 'cos'"),
        ({"dtype": "float8"}, "config.dtype='float8'"),
        ({"batch_size": 0}, "config.batch_size=0"),
        ({"batch_size": 100}, "does not split over 8 devices: use 96 or 104"),
        ({"batch_size": 4096}, "more than the 1442 training examples"),
        ({"epochs": 0}, "config.epochs=0"),
        ({"seed": -1}, "config.seed=-1"),
        (
            {"model": "resnet20(widht=4)"},
            r"config.model='resnet20\(widht=4\)': .*widht",
        ),
        ({"padding": "SAME"}, 'is an amount, not a mode: write amount="same"'),
        ({"padding": "math:pi"}, "config.padding='math:pi'"),
        ({"checkpoint_steps": -1}, "config.checkpoint_steps=-1"),
        ({"learning_rate": float("nan")}, "config.learning_rate=nan"),
        ({"label_smoothing": 1.0}, "config.label_smoothing=1.0"),
        ({"trackers": ("wnadb",)}, r"config.trackers=\('wnadb',\): .*mean 'wandb'"),
        ({"warmup_epochs": 2.0}, "warmup_epochs=2.0 leaves nothing"),
        ({"on_error": "Raise"}, r"config.on_error='Raise': expected 'raise' or 'skip'"),
        (
            {"train_crop": "random_resized_crop(size=0)"},
            r"config.train_crop='random_resized_crop\(size=0\)': size=0: expected",
        ),
        (
            {"test_crop": "resize_crop(size=8, resize=4)", "on_error": "skip"},
            r"config.test_crop='resize_crop\(size=8, resize=4\)': .* resize=8 or more",
        ),
        ({"model": "resnet21"}, "config.model='resnet21': unknown model"),
        (
            {"model": "unet(width=2, depth=1)"},
            r"config.model='unet.*the task of digits is classification, with scores of "
            r"the shape \(128, 10\). Use a model .* such as 'resnet50'",
        ),
        (
            {"model": "resnet20(width=4)", **SCENES},
            "config.model='resnet20.*digit_scenes is segmentation, .*'deeplabv3plus'",
        ),
        (
            {"predict": "sliding"},
            "config.predict='sliding': .*missing.* argument.*'window'",
        ),
        (
            {"predict": "sliding(window=(8, 8), stride=4)"},
            "config.predict='sliding.* is for scores of each pixel",
        ),
        (
            {"predict": "sliding(window=8, stride=4)"},
            r"config.predict='sliding\(window=8, stride=4\)': ",
        ),
        (
            {
                **VIT,
                "train_crop": "random_resized_crop(size=16)",
                "test_crop": "resize_crop(size=24, resize=24)",
            },
            "config.test_crop='resize_crop.*embeddings are for image_size=16",
        ),
        (
            {"augment": ("mixup(alpha=0)",)},
            r"config.augment=\('mixup.*alpha=0: expected",
        ),
        ({"model": ".nets:net"}, r"config.model='.nets:net': cannot import model"),
        ({"optimizer": ("sgdd",)}, r"config.optimizer=\('sgdd',\): 'sgdd' is no func"),
        (
            {"optimizer": ("sgd(momentum='a')",)},
            r"""config.optimizer=\("sgd\(momentum='a'\)",\): """,
        ),
        (
            {"dataset": f"{__name__}:not_installed"},
            "config.dataset='.*:not_installed': pip install what_reads_it",
        ),
    ],
)
def test_mistake_is_named_before_compiling(changes: dict[str, Any], message: str):
    compiled: list[str] = []

    def note(event: str, duration: float, **about: Any) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(str(about.get("fun_name")))

    listen: Any = note
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        with pytest.raises(ValueError, match=message):
            build(small_config(**changes))
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert not any("step" in name for name in compiled)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 100}, r"config.batch_size=100 does not split over 8 devices"),
        (
            {"eval_batch_size": 100},
            "config.eval_batch_size=100 does not split over 8 devices: use 96 or 104",
        ),
        (
            {
                "mesh": {"data": 2, "spatial": 4},
                "train_crop": "random_resized_crop(size=10)",
            },
            r"config.mesh.spatial=4 does not divide the 10 rows of the images that "
            r"config.train_crop makes: use 8 or 12",
        ),
        (
            {
                "mesh": {"data": 2, "columns": 4},
                "test_crop": "resize_crop(size=10, resize=10)",
            },
            "config.mesh.columns=4 does not divide the 10 columns .* config.test_crop",
        ),
        (
            {"optimizer": ("adam",), "zero": 1, "zero_coverage": 1.0},
            r"config.zero=1: .*\(coverage 0\.9\d+, at least 1.0 was",
        ),
    ],
)
def test_what_does_not_split_is_named(changes: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        build(tiny_config(**changes))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("batch_size", "64", "config.batch_size='64': expected a whole number"),
        ("epochs", True, "config.epochs=True: expected a whole number"),
        ("learning_rate", None, "config.learning_rate=None: expected a number"),
        ("average", "high", "config.average='high': expected a number"),
        ("mesh", [1], r"config.mesh=\[1\]: expected devices by axis"),
        ("mesh", {"data": 1.5}, "config.mesh.data=1.5: expected a whole number"),
        ("learning_rate", float("inf"), "config.learning_rate=inf: expected 0 or more"),
    ],
)
def test_a_file_s_config_may_hold_anything(key: str, value: Any, message: str):
    saved = json.loads(json.dumps(tiny_config().to_dict())) | {key: value}
    with pytest.raises(ValueError, match=message):
        check_values(ml_collections.ConfigDict(saved))


def test_a_whole_number_of_any_size_is_a_rate():
    check_values(tiny_config(learning_rate=10.0**30))
    saved = json.loads(json.dumps(tiny_config().to_dict()))
    check_values(ml_collections.ConfigDict(saved | {"learning_rate": 10**30}))


def test_same_seed_same_start_other_seed_other_start():
    def total(seed: int) -> float:
        tiny = "tests.train.test_padding_with_state:Tiny"
        state = build(small_config(seed=seed, model=tiny)).init()
        return float(sum(abs(p).sum() for p in jax.tree.leaves(state.params)))

    assert total(0) == total(0)
    assert total(0) != total(1)


def test_job_counts():
    job = build(small_config())
    assert job.steps == 2 * (1442 // 128)
    leaves = jax.tree.leaves(job.init())
    assert job.state_bytes == sum(leaf.nbytes for leaf in leaves)


def test_key_that_means_nothing_or_is_missing():
    config = small_config()
    with pytest.raises(AttributeError, match="paddign"):
        config.paddign = "circular"
    with config.unlocked():
        config.epochss = 1
    with pytest.raises(ValueError, match=r"'epochss'.*mean config\.epochs"):
        build(config)
    with config.unlocked():
        del config.epochss, config.dtype
    with pytest.raises(ValueError, match=r"lacks config\.dtype"):
        build(config)


@pytest.mark.parametrize(
    ("text", "padding"),
    [
        ("('reflect', 'circular')", Padding(("reflect", "circular"))),
        ("Padding(mode='reflect', amount=1)", Padding("reflect", amount=1)),
        (f"{__name__}:GLOBE", GLOBE),
    ],
)
def test_padding_as_text(text: str, padding: Padding):
    assert as_padding(text) == padding
    assert build(small_config(padding=text)).steps == 22


def test_shapes_of_a_batch_are_those_of_the_batch():
    job = tiny_job()
    whole: Any = job.place(job.batches[0])
    assert job.batch.keys() == whole.keys()
    for name, array in whole.items():
        like = job.batch[name]
        assert (like.shape, like.dtype) == (array.shape, array.dtype)
        assert like.sharding == array.sharding


def test_a_job_is_built_on_devices_that_need_not_hold_anything():
    """As of a TPU that is not there: nothing can be placed on these."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jax.device_put", _refused)
        patch.setattr("jax.make_array_from_process_local_data", _refused)
        job = build(tiny_config(), jax.devices()[:2])
    assert list(job.placement.mesh.shape.items()) == [
        ("data", 2), ("spatial", 1), ("columns", 1), ("model", 1)
    ]  # fmt: skip


def _refused(*arguments: Any) -> Any:
    raise RuntimeError("a device was asked for")
