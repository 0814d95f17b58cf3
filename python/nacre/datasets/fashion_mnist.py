"""Fashion-MNIST: articles of clothing, 28x28 pixels."""

from __future__ import annotations

import gzip
import math
import zlib
from typing import Any

import numpy as np

from nacre.datasets.npz import MAX_BYTES
from nacre.datasets.sources import fetch

_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def load_data() -> Any:
    """Load Fashion-MNIST (Zalando, MIT licence): 70,000 gray pictures of ten kinds of clothing.

    The kinds are T-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag and ankle
    boot. See https://keras.io/api/datasets/fashion_mnist/.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 pictures of shape `(60000, 28, 28)` and
        `(10000, 28, 28)` with values 0 to 255, uint8 labels 0 to 9 of shape `(n,)`.
    """
    paths = [fetch(name, folder="fashion-mnist") for name in _FILES]
    x_train, y_train, x_test, y_test = (_read_idx(path) for path in paths)
    return (x_train, y_train), (x_test, y_test)


def _read_idx(path: str) -> np.ndarray:
    """Read an array of bytes: its rank, its sizes as 32-bit numbers, and the values."""
    try:
        with gzip.open(path) as file:
            data = file.read(MAX_BYTES + 1)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    start = 4 + 4 * (data[3] if len(data) > 3 else 0)
    shape = tuple(int(size) for size in np.frombuffer(data[4:start], ">u4")) if data[4:] else ()
    if data[:3] != b"\0\0\x08" or len(data) != start + math.prod(shape):
        raise ValueError(f"{path} cannot be read: it is no whole array of bytes in IDX format")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape).copy()
