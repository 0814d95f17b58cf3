"""`PyDataset`: batches that Python makes when they are asked for."""

from __future__ import annotations

from typing import Any

__all__ = ["PyDataset", "Sequence"]


class PyDataset:
    """Base class of data that is delivered batch by batch.

    A subclass defines `__getitem__(index)`, which returns a batch `(x, y)`, and `__len__` or
    `num_batches`.

    Args:
        workers: Accepted for compatibility.
        use_multiprocessing: Accepted for compatibility.
        max_queue_size: Accepted for compatibility.
    """

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self._workers = workers
        self._use_multiprocessing = use_multiprocessing
        self._max_queue_size = max_queue_size

    @property
    def workers(self) -> int:
        """What was given when it was made."""
        return getattr(self, "_workers", 1)

    @property
    def use_multiprocessing(self) -> bool:
        """What was given when it was made."""
        return getattr(self, "_use_multiprocessing", False)

    @property
    def max_queue_size(self) -> int:
        """What was given when it was made."""
        return getattr(self, "_max_queue_size", 10)

    @property
    def num_batches(self) -> int | None:
        """Number of batches in an epoch; `None` for no end."""
        length = getattr(self, "__len__", None)
        return None if length is None else len(self)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> Any:
        raise TypeError(f"{type(self).__name__}: define `__getitem__(self, index)`.")

    def on_epoch_begin(self) -> None:
        """Called at the start of an epoch."""

    def on_epoch_end(self) -> None:
        """Called at the end of an epoch."""


Sequence = PyDataset
