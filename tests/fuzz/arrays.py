"""Fuzzed: files of arrays: those that reports read, weights, and MATLAB's masks."""

import io
import zipfile
from typing import Any

import numpy as np
from flax import nnx
from safetensors.numpy import save
from scipy.io import savemat

from jaxpad.data.sbd import sbd_mask
from jaxpad.models import ResNet, load_weights, save_weights
from jaxpad.models.export import from_safetensors, named_arrays
from jaxpad.reports.arrays import read_answers, read_masks
from tests.fuzz.grammar import ODD_NUMBERS, PIECES, Random, made, mutated, value
from tests.fuzz.law import FOLDER, Target, told
from tests.reports.runs import make_answers, make_masks


DESCRIPTIONS = ("|u1", "<f4", "<f8", "<i8", "|O", "|V8", "<U4", "|S0", "<c16", "<M8[s]")


def npz(arrays: dict[str, np.ndarray], rng: Random, changes: int) -> bytes:
    """An archive whose heads may claim other shapes and types than there are."""
    file = io.BytesIO()
    kind = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    broken = rng.choices(list(arrays), k=changes)
    with zipfile.ZipFile(file, "w", kind) as archive:
        for name, array in arrays.items():
            head = {
                "descr": array.dtype.str, "fortran_order": False, "shape": array.shape
            }  # fmt: skip
            if name in broken:
                head |= rng.choice(
                    (
                        {"descr": rng.choice(DESCRIPTIONS)},
                        {"shape": tuple(rng.choices(ODD_NUMBERS, k=rng.randrange(5)))},
                        {"shape": value(rng)},
                        {"descr": value(rng)},
                    )
                )
            text = repr(head).encode(errors="replace") + b"\n"
            magic = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little")
            archive.writestr(f"{name}.npy", magic + text + array.tobytes())
    return file.getvalue()


READERS: dict[str, Any] = {
    "answers": (read_answers, make_answers(3)),
    "masks": (read_masks, make_masks(2)),
}


def make_npz(rng: Random, changes: int) -> tuple[str, bytes]:
    kind = rng.choice(list(READERS))
    if rng.random() < 0.6:
        return kind, npz(READERS[kind][1], rng, changes)
    return kind, mutated(rng, changes, npz(READERS[kind][1], rng, 0), PIECES)


def check_npz(case: tuple[str, bytes]) -> None:
    kind, data = case
    path = FOLDER / "arrays.npz"
    path.write_bytes(data)
    told(lambda: READERS[kind][0](path, 3), lambda said: str(path) in said)


MODEL = ResNet(1, 2, blocks=(1,), width=2, rngs=nnx.Rngs(0))
save_weights(MODEL, FOLDER / "whole.npz")
with np.load(FOLDER / "whole.npz") as whole:
    WEIGHTS = dict(whole)
(FOLDER / "whole.safetensors").write_bytes(save(WEIGHTS))
load_weights(MODEL, FOLDER / "whole.safetensors")  # imports the library
OWN = {name: np.asarray(array) for name, array in named_arrays(MODEL).items()}


def make_weights(rng: Random, changes: int) -> tuple[str, bytes]:
    kind = rng.choice(("npz", "safetensors", "own"))
    if kind == "npz":
        data = npz(WEIGHTS, rng, changes if rng.random() < 0.5 else 0)
    else:
        data = save(WEIGHTS if kind == "safetensors" else OWN)
    return kind, mutated(rng, changes, data, PIECES)


def check_weights(case: tuple[str, bytes]) -> None:
    kind, data = case
    path = FOLDER / ("weights.npz" if kind == "npz" else "weights.safetensors")
    path.write_bytes(data)
    load = from_safetensors if kind == "own" else load_weights
    told(lambda: load(MODEL, path), lambda said: str(path) in said)


def _matlab(compress: bool) -> bytes:
    mask = np.arange(30, dtype=np.uint8).reshape(5, 6)
    file = io.BytesIO()
    fields = {"GTcls": {"Segmentation": mask, "CategoriesPresent": [[7], [12]]}}
    savemat(file, fields, do_compression=compress)
    return file.getvalue()


MATLAB = [_matlab(compress) for compress in (False, True)]


def make_matlab(rng: Random, changes: int) -> bytes:
    return mutated(rng, changes, rng.choice(MATLAB), PIECES)


def check_matlab(data: bytes) -> None:
    path = FOLDER / "mask.mat"
    path.write_bytes(data)
    told(lambda: sbd_mask(path), lambda said: str(path) in said)


TARGETS = [
    Target("npz files", 600, made(make_npz), check_npz),
    Target("weights files", 300, made(make_weights), check_weights),
    Target("MATLAB masks", 800, made(make_matlab), check_matlab),
]
