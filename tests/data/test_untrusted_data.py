"""Images, masks and descriptions that claim, name or hold what they should not."""

import json
import pathlib
import shutil
import struct
import sys
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from jaxpad.data import CROPS, DATASETS, RecordError, TrainBatches, decode as decoding
from jaxpad.data.decode import decode, image_size
from jaxpad.data.files import FileSource
from jaxpad.data.prepared import builder
from jaxpad.data.sbd import MOST, sbd_mask
from tests.data import miniatures
from tests.data.files import encoded, photograph
from tests.data.test_batches import EVEN, dataset


PHOTO = photograph(24, 32)
HUGE = 60_000


def chunk(kind: bytes, data: bytes) -> bytes:
    whole = kind + data
    return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))


def huge_png() -> bytes:
    data = encoded(PHOTO, "png")
    head = struct.pack(">2I5B", HUGE, HUGE, 8, 2, 0, 0, 0)
    return data[:8] + chunk(b"IHDR", head) + data[33:]


def huge_jpeg() -> bytes:
    data = encoded(PHOTO)
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">2H", HUGE, HUGE) + data[at + 4 :]


def huge_webp() -> bytes:
    frame = encoded(PHOTO, "webp", lossless=True)[12:]
    size = (HUGE - 1).to_bytes(3, "little")
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + bytes(4) + size + size + frame
    return b"RIFF" + struct.pack("<I", len(body)) + body


def huge_tiff() -> bytes:
    data = encoded(PHOTO, "tiff")
    for tag, old in ((256, 32), (257, 24)):
        for kind, size in ((3, "<2HIHH"), (4, "<2H2I")):
            before = struct.pack(size, tag, kind, 1, old, *([0] if kind == 3 else []))
            after = struct.pack("<2H2I", tag, 4, 1, HUGE)
            data = data.replace(before, after)
    return data


CLAIMS = {f.__name__: f for f in (huge_png, huge_jpeg, huge_webp, huge_tiff)}


@pytest.mark.parametrize("kind", CLAIMS)
@pytest.mark.parametrize("fast", [True, False])
def test_a_size_that_no_image_has(
    kind: str, fast: bool, monkeypatch: pytest.MonkeyPatch
):
    if not fast:
        monkeypatch.setattr(decoding, "fast_libraries", lambda: None)
    data = CLAIMS[kind]()
    for read in (image_size, decode):
        with pytest.raises(ValueError, match=r"claims too many pixels.*on_error="):
            read(data)


def test_the_policy_decides_about_such_records():
    class Files(type(EVEN)):
        def __getitem__(self, index: int) -> Any:
            record = super().__getitem__(index)
            if index != 1:
                return record
            return type(record)(record.key, huge_png(), record.target)

    files, crop = Files([(24, 30)] * 4), CROPS.resolve("random_resized_crop(size=8)")
    strict = TrainBatches(dataset(files, EVEN), 4, 0, crop=crop)
    with pytest.raises(RecordError, match=r"'photo1' of mine: .*too many pixels"):
        strict[0]
    skipping = TrainBatches(dataset(files, EVEN), 4, 0, crop=crop, on_error="skip")
    assert 1 not in skipping[0]["id"][:, 1]


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_text_that_unpacks_to_too_much(kind: bytes):
    bomb = zlib.compress(bytes(2**28), 9)  # 256 KiB
    head = b"a\0\1\0\0\0" if kind == b"iTXt" else b"a\0\0"
    data = encoded(PHOTO, "png")
    data = data[:33] + chunk(kind, head + bomb) + data[33:]
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="no image that can be read"):
            image_size(data)
        assert tracemalloc.get_traced_memory()[1] < 2**25
    finally:
        tracemalloc.stop()


def test_formats_whose_readers_run_programs():
    """PIL hands PostScript to Ghostscript."""
    data = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nquit\n"
    with pytest.raises(ValueError, match=r"no image that can be read: expected BMP"):
        decode(data)


def test_a_crop_that_no_memory_holds():
    with pytest.raises(ValueError, match=r"size=100000: .* 89,478,485 in all at most"):
        CROPS.resolve("random_resized_crop(size=100000)")(
            PHOTO, None, np.random.default_rng(0)
        )


def matlab(path: pathlib.Path, compress: bool, mask: np.ndarray) -> pathlib.Path:
    fields = {"CategoriesPresent": [[7], [12]], "Segmentation": mask, "Last": {"a": 1}}
    savemat(path, {"before": 1, "GTcls": fields}, do_compression=compress)
    return path


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("dtype", [np.uint8, np.float64, np.int16])
def test_matlab_masks_are_scipy_s(tmp_path: pathlib.Path, compress: bool, dtype: Any):
    mask = (np.arange(35) % 21).reshape(5, 7).astype(dtype)
    path = matlab(tmp_path / "a.mat", compress, mask)
    np.testing.assert_array_equal(sbd_mask(path), mask)
    theirs = loadmat(path)["GTcls"]["Segmentation"][0, 0]
    np.testing.assert_array_equal(sbd_mask(path), theirs)
    assert sbd_mask(path).dtype == np.uint8


@pytest.mark.parametrize("wrong", [300.0, -1.0, 0.5, np.nan])
def test_matlab_numbers_that_are_no_class(tmp_path: pathlib.Path, wrong: float):
    path = matlab(tmp_path / "a.mat", True, np.full((2, 3), wrong))
    with pytest.raises(ValueError, match=r"a\.mat holds no GTcls.*not from 0 to 255"):
        sbd_mask(path)


