"""Data that Python delivers batch by batch: `Sequence`s, generators and other iterables."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from nacre import tree
from nacre.data.nodes import INFINITE
from nacre.data.workers import END, OrderedWorkers
from nacre.training.arrays import (
    ArrayData,
    check_positive,
    class_weight_to_sample_weight,
    unpack_x_y_sample_weight,
)
from nacre.utils.py_dataset import PyDataset
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
    """Batches out of a Python object, epoch by epoch, made on threads ahead of the steps.

    A `Dataset` or another iterable is started anew for each epoch, or goes on where the last one
    stopped if epochs have a number of steps; an iterator always goes on. A `PyDataset`, or what
    else has a length and indices, is indexed, by as many threads as its `workers`.

    Args:
        source: The object.
        argument: What it was passed as, for messages.
        shuffle: Whether to shuffle the order of the batches of what is indexed.
        class_weight: Weights by class, turned into sample weights.
        parts: How many inputs the model has.
        goes_on: Whether an epoch that has a number of steps is followed by one that goes on.
    """

    _AHEAD = 2  # batches that wait to be used, where a source does not say

    def __init__(
        self,
        source: Any,
        argument: str,
        shuffle: bool = False,
        class_weight: Any = None,
        parts: int = 1,
        goes_on: bool = False,
    ) -> None:
        self._source = source
        self._argument = argument
        self._shuffle = shuffle
        self._class_weight = class_weight
        self._parts = parts
        self._goes_on = goes_on
        # Iterators of pictures are both; as `PyDataset`s they are indexed.
        self._one_way = hasattr(source, "__next__") and not isinstance(source, PyDataset)
        self._indexed = not self._one_way and (
            isinstance(source, PyDataset)
            or (hasattr(source, "__getitem__") and hasattr(source, "__len__"))
        )
        self._workers, self._ahead = 1, self._AHEAD
        if isinstance(source, PyDataset):
            self._workers, self._ahead = _workers_of(source)
        self._items: Iterator | None = source if self._one_way else None
        self._seen = 0  # batches since `_items` was started

    @property
    def endless(self) -> bool:
        """Whether it is known that there is no last batch."""
        node = getattr(self._source, "_data_node", None)
        if node is not None:
            return node.cardinality() == INFINITE
        return isinstance(self._source, PyDataset) and self._source.num_batches is None

    @property
    def steps(self) -> int | None:
        """Number of batches in an epoch; `None` when it is not known."""
        if self._one_way:
            return None
        node = getattr(self._source, "_data_node", None)
        if node is not None:
            count = node.cardinality()
            return count if count >= 0 else None
        if isinstance(self._source, PyDataset) or hasattr(self._source, "num_batches"):
            count = self._source.num_batches
        elif hasattr(self._source, "__len__"):
            try:
                count = len(self._source)
            except TypeError:
                return None
        else:
            return None
        return int(count) if isinstance(count, (int, np.integer)) else None

    def epoch(self, limit: int | None) -> Iterator[ArrayData]:
        """The batches of one epoch.

        Args:
            limit: Number of batches after which the epoch ends.
        """
        self._tell("on_epoch_begin")
        total = self.steps
        if self._items is None or not (self._one_way or (self._goes_on and limit is not None)):
            self._begin()
        wanted = limit
        if total is not None:
            left = total - self._seen
            wanted = left if limit is None else min(limit, left)
        count = 0
        try:
            for attempt in (1, 2):
                for batch in self._take(wanted):
                    count += 1
                    self._seen += 1
                    yield batch
                if attempt == 2 or count or not self._seen or self._one_way:
                    break
                self._begin()  # the last epoch ended where the data did, which nobody could know
        except BaseException:  # also when the one who iterates leaves
            self._items = self._source if self._one_way else None
            raise
        if limit is not None and count < limit:
            warn(
                f"Your input ran out of data: {count} batches of the {limit} that an epoch should "
                "have. Make it longer (a `Dataset` with `repeat()`), or lower the number of steps."
            )
        whole = wanted is None or count < wanted or (total is not None and self._seen >= total)
        if whole and not self._one_way:
            self._items = None
        self._tell("on_epoch_end")

    def _tell(self, event: str) -> None:
        hook = getattr(self._source, event, None)
        if hook is not None:
            hook()

    def _begin(self) -> None:
        self._seen = 0
        if not self._indexed:
            node = getattr(self._source, "_data_node", None)
            self._items = iter(self._source) if node is None else node.elements()
            return
        total = self.steps
        if total is None:
            self._items = itertools.count()
            return
        order = list(range(total))
        if self._shuffle:
            random.shuffle(order)  # as Keras does: NumPy's generator is for arrays
        self._items = iter(order)

    def _take(self, limit: int | None) -> Iterator[ArrayData]:
        """The next batches, at most `limit` of them."""
        items, convert = self._items, self._fetch if self._indexed else self._batch
        in_order = getattr(self._source, "batches_in_order", None)
        if in_order is not None:  # it reads files ahead of the batches that are made of them
            items, convert = in_order(itertools.islice(self._items, limit)), self._batch
        producer = OrderedWorkers(items, convert, self._workers, self._ahead, limit)
        try:
            while (batch := producer.take()) is not END:
                yield batch
        finally:
            if in_order is not None:  # what is being read need not be waited for
                items.cancel()
            producer.close()

    def _fetch(self, index: int) -> ArrayData:
        return self._batch(self._source[index])

    def _batch(self, item: Any) -> ArrayData:
        x, y, sample_weight = unpack_x_y_sample_weight(item)
        if self._class_weight is not None:
            if sample_weight is not None:
                raise ValueError("Give `class_weight` or sample weights, not both.")
            sample_weight = class_weight_to_sample_weight(y, self._class_weight)
        return ArrayData(x, y, sample_weight, self._parts)


def _workers_of(source: PyDataset) -> tuple[int, int]:
    """Number of threads for a `PyDataset`, and how many batches they may be ahead."""
    name = type(source).__name__
    if source.use_multiprocessing:
        raise ValueError(
            f"{name}: `use_multiprocessing=True` is not supported: batches are made by threads, of "
            "which `workers` says how many. Leave `use_multiprocessing` out."
        )
    workers = check_positive(source.workers, f"{name}.workers", 0)
    ahead = check_positive(source.max_queue_size, f"{name}.max_queue_size", 0)
    if workers <= 1:  # the queue is that of several workers, as in Keras: batches may be large
        return 1, BatchSource._AHEAD
    return workers, max(ahead, 1)


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
