"""Each data set in its own format: what is read, and what is said to be missing."""

import pathlib
import pickle
import sys
from collections.abc import Callable

import numpy as np
import pytest

from jaxpad.data import CROPS, DATASETS, Dataset, EvalBatches, TrainBatches
from jaxpad.data.crops import whole
from jaxpad.data.decode import read_mask
from jaxpad.data.examples import read_example
from tests.data import miniatures
from tests.data.miniatures import TEST, TRAIN, picture, regions, size


MAKERS: dict[str, Callable[[pathlib.Path], pathlib.Path]] = {
    "imagenet2012": miniatures.imagenet,
    "oxford_iiit_pet": miniatures.pets,
    "cityscapes": miniatures.cityscapes,
    "voc12_sbd": miniatures.voc,
    "ade20k": miniatures.ade,
    "image_folder": miniatures.folders,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pathlib.Path]:
    return {name: make(tmp_path_factory.mktemp(name)) for name, make in MAKERS.items()}


@pytest.fixture(params=list(MAKERS))
def dataset(request: pytest.FixtureRequest, made: dict[str, pathlib.Path]) -> Dataset:
    return DATASETS.resolve(f"{request.param}(data_dir={str(made[request.param])!r})")()


def example(dataset: Dataset, source, index: int):
    return read_example(dataset, source, index, whole, np.random.default_rng(0))


def test_the_records_are_the_photographs(dataset: Dataset):
    if dataset.name in ("image_folder", "voc12_sbd"):
        assert len(dataset.test) == TEST
    else:
        assert (len(dataset.train), len(dataset.test)) == (TRAIN, TEST)
    found, label = example(dataset, dataset.test, 0)
    number = 8 if dataset.name == "voc12_sbd" else 0
    shape = (64, 96) if dataset.name == "cityscapes" else size(number)
    wanted = picture("test", number, *shape)
    assert np.abs(found.astype(int) - wanted).mean() < 3
    assert label.shape == (shape if dataset.task == "segmentation" else ())
    assert label.dtype == np.int32


def test_tensorflow_is_not_imported(dataset: Dataset):
    example(dataset, dataset.train, 0)
    assert "tensorflow" not in sys.modules


def test_sources_travel_to_other_processes(dataset: Dataset):
    before = dataset.train[3]
    after = pickle.loads(pickle.dumps(dataset)).train[3]
    assert (before.key, before.image) == (after.key, after.image)


def test_training_and_testing_run(dataset: Dataset):
    """Batches of one size to train on, and each test image once."""
    name = "random_scale_crop" if dataset.task == "segmentation" else None
    crop = CROPS.resolve(f"{name or 'random_resized_crop'}(size=32)")
    batch = TrainBatches(dataset, 4, 0, crop=crop)[2]
    assert batch["image"].shape == (4, 32, 32, 3)
    assert batch["label"].shape == ((4, 32, 32) if name else (4,))
    seen = [n for b in EvalBatches(dataset, 3) for n in b["id"][b["real"], 1]]
    assert sorted(seen) == list(range(TEST))


def test_classes_of_imagenet(made: dict[str, pathlib.Path]):
    data = DATASETS["imagenet2012"](data_dir=str(made["imagenet2012"]))
    assert data.classes == miniatures.NAMES
    for n in range(TEST):
        assert data.test[n].target == n % 10
        assert data.test[n].key == f"{miniatures.NAMES[n % 10]}_{n}.JPEG"


def test_pets_count_from_zero(made: dict[str, pathlib.Path]):
    data = DATASETS["oxford_iiit_pet"](data_dir=str(made["oxford_iiit_pet"]))
    _, label = example(data, data.test, 2)
    np.testing.assert_array_equal(label, regions(2, *size(2), [2, 1, 3]) - 1)


def test_cityscapes_has_train_ids(made: dict[str, pathlib.Path]):
    data = DATASETS["cityscapes"](data_dir=str(made["cityscapes"]))
    assert len(data.classes) == 19
    _, label = example(data, data.train, 5)
    # road, unlabelled, sidewalk, building, vegetation, sky, person, car, bicycle
    train_ids = [0, 255, 1, 2, 8, 10, 11, 13, 18]
    np.testing.assert_array_equal(label, regions(5, 64, 96, train_ids))
    names = [data.classes[n] for n in train_ids if n != 255]
    assert names[:3] == ["road", "sidewalk", "building"]
    assert names[3:] == ["vegetation", "sky", "person", "car", "bicycle"]


def test_voc_trains_on_no_test_image(made: dict[str, pathlib.Path]):
    data = DATASETS["voc12_sbd"](data_dir=str(made["voc12_sbd"]))
    # VOC's 8 to train on, and SBD's 4..25 without VOC's 0..7 and its test 8..14.
    numbers = [int(data.train[n].key[-10:-4]) for n in range(len(data.train))]
    assert numbers == [*range(8), *range(15, 26)]
    assert [data.train[n].key.startswith("VOC") for n in (0, 7, 8)] == [1, 1, 0]
    _, fine = example(data, data.train, 1)
    np.testing.assert_array_equal(fine, regions(1, *size(1), [0, 15, 255, 20]))
    _, coarse = example(data, data.train, 9)
    np.testing.assert_array_equal(coarse, regions(16, *size(16), [0, 12, 7]))


