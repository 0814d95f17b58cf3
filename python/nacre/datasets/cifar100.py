"""CIFAR-100: small colour photographs of a hundred classes."""

from __future__ import annotations

from typing import Any

from nacre.datasets import cifar


def load_data(label_mode: str = "fine") -> Any:
    """Load CIFAR-100 (A. Krizhevsky, 2009): 60,000 photographs of 100 classes in 20 groups.

    See https://keras.io/api/datasets/cifar100/.

    Args:
        label_mode: `"fine"` for the classes as labels, `"coarse"` for the groups.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 pictures of shape `(50000, 32, 32, 3)` and
        `(10000, 32, 32, 3)` (channels before rows where the image layout is `channels_first`),
        labels of shape `(n, 1)`.

    Raises:
        ValueError: The mode is another one.
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f"cifar100: label_mode is 'fine' or 'coarse'. Received: {label_mode!r}")
    return cifar.load(
        "cifar-100-python.tar.gz",
        "cifar-100-python",
        ["train"],
        ["test"],
        f"{label_mode}_labels",
    )
