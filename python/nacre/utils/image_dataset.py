"""`image_dataset_from_directory`: pictures in files, labelled by the folders they are in."""

from __future__ import annotations

from typing import Any

import numpy as np

from nacre.data import AUTOTUNE, Dataset
from nacre.utils.image_dataset_utils import PictureFiles, list_pictures

__all__ = ["image_dataset_from_directory"]


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: Any = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """A data set of the pictures in a folder for each class.

    Args:
        directory: The folder, with one folder for each class in it.
        labels: `"inferred"` for the folder's number, `None`, or a label for each file in the order
            of their paths.
        label_mode: `"int"`, `"categorical"` for one-hot vectors, `"binary"` for 0 and 1 in a
            column, or `None`.
        class_names: The folders, in the order of their numbers; by default, in that of their names.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        batch_size: Pictures in a batch; `None` for single pictures.
        image_size: Height and width to resize to.
        shuffle: Whether to shuffle; otherwise pictures are in the order of their paths.
        seed: For the shuffle.
        validation_split: Share of the pictures for validation: the last ones of the list.
        subset: `"training"`, `"validation"` or `"both"`.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        follow_links: Whether to enter folders that links lead to.
        crop_to_aspect_ratio: Whether to cut off borders so that nothing is distorted.
        pad_to_aspect_ratio: Whether to add black borders so that nothing is distorted.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        format: Must be `"tf"`, which here means a `nacre.data.Dataset`.
        verbose: Whether to print how many files there are.

    Returns:
        A `Dataset` of pictures, `float32` from 0 to 255, or of pairs `(pictures, labels)`, with the
        attributes `class_names` and `file_paths`; a list of two for `subset="both"`.

    Raises:
        ImportError: Pillow is not installed.
        OSError: There is no such folder; later, a file is no picture.
        ValueError: An argument has no such value, or there are no files.
    """
    if format != "tf":
        raise ValueError(
            f"image_dataset_from_directory: `format` must be 'tf', for a Dataset. "
            f"Received: {format!r}"
        )
    if seed is None and not validation_split:
        seed = int(np.random.randint(10**6))
    parts = list_pictures(
        directory,
        labels,
        label_mode,
        class_names,
        color_mode,
        image_size,
        shuffle,
        seed,
        validation_split,
        subset,
        interpolation,
        follow_links,
        crop_to_aspect_ratio,
        pad_to_aspect_ratio,
        data_format,
        verbose,
    )
    shuffled = [shuffle, False] if subset == "both" else [shuffle]
    made = [
        _dataset(files, batch_size, seed, shuffles)
        for files, shuffles in zip(parts, shuffled, strict=True)
    ]
    return made if subset == "both" else made[0]


def _dataset(files: PictureFiles, batch_size: int | None, seed: Any, shuffles: bool) -> Dataset:
    dataset = Dataset.range(len(files))
    if files.targets is not None:
        dataset = Dataset.zip((dataset, Dataset.from_tensor_slices(files.targets)))
    if shuffles:
        dataset = dataset.shuffle(1024 if batch_size is None else batch_size * 8, seed)

    def load(index: Any, *label: Any) -> Any:
        picture = files.load(int(index))
        return (picture, *label) if label else picture

    dataset = dataset.map(load, num_parallel_calls=AUTOTUNE)
    if batch_size is not None:
        dataset = dataset.batch(batch_size)
    dataset = dataset.prefetch(AUTOTUNE)
    dataset.class_names = files.class_names
    dataset.file_paths = files.file_paths
    return dataset
