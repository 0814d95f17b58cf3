"""Pictures in a folder for each class: what `image_dataset_from_directory` is made of."""

from __future__ import annotations

import os
import stat
from typing import Any

import numpy as np

from nacre import config
from nacre.utils.dataset_listing import Listing, check_split, class_targets, list_files, part_of
from nacre.utils.image_utils import load_img, pillow

__all__ = ["PictureFiles", "list_pictures"]

_ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_COLOR_MODES = {"rgb": 3, "rgba": 4, "grayscale": 1}
_LABEL_MODES = ("int", "categorical", "binary", None)
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


class PictureFiles:
    """Pictures in files, with their targets, one at a time or a batch.

    Args:
        listing: The files.
        label_mode: `"int"`, `"categorical"`, `"binary"` or `None`.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        image_size: Height and width to resize to.
        interpolation: As for `nacre.ops.image.resize`, which resizes.
        crop_to_aspect_ratio: Whether to cut off borders so that nothing is distorted.
        pad_to_aspect_ratio: Whether to add black borders so that nothing is distorted.
        data_format: `"channels_last"` or `"channels_first"`.

    Attributes:
        file_paths: The files.
        class_names: Names of the classes, or `None`.
        targets: What belongs to each picture: an array, or `None`.
        image_shape: Shape of a picture.
    """

    def __init__(
        self,
        listing: Listing,
        label_mode: str | None,
        color_mode: str,
        image_size: tuple[int, int],
        interpolation: str,
        crop_to_aspect_ratio: bool,
        pad_to_aspect_ratio: bool,
        data_format: str,
    ) -> None:
        self.file_paths = listing.paths
        self.class_names = listing.class_names
        self.targets: np.ndarray | None = None
        if label_mode is not None:
            count = len(listing.class_names or ())
            self.targets = class_targets(listing.labels, label_mode, count)
        self._color_mode = color_mode
        self._size = image_size
        self._pads = pad_to_aspect_ratio
        self._options = {
            "interpolation": interpolation,
            "crop_to_aspect_ratio": crop_to_aspect_ratio,
            "data_format": "channels_last",
        }
        self._first = data_format == "channels_first"
        channels = (_COLOR_MODES[color_mode],)
        self.image_shape = channels + image_size if self._first else image_size + channels

    def __len__(self) -> int:
        return len(self.file_paths)

    def load(self, index: int) -> np.ndarray:
        """Reads a picture, on any thread.

        Args:
            index: Its number.

        Returns:
            Values from 0 to 255, as `float32`.

        Raises:
            OSError: The file is no picture, or an incomplete one; its name is in the message.
        """
        path = self.file_paths[index]
        # Opening a pipe would wait for somebody to write to it.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError(f"{path}: this is not a regular file.")
        with load_img(path, color_mode=self._color_mode) as image:
            array = np.asarray(image)
        if array.dtype != np.uint8:  # gray values of 16 bits, or of 32 that hold 16
            array = (array >> 8).clip(0, 255)
        array = self._resized(np.asarray(array[..., None] if array.ndim == 2 else array))
        return array.transpose(2, 0, 1) if self._first else array

    def _resized(self, array: np.ndarray) -> np.ndarray:
        from nacre.ops.image import resize

        array = array.astype(np.float32)
        size, place = self._size, (0, 0)
        if self._pads:
            size, place = _inside(array.shape[:2], size)
        if array.shape[:2] != size:
            array = np.asarray(resize(array, size, **self._options))
        if size == self._size:
            return array
        result = np.zeros((*self._size, array.shape[2]), np.float32)
        result[place[0] : place[0] + size[0], place[1] : place[1] + size[1]] = array
        return result

    def load_batch(self, indices: Any) -> Any:
        """Begins to read some pictures on threads of their own.

        Args:
            indices: Their numbers.

        Returns:
            An object whose `wait()` returns them as one array, and raises what reading raised;
            `cancel()` gives up.
        """
        return _BatchReading(self, [int(index) for index in indices])


