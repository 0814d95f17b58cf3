"""Batches of pictures out of files, read on threads."""

from __future__ import annotations

import os
import stat
from itertools import chain
from typing import Any

import numpy as np

from nacre import config
from nacre.preprocessing.iterators import Iterator, check_subset, save_pictures
from nacre.preprocessing.reading import Reading, read
from nacre.utils.image_utils import check_interpolation, load_img, pillow

__all__ = ["BatchFromFilesMixin", "FileReading"]

_CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}


class FileReading:
    """The pictures of some files, on their way into one array.

    Args:
        paths: The files.
        shape: Shape of a picture.
        channels_first: Whether its channels come first.
        options: Arguments of `load_img`.
    """

    def __init__(
        self, paths: list[str], shape: tuple[int, ...], channels_first: bool, options: dict
    ) -> None:
        self.paths = paths
        self.options = options
        self.pictures = np.empty((len(paths), *shape), config.floatx())
        # A view with the channels last, as Pillow has them.
        self._places = self.pictures.transpose(0, 2, 3, 1) if channels_first else self.pictures
        self._reading: Reading = read(self._load, len(paths))
        self.cancel = self._reading.cancel

    def wait(self) -> np.ndarray:
        """Returns the pictures once they are there; raises what reading them raised."""
        self._reading.wait()
        return self.pictures

    def _load(self, index: int) -> None:
        path = self.paths[index]
        # Opening a pipe would wait for somebody to write to it.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError(f"{path}: this is not a regular file.")
        with load_img(path, **self.options) as image:
            array = np.asarray(image)
        self._places[index] = array[..., None] if array.ndim == 2 else array


class BatchFromFilesMixin(Iterator):
    """What iterators over files share.

    A subclass has `filepaths`, `labels`, `sample_weight`, `class_mode` and `dtype`.
    """

    class_mode: str | None
    class_indices: dict[str, int]
    dtype: Any
    _ahead: FileReading | None = None

    def set_processing_attrs(
        self,
        image_data_generator: Any,
        target_size: tuple[int, int],
        color_mode: str,
        data_format: str,
        save_to_dir: Any,
        save_prefix: str,
        save_format: str,
        subset: str | None,
        interpolation: str,
        keep_aspect_ratio: bool,
    ) -> None:
        """Sets how files become pictures.

        Args:
            image_data_generator: Transforms the pictures; `None` for none.
            target_size: Height and width to resize to.
            color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
            data_format: `"channels_last"` or `"channels_first"`.
            save_to_dir: Folder to save every picture in that is delivered.
            save_prefix: Start of these files' names.
            save_format: Ending of these files' names.
            subset: `"training"`, `"validation"` or `None`.
            interpolation: As for `load_img`.
            keep_aspect_ratio: As for `load_img`.

        Raises:
            ImportError: Pillow is not installed.
            ValueError: An option is not one of the above.
        """
        pillow(type(self).__name__)
        check_interpolation(type(self).__name__, interpolation)
        if color_mode not in _CHANNELS:
            raise ValueError(
                f"`color_mode` is 'rgb', 'rgba' or 'grayscale'. Received: {color_mode!r}"
            )
        self.image_data_generator = image_data_generator
        self.target_size = _size(target_size)
        self.keep_aspect_ratio = keep_aspect_ratio
        self.color_mode = color_mode
        self.data_format = config.standardize_data_format(data_format)
        channels = (_CHANNELS[color_mode],)
        first = self.data_format == "channels_first"
        self.image_shape = channels + self.target_size if first else self.target_size + channels
        self.save_to_dir = save_to_dir
        self.save_prefix = save_prefix
        self.save_format = save_format
        self.interpolation = interpolation
        self.subset = subset
        self.split: tuple[float, float] | None = None
        if subset is not None:
            check_subset(subset)
            part = image_data_generator._validation_split
            self.split = (0, part) if subset == "validation" else (part, 1)

    @property
    def filepaths(self) -> list[str]:
        """The path of every picture."""
        raise NotImplementedError(f"{type(self).__name__}: define `filepaths`.")

    @property
    def labels(self) -> Any:
        """The label of every picture."""
        raise NotImplementedError(f"{type(self).__name__}: define `labels`.")

    @property
    def sample_weight(self) -> Any:
        """The weight of every picture; `None` for none."""
        raise NotImplementedError(f"{type(self).__name__}: define `sample_weight`.")

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        reading = self._read_ahead(index_array)
        return self._finish(index_array, reading)

    def _read_ahead(self, index_array: np.ndarray) -> FileReading:
        paths = self.filepaths
        return FileReading(
            [paths[index] for index in index_array],
            self.image_shape,
            self.data_format == "channels_first",
            self._load_options(),
        )

    def _load_options(self) -> dict:
        return {
            "color_mode": self.color_mode,
            "target_size": self.target_size,
            "interpolation": self.interpolation,
            "keep_aspect_ratio": self.keep_aspect_ratio,
        }

    def _take_ahead(self, index_array: np.ndarray, following: Any) -> FileReading | None:
        ahead, self._ahead = self._ahead, None
        paths = self.filepaths
        if (
            ahead is None
            or ahead.paths != [paths[index] for index in index_array]
            or ahead.options != self._load_options()
            or ahead.pictures.shape[1:] != self.image_shape
        ):
            if ahead is not None:
                ahead.cancel()
            ahead = self._read_ahead(index_array)
        if following is not None:
            self._ahead = self._read_ahead(following)
        return ahead

    def _produce(self, index_array: np.ndarray, reading: Any) -> Any:
        own = BatchFromFilesMixin._get_batches_of_transformed_samples
        if type(self)._get_batches_of_transformed_samples is not own:
            reading.cancel()
            return self._get_batches_of_transformed_samples(index_array)
        return self._finish(index_array, reading)

    def _finish(self, index_array: np.ndarray, reading: FileReading) -> Any:
        pictures = reading.wait()
        if self.image_data_generator is None:
            pictures = pictures.astype(self.dtype, copy=False)
        else:
            pictures = self.image_data_generator._transform_batch(pictures, self.dtype)
        save_pictures(self, pictures, index_array, 10_000_000)
        if self.class_mode is None:
            return pictures
        targets = self._targets_of(pictures, index_array)
        if self.sample_weight is None:
            return pictures, targets
        return pictures, targets, self.sample_weight[index_array]

    def _targets_of(self, pictures: np.ndarray, index_array: np.ndarray) -> Any:
        mode = self.class_mode
        if mode == "input":
            return pictures.copy()
        if mode == "multi_output":
            return [output[index_array] for output in self.labels]
        if mode == "raw":
            return self.labels[index_array]
        labels = [self.labels[index] for index in index_array]
        if mode != "categorical":
            return np.array(labels, dtype=self.dtype)
        several = [label if isinstance(label, list) else [label] for label in labels]
        rows = np.repeat(np.arange(len(labels)), [len(label) for label in several])
        targets = np.zeros((len(labels), len(self.class_indices)), dtype=self.dtype)
        targets[rows, np.fromiter(chain.from_iterable(several), dtype=np.intp)] = 1
        return targets


def _size(target_size: Any) -> tuple[int, int]:
    try:
        height, width = (int(side) for side in target_size)
    except (TypeError, ValueError):
        height = width = 0
    if min(height, width) < 1:
        raise ValueError(f"`target_size` is a height and a width. Received: {target_size!r}")
    return height, width
