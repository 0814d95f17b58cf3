"""`Iterator`: batches of pictures in Keras's order, and `NumpyArrayIterator` over arrays."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator as AnyIterator
from typing import Any

import numpy as np

from nacre import config
from nacre.preprocessing import draws
from nacre.preprocessing.reading import Cancelled, Reading
from nacre.utils.image_utils import array_to_img
from nacre.utils.py_dataset import PyDataset
from nacre.utils.warnings_utils import warn

__all__ = ["Iterator", "NumpyArrayIterator"]


class Iterator(PyDataset):
    """Base class of the iterators of `ImageDataGenerator`: batches by index, or one after another.

    `iterator[i]` is batch `i` of the current order; `next(iterator)` goes on without end. A
    subclass defines `_get_batches_of_transformed_samples(index_array)`.

    Args:
        n: Number of samples.
        batch_size: Samples a batch; the last one of an epoch may have fewer.
        shuffle: Whether to draw an order of the samples for every epoch.
        seed: Seed of this iterator's own random numbers; each batch starts at `seed` plus the
            number of batches before it. NumPy's global generator is used where there is none.
        **kwargs: Passed to `PyDataset`.

    Attributes:
        batch_index: Number of the next batch of `next(iterator)` within its epoch.
        total_batches_seen: Number of batches made so far.
        index_array: Order of the samples; `None` before the first batch.
    """

    white_list_formats = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")

    def __init__(self, n: int, batch_size: int, shuffle: bool, seed: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(batch_size, bool) or int(batch_size) != batch_size or batch_size < 1:
            raise ValueError(f"`batch_size` must be a positive integer. Received: {batch_size!r}")
        self.n = n
        self.batch_size = int(batch_size)
        self.seed = seed
        self.shuffle = shuffle
        self.batch_index = 0
        self.total_batches_seen = 0
        self.lock = threading.Lock()
        self.index_array: np.ndarray | None = None
        self.index_generator = self._flow_index()
        self._generator: np.random.RandomState | None = None

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __getitem__(self, idx: int) -> Any:
        if not 0 <= idx < len(self):
            raise ValueError(f"There is no batch {idx}: there are {len(self)} batches.")
        with self.lock:
            generator = self._begin_batch()
        with draws.drawing_from(generator):
            return self._get_batches_of_transformed_samples(self._indices(idx))

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        with self.lock:
            index_array = next(self.index_generator)
            generator = self._generator
            following = self._following()
        with draws.drawing_from(generator):
            return self._produce(index_array, self._take_ahead(index_array, following))

    def next(self) -> Any:
        """The next batch, as `next(iterator)`."""
        return next(self)

    def on_epoch_end(self) -> None:
        """Draws the order of the next epoch."""
        with self.lock:
            self._set_index_array()

    def reset(self) -> None:
        """Lets `next(iterator)` start a new epoch."""
        self.batch_index = 0

    def _begin_batch(self) -> np.random.RandomState | None:
        """Starts the random numbers of a batch, and draws the first order if there is none."""
        if self.seed is not None:
            self._generator = np.random.RandomState(self.seed + self.total_batches_seen)
        self.total_batches_seen += 1
        if self.index_array is None:
            self._set_index_array()
        return self._generator

    def _set_index_array(self) -> None:
        if not self.shuffle:
            self.index_array = np.arange(self.n)
            return
        if self.seed is not None and self._generator is None:
            self._generator = np.random.RandomState(self.seed)
        generator = np.random if self._generator is None else self._generator
        self.index_array = generator.permutation(self.n)

    def _indices(self, batch: int) -> np.ndarray:
        start = batch * self.batch_size
        return self.index_array[start : start + self.batch_size]  # type: ignore[index]

    def _flow_index(self) -> AnyIterator[np.ndarray]:
        """The samples of one batch after another."""
        self.reset()
        while True:
            if self.batch_index == 0:
                self.index_array = None
            self._begin_batch()
            current = self.batch_index if self.n else 0
            self.batch_index = current + 1 if self.n > (current + 1) * self.batch_size else 0
            yield self._indices(current)

    def _following(self) -> np.ndarray | None:
        """The samples of the batch that `next` will make next, where its order is known."""
        return self._indices(self.batch_index) if self.batch_index else None

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        """Makes a batch.

        Args:
            index_array: The samples.
        """
        raise TypeError(
            f"{type(self).__name__}: define `_get_batches_of_transformed_samples(index_array)`."
        )

    # What is read from files is read ahead; anything else has nothing to read.

    def _read_ahead(self, index_array: np.ndarray) -> Reading | None:
        """Begins to read the samples of a batch."""
        return None

    def _take_ahead(self, index_array: np.ndarray, following: np.ndarray | None) -> Reading | None:
        """The reading of a batch; begins that of the one after it."""
        return None

    def _produce(self, index_array: np.ndarray, reading: Reading | None) -> Any:
        """Makes a batch out of what was read."""
        return self._get_batches_of_transformed_samples(index_array)

    def batches_in_order(self, order: Any) -> BatchesInOrder:
        """The batches of an epoch, with files read ahead.

        Args:
            order: Numbers of the batches.

        Returns:
            An iterator with a method `cancel`, which any thread may call.
        """
        return BatchesInOrder(self, order)


class BatchesInOrder:
    """Makes the batches of one epoch, while the pictures of the next ones are being read.

    Args:
        iterator: Makes the batches.
        order: Their numbers.
    """

    _AHEAD = 2  # batches that are read before they are asked for

    def __init__(self, iterator: Iterator, order: Any) -> None:
        self._iterator = iterator
        self._order = deque(order)
        self._begun: deque = deque()
        self._cancelled = False

    def __iter__(self) -> BatchesInOrder:
        return self

    def __next__(self) -> Any:
        iterator = self._iterator
        if self._cancelled or not (self._order or self._begun):
            raise StopIteration
        with iterator.lock:
            generator = iterator._begin_batch()
        while self._order and len(self._begun) <= self._AHEAD:
            index_array = iterator._indices(self._order.popleft())
            self._begun.append((index_array, iterator._read_ahead(index_array)))
        index_array, reading = self._begun[0]  # stays there, to be cancelled while it is read
        try:
            if self._cancelled:  # by another thread, which did not see these readings
                raise Cancelled
            with draws.drawing_from(generator):
                batch = iterator._produce(index_array, reading)
        except Cancelled:
            self.cancel()
            raise StopIteration from None
        except BaseException:
            self.cancel()
            raise
        self._begun.popleft()
        return batch

    def cancel(self) -> None:
        """Makes no further batches and gives up what is being read."""
        self._cancelled = True
        for _, reading in list(self._begun):
            if reading is not None:
                reading.cancel()


class NumpyArrayIterator(Iterator):
    """Batches of transformed pictures out of an array.

    Args:
        x: Pictures, an array of rank 4; or a pair of these and a list of other arrays, which are
            delivered beside them as they are.
        y: Targets.
        image_data_generator: Transforms the pictures.
        batch_size: Pictures a batch.
        shuffle: Whether to draw an order for every epoch.
        sample_weight: Weights of the samples.
        seed: Seed, as for `Iterator`.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        save_to_dir: Folder to save every picture in that is delivered.
        save_prefix: Start of these files' names.
        save_format: Ending of these files' names.
        subset: `"training"` or `"validation"`: a part of the samples, by the generator's
            `validation_split`, whose first samples are for validation.
        ignore_class_split: Whether the parts may have different classes.
        dtype: Type of the pictures; the configured float type by default.

    Raises:
        ValueError: Lengths differ, the pictures are not of rank 4, or the parts have different
            classes.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: Any,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: Any = None,
        seed: Any = None,
        data_format: str | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        ignore_class_split: bool = False,
        dtype: Any = None,
    ) -> None:
        self.dtype = config.floatx() if dtype is None else dtype
        self.data_format = config.standardize_data_format(data_format)
        x_misc: list = []
        if isinstance(x, (tuple, list)):
            if len(x) != 2:
                raise ValueError(
                    "`x` is an array, or a pair of an array and a list of others. "
                    f"Received: {len(x)} of them"
                )
            x, others = x
            x_misc = [np.asarray(o) for o in (others if isinstance(others, list) else [others])]
        parts = [np.asarray(x), *x_misc]
        for name, value in (("y", y), ("sample_weight", sample_weight)):
            parts.append(None if value is None else np.asarray(value))
            if value is not None and len(value) != len(x):
                raise ValueError(
                    f"`x` and `{name}` must have the same length. "
                    f"Received: {len(x)} and {len(value)}"
                )
        if any(len(other) != len(x) for other in x_misc):
            raise ValueError(
                "All arrays of `x` must have the same length. "
                f"Received: {[len(x), *map(len, x_misc)]}"
            )
        if subset is not None:
            where = _part(parts[0], parts[-2], image_data_generator, subset, ignore_class_split)
            parts = [None if part is None else part[where] for part in parts]
        *arrays, self.y, self.sample_weight = parts
        self.x = np.asarray(arrays[0], dtype=self.dtype)
        self.x_misc = arrays[1:]
        self._check_pictures()
        self.image_data_generator = image_data_generator
        self.save_to_dir = save_to_dir
        self.save_prefix = save_prefix
        self.save_format = save_format
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def _check_pictures(self) -> None:
        if self.x.ndim != 4:
            raise ValueError(
                f"Expected pictures, an array of rank 4. Received: shape {self.x.shape}"
            )
        axis = 3 if self.data_format == "channels_last" else 1
        if self.x.shape[axis] not in (1, 3, 4):
            warn(
                f"Pictures have 1, 3 or 4 channels, in {self.data_format} on axis {axis}. "
                f"Received: shape {self.x.shape}, {self.x.shape[axis]} channels"
            )

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        own = np.ascontiguousarray(self.x[index_array])
        pictures = self.image_data_generator._transform_batch(own, self.dtype)
        save_pictures(self, pictures, index_array, 10_000)
        inputs = pictures
        if self.x_misc:
            inputs = [pictures, *(other[index_array] for other in self.x_misc)]
        if self.y is None:
            return inputs
        if self.sample_weight is None:
            return inputs, self.y[index_array]
        return inputs, self.y[index_array], self.sample_weight[index_array]


