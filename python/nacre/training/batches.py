"""Data that Python delivers batch by batch: `Sequence`s, generators and other iterables."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nacre import tree
from nacre.training.arrays import (
    ArrayData,
    class_weight_to_sample_weight,
    unpack_x_y_sample_weight,
)
from nacre.utils.warnings_utils import warn

__all__ = ["ArrayBatches", "BatchSource", "is_batch_source"]


def is_batch_source(x: Any) -> bool:
    """Says whether `x` delivers batches rather than holding samples."""
    if x is None or isinstance(x, (np.ndarray, list, tuple, dict, str, bytes)):
        return False
    if hasattr(x, "__array__") or hasattr(x, "ndim"):
        return False
    return hasattr(x, "__next__") or hasattr(x, "__iter__") or hasattr(x, "__getitem__")


class BatchSource:
    """Batches out of a Python object, epoch by epoch.

    A `Sequence` is indexed, in shuffled order if asked for; an iterator goes on where the last
    epoch ended; any other iterable is started anew.

    Args:
        source: The object.
        argument: What it was passed as, for messages.
        shuffle: Whether to shuffle the order of the batches of a `Sequence`.
        class_weight: Weights by class, turned into sample weights.
        parts: How many inputs the model has.
    """

    def __init__(
        self,
        source: Any,
        argument: str,
        shuffle: bool = False,
        class_weight: Any = None,
        parts: int = 1,
    ) -> None:
        self._source = source
        self._argument = argument
        self._shuffle = shuffle
        self._class_weight = class_weight
        self._parts = parts
        self._indexed = hasattr(source, "__getitem__") and hasattr(source, "__len__")
        self._endless: Iterator | None = source if hasattr(source, "__next__") else None
        self._exhausted = False

    @property
    def steps(self) -> int | None:
        """Number of batches in an epoch; `None` when it is not known."""
        count = getattr(self._source, "num_batches", None)
        if count is None and hasattr(self._source, "__len__"):
            try:
                count = len(self._source)
            except TypeError:
                return None
        return int(count) if isinstance(count, (int, np.integer)) else None

    def epoch(self, limit: int | None) -> Iterator[ArrayData]:
        """The batches of one epoch.

        Args:
            limit: Number of batches after which the epoch ends.
        """
        if limit is not None and self._endless is None and not self._indexed:
            self._endless = iter(self._source)  # kept from epoch to epoch
        iterator = self._endless if self._endless is not None else self._start()
        producer = _Producer(iterator, self._batch, limit)
        count = 0
        try:
            while limit is None or count < limit:
                batch = producer.take()
                if batch is None:
                    if count or not self._may_start_again():
                        break
                    producer = _Producer(self._endless, self._batch, limit)
                    continue
                count += 1
                self._exhausted = False
                yield batch
        finally:
            producer.close()
        if limit is not None and count < limit:
            warn(
                f"Your input ran out of data: {count} batches of the {limit} that an epoch should "
                "have. Make it longer, or lower the number of steps."
            )
        if hasattr(self._source, "on_epoch_end"):
            self._source.on_epoch_end()

    def _may_start_again(self) -> bool:
        """Starts an iterable anew that the epochs before this one used up."""
        if self._endless is None or self._endless is self._source or self._exhausted:
            return False
        self._exhausted = True
        self._endless = iter(self._source)
        return True

    def _start(self) -> Iterator:
        if not self._indexed:
            return iter(self._source)
        order = range(len(self._source))
        if self._shuffle:
            order = np.random.permutation(len(self._source)).tolist()
        return (self._source[index] for index in order)

    def _batch(self, item: Any) -> ArrayData:
        x, y, sample_weight = unpack_x_y_sample_weight(item)
        if self._class_weight is not None:
            if sample_weight is not None:
                raise ValueError("Give `class_weight` or sample weights, not both.")
            sample_weight = class_weight_to_sample_weight(y, self._class_weight)
        return ArrayData(x, y, sample_weight, self._parts)


class _Producer:
    """Takes items from an iterator on a thread of its own, a few ahead of the steps.

    Args:
        items: The iterator.
        convert: Makes a batch out of an item.
        limit: Number of items after which no more are taken.
    """

    _AHEAD = 2

    def __init__(self, items: Iterator, convert: Callable, limit: int | None) -> None:
        self._items = items
        self._convert = convert
        self._limit = limit
        self._queue: queue.Queue = queue.Queue(self._AHEAD)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._produce, name="nacre-data", daemon=True)
        self._thread.start()

    def take(self) -> Any:
        """The next batch; `None` after the last."""
        result = self._queue.get()
        if isinstance(result, _Failure):
            raise result.error
        return result

    def close(self) -> None:
        """Takes no more items, and waits until the last one has been dealt with."""
        self._closed.set()
        self._thread.join()

    def _produce(self) -> None:
        taken = 0
        try:
            while self._limit is None or taken < self._limit:
                if self._closed.is_set():
                    return
                try:
                    item = next(self._items)
                except StopIteration:
                    break
                taken += 1
                if not self._put(self._convert(item)):
                    return
            self._put(None)
        except BaseException as error:  # it belongs to the thread that waits for the batch
            self._put(_Failure(error))

    def _put(self, result: Any) -> bool:
        while not self._closed.is_set():
            try:
                self._queue.put(result, timeout=0.05)
            except queue.Full:
                continue
            return True
        return False


class _Failure:
    """What went wrong while an item was made."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class ArrayBatches:
    """Batches cut out of arrays in Python, for steps that run eagerly and for callbacks.

    Args:
        data: The arrays.
        batch_size: Samples a batch.
        shuffle: `"none"`, `"global"` or `"batch"`.
        goes_on: Whether an epoch of fewer batches than there are is followed by one that goes on
            from there, to the end of the data at most.
    """

    def __init__(
        self, data: ArrayData, batch_size: int, shuffle: str = "none", goes_on: bool = False
    ) -> None:
        self._data = data
        self._batch_size = batch_size
        self._shuffle = shuffle
        self._goes_on = goes_on
        self._seen = 0
        self._order: Any = None

    @property
    def steps(self) -> int:
        return self._data.steps(self._batch_size)

    def epoch(self, limit: int | None) -> Iterator[ArrayData]:
        """The batches of one epoch, at most `limit`."""
        if not self._goes_on:
            self._seen = 0
        left = self.steps - self._seen
        for _ in range(left if limit is None else min(limit, left)):
            yield self._next()

    def _next(self) -> ArrayData:
        data, size = self._data, self._batch_size
        if self._seen == 0 and self._shuffle == "global":
            self._order = np.random.permutation(data.size)
        start = self._seen * size
        stop = min(start + size, data.size)
        self._seen = (self._seen + 1) % self.steps
        where: Any = slice(start, stop)
        if self._shuffle == "global":
            where = self._order[where]
        elif self._shuffle == "batch":
            where = start + np.random.permutation(stop - start)
        batch = ArrayData.__new__(ArrayData)
        batch.data = tree.map_structure(
            lambda leaf: None if leaf is None else leaf[where], data.data
        )
        batch.leaves = [leaf for leaf in tree.flatten(batch.data) if leaf is not None]
        batch.size = stop - start
        return batch
