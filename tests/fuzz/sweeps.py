"""Fuzzed: the words of a sweep."""

from jaxpad.launch import default_config
from jaxpad.train.sweep import read_sweep, with_overrides
from jaxpad.train.sweep.words import PARSERS
from jaxpad.train.workdir import flatten
from tests.fuzz.grammar import TOKENS, Random, literal, made, mutated, text
from tests.fuzz.law import Target, told


CONFIG = default_config()
NOW = dict(flatten(CONFIG.to_dict()))
WORDS = (
    *("zero=0,1,2,3", "mesh.model=1,2", "padding=zero,constant(value=1.0)", "seed=0"),
    *("augment=('flip',),()", "optimizer=('sgd',),'adam'", "learning_rate=0.1,1e-3"),
    *("offload=true,false", "padding=('reflect','zero'),partial"),
)


def make(rng: Random, changes: int) -> list[str]:
    return [_word(rng, changes) for _ in range(rng.randrange(1, 4))]


def _word(rng: Random, changes: int) -> str:
    kind = rng.random()
    if kind < 0.3:
        return mutated(rng, changes, rng.choice(WORDS), TOKENS)
    if kind < 0.9:
        values = [
            rng.choice((str(value), literal(rng), text(rng), rng.choice(TOKENS)))
            for value in rng.choices(list(NOW.values()), k=changes + 1)
        ]
        return f"{rng.choice(list(NOW))}={','.join(values)}"
    return text(rng, 20)


def check(words: list[str]) -> None:
    def names(said: str) -> bool:
        return "--sweep" in said and any(
            repr(word) in said or word.partition("=")[0] in said for word in words
        )

    arms = told(lambda: read_sweep(words, CONFIG), names)
    for arm in arms or ():
        assert all(type(value) is type(NOW[key]) for key, value in arm.items()), arm
    if arms:
        with_overrides(CONFIG, arms[0])


assert {type(value) for value in NOW.values()} <= {*PARSERS}
TARGET = Target("sweep strings", 1_400, made(make), check)
