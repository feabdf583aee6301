"""Data sets, batches and augmentations."""

from .augment import AUGMENTS as AUGMENTS
from .batches import (
    Batch as Batch,
    TrainBatches as TrainBatches,
    eval_batches as eval_batches,
)
from .sources import DATASETS as DATASETS, Dataset as Dataset
