"""Augmentations: pure functions of (images, labels, keys), inside the jitted step."""

# What registers its augmentations when it is imported.
from . import erase as erase, mix as mix, moves as moves, photometric as photometric
from .compose import (
    AUGMENTS as AUGMENTS,
    IMAGENET_MEAN as IMAGENET_MEAN,
    IMAGENET_STD as IMAGENET_STD,
    Augment as Augment,
    compose as compose,
    normalize as normalize,
    record_keys as record_keys,
)
from .randaugment import OPERATIONS as OPERATIONS
