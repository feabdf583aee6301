"""Data sets prepared by TensorFlow Datasets, read without TensorFlow."""

from .folders import NATURAL
from .prepared import TfdsSource, class_names, prepared
from .records import DATASETS, IGNORE, Dataset


# labelIds of the classes that are evaluated, in the order of their trainIds.
CITYSCAPES = {
    **{7: "road", 8: "sidewalk", 11: "building", 12: "wall", 13: "fence", 17: "pole"},
    **{19: "traffic light", 20: "traffic sign", 21: "vegetation", 22: "terrain"},
    **{23: "sky", 24: "person", 25: "rider", 26: "car", 27: "truck", 28: "bus"},
    **{31: "train", 32: "motorcycle", 33: "bicycle"},
}
LABEL_IDS = 34  # 0 to 33; the licence plate's -1 is 255 in the files


@DATASETS.register
def imagenet2012(*, data_dir: str | None = None) -> Dataset:
    """ImageNet's 1,000 classes: 1,281,167 training and 50,000 validation images.

    "ImageNet Large Scale Visual Recognition Challenge", Russakovsky et al., 2015.

    Args:
        data_dir: where TFDS prepared it; None for the environment's TFDS_DATA_DIR or
            `~/tensorflow_datasets`.

    Raises:
        FileNotFoundError: if it is not there; it says how to prepare it.
        ValueError: if it is there in part.
    """
    splits, name = ("train", "validation"), "imagenet2012"
    folder = prepared(name, name, data_dir, splits, manual="the files of ILSVRC2012")
    return Dataset(
        name="imagenet2012",
        classes=class_names(name, folder, "label"),
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
        ValueError: if it is there in part.
    """
    name = "oxford_iiit_pet"
    folder = prepared(name, name, data_dir, ("train", "test"))
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
        ValueError: if it is there in part.
    """
    splits, build = ("train", "validation"), "cityscapes/semantic_segmentation"
    folder = prepared("cityscapes", build, data_dir, splits, manual="both zip files")
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
