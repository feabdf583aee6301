"""Fuzzed: the names of strategies, as configs have them."""

import gc
import inspect
import re
from typing import Any

import optax
from flax import nnx

import jaxpad.train
from jaxpad.data import compose
from jaxpad.data.crops import CROPS, check_crop
from jaxpad.layers import Conv
from jaxpad.layers.choose import choose
from jaxpad.padding import as_padding
from jaxpad.registry import Registry, restored
from jaxpad.train.optim import optimizer_chain
from jaxpad.train.trackers import read_trackers
from tests.fuzz.grammar import Random, literal, made, spec
from tests.fuzz.law import Target, told


assert jaxpad.train  # it imports every registry
REGISTRIES = {r.kind: r for r in gc.get_objects() if isinstance(r, Registry) and len(r)}
MODEL = Conv(2, 2, (3, 3), rngs=nnx.Rngs(0))
CHAIN = [
    "sgd",
    "adam",
    "clip_by_global_norm",
    "add_decayed_weights",
    "sgd(momentum=0.9)",
]


def _crop(text: str) -> None:
    check_crop(CROPS.resolve(text))


READERS = {
    **{kind: registry.resolve for kind, registry in REGISTRIES.items()},
    "padding as a config has it": as_padding,
    "optimizer": lambda text: optimizer_chain([text], optax.constant_schedule(0.1)),
    "regularizer": lambda text: choose(MODEL, text),
    "augmentations": lambda text: compose((text,)),
    "trackers": read_trackers,
    "crop that is tried": _crop,
}
ALL = [name for registry in REGISTRIES.values() for name in registry] + [
    *(
        "Padding(mode='reflect', amount=1)",
        "('reflect', 'circular')",
        "lorth(weight=0.1)",
    ),
    *("[('', 'lorth(weight=0.1)')]", "constant(value=1.0)", "mylab.pads:polar"),
    *("random_resized_crop(size=16)", *CHAIN),
]


def _options(entry: Any) -> list[str]:
    try:
        return list(inspect.signature(entry).parameters)
    except (TypeError, ValueError):
        return []


OPTIONS = {
    name: _options(entry)
    for registry in REGISTRIES.values()
    for name, entry in registry.items()
} | {name: _options(getattr(optax, name.partition("(")[0])) for name in CHAIN}
NAMES = {kind: list(REGISTRIES.get(kind, ALL)) for kind in READERS} | {
    "optimizer": CHAIN,
    "crop that is tried": list(CROPS),
}


def make(rng: Random, changes: int) -> tuple[str, str]:
    kind = rng.choice(list(READERS))
    names = NAMES[kind] if rng.random() < 0.7 else ALL
    if rng.random() < 0.1:
        return kind, literal(rng)
    name = rng.choice(names)
    return kind, spec(rng, changes, [name], OPTIONS.get(name, ["weight", "value"]))


def check(case: tuple[str, str]) -> None:
    kind, text = case

    def read() -> Any:
        with restored():
            return READERS[kind](text)

    told(read, lambda said: _part_of(text, said), (ValueError, TypeError))


def _part_of(text: str, said: str) -> bool:
    """An error deep inside names the option; the caller adds the key of the config."""
    name = text.partition("(")[0].strip()
    options = [f"{option}=" for option in re.findall(r"(\w+)=", text)]
    values = re.findall(r"'[^']+'", text)
    whole = (repr(text), text, repr(name)[1:-1])
    return any(part in said for part in (*whole, *options, *values))


TARGET = Target("registry specs", 3_000, made(make), check)
