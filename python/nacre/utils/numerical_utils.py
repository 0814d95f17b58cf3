"""Small numeric helpers on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from nacre import config

__all__ = ["normalize", "to_categorical"]


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Turns integer classes into one-hot rows.

    Args:
        x: Integers from 0.
        num_classes: Number of classes; one more than the largest when left out.

    Returns:
        An array of shape `x.shape + (num_classes,)`; a last axis of size 1 is dropped first.

    Raises:
        ValueError: A class is negative or too large.
    """
    labels = np.asarray(x)
    if labels.size and not np.issubdtype(labels.dtype, np.number) and labels.dtype != bool:
        raise TypeError(f"to_categorical: expected integers. Received dtype {labels.dtype}.")
    labels = labels.astype(np.int64)
    shape = labels.shape
    if len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    labels = labels.reshape(-1)
    if num_classes is None:
        if labels.size == 0:
            raise ValueError("to_categorical: `x` is empty, so `num_classes` is needed.")
        num_classes = int(labels.max()) + 1
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        raise ValueError(
            f"to_categorical: classes must lie in [0, {num_classes}). "
            f"Received values from {labels.min()} to {labels.max()}."
        )
    rows = np.zeros((labels.size, num_classes), dtype=config.floatx())
    rows[np.arange(labels.size), labels] = 1
    return rows.reshape(*shape, num_classes)


def normalize(x: Any, axis: int | None = -1, order: float = 2) -> Any:
    """Divides an array by its norm. See https://keras.io/api/utils/numerical_utils/.

    Args:
        x: An array, or a tensor.
        axis: Axis along which the norm is taken; `None` for the norm of all values together.
        order: Order of the norm: a positive number, or infinity.

    Returns:
        An array, or a tensor if `x` is one. What has the norm 0 stays 0.

    Raises:
        ValueError: The order is another one.
    """
    if isinstance(order, bool) or not isinstance(order, (int, float)) or not order > 0:
        raise ValueError(
            f"normalize: `order` must be a positive number or infinity. Received: {order!r}"
        )
    from nacre import ops

    if ops.is_tensor(x):
        return ops.normalize(x, axis=axis, order=order)
    array = np.asarray(x)
    if axis is None:
        norm = np.linalg.norm(array.ravel(), order)
        return array / norm if norm else array / 1
    norm = np.atleast_1d(np.linalg.norm(array, order, axis))
    norm[norm == 0] = 1
    return array / np.expand_dims(norm, axis)
