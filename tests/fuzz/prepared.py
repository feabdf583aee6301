"""Fuzzed: what a prepared data set says of itself."""

import functools
import json

from jaxpad.data import DATASETS
from jaxpad.data.prepared import builder
from tests.data import miniatures
from tests.fuzz.grammar import PIECES, Random, changed, made, mutated
from tests.fuzz.law import FOLDER, Target, told


FILES = ("features.json", "dataset_info.json")
ROOT = FOLDER / "prepared"
VERSION = ROOT / "imagenet2012" / "5.1.0"
WORDS = (
    *("../../{SPLIT}.x", "/etc/passwd", "antigravity.Fly", "{DATASET}", "{}", "{0.x}"),
    *("tensorflow_datasets.core.features.image_feature.Image", "os.path.X", "tfrecord"),
    '{"type": "antigravity.Fly", "content": {}}',
)


@functools.cache
def whole() -> dict[str, bytes]:
    """The two files as they are written, of a data set that is made and read once."""
    miniatures.imagenet(ROOT)
    assert DATASETS["imagenet2012"](data_dir=str(ROOT)).train[0]
    return {name: (VERSION / name).read_bytes() for name in FILES}


def make(rng: Random, changes: int) -> tuple[str, bytes]:
    name = rng.choice(FILES)
    if rng.random() < 0.3:
        pieces = [*PIECES, *(word.encode() for word in WORDS)]
        return name, mutated(rng, changes, whole()[name], pieces)
    tree = changed(rng, changes, json.loads(whole()[name]), WORDS)
    return name, json.dumps(tree, default=repr, skipkeys=True).encode()


def check(case: tuple[str, bytes]) -> None:
    name, data = case
    (VERSION / name).write_bytes(data)
    builder.cache_clear()
    try:
        told(
            lambda: DATASETS["imagenet2012"](data_dir=str(ROOT)).train[0],
            lambda said: "imagenet2012" in said,
        )
    finally:
        (VERSION / name).write_bytes(whole()[name])


TARGET = Target("prepared data sets", 200, made(make), check)
