"""MNIST: handwritten digits, 28x28 pixels."""

from __future__ import annotations

from typing import Any

from nacre.datasets.npz import read_npz
from nacre.datasets.sources import fetch


def load_data(path: Any = "mnist.npz") -> Any:
    """Load MNIST (Y. LeCun, C. Cortes, C. J. C. Burges): 70,000 gray pictures of the ten digits.

    See https://keras.io/api/datasets/mnist/.

    Args:
        path: Name of the file in the cache folder.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 pictures of shape `(60000, 28, 28)` and
        `(10000, 28, 28)` with values 0 to 255, uint8 labels 0 to 9 of shape `(n,)`.
    """
    names = ("x_train", "y_train", "x_test", "y_test")
    x_train, y_train, x_test, y_test = read_npz(fetch("mnist.npz", path), names)
    return (x_train, y_train), (x_test, y_test)
