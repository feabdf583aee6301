"""Records in files on disk, and the error of a data set that is not there."""

import dataclasses
import os
import pathlib

import numpy as np

from ..untrusted import inside
from .records import Record, digest
from .sbd import sbd_mask


def data_folder(name: str, data_dir: str | None, needed: str, how: str) -> pathlib.Path:
    """The folder that holds a data set.

    Args:
        name: of the data set.
        data_dir: what the user gave, or None.
        needed: the folder inside it that must be there.
        how: commands that put it there; `DIR` in them is the folder.

    Raises:
        FileNotFoundError: if it is not there; it says how to get it.
    """
    if data_dir is None:
        raise FileNotFoundError(
            f"{name} is not part of the install: write \"{name}(data_dir='DIR')\" with "
            f"the folder that holds {needed}. To get it:\n{how}"
        )
    folder = pathlib.Path(data_dir).expanduser()
    if not (folder / needed).is_dir():
        raise FileNotFoundError(
            f"{name}: {folder / needed} is no folder. To get the data set:\n"
            + how.replace("DIR", str(folder))
        )
    return folder


def data_file(name: str, folder: pathlib.Path, needed: str, how: str) -> str:
    """The text of a file that lists what a data set holds.

    Args:
        name: of the data set.
        folder: that holds it.
        needed: the file's path inside.
        how: commands that put it there; `DIR` in them is the folder.

    Raises:
        FileNotFoundError: if it is not there; it says how to get it.
    """
    path = folder / needed
    if not path.is_file():
        raise FileNotFoundError(
            f"{name}: {path} is missing. To get the whole data set:\n"
            + how.replace("DIR", str(folder))
        )
    return path.read_text()


@dataclasses.dataclass(frozen=True)
class FileSource:
    """Records whose images are files, and whose masks are if they have any.

    Attributes:
        root: the folder that holds them all.
        images: paths from there; they are the keys.
        targets: classes, or paths of masks: images of one channel, or .mat files of
            the Semantic Boundaries Dataset.
    """

    root: str
    images: tuple[str, ...]
    targets: tuple[int, ...] | tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Record:
        path, target = self.images[index], self.targets[index]
        image = self._path(path).read_bytes()
        if isinstance(target, int):
            return Record(path, image, target)
        if target.endswith(".mat"):
            return Record(path, image, sbd_mask(self._path(target)))
        return Record(path, image, self._path(target).read_bytes())

    def fingerprint(self) -> str:
        """A hash of the paths and of the files' sizes, in order."""
        names = [*self.images, *map(str, self.targets)]
        files = [*self.images, *(t for t in self.targets if isinstance(t, str))]
        sizes = [os.stat(self._path(path)).st_size for path in files]
        return digest("\n".join(names), np.asarray(sizes, np.int64))

    def _path(self, path: str) -> pathlib.Path:
        return inside(self.root, path)
