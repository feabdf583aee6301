"""Write a file whole or not at all."""

import os
import pathlib


def write_whole(path: pathlib.Path, content: bytes) -> None:
    """Writes a file; whoever reads meanwhile, or after a crash, finds the old one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
