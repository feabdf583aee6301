"""What others may have written is parsed, bounded, and never run."""

import io
import pathlib
import sys
import zipfile
from typing import Any

import numpy as np
import pytest

from jaxpad import untrusted
from jaxpad.padding import as_padding
from jaxpad.registry import Registry, parse_call, restored
from jaxpad.untrusted import inside, literal, read_json, read_npz


@pytest.mark.parametrize(
    "text",
    ["{[]: 1}", "(" * 500, "-" * 5_000 + "1", "__import__('os')", "\ud800", "a\0b", ""],
)
def test_what_is_no_literal(text: str):
    with pytest.raises(ValueError, match=r"."):
        literal(text)


def test_a_text_that_is_too_long():
    with pytest.raises(ValueError, match="10,002 characters that begins with"):
        literal(repr("x" * 10_000))


@pytest.mark.parametrize(
    "spec",
    ["f(**{'a': 1})", "f(a=1, a=2)", "f(a={[]: 1})", f"f(a={'[' * 500})", "f(a=g())"],
)
def test_what_is_no_call(spec: str):
    with pytest.raises(ValueError, match="cannot read strategy"):
        parse_call(spec)


@pytest.fixture
def own_module(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that says so when it is imported."""
    name = f"pads_of_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text("def polar(x, widths):\n    return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


@pytest.mark.parametrize(
    "spec",
    ["{}:polar", "('zero', '{}:polar')", "Padding(mode='{}:polar')", " {}:polar(a=1)"],
)
def test_a_restored_name_imports_nothing(own_module: str, spec: str):
    name = f"{own_module}:polar"
    with restored(), pytest.raises(ValueError, match=f"type --import {name}"):
        as_padding(spec.format(own_module))
    assert own_module not in sys.modules


def test_a_name_that_the_user_gave_is_imported(own_module: str):
    name = f"{own_module}:polar"
    with restored([name]):
        assert Registry("mode").resolve(name).__name__ == "polar"
        with pytest.raises(ValueError, match="os:system' would import code"):
            Registry("mode").resolve("os:system")
    assert Registry("mode").resolve("os.path:join")  # outside, as before


def test_a_relative_module_is_no_address():
    with pytest.raises(ValueError, match=r"cannot import mode '\.pads:polar'"):
        Registry("mode").resolve(".pads:polar")


def test_json_that_is_nested_too_deeply(tmp_path: pathlib.Path):
    path = tmp_path / "config.json"
    for levels in (101, 900, 200_000):  # Python's own limit is in between
        path.write_text('{"a": ' * levels + "1" + "}" * levels)
        with pytest.raises(ValueError, match=f"{path} is nested too deeply"):
            read_json(path)
    path.write_text('{"a": ' * 100 + "1" + "}" * 100)
    assert read_json(path)
    path.write_text('{"a": [' + "{}, " * 200 + "{}]}")  # many, and none is deep
    assert read_json(path)


def archive(path: pathlib.Path, **entries: bytes) -> pathlib.Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries.items():
            file.writestr(f"{name}.npy", data)
    return path


def stored(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def test_arrays_that_unpack_to_too_much(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    path = archive(tmp_path / "a.npz", x=stored(np.zeros(2**21, np.uint8)))
    assert read_npz(path)["x"].size == 2**21
    monkeypatch.setattr(untrusted, "UNPACKED", 2**20)
    with pytest.raises(ValueError, match=r"a\.npz .* claims 2,097,\d+ bytes unpacked"):
        read_npz(path)


@pytest.mark.parametrize("shape", [(60_000, 60_000, 3), (2**62,), (-1,), (2**31, -1)])
def test_a_head_that_claims_more_than_there_is(
    tmp_path: pathlib.Path, shape: tuple[int, ...]
):
    head = repr({"descr": "|u1", "fortran_order": False, "shape": shape}).encode()
    data = b"\x93NUMPY\x01\x00" + (len(head) + 1).to_bytes(2, "little") + head + b"\n"
    path = archive(tmp_path / "a.npz", x=data + bytes(100))
    with pytest.raises(ValueError, match=r"a\.npz .*x\.npy claims the shape"):
        read_npz(path)


def test_a_pickle_is_not_read(tmp_path: pathlib.Path):
    path = archive(tmp_path / "a.npz", x=stored(np.array([{"a": 1}], object)))
    with pytest.raises(ValueError, match=r"a\.npz is no npz file.*allow_pickle=False"):
        read_npz(path)


def test_an_offset_that_leads_out_of_an_archive(tmp_path: pathlib.Path):
    path = archive(tmp_path / "a.npz", x=stored(np.zeros(3)))
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x05\x06") + 16  # where the list of entries begins
    data[at : at + 4] = (int.from_bytes(data[at : at + 4], "little") + 40).to_bytes(
        4, "little"
    )
    path.write_bytes(bytes(data))
    with pytest.raises(ValueError, match=r"a\.npz is no npz file, or is damaged"):
        read_npz(path)


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "a\0b"])
def test_a_path_that_leaves_its_folder(path: str):
    with pytest.raises(ValueError, match="leaves the folder 'data'"):
        inside("data", path)
