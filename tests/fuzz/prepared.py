"""Fuzzed: what a prepared data set says of itself."""

import json
import pathlib
import tempfile

from jaxpad.data import DATASETS
from jaxpad.data.prepared import builder
from tests.data import miniatures
from tests.fuzz.grammar import PIECES, Random, changed, made, mutated
from tests.fuzz.law import Target, told


FILES = ("features.json", "dataset_info.json")
# Nothing in here is fuzzed but the two files.
ROOT = pathlib.Path(tempfile.mkdtemp())
FOLDER = ROOT / "imagenet2012" / "5.1.0"
WORDS = (
    *("../../{SPLIT}.x", "/etc/passwd", "antigravity.Fly", "{DATASET}", "{}", "{0.x}"),
    *("tensorflow_datasets.core.features.image_feature.Image", "os.path.X", "tfrecord"),
    '{"type": "antigravity.Fly", "content": {}}',
)


def whole() -> dict[str, bytes]:
    """The two files as they are written, of a data set that is made once."""
    if not FOLDER.exists():
        miniatures.imagenet(ROOT)
    return {name: (FOLDER / name).read_bytes() for name in FILES}


WHOLE = whole()


def make(rng: Random, changes: int) -> tuple[str, bytes]:
    name = rng.choice(FILES)
    if rng.random() < 0.3:
        pieces = [*PIECES, *(word.encode() for word in WORDS)]
        return name, mutated(rng, changes, WHOLE[name], pieces)
    tree = changed(rng, changes, json.loads(WHOLE[name]), WORDS)
    return name, json.dumps(tree, default=repr, skipkeys=True).encode()


def check(case: tuple[str, bytes]) -> None:
    name, data = case
    (FOLDER / name).write_bytes(data)
    builder.cache_clear()
    try:
        told(
            lambda: DATASETS["imagenet2012"](data_dir=str(ROOT)).train[0],
            lambda said: "imagenet2012" in said,
        )
    finally:
        (FOLDER / name).write_bytes(WHOLE[name])


TARGET = Target("prepared data sets", 500, made(make), check)
