"""`PyDataset`: batches that Python makes when they are asked for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from nacre.utils.warnings_utils import warn

__all__ = ["PyDataset", "Sequence"]


class PyDataset:
    """Base class of data that is delivered batch by batch.

    A subclass defines `__getitem__(index)`, which returns a batch `(x,)`, `(x, y)` or
    `(x, y, sample_weight)`, and `__len__` or the property `num_batches`. It is called on other
    threads than the one that trains, ahead of the steps; batches keep their order.

    Args:
        workers: Number of threads that make batches; 0 and 1 mean one.
        use_multiprocessing: Must be `False` when it comes to training: threads make the batches.
        max_queue_size: How many batches several workers make ahead at most; a single one is two
            batches ahead.
    """

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self._workers = workers
        self._use_multiprocessing = use_multiprocessing
        self._max_queue_size = max_queue_size

    def _option(self, name: str, default: Any) -> Any:
        if not hasattr(self, name):
            warn(
                f"{type(self).__name__} should call `super().__init__(**kwargs)` in its "
                "constructor, with `workers`, `use_multiprocessing` and `max_queue_size` among the "
                "arguments if they are wanted."
            )
            PyDataset.__init__(self)
        return getattr(self, name, default)

    @property
    def workers(self) -> int:
        """Number of threads that make batches."""
        return self._option("_workers", 1)

    @workers.setter
    def workers(self, value: int) -> None:
        self._workers = value

    @property
    def use_multiprocessing(self) -> bool:
        """What was given when it was made."""
        return self._option("_use_multiprocessing", False)

    @use_multiprocessing.setter
    def use_multiprocessing(self, value: bool) -> None:
        self._use_multiprocessing = value

    @property
    def max_queue_size(self) -> int:
        """How many batches are made ahead at most."""
        return self._option("_max_queue_size", 10)

    @max_queue_size.setter
    def max_queue_size(self, value: int) -> None:
        self._max_queue_size = value

    @property
    def num_batches(self) -> int | None:
        """Number of batches in an epoch; `None` for no end.

        Raises:
            NotImplementedError: The subclass defines neither this nor `__len__`.
        """
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(
            f"{type(self).__name__}: define `__len__`, or the property `num_batches`, which may be "
            "None for no end."
        )

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: define `__getitem__(self, index)`.")

    def __iter__(self) -> Iterator:
        try:
            count = self.num_batches
        except NotImplementedError:
            count = None
        for index in itertools.count() if count is None else range(count):
            yield self[index]

    def on_epoch_begin(self) -> None:
        """Called at the start of an epoch."""

    def on_epoch_end(self) -> None:
        """Called at the end of an epoch."""


Sequence = PyDataset
