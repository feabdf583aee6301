"""Texts as sequences of tokens, and batches of them by a strategy's name."""

from .batches import TextBatch as TextBatch, TextBatches as TextBatches
from .records import (
    Text as Text,
    TextDataset as TextDataset,
    Texts as Texts,
    TextSource as TextSource,
)
from .standard_library import stdlib_text as stdlib_text
from .strategies import BATCHINGS as BATCHINGS, Batching as Batching
