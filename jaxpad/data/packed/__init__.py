"""Packed rows of a data set or a stream."""

from .pack import pack_examples as pack_examples
from .stream import PackedStream as PackedStream
from .whole import PackedDataset as PackedDataset
