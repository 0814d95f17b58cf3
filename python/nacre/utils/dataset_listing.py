"""Listing the files of a data set on disk: their labels, their order, and parts of them."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np

from nacre.utils.io_utils import print_msg

__all__ = ["Listing", "check_split", "class_targets", "list_files", "part_of"]


class Listing(NamedTuple):
    """The files of a data set.

    Attributes:
        paths: The files.
        labels: The class of each, or `None`.
        class_names: Names of the classes, or `None`.
    """

    paths: list[str]
    labels: Any
    class_names: list[str] | None


def list_files(
    directory: Any,
    labels: Any,
    endings: tuple[str, ...],
    class_names: Any = None,
    shuffle: bool = True,
    seed: Any = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Listing:
    """Lists the files of a folder, in Keras's order.

    Args:
        directory: The folder.
        labels: `"inferred"` for the names of the folders in it, a list with an integer for each
            file, sorted by path, or `None` for none.
        endings: How names of files may end, in small letters.
        class_names: The folders to use and their order, where labels are inferred.
        shuffle: Whether to shuffle the files.
        seed: Seed for that.
        follow_links: Whether to follow links to folders.
        verbose: Whether to say how many files there are.

    Raises:
        OSError: There is no such folder.
        ValueError: `class_names` or `labels` do not fit the folder.
    """
    inferred = isinstance(labels, str) and labels == "inferred"
    folders = _class_folders(directory, class_names) if inferred else [""]
    if class_names is not None and not inferred:
        raise ValueError("`class_names` needs `labels='inferred'`.")
    paths: list[str] = []
    counts = []
    for folder in folders:
        found = _files_below(directory, folder, endings, follow_links)
        paths += found
        counts.append(len(found))
    names: list[str] | None = None
    if inferred:
        labels, names = np.repeat(np.arange(len(folders), dtype=np.int32), counts), folders
    elif labels is not None:
        if len(labels) != len(paths):
            raise ValueError(
                f"`labels` must have one label for each of the {len(paths)} files in {directory}. "
                f"Received: {len(labels)}"
            )
        labels, names = list(labels), [str(label) for label in sorted(set(labels))]
    if verbose:
        of = "" if names is None else f" belonging to {len(names)} classes"
        print_msg(f"Found {len(paths)} files{of}.")
    if shuffle:
        seed = np.random.randint(1_000_000) if seed is None else seed
        for values in (paths, labels):
            if values is not None:
                np.random.RandomState(seed).shuffle(values)
    return Listing(paths, labels, names)


def part_of(listing: Listing, validation_split: float | None, subset: str | None) -> Listing:
    """The part for training or for validation, which is the last one.

    Args:
        listing: The files.
        validation_split: Part that is for validation.
        subset: `"training"`, `"validation"` or `None` for all.
    """
    if not validation_split or subset is None:
        return listing
    count = int(validation_split * len(listing.paths))
    # As in Keras, a share of less than one file leaves all of them or none.
    border = len(listing.paths) - count if count else 0
    if subset == "training":
        where = slice(None, border)
        print_msg(f"Using {len(listing.paths) - count} files for training.")
    else:
        where = slice(border, None)
        print_msg(f"Using {count} files for validation.")
    labels = None if listing.labels is None else listing.labels[where]
    return Listing(listing.paths[where], labels, listing.class_names)


def check_split(validation_split: Any, subset: Any, shuffle: Any, seed: Any) -> None:
    """Raises `ValueError` unless these arguments make sense together."""
    if validation_split and not 0 < validation_split < 1:
        raise ValueError(
            f"`validation_split` must lie between 0 and 1. Received: {validation_split!r}"
        )
    if bool(validation_split) != bool(subset):
        raise ValueError(
            "`validation_split` and `subset` go together. "
            f"Received: {validation_split!r} and {subset!r}"
        )
    if subset not in ("training", "validation", "both", None):
        raise ValueError(f"`subset` is 'training', 'validation' or 'both'. Received: {subset!r}")
    if validation_split and shuffle and seed is None:
        raise ValueError(
            "`validation_split` of shuffled files needs a `seed`, so that the two parts have no "
            "file in common."
        )


def class_targets(labels: Any, label_mode: str, count: int) -> np.ndarray:
    """Labels as a model is trained on them.

    Args:
        labels: The class of each file.
        label_mode: `"int"`, `"binary"` or `"categorical"`.
        count: Number of classes.

    Returns:
        `int32` for `"int"`; `float32` of shape `(files, 1)` for `"binary"`, and of shape
        `(files, count)`, with a 1 at the class, for `"categorical"`.
    """
    labels = np.asarray(labels)
    if label_mode == "binary":
        return labels.astype(np.float32)[:, None]
    if label_mode == "categorical":
        return np.eye(count, dtype=np.float32)[labels]
    return labels.astype(np.int32)


def _class_folders(directory: Any, class_names: Any) -> list[str]:
    folders = [
        name
        for name in sorted(os.listdir(directory))
        if os.path.isdir(os.path.join(directory, name)) and not name.startswith(".")
    ]
    if class_names is None:
        return folders
    missing = [name for name in class_names if name not in folders]
    if missing:
        raise ValueError(
            f"`class_names` must be among the folders in {directory}, which are {folders}. "
            f"Received: {missing}"
        )
    return list(class_names)


def _files_below(
    directory: Any, folder: str, endings: tuple[str, ...], follow_links: bool
) -> list[str]:
    """The files in a folder and those below it, sorted folder by folder."""
    start = os.path.join(directory, folder)
    walk = sorted(os.walk(start, followlinks=follow_links), key=lambda entry: entry[0])
    return [
        os.path.join(start, os.path.relpath(os.path.join(root, name), start))
        for root, _, names in walk
        for name in sorted(names)
        if name.lower().endswith(endings)
    ]
