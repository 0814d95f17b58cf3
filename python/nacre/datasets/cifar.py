"""What CIFAR-10 and CIFAR-100 have in common: pickles of dicts in a tar archive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nacre import config
from nacre.datasets.pickled import UnsafePickleError, decode
from nacre.datasets.sources import fetch
from nacre.utils.archives import read_tar_members

__all__ = ["load"]


def load(origin: str, folder: str, train: Sequence[str], test: Sequence[str], labels: str) -> Any:
    """Load a data set of this kind.

    Args:
        origin: The archive's name at its origin.
        folder: The folder inside of it.
        train: Files for training.
        test: Files for testing.
        labels: Key of the labels in a file.
    """
    # Keras's name for the archive; what is read is the archive, whose hash was checked, and not
    # what may have been unpacked from it before.
    path = fetch(origin, f"{folder}-target_archive")
    members = {name: f"{folder}/{name}" for name in (*train, *test)}
    contents = read_tar_members(path, list(members.values()))
    parts = []
    for names in (train, test):
        batches = [_read(contents.pop(members[name]), labels, path) for name in names]
        pictures = np.concatenate([pixels for pixels, _ in batches])
        classes = np.concatenate([classes for _, classes in batches])
        if config.image_data_format() == "channels_last":
            pictures = pictures.transpose(0, 2, 3, 1)
        parts.append((pictures, classes.reshape(-1, 1)))
    return parts[0], parts[1]


def _read(data: bytes, key: str, path: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        batch = decode(data)
        pixels = batch[b"data"]
        classes = np.asarray(batch[key.encode()], dtype=np.int64)
        if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
            raise ValueError("its pixels are no bytes")
        if pixels.shape != (classes.size, 3 * 32 * 32):
            raise ValueError(f"it has {classes.size} labels for pixels of shape {pixels.shape}")
    except (UnsafePickleError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    return pixels.reshape(-1, 3, 32, 32), classes
