"""`DirectoryIterator`: pictures out of a folder for each class."""

from __future__ import annotations

import os
from collections.abc import Iterator as AnyIterator
from typing import Any

import numpy as np

from nacre import config
from nacre.preprocessing.file_batches import BatchFromFilesMixin
from nacre.utils.io_utils import print_msg
from nacre.utils.warnings_utils import warn

__all__ = ["DirectoryIterator"]


class DirectoryIterator(BatchFromFilesMixin):
    """Batches of pictures out of the files in a folder for each class.

    Args:
        directory: The folder that holds the classes' folders. Files count by the endings png, jpg,
            jpeg, bmp, ppm, tif and tiff, in folders below too.
        image_data_generator: Transforms the pictures.
        target_size: Height and width to resize to.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        classes: Names of the folders, in the order of their labels; all of them, sorted, by
            default.
        class_mode: `"categorical"` for targets with a 1 at the class, `"binary"` or `"sparse"` for
            its number, `"input"` for the pictures themselves, `None` for none.
        batch_size: Pictures a batch.
        shuffle: Whether to draw an order for every epoch.
        seed: Seed, as for `Iterator`.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        save_to_dir: Folder to save every picture in that is delivered.
        save_prefix: Start of these files' names.
        save_format: Ending of these files' names.
        follow_links: Whether to follow links to folders inside of the classes' folders.
        subset: `"training"` or `"validation"`: a part of each class, by the generator's
            `validation_split`, whose first files are for validation.
        interpolation: As for `load_img`.
        keep_aspect_ratio: As for `load_img`.
        dtype: Type of the pictures; the configured float type by default.

    Attributes:
        class_indices: The number of each class.
        classes: The class of each file.
        filenames: The files, from `directory`.
        samples: How many there are.
        num_classes: How many classes there are.

    Raises:
        OSError: There is no such folder.
        ValueError: An option is not one of the above.
    """

    allowed_class_modes = {"categorical", "binary", "sparse", "input", None}

    def __init__(
        self,
        directory: Any,
        image_data_generator: Any,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: Any = None,
        data_format: str | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: Any = None,
    ) -> None:
        self.set_processing_attrs(
            image_data_generator,
            target_size,
            color_mode,
            config.standardize_data_format(data_format),
            save_to_dir,
            save_prefix,
            save_format,
            subset,
            interpolation,
            keep_aspect_ratio,
        )
        if class_mode not in self.allowed_class_modes:
            raise ValueError(
                "`class_mode` is 'categorical', 'binary', 'sparse', 'input' or None. "
                f"Received: {class_mode!r}"
            )
        self.directory = directory
        self.class_mode = class_mode
        self.dtype = config.floatx() if dtype is None else dtype
        names = list(classes) if classes else _folders(directory)
        self.num_classes = len(names)
        self.class_indices = {name: index for index, name in enumerate(names)}
        self.filenames: list[str] = []
        counts = []
        for name in names:
            files = list(
                _files(os.path.join(directory, name), self.white_list_formats, follow_links)
            )
            if self.split:
                start, stop = (int(part * len(files)) for part in self.split)
                files = files[start:stop]
            self.filenames += [os.path.join(name, file) for file in files]
            counts.append(len(files))
        self.classes = np.repeat(np.arange(len(names), dtype=np.int32), counts)
        self.samples = len(self.filenames)
        print_msg(f"Found {self.samples} images belonging to {self.num_classes} classes.")
        self._filepaths = [os.path.join(directory, name) for name in self.filenames]
        super().__init__(self.samples, batch_size, shuffle, seed)

    @property
    def filepaths(self) -> list[str]:
        return self._filepaths

    @property
    def labels(self) -> np.ndarray:
        return self.classes

    @property
    def sample_weight(self) -> None:
        return None


def _folders(directory: Any) -> list[str]:
    """The folders in a folder, sorted by name."""
    return sorted(
        name for name in os.listdir(directory) if os.path.isdir(os.path.join(directory, name))
    )


def _files(folder: str, endings: tuple[str, ...], follow_links: bool) -> AnyIterator[str]:
    """The pictures in a folder and those below it, from this folder, sorted folder by folder."""
    walk = sorted(os.walk(folder, followlinks=follow_links), key=lambda entry: entry[0])
    for root, _, names in walk:
        for name in sorted(names):
            if name.lower().endswith(".tiff"):
                warn("Of a .tiff file with several bands or pages only what Pillow reads is used.")
            if name.lower().endswith(endings):
                yield os.path.relpath(os.path.join(root, name), folder)
