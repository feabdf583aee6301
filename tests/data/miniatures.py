"""Small data sets in the real formats, made from the photographs of the install."""

import pathlib
from typing import Any

import numpy as np
from scipy.io import savemat

from jaxpad.data.folders import ADE, SBD, VOC
from jaxpad.data.photos import NAMES, halves
from tests.data.files import encoded, palette


TRAIN, TEST = 24, 7  # records


def picture(split: str, number: int, height: int, width: int) -> np.ndarray:
    """A part of a photograph, of the half that belongs to the split."""
    half = halves()[number % len(NAMES)][0 if split == "train" else 1]
    top = 3 * number % (half.shape[0] - height + 1)
    return half[top : top + height, :width]


def regions(number: int, height: int, width: int, labels: list[int]) -> np.ndarray:
    """A mask in which each of the labels has a rectangle."""
    mask = np.full((height, width), labels[0], np.uint8)
    for place, label in enumerate(labels[1:]):
        top = (5 * place + number) % (height - 8)
        mask[top : top + 8, 6 * place % (width - 8) :][:, :8] = label
    return mask


def size(number: int) -> tuple[int, int]:
    """Odd ones, of which some repeat."""
    return 61 + 4 * (number % 3), 75 - 6 * (number % 2)


def prepare(
    folder: pathlib.Path, name: str, version: str, features: dict, rows: Any
) -> None:
    """Writes ArrayRecord files as TFDS does, without TensorFlow.

    Args:
        folder: the data_dir.
        name: of the data set, perhaps with a config: "name/config".
        version: of it.
        features: what a row holds.
        rows: from split name to a list of rows.
    """
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    dataset, _, config = name.partition("/")
    settings = [tfds.core.BuilderConfig(name=config, version=version)]

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version(version)
        BUILDER_CONFIGS = settings if config else []

        def _info(self):
            kinds = tfds.features.FeaturesDict(features)
            return tfds.core.DatasetInfo(
                builder=self, features=kinds, disable_shuffling=True
            )

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(rows[split]) for split in rows}

        def _generate_examples(self, these):
            yield from enumerate(these)

    Builder.name = dataset
    Builder(data_dir=folder, file_format="array_record").download_and_prepare()


def imagenet(folder: pathlib.Path) -> pathlib.Path:
    from tensorflow_datasets import features

    def rows(split: str, count: int) -> list[dict]:
        return [
            {
                "image": encoded(picture(split, n, *size(n))),
                "label": n % len(NAMES),
                "file_name": f"{NAMES[n % len(NAMES)]}_{n}.JPEG",
            }
            for n in range(count)
        ]

    kinds = {
        "image": features.Image(encoding_format="jpeg"),
        "label": features.ClassLabel(names=list(NAMES)),
        "file_name": features.Text(),
    }
    made = {"train": rows("train", TRAIN), "validation": rows("validation", TEST)}
    prepare(folder, "imagenet2012", "5.1.0", kinds, made)
    return folder


def pets(folder: pathlib.Path) -> pathlib.Path:
    from tensorflow_datasets import features

    def rows(split: str, count: int) -> list[dict]:
        return [
            {
                "image": encoded(picture(split, n, *size(n))),
                "segmentation_mask": encoded(regions(n, *size(n), [2, 1, 3]), "png"),
                "file_name": f"pet_{n}.jpg",
            }
            for n in range(count)
        ]

    kinds = {
        "image": features.Image(encoding_format="jpeg"),
        "segmentation_mask": features.Image(
            shape=(None, None, 1), encoding_format="png"
        ),
        "file_name": features.Text(),
    }
    made = {"train": rows("train", TRAIN), "test": rows("test", TEST)}
    prepare(folder, "oxford_iiit_pet", "4.0.0", kinds, made)
    return folder


