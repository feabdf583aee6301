"""Flags that say who is where."""

import socket

import pytest

from jaxpad.address import read_address


def test_without_flags():
    assert read_address(None, None, None) == {}


def test_all_flags():
    assert read_address("[::1]:8476", 4, 3) == {
        "coordinator_address": "[::1]:8476",
        "num_processes": 4,
        "process_id": 3,
    }


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("a:1", None, None), "--processes and --process missing"),
        ((None, 2, 0), "--coordinator missing: give all three"),
        (("a", 2, 1), "--coordinator=a: expected HOST:PORT"),
        ((":8476", 2, 1), "expected HOST:PORT"),
        (("a:0", 2, 1), "expected HOST:PORT"),
        (("a:65536", 2, 1), "expected HOST:PORT"),
        (("a:1", 2, 2), "--process=2 --processes=2: expected"),
        (("a:1", 2, -1), "--process=-1 --processes=2: expected"),
        (("a:1", 0, 0), "--process=0 --processes=0: expected"),
    ],
)
def test_wrong_flags(given, says: str):
    with pytest.raises(ValueError, match=says):
        read_address(*given)


def test_port_that_is_taken():
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"cannot listen at port {port}, Address"):
            read_address(f"localhost:{port}", 2, 0)
        assert read_address(f"localhost:{port}", 2, 1)
