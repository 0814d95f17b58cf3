"""`text_dataset_from_directory`: texts in files, labelled by the folders they are in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from nacre.data import AUTOTUNE, Dataset
from nacre.utils.dataset_listing import check_split, class_targets, list_files, part_of

__all__ = ["text_dataset_from_directory"]

_NAME = "text_dataset_from_directory"


def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: list[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """A data set of the texts in a folder's `.txt` files.

    Args:
        directory: The folder, with one folder for each class in it.
        labels: `"inferred"` for the folder's number, `None`, or a label for each file in the order
            of their paths.
        label_mode: `"int"`, `"categorical"` for one-hot vectors, `"binary"` for 0 and 1 in a
            column, or `None`.
        class_names: The folders, in the order of their numbers; by default, in that of their names.
        batch_size: Texts in a batch; `None` for single texts.
        max_length: Bytes of a text beyond which it is cut off.
        shuffle: Whether to shuffle; otherwise texts are in the order of their paths.
        seed: For the shuffle.
        validation_split: Share of the texts for validation.
        subset: `"training"`, `"validation"` or `"both"`.
        follow_links: Whether to enter folders that links lead to.
        format: Must be `"tf"`, which here means a `nacre.data.Dataset`.
        verbose: Whether to print how many files there are.

    Returns:
        A `Dataset` of `StringTensor`s or of pairs `(texts, labels)`, with the attribute
        `class_names`; a list of two for `subset="both"`.

    Raises:
        ValueError: An argument has no such value, or there are no files.
    """
    _check(labels, label_mode, class_names, format)
    if labels is None or label_mode is None:
        labels = label_mode = None
    check_split(validation_split, subset, shuffle, seed)
    seed = int(np.random.randint(10**6)) if seed is None else seed
    listing = list_files(
        directory, labels, (".txt",), class_names, shuffle, seed, follow_links, verbose
    )
    names = listing.class_names
    if label_mode == "binary" and len(names or ()) != 2:
        raise ValueError(
            f"{_NAME}: `label_mode='binary'` needs exactly two classes. Received: {names}"
        )
    made = []
    for part in ("training", "validation") if subset == "both" else (subset,):
        files = part_of(listing, validation_split, part)
        if not files.paths:
            kind = f"{part} " if part else ""
            raise ValueError(f"{_NAME}: no {kind}files (.txt) in {directory}.")
        dataset = Dataset.from_tensor_slices(files.paths)
        if label_mode is not None:
            encoded = class_targets(files.labels, label_mode, len(names))
            dataset = Dataset.zip((dataset, Dataset.from_tensor_slices(encoded)))
        if shuffle and not (subset == "both" and part == "validation"):
            dataset = dataset.shuffle(1024 if batch_size is None else batch_size * 8, seed)
        dataset = dataset.map(_reader(max_length), num_parallel_calls=AUTOTUNE)
        if batch_size is not None:
            dataset = dataset.batch(batch_size)
        dataset = dataset.prefetch(AUTOTUNE)
        dataset.class_names = names
        made.append(dataset)
    return made if subset == "both" else made[0]


def _check(labels: Any, label_mode: Any, class_names: Any, format: Any) -> None:
    if labels not in ("inferred", None):
        if not isinstance(labels, (list, tuple)):
            raise ValueError(
                f"{_NAME}: `labels` must be 'inferred', None, or a list of a label for each file. "
                f"Received: {labels!r}"
            )
    if labels != "inferred" and class_names:
        raise ValueError(f"{_NAME}: `class_names` needs `labels='inferred'`.")
    if label_mode not in ("int", "categorical", "binary", None):
        raise ValueError(
            f"{_NAME}: `label_mode` must be 'int', 'categorical', 'binary' or None. "
            f"Received: {label_mode!r}"
        )
    if format != "tf":
        raise ValueError(f"{_NAME}: `format` must be 'tf', for a Dataset. Received: {format!r}")


def _reader(max_length: int | None) -> Any:
    def read(path: Any, *label: Any) -> Any:
        text = Path(os.fsdecode(path.numpy())).read_bytes()[:max_length]
        return (text, *label) if label else text

    return read