def test_ade_ignores_other(made: dict[str, pathlib.Path]):
    data = DATASETS["ade20k"](data_dir=str(made["ade20k"]))
    assert (len(data.classes), data.classes[149]) == (150, "class150")
    _, label = example(data, data.test, 1)
    np.testing.assert_array_equal(label, regions(1, *size(1), [255, 0, 1, 149]))
    assert read_mask(data.test[1].target).max() == 150


def test_folders_give_classes(made: dict[str, pathlib.Path]):
    data = DATASETS["image_folder"](data_dir=str(made["image_folder"]))
    assert data.classes == tuple(sorted(miniatures.NAMES[:3]))
    assert len(data.train) == TRAIN
    for n in range(TRAIN):
        record = data.train[n]
        assert record.key.split("/")[1] == data.classes[record.target]


def test_a_class_that_is_not_trained_is_refused(tmp_path: pathlib.Path):
    miniatures.folders(tmp_path)
    (tmp_path / "val" / "zebra").mkdir()
    with pytest.raises(ValueError, match=r"class 'zebra', which .* lacks"):
        DATASETS["image_folder"](data_dir=str(tmp_path))


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_part_without_images_is_refused(split: str, tmp_path: pathlib.Path):
    miniatures.folders(tmp_path)
    for path in (tmp_path / split).rglob("*.*"):
        path.rename(path.with_suffix(".txt"))
    with pytest.raises(
        ValueError, match=rf"no folder {tmp_path}/{split}/CLASS holds an"
    ):
        DATASETS["image_folder"](data_dir=str(tmp_path))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("voc12_sbd", "VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt"),
        ("voc12_sbd", "benchmark_RELEASE/dataset/val.txt"),
        ("ade20k", "ADEChallengeData2016/objectInfo150.txt"),
        ("ade20k", "ADEChallengeData2016/images/validation"),
    ],
)
def test_a_missing_part_is_said_with_the_command(
    name: str, path: str, tmp_path: pathlib.Path
):
    MAKERS[name](tmp_path)
    (tmp_path / path).rename(tmp_path / "elsewhere")
    text = rf"(?s)^{name}: {tmp_path / path} is .*cd {tmp_path}\n  wget http"
    with pytest.raises(FileNotFoundError, match=text):
        DATASETS[name](data_dir=str(tmp_path))


@pytest.mark.parametrize("name", list(MAKERS))
def test_what_is_missing_is_said_with_the_command(
    name: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    how = {
        "imagenet2012": "tfds build imagenet2012 .*--manual_dir=DIR",
        "oxford_iiit_pet": "tfds build oxford_iiit_pet --file_format=array_record",
        "cityscapes": "tfds build cityscapes/semantic_segmentation .*--manual_dir",
        "voc12_sbd": "wget .*VOCtrainval",
        "ade20k": "wget .*ADEChallengeData2016.zip",
        "image_folder": "train/CLASS/",
    }[name]
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "none"))
    for given, place in ((None, "DIR"), (str(tmp_path), str(tmp_path))):
        with pytest.raises(FileNotFoundError, match=rf"(?s)^{name}.*{how}") as caught:
            DATASETS[name](data_dir=given)
        assert place in str(caught.value)


def test_the_newest_version_is_read(tmp_path: pathlib.Path):
    for version in ("9.0.0", "10.0.0"):
        folder = tmp_path / "oxford_iiit_pet" / version
        folder.mkdir(parents=True)
        (folder / "dataset_info.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="one in files of another format"):
        DATASETS["oxford_iiit_pet"](data_dir=str(tmp_path))
    for version in ("9.0.0", "10.0.0"):
        made = tmp_path / "oxford_iiit_pet" / version / "a.array_record-0"
        made.write_bytes(b"")
    with pytest.raises(ValueError, match=rf"json in {tmp_path}/.*/10\.0\.0 cannot be"):
        DATASETS["oxford_iiit_pet"](data_dir=str(tmp_path))


def test_a_fingerprint_follows_the_files(tmp_path: pathlib.Path):
    def now() -> str:
        return DATASETS["ade20k"](data_dir=str(tmp_path)).fingerprint()

    miniatures.ade(tmp_path)
    first = now()
    assert now() == first
    (image, *_) = sorted(tmp_path.rglob("*.jpg"))
    image.write_bytes(image.read_bytes() + b" ")
    longer = now()
    image.with_suffix(".png")
    mask = next(tmp_path.rglob("annotations/validation/*.png"))
    mask.write_bytes(mask.read_bytes() + b" ")
    assert len({first, longer, now()}) == 3
    assert len(first) == 16


def test_a_fingerprint_of_array_records_follows_the_files(
    made: dict[str, pathlib.Path], tmp_path: pathlib.Path
):
    miniatures.pets(tmp_path)
    data = DATASETS["oxford_iiit_pet"](data_dir=str(tmp_path))
    same = DATASETS["oxford_iiit_pet"](data_dir=str(made["oxford_iiit_pet"]))
    first = data.fingerprint()
    assert first == same.fingerprint()  # wherever it lies
    path = next(tmp_path.rglob("*test.array_record*"))
    path.write_bytes(path.read_bytes() + b" ")
    assert data.fingerprint() != first
