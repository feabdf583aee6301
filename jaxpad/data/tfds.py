"""Data sets prepared by TensorFlow Datasets, read without TensorFlow."""

import dataclasses
import functools
import os
import pathlib
from typing import Any

import numpy as np

from .folders import NATURAL
from .records import DATASETS, IGNORE, Dataset, Record, digest


HOME = "~/tensorflow_datasets"  # where TFDS itself looks
# Preparing needs TensorFlow, so it is done in an environment of its own.
GET = """\
  python -m venv prepare
  prepare/bin/pip install tensorflow tensorflow-datasets array_record
  prepare/bin/tfds build {build} --file_format=array_record --data_dir={folder}{manual}"""  # noqa: E501

# labelIds of the classes that are evaluated, in the order of their trainIds.
CITYSCAPES = {
    **{7: "road", 8: "sidewalk", 11: "building", 12: "wall", 13: "fence", 17: "pole"},
    **{19: "traffic light", 20: "traffic sign", 21: "vegetation", 22: "terrain"},
    **{23: "sky", 24: "person", 25: "rider", 26: "car", 27: "truck", 28: "bus"},
    **{31: "train", 32: "motorcycle", 33: "bicycle"},
}
LABEL_IDS = 34  # 0 to 33; the licence plate's -1 is 255 in the files


@dataclasses.dataclass(frozen=True)
class TfdsSource:
    """The records of one split of a prepared data set, in ArrayRecord files.

    Attributes:
        folder: of the version, with `dataset_info.json` in it.
        split: "train", for instance.
        image, target, key: the features that a `Record` is made of.
    """

    folder: str
    split: str
    image: str
    target: str
    key: str

    def __len__(self) -> int:
        return len(self._open)

    def __getitem__(self, index: int) -> Record:
        row = self._open[index]
        return Record(row[self.key].decode(), row[self.image], row[self.target])

    def fingerprint(self) -> str:
        """A hash of the files' names, sizes and numbers of records, in order."""
        split = _builder(self.folder).info.splits[self.split]
        files = [pathlib.Path(path) for path in split.filepaths]
        sizes = [path.stat().st_size for path in files]
        names = "\n".join(path.name for path in files)
        return digest(names, np.asarray([sizes, split.shard_lengths], np.int64))

    @functools.cached_property
    def _open(self) -> Any:
        from tensorflow_datasets import decode

        raw = decode.SkipDecoding()
        builder = _builder(self.folder)
        images = {self.image, self.target} - _classes_among(builder)
        return builder.as_data_source(
            split=self.split, decoders={name: raw for name in sorted(images)}
        )

    def __getstate__(self) -> dict[str, Any]:
        # Each process opens its own files.
        return {name: v for name, v in self.__dict__.items() if name != "_open"}


@DATASETS.register
def imagenet2012(*, data_dir: str | None = None) -> Dataset:
    """ImageNet's 1,000 classes: 1,281,167 training and 50,000 validation images.

    "ImageNet Large Scale Visual Recognition Challenge", Russakovsky et al., 2015.

    Args:
        data_dir: where TFDS prepared it; None for the environment's TFDS_DATA_DIR or
            `~/tensorflow_datasets`.

    Raises:
        FileNotFoundError: if it is not there; it says how to prepare it.
    """
    folder = _prepared("imagenet2012", "imagenet2012", data_dir, manual="ILSVRC2012")
    features = _builder(folder).info.features
    return Dataset(
        name="imagenet2012",
        classes=tuple(features["label"].names),
        train=TfdsSource(folder, "train", "image", "label", "file_name"),
        test=TfdsSource(folder, "validation", "image", "label", "file_name"),
        note=NATURAL,
    )


@DATASETS.register
def oxford_iiit_pet(*, data_dir: str | None = None) -> Dataset:
    """Cats and dogs, pixel by pixel: pet, background, outline; 3,680 and 3,669 images.

    "Cats and Dogs", Parkhi et al., 2012.

    Args:
        data_dir: as in `imagenet2012`.

    Raises:
        FileNotFoundError: if it is not there; it says how to prepare it.
    """
    folder = _prepared("oxford_iiit_pet", "oxford_iiit_pet", data_dir)
    names = ("image", "segmentation_mask", "file_name")
    return Dataset(
        name="oxford_iiit_pet",
        classes=("pet", "background", "outline"),
        train=TfdsSource(folder, "train", *names),
        test=TfdsSource(folder, "test", *names),
        task="segmentation",
        relabel=(-1, 0, 1, 2),  # the masks count from 1
        note=NATURAL,
    )


@DATASETS.register
def cityscapes(*, data_dir: str | None = None) -> Dataset:
    """Streets of 50 cities, 1024x2048: 2,975 training and 500 validation images.

    The masks hold labelIds, 0 to 33; they become the 19 trainIds, and 255 for those
    that are not evaluated.

    "The Cityscapes Dataset for Semantic Urban Scene Understanding", Cordts et al.,
    2016.

    Args:
        data_dir: as in `imagenet2012`.

    Raises:
        FileNotFoundError: if it is not there; it says how to prepare it.
    """
    name = "cityscapes/semantic_segmentation"
    folder = _prepared("cityscapes", name, data_dir, manual="the two zip files")
    names = ("image_left", "segmentation_label", "image_id")
    ids = list(CITYSCAPES)
    return Dataset(
        name="cityscapes",
        classes=tuple(CITYSCAPES.values()),
        train=TfdsSource(folder, "train", *names),
        test=TfdsSource(folder, "validation", *names),
        task="segmentation",
        relabel=tuple(ids.index(n) if n in ids else IGNORE for n in range(LABEL_IDS)),
        note=NATURAL,
    )


def _prepared(
    name: str, inside: str, data_dir: str | None, manual: str | None = None
) -> str:
    """The folder of the newest version in ArrayRecord files."""
    given = data_dir or os.environ.get("TFDS_DATA_DIR", HOME)
    home = pathlib.Path(given).expanduser()
    versions = [path.parent for path in (home / inside).glob("*/dataset_info.json")]
    usable = [path for path in versions if any(path.glob("*.array_record*"))]
    if usable:
        return str(max(usable, key=lambda path: _numbers(path.name)))
    where = f" --manual_dir=DIR  # with {manual} in DIR" if manual else ""
    other = " (there is one in files of another format)" if versions else ""
    raise FileNotFoundError(
        f"{name}: no data set in ArrayRecord files in {home / inside}{other}. Write "
        f"\"{name}(data_dir='DIR')\" if it is elsewhere. To prepare it:\n"
        + GET.format(build=inside, folder=home, manual=where)
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else -1 for part in version.split("."))


@functools.cache
def _builder(folder: str) -> Any:
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise ImportError(
            f"{folder} is read by TFDS, which needs no TensorFlow: "
            "pip install tensorflow-datasets array_record importlib_resources"
        ) from error
    return tensorflow_datasets.builder_from_directory(folder)


def _classes_among(builder: Any) -> set[str]:
    from tensorflow_datasets import features

    found = builder.info.features
    return {n for n in found if isinstance(found[n], features.ClassLabel)}
