"""CIFAR-10: small colour photographs of ten classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from nacre.datasets import cifar


def load_data() -> Any:
    """Load CIFAR-10 (A. Krizhevsky, 2009): 60,000 photographs of ten classes.

    The classes are airplane, automobile, bird, cat, deer, dog, frog, horse, ship and truck. See
    https://keras.io/api/datasets/cifar10/.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 pictures of shape `(50000, 32, 32, 3)` and
        `(10000, 32, 32, 3)` (channels before rows where the image layout is `channels_first`),
        uint8 labels 0 to 9 of shape `(n, 1)`.
    """
    (x_train, y_train), (x_test, y_test) = cifar.load(
        "cifar-10-python.tar.gz",
        "cifar-10-batches-py",
        [f"data_batch_{number}" for number in range(1, 6)],
        ["test_batch"],
        "labels",
    )
    return (x_train, y_train.astype(np.uint8)), (x_test, y_test.astype(np.uint8))
