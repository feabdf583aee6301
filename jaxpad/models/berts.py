"""The BERTs by name."""

from typing import Any

from .bert import BERT
from .catalogue import MODELS


@MODELS.register
def bert_tiny(channels: int, classes: int | None, **options) -> BERT:
    """2 blocks of 128 features, 4.4 million parameters at 30,522 tokens."""
    return _bert(channels, classes, 2, 128, options)


@MODELS.register
def bert_mini(channels: int, classes: int | None, **options) -> BERT:
    """4 blocks of 256 features, 11.2 million parameters at 30,522 tokens."""
    return _bert(channels, classes, 4, 256, options)


@MODELS.register
def bert_small(channels: int, classes: int | None, **options) -> BERT:
    """4 blocks of 512 features, 28.8 million parameters at 30,522 tokens."""
    return _bert(channels, classes, 4, 512, options)


@MODELS.register
def bert_medium(channels: int, classes: int | None, **options) -> BERT:
    """8 blocks of 512 features, 41.4 million parameters at 30,522 tokens."""
    return _bert(channels, classes, 8, 512, options)


@MODELS.register
def bert_base(channels: int, classes: int | None, **options) -> BERT:
    """12 blocks of 768 features, 109.5 million parameters at 30,522 tokens."""
    return _bert(channels, classes, 12, 768, options)


@MODELS.register
def bert_large(channels: int, classes: int | None, **options) -> BERT:
    """24 blocks of 1,024 features, 335.2 million parameters at 30,522 tokens."""
    return _bert(channels, classes, 24, 1024, options)


def _bert(
    channels: int, classes: int | None, depth: int, width: int, options: Any
) -> BERT:
    sizes = {"depth": depth, "width": width, "heads": width // 64}
    return BERT(channels, classes, **{**sizes, **options})
