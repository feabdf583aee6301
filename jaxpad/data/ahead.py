"""Batches read ahead by Grain, in this process or in others."""

import functools
import logging
import multiprocessing
import os
import threading
from collections.abc import Generator
from typing import Any

import grain
from absl import flags

from .batches import TrainBatches
from .evaluation import EvalBatches
from .text import TextBatches


LOG = logging.getLogger("jaxpad.data")
AHEAD = 2  # batches that wait, a process
KILLED = "terminated unexpectedly"  # in Grain's error, which has no type of its own


def read_ahead(
    batches: TrainBatches | EvalBatches | TextBatches,
    start: int = 0,
    stop: int | None = None,
    *,
    workers: int = 0,
) -> Generator[Any, None, None]:
    """The batches from `start` on, read while the device computes.

    They are the same for every number of workers. Closing the iterator ends the
    workers, and so does the end of this process, whatever ends it. How many records
    had to be skipped so far is logged when it grows.

    Args:
        batches: of training or testing.
        start: the first; nothing before it is read.
        stop: one past the last; None for the end, which images to train on lack.
        workers: processes that read; 0 for a thread of this one.

    Yields:
        `batches[start]` and so on.

    Raises:
        ChildProcessError: if something killed a worker, as Linux does for memory.

    Example:
        >>> from jaxpad.data import DATASETS, TrainBatches
        >>> batches = TrainBatches(DATASETS["digits"](), 64, seed=0)
        >>> [batch["label"].shape for batch in read_ahead(batches, 500, 502)]
        [(64,), (64,)]
    """
    if stop is None:
        stop = 2**62 if isinstance(batches, TrainBatches) else len(batches)
    if workers and not flags.FLAGS.is_parsed():
        # Grain's workers read absl's flags, which only absl's own launcher parses.
        flags.FLAGS.mark_as_parsed()
    # Whole batches are what is mapped: batched later, they would depend on workers.
    read = functools.partial(_read, batches, os.getpid())
    numbers = grain.MapDataset.range(start, stop).map(read)
    options = grain.ReadOptions(num_threads=1, prefetch_buffer_size=AHEAD)
    stream = numbers.to_iter_dataset(options)
    if workers:
        stream = stream.mp_prefetch(
            grain.MultiprocessingOptions(
                num_workers=workers, per_worker_buffer_size=AHEAD
            )
        )
    iterator, skipped, number = iter(stream), 0, start - 1
    try:
        for number, batch in enumerate(iterator, start):
            if more := batches.skipped(number, batch):
                skipped += more
                LOG.warning(
                    "%d records of %s could not be read so far (batch %d)",
                    skipped,
                    batches.dataset.name,
                    number,
                )
            yield batch
    except RuntimeError as error:
        if KILLED not in str(error):
            raise
        raise ChildProcessError(
            f"after batch {number} a process that reads {batches.dataset.name} was "
            f"killed, often for want of memory: {error} Free memory or choose fewer "
            f"than config.workers={workers}, and run the same command again."
        ) from error
    finally:
        if close := getattr(iterator, "close", None):
            close()


def _read(batches: Any, reader: int, number: int) -> Any:
    """A batch, for the process `reader`; a worker of it ends when that one ends."""
    _end_with(reader)
    return batches[number]


@functools.cache
def _end_with(reader: int) -> None:
    # After kill -9 nobody tells a worker to end, and it would wait for ever.
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid == reader:

        def wait() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=wait, daemon=True).start()
