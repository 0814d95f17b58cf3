"""`timeseries_dataset_from_array`: windows that slide over a series."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nacre.data.dataset import Dataset
from nacre.data.nodes import Node, Step
from nacre.data.structure import TensorSpec, as_array, as_leaf

__all__ = ["timeseries_dataset_from_array"]


class _Windows(Step):
    """Windows of a series, and targets, at given beginnings: one of them or a batch at a time.

    Args:
        source: The beginnings.
        data: The series.
        targets: A target for each beginning, or `None`.
        steps: Where the entries of a window are, from its beginning.
    """

    def __init__(self, source: Node, data: Any, targets: Any, steps: np.ndarray) -> None:
        super().__init__(source)
        self.data = data
        self.targets = targets
        self.steps = steps

    def elements(self) -> Iterator:
        for begins in self.source.elements():
            windows = self.data[np.asarray(begins)[..., None] + self.steps]
            yield windows if self.targets is None else (windows, self.targets[begins])

    def spec(self) -> Any:
        begins = self.source.spec()
        windows = TensorSpec(
            (*begins.shape, len(self.steps), *self.data.shape[1:]), self.data.dtype
        )
        if self.targets is None:
            return windows
        return windows, TensorSpec((*begins.shape, *self.targets.shape[1:]), self.targets.dtype)


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Dataset:
    """A data set of windows that slide over a series, gathered from it batch by batch.

    Args:
        data: The series: an array whose first axis is time.
        targets: An array of which entry `i` belongs to the window that begins at `i`, or `None`.
        sequence_length: Entries in a window.
        sequence_stride: How far the beginnings of two windows are apart.
        sampling_rate: How far two entries of a window are apart.
        batch_size: Windows in a batch; `None` for single windows.
        shuffle: Whether to shuffle the windows; otherwise they are in the order of time.
        seed: For the shuffle.
        start_index: Entries before it are not used.
        end_index: Entries from it on are not used.
        format: Must be `"tf"`, which here means a `nacre.data.Dataset`.

    Returns:
        A `Dataset` of windows, or of pairs `(windows, targets)`.

    Raises:
        ValueError: An index, a stride or a rate lies outside of the data.
    """
    if format != "tf":
        raise ValueError(
            "timeseries_dataset_from_array: `format` must be 'tf', for a Dataset. "
            f"Received: {format!r}"
        )
    data = as_array(as_leaf(data))
    targets = None if targets is None else as_array(as_leaf(targets))
    size = len(data)
    _check(size, start_index, end_index, sampling_rate, sequence_stride)
    start = 0 if start_index is None else start_index
    end = size if end_index is None else end_index
    count = end - start - (sequence_length - 1) * sampling_rate
    if targets is not None:
        count = min(count, len(targets))
    begins = np.arange(0, max(count, 0), sequence_stride)
    if shuffle:
        seed = int(np.random.randint(10**6)) if seed is None else seed
        np.random.RandomState(seed).shuffle(begins)
    dataset = Dataset.from_tensor_slices(begins)
    if shuffle:
        dataset = dataset.shuffle(1024 if batch_size is None else batch_size * 8, seed)
    if batch_size is not None:
        dataset = dataset.batch(batch_size)
    steps = np.arange(sequence_length) * sampling_rate
    part = slice(start, end)
    series_targets = None if targets is None else targets[part]
    windows = _Windows(dataset._data_node, data[part], series_targets, steps)
    return Dataset(windows).prefetch(2)


def _check(size: int, start: Any, end: Any, rate: int, stride: int) -> None:
    name = "timeseries_dataset_from_array"
    if start is not None and not 0 <= start < size:
        raise ValueError(
            f"{name}: `start_index` must lie in [0, {size}), the data. Received: {start}"
        )
    if end is not None and not 0 < end < size:
        raise ValueError(f"{name}: `end_index` must lie in (0, {size}). Received: {end}")
    if start is not None and end is not None and end <= start:
        raise ValueError(
            f"{name}: `end_index` must be higher than `start_index`. Received: {start} and {end}"
        )
    for argument, value in (("sampling_rate", rate), ("sequence_stride", stride)):
        if not 0 < value < size:
            raise ValueError(f"{name}: `{argument}` must lie in (0, {size}). Received: {value}")