def test_matlab_that_unpacks_to_too_much(tmp_path: pathlib.Path):
    body = zlib.compress(bytes(MOST + 8), 9)
    head = b"MATLAB 5.0".ljust(124) + b"\0\1IM"
    path = tmp_path / "a.mat"
    path.write_bytes(head + struct.pack("<2I", 15, len(body)) + body)
    with pytest.raises(ValueError, match="unpacks to more than 67,108,864 bytes"):
        sbd_mask(path)


def test_matlab_cells_in_cells_end_nothing(tmp_path: pathlib.Path):
    """SciPy's reader ends the process with a segmentation fault here."""

    def element(kind: int, data: bytes) -> bytes:
        return struct.pack("<2I", kind, len(data)) + data + bytes(-len(data) % 8)

    def matrix(name: bytes, body: bytes) -> bytes:
        flags, shape = struct.pack("<2I", 1, 0), struct.pack("<2i", 1, 1)
        parts = element(6, flags) + element(5, shape) + element(1, name)
        return element(14, parts + body)

    cell = b""
    for _ in range(20_000):
        cell = matrix(b"", cell)[:64] if len(cell) > 2**20 else matrix(b"", cell)
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 5.0".ljust(124) + b"\0\1IM" + matrix(b"GTcls", cell))
    with pytest.raises(ValueError, match=r"a\.mat holds no GTcls"):
        sbd_mask(path)


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd"])
def test_lists_that_name_files_elsewhere(tmp_path: pathlib.Path, name: str):
    (tmp_path / "secret.png").write_bytes(encoded(PHOTO, "png"))
    (tmp_path / "data").mkdir()
    files = FileSource(str(tmp_path / "data"), (name,), (0,))
    strict = TrainBatches(dataset(files, EVEN), 1, 0)
    with pytest.raises(RecordError, match=rf"'{name}' leaves the folder"):
        strict[0]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return miniatures.imagenet(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def root(whole: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    builder.cache_clear()
    return shutil.copytree(whole, tmp_path / "imagenet")


def feature(text: str) -> dict[str, Any]:
    """That TFDS would import `text` for, as its older files say it."""
    return {"type": text, "content": {}}


def as_text(text: str) -> dict[str, Any]:
    name = "tensorflow_datasets.core.features.features_dict.FeaturesDict"
    inner = json.dumps({"a": feature(text)})
    return {"pythonClassName": name, "jsonFeature": {"json": inner}}


@pytest.mark.parametrize(
    "say", [lambda text: {"pythonClassName": text}, feature, as_text]
)
def test_a_description_imports_nothing(
    root: pathlib.Path, say: Any, monkeypatch: pytest.MonkeyPatch
):
    name = f"features_of_{root.parent.name}"
    (root / f"{name}.py").write_text("raise SystemExit('it was imported')\n")
    monkeypatch.syspath_prepend(root)
    path = next(root.rglob("features.json"))
    found = json.loads(path.read_text())
    found["featuresDict"]["features"]["label"] = say(f"{name}.Evil")
    path.write_text(json.dumps(found))
    with pytest.raises(ValueError, match=rf"imagenet2012: .*import '{name}\.Evil'"):
        DATASETS["imagenet2012"](data_dir=str(root))
    assert name not in sys.modules


def test_a_description_without_classes(root: pathlib.Path):
    path = next(root.rglob("features.json"))
    found = json.loads(path.read_text())
    del found["featuresDict"]["features"]["label"]
    path.write_text(json.dumps(found))
    with pytest.raises(ValueError, match=r"imagenet2012: .*no classes of 'label'"):
        DATASETS["imagenet2012"](data_dir=str(root))


@pytest.mark.parametrize("template", ["../../{SPLIT}.array_record", "/{SPLIT}.x"])
def test_a_description_that_names_files_elsewhere(root: pathlib.Path, template: str):
    path = next(root.rglob("dataset_info.json"))
    found = json.loads(path.read_text())
    found["splits"][0]["filepathTemplate"] = template
    path.write_text(json.dumps(found))
    with pytest.raises(ValueError, match=r"imagenet2012: .*which leaves"):
        DATASETS["imagenet2012"](data_dir=str(root))


def test_a_description_with_a_name_that_no_file_has(root: pathlib.Path):
    path = next(root.rglob("dataset_info.json"))
    found = json.loads(path.read_text())
    found["splits"][0]["filepathTemplate"] = "a" * 300 + "{SHARD_X_OF_Y}"
    path.write_text(json.dumps(found))
    with pytest.raises(
        ValueError, match=r"(?s)imagenet2012: .*(too long|cannot|lacks)"
    ):
        DATASETS["imagenet2012"](data_dir=str(root))


def test_a_link_that_leaves_a_prepared_data_set(root: pathlib.Path):
    shard = next(root.rglob("*train.array_record*"))
    shutil.move(shard, root.parent / "elsewhere")
    shard.symlink_to(root.parent / "elsewhere")
    with pytest.raises(ValueError, match=rf"{shard.name}, which leaves"):
        DATASETS["imagenet2012"](data_dir=str(root))
    # The folder itself may be one.
    shard.unlink()
    shutil.move(root.parent / "elsewhere", shard)
    link = root.parent / "link"
    link.symlink_to(root)
    assert len(DATASETS["imagenet2012"](data_dir=str(link)).train) == miniatures.TRAIN
