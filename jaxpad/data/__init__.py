"""Data sets, batches and augmentations."""

from .augment import (
    AUGMENTS as AUGMENTS,
    IGNORE as IGNORE,
    IMAGENET_MEAN as IMAGENET_MEAN,
    IMAGENET_STD as IMAGENET_STD,
    Augment as Augment,
    compose as compose,
    normalize as normalize,
    record_keys as record_keys,
)
from .batches import (
    Batch as Batch,
    TrainBatches as TrainBatches,
    eval_batches as eval_batches,
)
from .sources import DATASETS as DATASETS, Dataset as Dataset
