"""The batches that a config names, and how many rows and parts a step has."""

import math
from typing import Any, NamedTuple

import jax
from jax.sharding import Mesh

from ..batching.rescale import RESCALES, Step
from ..conv import IMAGE_AXES
from ..data import (
    CROPS,
    Dataset,
    EvalBatches,
    TextBatches,
    TextDataset,
    TrainBatches,
    check_crop,
)
from ..data.examples import Crop
from ..sharding import check_images, spread_shapes
from .keys import named


# What the keys of images have to be where there are texts.
OF_IMAGES = {
    "train_crop": "whole",
    "test_crop": "whole",
    "augment": ("none",),
    "normalize": "none",
    "label_smoothing": 0,
    "regularizer": "",
    "on_error": "raise",
    "eval_multiple": 1,
    "predict": "whole",
    "borders": False,
    "cross_paddings": (),
}


class Inputs(NamedTuple):
    """Batches to train on, to test on, and what a step is made of."""

    batches: TrainBatches | TextBatches
    test_batches: EvalBatches | TextBatches
    step: Step


def read_inputs(config: Any, dataset: Dataset | TextDataset, mesh: Mesh) -> Inputs:
    """Reads what a config says of batches.

    Args:
        config: with every key.
        dataset: images or texts.
        mesh: of devices, over which a batch is split.

    Raises:
        ValueError: for an unknown name, a key that is of the other kind of data, or
            images that do not split over the mesh.
    """
    if isinstance(dataset, TextDataset):
        return _texts(config, dataset, mesh)
    return _images(config, dataset, mesh)


def sample_of(batches: Any) -> Any:
    """A batch with the shapes that the most memory is needed for."""
    return batches.largest() if isinstance(batches, TextBatches) else batches[0]


def _images(config: Any, dataset: Dataset, mesh: Mesh) -> Inputs:
    if config.batching:
        raise ValueError(
            f"config.batching={config.batching!r} is of texts, but {dataset.name} has "
            'images: set it to "".'
        )
    if dataset.task == "segmentation" and config.label_smoothing:
        raise ValueError(
            f"config.label_smoothing={config.label_smoothing} is for classes of images;"
            f" {dataset.name} has classes of pixels: set it to 0."
        )
    common: dict[str, Any] = {"shard": _shard(), "on_error": config.on_error}
    batches = TrainBatches(
        dataset,
        config.batch_size,
        config.seed,
        crop=_crop(config, "train_crop"),
        **common,
    )
    tests = EvalBatches(
        dataset,
        config.eval_batch_size or config.batch_size,
        crop=_crop(config, "test_crop"),
        multiple=config.eval_multiple,
        **common,
    )
    for key, part in {"train_crop": batches, "test_crop": tests}.items():
        check_images(mesh, spread_shapes(mesh, part[0])["image"].shape, key)
    return Inputs(batches, tests, Step(config.batch_size, config.parts))


def _shard() -> tuple[int, int]:
    return jax.process_index(), jax.process_count()


def _crop(config: Any, key: str) -> Crop:
    with named(key, config):
        crop = CROPS.resolve(config[key])
        check_crop(crop)
    return crop


def _texts(config: Any, dataset: TextDataset, mesh: Mesh) -> Inputs:
    _check_texts(config, dataset, mesh)
    options: dict[str, Any] = {
        "batching": config.batching,
        "capacity": config.capacity,
        "shard": _shard(),
    }
    size, tests = config.batch_size, config.eval_batch_size or config.batch_size
    with named("batching", config):
        batches = TextBatches(dataset, "train", size, seed=config.seed, **options)
        test_batches = TextBatches(dataset, "test", tests, **options)
    _check_enough(config, batches, mesh)
    with named("rescale", config):
        step = _rescaled(config, batches.texts_per_row, mesh.shape["data"])
    return Inputs(batches.rebatched(step.rows), test_batches, step)


def _check_enough(config: Any, batches: TextBatches, mesh: Mesh) -> None:
    """Raises where a batch would be mostly empty rows: there are too few texts."""
    unit = math.lcm(mesh.shape["data"], config.parts)
    most = -(-batches.pieces // unit) * unit
    if config.batch_size > most:
        raise ValueError(
            f"config.batch_size={config.batch_size} is more than the {batches.pieces} "
            f"training texts of {batches.dataset.name}, counted after splitting: use "
            f"at most {most}."
        )


def _rescaled(config: Any, factor: float, devices: int) -> Step:
    """What a step is made of; a rescaling of one's own may give anything."""
    before = Step(config.batch_size, config.parts)
    step = RESCALES.resolve(config.rescale)(factor, before, devices)
    if not isinstance(step, Step):
        raise TypeError(f"it gives {step!r}: expected a Step, as {before}.")
    if min(step.rows, step.parts) < 1 or step.rows % math.lcm(step.parts, devices):
        raise ValueError(
            f"it makes {step} of {before}: expected rows, at least 1, that {devices} "
            "devices share evenly, and parts of equal size."
        )
    return step


def _plain(value: Any) -> Any:
    """A config that was read from a run's folder has lists where it had tuples."""
    return tuple(value) if isinstance(value, list) else value


def _check_texts(config: Any, dataset: TextDataset, mesh: Mesh) -> None:
    """Raises for what means nothing where there are no images."""
    if not config.batching:
        raise ValueError(
            f"{dataset.name} has texts of many lengths: say how they share rows, as "
            'config.batching="packed", and their cells, as config.capacity=512.'
        )
    wrong = [key for key, value in OF_IMAGES.items() if _plain(config[key]) != value]
    if wrong:
        key = wrong[0]
        raise ValueError(
            f"config.{key}={config[key]!r} is of images, but {dataset.name} has texts: "
            f"set it to {OF_IMAGES[key]!r}."
        )
    if split := [axis for axis in IMAGE_AXES if mesh.shape[axis] > 1]:
        raise ValueError(
            f"config.mesh.{split[0]}={mesh.shape[split[0]]} splits images, but "
            f"{dataset.name} has texts: set it to 1."
        )
