"""Fuzzed: manifests of checkpoints, signed by whoever wrote them, or damaged."""

import contextlib
import hashlib
import json
from typing import Any

from jaxpad.train.checkpoint import DamagedError
from jaxpad.train.checkpoint.look import row
from jaxpad.train.checkpoint.verify import check_files
from tests.fuzz.grammar import PIECES, TOKENS, Random, changed, made, mutated
from tests.fuzz.law import FOLDER, Target, told


CONTENT = b"what Orbax wrote"
MANIFEST = {
    "step": 8,
    "saved": "2026-11-22T12:00:00+00:00",
    "versions": {"jaxpad": "0.2.0", "jax": "0.12.0"},
    "files": {
        "arrays/d": {
            "bytes": len(CONTENT),
            "sha256": hashlib.sha256(CONTENT).hexdigest(),
        }
    },
    "arrays": {
        "params/kernel": {"shape": [3, 3], "dtype": "float32", "digest": "0123abcd"}
    },
}
ELSEWHERE = ("../8/arrays/d", "/etc/hostname", "arrays", "arrays/../arrays/d", "a/" * 9)


def make(rng: Random, changes: int) -> bytes:
    tree = changed(rng, changes, MANIFEST)
    if isinstance(tree.get("files"), dict) and rng.random() < 0.3:
        new = rng.choice([*ELSEWHERE, *TOKENS])
        tree["files"] = {new: next(iter(tree["files"].values()), None)}
    with contextlib.suppress(TypeError):  # what JSON cannot hold
        data = signed(tree)
        return data if rng.random() < 0.8 else mutated(rng, changes, data, PIECES)
    return json.dumps(tree, default=repr, skipkeys=True).encode()


def signed(tree: dict[str, Any]) -> bytes:
    """As whoever writes a manifest does it."""
    digest = hashlib.sha256(json.dumps(tree).encode()).hexdigest()
    return (json.dumps(tree | {"sha256": digest}, indent=1) + "\n").encode()


def check(data: bytes) -> None:
    folder = FOLDER / "8"
    (folder / "arrays").mkdir(parents=True, exist_ok=True)
    (folder / "arrays" / "d").write_bytes(CONTENT)
    (folder / "manifest.json").write_bytes(data)
    found = told(
        lambda: check_files(folder), lambda said: str(folder) in said, (DamagedError,)
    )
    # What is taken for good tells of the one file that lies there.
    assert found is None or list(found["files"]) == ["arrays/d"]
    told(lambda: row(folder), lambda said: False)


TARGET = Target("manifests of checkpoints", 700, made(make), check)
