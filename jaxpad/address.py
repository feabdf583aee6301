"""Processes that no cluster tells of each other: who is where, by flags."""

import socket
from typing import Any


HELP = "--coordinator=HOST:PORT --processes=N --process=I"


def read_address(
    coordinator: str | None, processes: int | None, process: int | None
) -> dict[str, Any]:
    """Arguments of `jax.distributed.initialize`; empty if nothing is given.

    Args:
        coordinator: `HOST:PORT` where process 0 listens.
        processes: how many there are.
        process: which of them this one is, from 0.

    Returns:
        Keyword arguments.

    Raises:
        ValueError: if one is missing or wrong, or process 0 cannot listen at the port.

    Examples:
        >>> read_address("10.0.0.1:8476", 2, 1)["process_id"]
        1
    """
    given = {"coordinator": coordinator, "processes": processes, "process": process}
    missing = [f"--{name}" for name, value in given.items() if value is None]
    if len(missing) == 3:
        return {}
    if coordinator is None or processes is None or process is None:
        raise ValueError(f"{' and '.join(missing)} missing: give all three, {HELP}.")
    port = _port(coordinator)
    if not 0 <= process < processes:
        raise ValueError(
            f"--process={process} --processes={processes}: expected the number of this "
            "process, from 0, below how many there are."
        )
    if process == 0:
        _listen(port)
    return {
        "coordinator_address": coordinator,
        "num_processes": processes,
        "process_id": process,
    }


def _port(coordinator: str) -> int:
    host, _, port = coordinator.rpartition(":")
    if host and port.isdecimal() and 0 < int(port) < 2**16:
        return int(port)
    raise ValueError(
        f"--coordinator={coordinator}: expected HOST:PORT of process 0, as in "
        "10.0.0.1:8476."
    )


def _listen(port: int) -> None:
    # jax ends with a segmentation fault where the port is taken.
    try:
        socket.create_server(("", port)).close()
    except OSError as error:
        raise ValueError(
            f"--coordinator: process 0 cannot listen at port {port}, {error.strerror}: "
            "give all processes another port."
        ) from error
