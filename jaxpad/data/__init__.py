"""Data sets, batches and augmentations."""

from .ahead import read_ahead as read_ahead
from .augment import (
    AUGMENTS as AUGMENTS,
    IMAGENET_MEAN as IMAGENET_MEAN,
    IMAGENET_STD as IMAGENET_STD,
    Augment as Augment,
    compose as compose,
    normalize as normalize,
    record_keys as record_keys,
)
from .batches import Batch as Batch, TrainBatches as TrainBatches
from .crops import CROPS as CROPS, check_crop as check_crop
from .evaluation import EvalBatches as EvalBatches
from .examples import RecordError as RecordError, read_example as read_example
from .folders import (
    ade20k as ade20k,
    image_folder as image_folder,
    voc12_sbd as voc12_sbd,
)
from .handwritten import digits as digits
from .packed import (
    PackedDataset as PackedDataset,
    PackedStream as PackedStream,
    pack_examples as pack_examples,
)
from .photos import photos10 as photos10
from .records import (
    DATASETS as DATASETS,
    IGNORE as IGNORE,
    ArraySource as ArraySource,
    Dataset as Dataset,
    Record as Record,
    Source as Source,
    as_arrays as as_arrays,
)
from .scenes import digit_scenes as digit_scenes
from .text import (
    BATCHINGS as BATCHINGS,
    Batching as Batching,
    Text as Text,
    TextBatch as TextBatch,
    TextBatches as TextBatches,
    TextDataset as TextDataset,
    Texts as Texts,
    TextSource as TextSource,
    stdlib_text as stdlib_text,
)
from .tfds import (
    cityscapes as cityscapes,
    imagenet2012 as imagenet2012,
    oxford_iiit_pet as oxford_iiit_pet,
)