def cityscapes(folder: pathlib.Path) -> pathlib.Path:
    from tensorflow_datasets import features

    labels = [7, 0, 8, 11, 21, 23, 24, 26, 33]  # of which 0 is not evaluated

    def rows(split: str, count: int) -> list[dict]:
        return [
            {
                "image_left": encoded(picture(split, n, 64, 96), "png"),
                "segmentation_label": encoded(regions(n, 64, 96, labels), "png"),
                "image_id": f"city_{n:06}",
            }
            for n in range(count)
        ]

    kinds = {
        "image_left": features.Image(shape=(64, 96, 3), encoding_format="png"),
        "segmentation_label": features.Image(shape=(64, 96, 1), encoding_format="png"),
        "image_id": features.Text(),
    }
    made = {"train": rows("train", TRAIN), "validation": rows("validation", TEST)}
    prepare(folder, "cityscapes/semantic_segmentation", "1.0.0", kinds, made)
    return folder


def voc(folder: pathlib.Path) -> pathlib.Path:
    """Five images are in both lists of VOC and SBD, one of them to test on."""
    names = {
        "train": [f"2007_{n:06}" for n in range(8)],
        "val": [f"2007_{n:06}" for n in range(8, 8 + TEST)],
    }
    lists = folder / VOC / "ImageSets" / "Segmentation"
    for path in (
        lists,
        folder / VOC / "JPEGImages",
        folder / VOC / "SegmentationClass",
    ):
        path.mkdir(parents=True)
    for split, those in names.items():
        (lists / f"{split}.txt").write_text("\n".join(those) + "\n")
        for name in those:
            n = int(name[-6:])
            mask = regions(n, *size(n), [0, 15, 255, 20])
            image = encoded(picture(split, n, *size(n)))
            (folder / VOC / f"JPEGImages/{name}.jpg").write_bytes(image)
            (folder / VOC / f"SegmentationClass/{name}.png").write_bytes(palette(mask))
    sbd = {"train": range(4, 20), "val": range(20, 26)}
    for path in ("img", "cls"):
        (folder / SBD / path).mkdir(parents=True)
    for split, numbers in sbd.items():
        those = [f"2007_{n:06}" for n in numbers]
        (folder / SBD / f"{split}.txt").write_text("\n".join(those) + "\n")
        for n, name in zip(numbers, those, strict=True):
            image = encoded(picture("train", n, *size(n)))
            (folder / SBD / f"img/{name}.jpg").write_bytes(image)
            mask = regions(n, *size(n), [0, 12, 7])
            fields = {"GTcls": {"Segmentation": mask, "CategoriesPresent": [[7], [12]]}}
            savemat(folder / SBD / f"cls/{name}.mat", fields)
    return folder


def ade(folder: pathlib.Path) -> pathlib.Path:
    root = folder / ADE
    for split, count in (("training", TRAIN), ("validation", TEST)):
        for kind in ("images", "annotations"):
            (root / kind / split).mkdir(parents=True)
        for n in range(count):
            name = f"ADE_{split[:-3]}_{n:08}"
            half = "train" if split == "training" else "test"
            image = encoded(picture(half, n, *size(n)))
            (root / "images" / split / f"{name}.jpg").write_bytes(image)
            mask = encoded(regions(n, *size(n), [0, 1, 2, 150]), "png")
            (root / "annotations" / split / f"{name}.png").write_bytes(mask)
    head = "Idx\tRatio\tTrain\tVal\tStuff\tName"
    rows = [f"{n}\t0.1\t9\t9\t1\tclass{n}, other name" for n in range(1, 151)]
    (root / "objectInfo150.txt").write_text("\n".join([head, *rows]) + "\n")
    return folder


def folders(folder: pathlib.Path) -> pathlib.Path:
    for split, count in (("train", TRAIN), ("val", TEST)):
        for n in range(count):
            path = folder / split / NAMES[n % 3]
            path.mkdir(parents=True, exist_ok=True)
            kind = "png" if n % 4 == 0 else "jpeg"
            data = encoded(picture(split, n, *size(n)), kind)
            (path / f"{n}.{kind.upper()}").write_bytes(data)
            (path / "thumbs.db").write_bytes(b"no image")
    return folder
