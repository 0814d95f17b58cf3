"""`DataFrameIterator`: pictures out of files that a table lists."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from nacre import config
from nacre.preprocessing.file_batches import BatchFromFilesMixin
from nacre.utils.io_utils import print_msg
from nacre.utils.warnings_utils import warn

__all__ = ["DataFrameIterator"]

_WITHOUT_CLASSES = ("input", "multi_output", "raw", None)


class DataFrameIterator(BatchFromFilesMixin):
    """Batches of pictures out of the files that a table lists.

    Args:
        dataframe: The table: a pandas `DataFrame`, or anything whose columns are found by name,
            such as a dictionary of lists.
        directory: Folder that the names start from.
        image_data_generator: Transforms the pictures; `None` for none.
        x_col: Column of the files' names.
        y_col: Column of the targets, or a list of columns.
        weight_col: Column of the samples' weights.
        target_size: Height and width to resize to.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        classes: Names of the classes, in the order of their labels; all of them, sorted, by
            default. Samples of other classes are left out.
        class_mode: `"categorical"` for targets with a 1 at each of a sample's classes, `"binary"`
            or `"sparse"` for the number of its class, `"raw"` for the values of `y_col`,
            `"multi_output"` for a list with the values of each column of `y_col`, `"input"` for
            the pictures themselves, `None` for none.
        batch_size: Pictures a batch.
        shuffle: Whether to draw an order for every epoch.
        seed: Seed, as for `Iterator`.
        data_format: `"channels_last"` or `"channels_first"`.
        save_to_dir: Folder to save every picture in that is delivered.
        save_prefix: Start of these files' names.
        save_format: Ending of these files' names.
        subset: `"training"` or `"validation"`: a part of the table, by the generator's
            `validation_split`, whose first rows are for validation.
        interpolation: As for `load_img`.
        keep_aspect_ratio: As for `load_img`.
        dtype: Type of the pictures.
        validate_filenames: Whether to leave out, with a warning, rows whose file is not there or
            has another ending than pictures have.

    Attributes:
        class_indices: The number of each class, where there are classes.
        classes: The class, or list of classes, of each file.
        filenames: The files, as the table names them.
        samples: How many there are.

    Raises:
        TypeError: A column holds values of another kind than `class_mode` asks for.
        ValueError: An option is not one of the above.
    """

    allowed_class_modes = {
        *("binary", "categorical", "input", "multi_output", "raw", "sparse"),
        None,
    }

    def __init__(
        self,
        dataframe: Any,
        directory: Any = None,
        image_data_generator: Any = None,
        x_col: Any = "filename",
        y_col: Any = "class",
        weight_col: Any = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: Any = None,
        data_format: str = "channels_last",
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: Any = "float32",
        validate_filenames: bool = True,
    ) -> None:
        self.set_processing_attrs(
            image_data_generator,
            target_size,
            color_mode,
            data_format,
            save_to_dir,
            save_prefix,
            save_format,
            subset,
            interpolation,
            keep_aspect_ratio,
        )
        self.directory = directory or ""
        self.class_mode = class_mode
        self.dtype = config.floatx() if dtype is None else dtype
        self._check_mode(y_col, classes)
        names = _column(dataframe, x_col, "x_col")
        if not all(isinstance(name, str) for name in names):
            raise TypeError(f"All values of the column x_col={x_col!r} must be strings.")
        kept = list(range(len(names)))
        if validate_filenames:
            kept = self._existing(names, x_col)
        if self._has_classes:
            labels = _column(dataframe, y_col, "y_col")
            self._check_labels(labels, y_col, classes)
            kept, labels, classes = _keep_classes(kept, labels, classes)
            self.class_indices = {name: index for index, name in enumerate(classes)}
        if self.split:
            start, stop = (int(part * len(kept)) for part in self.split)
            kept = kept[start:stop]
        if self._has_classes:
            self.classes = [self._numbers_of(labels[row]) for row in kept]
        self.filenames = [names[row] for row in kept]
        self._sample_weight = None
        if weight_col:
            self._sample_weight = _weights(dataframe, weight_col)[kept]
        if class_mode == "multi_output":
            self._targets: Any = [_array(dataframe, column)[kept] for column in y_col]
        elif class_mode == "raw":
            self._targets = _array(dataframe, y_col)[kept]
        self.samples = len(self.filenames)
        kind = "validated" if validate_filenames else "non-validated"
        of = f" belonging to {len(self.class_indices)} classes" if self._has_classes else ""
        print_msg(f"Found {self.samples} {kind} image filenames{of}.")
        self._filepaths = [os.path.join(self.directory, name) for name in self.filenames]
        super().__init__(self.samples, batch_size, shuffle, seed)

    @property
    def filepaths(self) -> list[str]:
        return self._filepaths

    @property
    def labels(self) -> Any:
        return self.classes if self._has_classes else getattr(self, "_targets", None)

    @property
    def sample_weight(self) -> Any:
        return self._sample_weight

    @property
    def _has_classes(self) -> bool:
        return self.class_mode not in _WITHOUT_CLASSES

    def _check_mode(self, y_col: Any, classes: Any) -> None:
        mode = self.class_mode
        if mode not in self.allowed_class_modes:
            raise ValueError(
                "`class_mode` is 'binary', 'categorical', 'input', 'multi_output', 'raw', 'sparse' "
                f"or None. Received: {mode!r}"
            )
        if mode == "multi_output" and not isinstance(y_col, list):
            raise TypeError(
                f'class_mode="multi_output" needs a list of columns as `y_col`. Received: {y_col!r}'
            )
        if classes and not self._has_classes:
            warn(f"`classes` means nothing with class_mode={mode!r}.")

    def _existing(self, names: list[str], x_col: Any) -> list[int]:
        """The rows whose file is there."""
        kept = [
            row
            for row, name in enumerate(names)
            if name.lower().endswith(self.white_list_formats)
            and os.path.isfile(os.path.join(self.directory, name))
        ]
        missing = len(names) - len(kept)
        if missing:
            there = set(kept)
            first = next(name for row, name in enumerate(names) if row not in there)
            warn(
                f"{missing} files of the column x_col={x_col!r} are left out, since they are not "
                f"there or not named like a picture. The first one is {first}"
            )
        return kept

    def _check_labels(self, labels: list, y_col: Any, classes: Any) -> None:
        kinds: Any = str if self.class_mode in ("binary", "sparse") else (str, list, tuple)
        wrong = next((label for label in labels if not isinstance(label, kinds)), None)
        if wrong is not None:
            allowed = "strings" if kinds is str else "strings, lists or tuples"
            raise TypeError(
                f"class_mode={self.class_mode!r} needs {allowed} in the column y_col={y_col!r}. "
                f"Received: {wrong!r}"
            )
        count = len(set(classes or labels)) if self.class_mode == "binary" else 2
        if count != 2:
            raise ValueError(f'class_mode="binary" needs 2 classes. Received: {count}')

    def _numbers_of(self, label: Any) -> Any:
        if isinstance(label, (list, tuple)):
            return [self.class_indices[name] for name in label]
        return self.class_indices[label]


def _column(table: Any, name: Any, argument: str) -> list:
    """A column as a list."""
    try:
        values = table[name]
    except KeyError:
        raise ValueError(f"The table has no column {argument}={name!r}.") from None
    return values.tolist() if hasattr(values, "tolist") else list(values)


def _array(table: Any, column: Any) -> np.ndarray:
    """A column as an array; a list of columns as an array of rank 2."""
    if isinstance(column, (list, tuple)):
        return np.stack([_array(table, name) for name in column], axis=1)
    return np.array(_column(table, column, "y_col"))


def _weights(table: Any, column: Any) -> np.ndarray:
    weights = np.asarray(_column(table, column, "weight_col"))
    if not np.issubdtype(weights.dtype, np.number):
        raise TypeError(f"The column weight_col={column!r} must hold numbers.")
    return weights


def _keep_classes(rows: list[int], labels: list, classes: Any) -> tuple[list[int], list, list]:
    """Leaves out classes that were not asked for, and rows that have no other.

    Returns:
        The rows that are left, the labels of all rows, and the classes.
    """
    if not classes:
        found: set = set()
        for row in rows:
            label = labels[row]
            found.update(label if isinstance(label, (list, tuple)) else [label])
        return rows, labels, sorted(found)
    classes = list(dict.fromkeys(classes))
    wanted = set(classes)
    labels = [
        [name for name in label if name in wanted]
        if isinstance(label, (list, tuple))
        else (label if label in wanted else None)
        for label in labels
    ]
    return [row for row in rows if labels[row]], labels, classes
