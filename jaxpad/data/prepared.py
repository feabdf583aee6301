"""ArrayRecord files that TensorFlow Datasets has prepared: found, checked and read."""

import bisect
import dataclasses
import functools
import importlib
import itertools
import json
import os
import pathlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from .records import Record, digest


HOME = "~/tensorflow_datasets"  # where TFDS itself looks
# What TFDS needs to read them; it does not declare the second.
LIBRARIES = ("array_record", "importlib_resources", "tensorflow_datasets")
# Preparing needs TensorFlow, so it is done in an environment of its own.
GET = """\
  python -m venv prepare
  prepare/bin/pip install tensorflow tensorflow-datasets array_record
  prepare/bin/tfds build {build} --file_format=array_record --data_dir={folder}{manual}"""  # noqa: E501


# Under which features.json names classes, and where they are.
CLASS_KEYS = ("type", "pythonClassName", "python_class_name")
FEATURES = "tensorflow_datasets.core.features."


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
        records = self._open
        try:
            row = records[index]
            return Record(row[self.key].decode(), row[self.image], row[self.target])
        except Exception as error:  # ArrayRecord and protobuf raise what they like
            raise ValueError(f"{self._file(index)} cannot be read: {error}.") from error

    def fingerprint(self) -> str:
        """A hash of the files' names, sizes and numbers of records, in order."""
        split = builder(self.folder).info.splits[self.split]
        files = [pathlib.Path(path) for path in split.filepaths]
        sizes = [path.stat().st_size for path in files]
        names = "\n".join(path.name for path in files)
        return digest(names, np.asarray([sizes, split.shard_lengths], np.int64))

    def _file(self, index: int) -> str:
        """That a record lies in."""
        split = builder(self.folder).info.splits[self.split]
        ends = list(itertools.accumulate(split.shard_lengths))
        return str(split.filepaths[bisect.bisect_right(ends, index)])

    @functools.cached_property
    def _open(self) -> Any:
        from tensorflow_datasets import decode

        raw = decode.SkipDecoding()
        found = builder(self.folder)
        images = {self.image, self.target} - _classes_among(found)
        try:
            return found.as_data_source(
                split=self.split, decoders={name: raw for name in sorted(images)}
            )
        except Exception as error:  # TFDS raises what it likes
            raise ValueError(f"{self.folder} cannot be opened: {error}") from error

    def __getstate__(self) -> dict[str, Any]:
        # Each process opens its own files.
        return {name: v for name, v in self.__dict__.items() if name != "_open"}


def prepared(
    name: str,
    inside: str,
    data_dir: str | None,
    splits: tuple[str, ...],
    *,
    manual: str | None = None,
) -> str:
    """The folder of the newest version in ArrayRecord files, which are all there.

    Args:
        name: of the data set.
        inside: its folder in `data_dir`, which is also what TFDS builds.
        data_dir: what the user gave, or None.
        splits: whose files are looked for.
        manual: what has to be fetched by hand, for the command that prepares it.

    Raises:
        FileNotFoundError: if there is none; it says how to prepare it.
        ValueError: if some of its files are missing, or say nothing that can be read.
        ImportError: if what reads them is not installed.
    """
    given = data_dir or os.environ.get("TFDS_DATA_DIR", HOME)
    home = pathlib.Path(given).expanduser()
    where = f" --manual_dir=DIR  # with {manual} in DIR" if manual else ""
    how = "prepare it:\n" + GET.format(build=inside, folder=home, manual=where)
    versions = [path.parent for path in (home / inside).glob("*/dataset_info.json")]
    usable = [path for path in versions if any(path.glob("*.array_record*"))]
    if not usable:
        other = " (there is one in files of another format)" if versions else ""
        raise FileNotFoundError(
            f"{name}: no data set in ArrayRecord files in {home / inside}{other}. "
            f"Write \"{name}(data_dir='DIR')\" if it is elsewhere. To {how}"
        )
    folder = str(max(usable, key=lambda path: _numbers(path.name)))
    if wrong := _flaw(folder, splits):
        raise ValueError(f"{name}: {wrong}. Move {folder} away and {how}")
    return folder


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else -1 for part in version.split("."))


def _flaw(folder: str, splits: tuple[str, ...]) -> str:
    """What keeps a folder from being read; "" for nothing."""
    try:
        found = builder(folder).info.splits
        files = [pathlib.Path(p) for split in splits for p in found[split].filepaths]
        # A name that is too long for the file system raises here.
        missing = [path.name for path in files if not path.is_file()]
    except ImportError:
        raise
    except Exception as error:  # TFDS and protobuf raise what they like
        what = f"{type(error).__name__}: {error}"
        return (
            f"dataset_info.json and features.json in {folder} cannot be used ({what})"
        )
    if not missing:
        return ""
    return f"{folder} lacks {len(missing)} of {len(files)} files, such as {missing[0]}"


@functools.cache
def builder(folder: str) -> Any:
    """TFDS's reader of a folder.

    Raises:
        ImportError: if a library is missing; it says what to install.
        ValueError: if the folder names code, or files outside of it.
    """
    try:
        *_, tensorflow_datasets = map(importlib.import_module, LIBRARIES)
    except ImportError as error:
        raise ImportError(
            f"{folder} is read by TensorFlow Datasets, without TensorFlow, and a "
            f'library is missing: {error}. pip install "jaxpad[tfds]"'
        ) from error
    _check_features(json.loads(pathlib.Path(folder, "features.json").read_bytes()))
    try:
        found = tensorflow_datasets.builder_from_directory(folder)
    except ImportError as error:  # TensorFlow, for a type that NumPy has not
        raise ValueError(
            f"features.json asks for what is not there: {error}"
        ) from error
    _check_files(pathlib.Path(folder), found.info.splits.values())
    return found


def _check_features(content: Any) -> None:
    """Raises for a class that is not TFDS's own: TFDS imports what is named here.

    Text inside may be JSON again, which TFDS reads likewise.
    """
    if isinstance(content, str):
        try:
            content = json.loads(content)
        except ValueError:
            return
        return _check_features(content)
    for value in content if isinstance(content, list) else ():
        _check_features(value)
    for key, value in content.items() if isinstance(content, dict) else ():
        named = isinstance(value, str) and key in CLASS_KEYS
        if named and "." in value and not value.startswith(FEATURES):
            raise ValueError(
                f"features.json would import {value!r}, and may import only {FEATURES}*"
            )
        _check_features(value)


def _check_files(folder: pathlib.Path, splits: Iterable[Any]) -> None:
    """Raises for files that are not in the folder, by their names or by a link."""
    for path in (path for split in splits for path in split.filepaths):
        if not pathlib.Path(path).resolve().is_relative_to(folder.resolve()):
            raise ValueError(
                f"dataset_info.json names {path}, which leaves {folder}: its files lie "
                "in the folder itself"
            )


def class_names(name: str, folder: str, feature: str) -> tuple[str, ...]:
    """The names of the classes of a feature, of a folder that `prepared` gave.

    Raises:
        ValueError: if it has none; it says of which data set.
    """
    kinds = builder(folder).info.features
    names = getattr(kinds[feature], "names", None) if feature in kinds else None
    if not names:
        raise ValueError(
            f"{name}: features.json in {folder} names no classes of {feature!r}: "
            "prepare the data set again."
        )
    return tuple(names)


def _classes_among(found: Any) -> set[str]:
    from tensorflow_datasets import features

    kinds = found.info.features
    return {name for name in kinds if isinstance(kinds[name], features.ClassLabel)}