def _part(x: Any, y: Any, generator: Any, subset: str, ignore_class_split: bool) -> slice:
    """The samples of a subset."""
    split = int(len(x) * generator._validation_split)
    check_subset(subset)
    if y is not None and not ignore_class_split:
        if not np.array_equal(np.unique(y[:split]), np.unique(y[split:])):
            raise ValueError(
                "The training and the validation part have different classes. Samples that are "
                "sorted by class must be shuffled first."
            )
    return slice(None, split) if subset == "validation" else slice(split, None)


def check_subset(subset: Any) -> None:
    """Raises `ValueError` when it is not the name of a subset."""
    if subset not in ("training", "validation"):
        raise ValueError(f"`subset` is 'training' or 'validation'. Received: {subset!r}")


def save_pictures(iterator: Any, pictures: np.ndarray, index_array: Any, limit: int) -> None:
    """Saves the pictures of a batch where an iterator was told to.

    Args:
        iterator: Has `save_to_dir`, `save_prefix`, `save_format` and `data_format`.
        pictures: The batch.
        index_array: Its samples, whose numbers go into the names.
        limit: Bound of the random numbers that go into the names.
    """
    if not iterator.save_to_dir:
        return
    for index, picture in zip(index_array, pictures, strict=True):
        image = array_to_img(picture, iterator.data_format, scale=True)
        number = draws.current().randint(limit)
        name = f"{iterator.save_prefix}_{index}_{number}.{iterator.save_format}"
        image.save(os.path.join(iterator.save_to_dir, name))
