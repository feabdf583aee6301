"""Data sets of image files: Pascal VOC with SBD, ADE20K, and folders of images."""

import pathlib

from .files import FileSource, data_file, data_folder
from .records import DATASETS, IGNORE, Dataset


NATURAL = (
    "An image's true surroundings are more of the scene, so zeros around it are a "
    "frame that is not there; no padding knows the truth, and some guess better."
)
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

VOC_CLASSES = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car"),
    *("cat", "chair", "cow", "dining table", "dog", "horse", "motorbike", "person"),
    *("potted plant", "sheep", "sofa", "train", "tv monitor"),
)
VOC = "VOCdevkit/VOC2012"
SBD = "benchmark_RELEASE/dataset"
GET_VOC = """\
  cd DIR
  wget http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar
  wget https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/benchmark.tgz
  tar xf VOCtrainval_11-May-2012.tar && tar xf benchmark.tgz"""

ADE = "ADEChallengeData2016"
GET_ADE = """\
  cd DIR
  wget http://data.csail.mit.edu/places/ADEchallenge/ADEChallengeData2016.zip
  unzip ADEChallengeData2016.zip"""


@DATASETS.register
def voc12_sbd(*, data_dir: str | None = None) -> Dataset:
    """Pascal VOC 2012 segmentation with SBD's further masks: 21 classes.

    Trains on VOC's training images with VOC's masks and on SBD's others (10,582 with
    the published files) and tests on VOC's 1,449 validation images, none of which is
    trained on. The line around VOC's objects has label 255; SBD draws none.

    "The Pascal Visual Object Classes Challenge: A Retrospective", Everingham et al.,
    2015. "Semantic Contours from Inverse Detectors", Hariharan et al., 2011.

    Args:
        data_dir: the folder that holds `VOCdevkit/VOC2012` and
            `benchmark_RELEASE/dataset`.

    Raises:
        FileNotFoundError: if a file is not there; it says how to get it.
    """
    folder = data_folder("voc12_sbd", data_dir, VOC, GET_VOC)
    data_folder("voc12_sbd", data_dir, SBD, GET_VOC)
    train, test, *parts = (
        data_file("voc12_sbd", folder, f"{lists}/{split}.txt", GET_VOC).split()
        for lists in (f"{VOC}/ImageSets/Segmentation", SBD)
        for split in ("train", "val")
    )
    seen = {*train, *test}
    more = [name for part in parts for name in part if name not in seen]
    return Dataset(
        name="voc12_sbd",
        classes=VOC_CLASSES,
        train=FileSource(
            str(folder),
            (*map(_voc_image, train), *(f"{SBD}/img/{name}.jpg" for name in more)),
            (*map(_voc_mask, train), *(f"{SBD}/cls/{name}.mat" for name in more)),
        ),
        test=FileSource(
            str(folder), tuple(map(_voc_image, test)), tuple(map(_voc_mask, test))
        ),
        task="segmentation",
        note=NATURAL,
    )


@DATASETS.register
def ade20k(*, data_dir: str | None = None) -> Dataset:
    """ADE20K's 150 classes: the scene parsing challenge of 2016.

    20,210 training and 2,000 validation images. The masks number the classes from 1; 0,
    "other", has label 255 here.

    "Scene Parsing through ADE20K Dataset", Zhou et al., 2017.

    Args:
        data_dir: the folder that holds `ADEChallengeData2016`.

    Raises:
        FileNotFoundError: if a file is not there; it says how to get it.
    """
    folder = data_folder("ade20k", data_dir, ADE, GET_ADE)
    text = data_file("ade20k", folder, f"{ADE}/objectInfo150.txt", GET_ADE)
    rows = text.splitlines()[1:]
    return Dataset(
        name="ade20k",
        classes=tuple(row.split("\t")[-1].split(",")[0].strip() for row in rows),
        train=_ade(folder, "training"),
        test=_ade(folder, "validation"),
        task="segmentation",
        relabel=(IGNORE, *range(len(rows))),
        note=NATURAL,
    )


@DATASETS.register
def image_folder(*, data_dir: str | None = None) -> Dataset:
    """Images in folders by class: `train/CLASS/*.jpg` and `test/CLASS/*.jpg`.

    The classes are the folders of `train` in the order of their names; in place of
    `test` there may be `val`.

    Args:
        data_dir: the folder that holds `train`.

    Raises:
        FileNotFoundError: if a folder is not there.
        ValueError: if one of them holds no image in a folder of a class, or the test
            folder has a class that the training folder lacks.
    """
    how = (
        "  put the images into DIR/train/CLASS/ and DIR/test/CLASS/ (or DIR/val/CLASS/)"
    )
    folder = data_folder("image_folder", data_dir, "train", how)
    other = "val" if (folder / "val").is_dir() else "test"
    data_folder("image_folder", data_dir, other, how)
    classes = _classes(folder / "train")
    if strange := sorted({*_classes(folder / other)} - {*classes}):
        raise ValueError(
            f"{folder / other} has the class {strange[0]!r}, which {folder / 'train'} "
            f"lacks: expected some of {', '.join(classes)}."
        )
    return Dataset(
        name="image_folder",
        classes=classes,
        train=_by_class(folder, "train", classes),
        test=_by_class(folder, other, classes),
        note=NATURAL,
    )


def _voc_image(name: str) -> str:
    return f"{VOC}/JPEGImages/{name}.jpg"


def _voc_mask(name: str) -> str:
    return f"{VOC}/SegmentationClass/{name}.png"


def _ade(folder: pathlib.Path, split: str) -> FileSource:
    images = f"{ADE}/images/{split}"
    data_folder("ade20k", str(folder), images, GET_ADE)
    names = sorted(path.stem for path in (folder / images).glob("*.jpg"))
    return FileSource(
        str(folder),
        tuple(f"{images}/{name}.jpg" for name in names),
        tuple(f"{ADE}/annotations/{split}/{name}.png" for name in names),
    )


def _classes(folder: pathlib.Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir()))


def _by_class(folder: pathlib.Path, split: str, classes: tuple[str, ...]) -> FileSource:
    found = [
        (path.relative_to(folder).as_posix(), label)
        for label, name in enumerate(classes)
        for path in sorted((folder / split / name).rglob("*"))
        if path.suffix.lower() in SUFFIXES
    ]
    if not found:
        raise ValueError(
            f"image_folder: no folder {folder / split}/CLASS holds an image: expected "
            f"files that end in {', '.join(SUFFIXES)}."
        )
    return FileSource(
        str(folder),
        tuple(path for path, _ in found),
        tuple(label for _, label in found),
    )