class _BatchReading:
    """Pictures on their way into one array."""

    def __init__(self, files: PictureFiles, indices: list[int]) -> None:
        from nacre.preprocessing.reading import read

        self._pictures = np.empty((len(indices), *files.image_shape), np.float32)

        def load(at: int) -> None:
            self._pictures[at] = files.load(indices[at])

        self._reading = read(load, len(indices))
        self.cancel = self._reading.cancel

    def wait(self) -> np.ndarray:
        self._reading.wait()
        return self._pictures


def list_pictures(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    color_mode: str = "rgb",
    image_size: Any = (256, 256),
    shuffle: bool = True,
    seed: Any = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    verbose: bool = True,
) -> list[PictureFiles]:
    """Checks the arguments of `image_dataset_from_directory` and lists its files.

    Args:
        directory: The folder.
        labels: `"inferred"`, a list with an integer for each file, or `None`.
        label_mode: `"int"`, `"categorical"`, `"binary"` or `None`.
        class_names: The folders to use and their order.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        image_size: Height and width to resize to, or one number for both.
        shuffle: Whether to shuffle the files; each epoch's own order is the data set's matter.
        seed: Seed for that.
        validation_split: Part that is for validation: the last one of the list.
        subset: `"training"`, `"validation"`, `"both"` or `None`.
        interpolation: `"nearest"`, `"bilinear"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        follow_links: Whether to follow links to folders.
        crop_to_aspect_ratio: Whether to cut off borders so that nothing is distorted.
        pad_to_aspect_ratio: Whether to add black borders so that nothing is distorted.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        verbose: Whether to say how many files there are.

    Returns:
        The files; those for training and those for validation, if both are asked for.

    Raises:
        ImportError: Pillow is not installed.
        OSError: There is no such folder.
        ValueError: An option is not one of the above, or there are no files.
    """
    pillow("image_dataset_from_directory")
    if labels is not None and not isinstance(labels, (list, tuple)) and labels != "inferred":
        raise ValueError(
            "`labels` is 'inferred', None, or a list with an integer for each file. "
            f"Received: {labels!r}"
        )
    _check_one_of("label_mode", label_mode, _LABEL_MODES)
    _check_one_of("color_mode", color_mode, tuple(_COLOR_MODES))
    interpolation = str(interpolation).lower()
    _check_one_of("interpolation", interpolation, _INTERPOLATIONS)
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            "Only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` can be True."
        )
    check_split(validation_split, subset, shuffle, seed)
    if labels is None or label_mode is None:
        labels = label_mode = None
    listing = list_files(
        directory, labels, _ENDINGS, class_names, shuffle, seed, follow_links, verbose
    )
    if label_mode == "binary" and len(listing.class_names or ()) != 2:
        raise ValueError(f'`label_mode="binary"` needs 2 classes. Received: {listing.class_names}')
    result = []
    for part in ("training", "validation") if subset == "both" else (subset,):
        files = part_of(listing, validation_split, part)
        if not files.paths:
            of = f" for {part}" if part else ""
            raise ValueError(
                f"There are no pictures{of} in {directory}; files count by the endings "
                f"{', '.join(_ENDINGS)}."
            )
        result.append(
            PictureFiles(
                files,
                label_mode,
                color_mode,
                _size(image_size),
                interpolation,
                crop_to_aspect_ratio,
                pad_to_aspect_ratio,
                config.standardize_data_format(data_format),
            )
        )
    return result


def _inside(size: Any, wanted: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """The largest size of the same proportions inside of another, and where it starts there.

    In single precision, as TensorFlow computes it.
    """
    old, new = np.array(size, np.float32), np.array(wanted, np.float32)
    scaled = old / (old / new).max()
    start = np.maximum(np.floor((new - scaled) / 2), 0)
    height, width = (max(1, int(side)) for side in np.floor(scaled))
    return (height, width), (int(start[0]), int(start[1]))


def _check_one_of(name: str, value: Any, allowed: tuple) -> None:
    if value not in allowed:
        raise ValueError(f"`{name}` is one of {', '.join(map(repr, allowed))}. Received: {value!r}")


def _size(image_size: Any) -> tuple[int, int]:
    sides = (image_size, image_size) if isinstance(image_size, int) else image_size
    try:
        height, width = (int(side) for side in sides)
    except (TypeError, ValueError):
        height = width = 0
    if min(height, width) < 1:
        raise ValueError(f"`image_size` is a height and a width. Received: {image_size!r}")
    return height, width
