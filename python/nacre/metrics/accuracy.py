"""Accuracies."""

from __future__ import annotations

from typing import Any

from nacre import ops
from nacre.config import floatx
from nacre.losses.probabilistic import integer_labels
from nacre.losses.reduction import check_same_shape, is_float, squeeze_or_expand, to_tensor
from nacre.metrics.reduction import FunctionMetric


def _matches(a: Any, b: Any) -> Any:
    return ops.cast(ops.equal(a, b), floatx())


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """Say where outputs equal targets.

    Args:
        y_true: The targets.
        y_pred: The outputs, of the same shape.

    Returns:
        1 where they are equal, else 0.
    """
    y_true, y_pred = squeeze_or_expand(to_tensor(y_true), to_tensor(y_pred))
    check_same_shape(y_true, y_pred, "accuracy")
    return _matches(ops.cast(y_true, y_pred.dtype), y_pred)


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """Say where outputs fall on the right side of a threshold.

    Args:
        y_true: Labels 0 and 1.
        y_pred: Probabilities, of the same shape.
        threshold: Outputs above it mean label 1.

    Returns:
        1 where they do, else 0.
    """
    y_true, y_pred = squeeze_or_expand(to_tensor(y_true), to_tensor(y_pred))
    check_same_shape(y_true, y_pred, "binary_accuracy")
    labels = ops.cast(ops.greater(y_pred, threshold), y_true.dtype)
    return _matches(y_true, labels)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Say where the largest output is at the class of a one-hot label.

    Args:
        y_true: One-hot labels.
        y_pred: Probabilities or logits, of the same shape.

    Returns:
        1 where it is, else 0.
    """
    y_true, y_pred = to_tensor(y_true), to_tensor(y_pred)
    check_same_shape(y_true, y_pred, "categorical_accuracy")
    return _matches(ops.argmax(y_true, axis=-1), ops.argmax(y_pred, axis=-1))


def _sparse_labels(y_true: Any, y_pred: Any, name: str) -> Any:
    """Return labels without a last axis of 1, and check them against the outputs."""
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    expected = tuple(y_pred.shape[:-1])
    received = tuple(y_true.shape)
    if len(expected) != len(received) or any(
        a is not None and b is not None and a != b for a, b in zip(expected, received, strict=True)
    ):
        raise ValueError(
            f"{name}: expected labels of shape {expected} for outputs of shape "
            f"{tuple(y_pred.shape)}. Received shape {received}."
        )
    return y_true


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Say where the largest output is at the class of an integer label.

    Args:
        y_true: Labels.
        y_pred: Probabilities or logits, with one more axis.

    Returns:
        1 where it is, else 0.
    """
    y_true, y_pred = to_tensor(y_true), to_tensor(y_pred)
    y_true = _sparse_labels(y_true, y_pred, "sparse_categorical_accuracy")
    found = ops.argmax(y_pred, axis=-1)
    if is_float(y_true.dtype) or y_true.dtype == "int64":
        found = ops.cast(found, y_true.dtype)
    else:
        y_true = integer_labels(y_true)
    return _matches(y_true, found)


def _in_top_k(labels: Any, y_pred: Any, k: int) -> Any:
    """Say whether fewer than k outputs exceed that of the label."""
    own = ops.take_along_axis(y_pred, ops.expand_dims(labels, -1), axis=-1)
    larger = ops.sum(ops.cast(ops.greater(y_pred, own), "int32"), axis=-1)
    return ops.cast(ops.less(larger, k), floatx())


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """Say where the class of a one-hot label is among the k largest outputs.

    Args:
        y_true: One-hot labels.
        y_pred: Probabilities or logits, of the same shape.
        k: How many outputs count.

    Returns:
        1 where it is, else 0.
    """
    y_true, y_pred = to_tensor(y_true), to_tensor(y_pred)
    check_same_shape(y_true, y_pred, "top_k_categorical_accuracy")
    return _in_top_k(ops.argmax(y_true, axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Any:
    """Say where an integer label is among the k largest outputs.

    Args:
        y_true: Labels.
        y_pred: Probabilities or logits, with one more axis; or classes, best first.
        k: How many outputs count.
        from_sorted_ids: Whether `y_pred` holds classes, best first.

    Returns:
        1 where it is, else 0.
    """
    y_true, y_pred = to_tensor(y_true), to_tensor(y_pred)
    labels = _sparse_labels(y_true, y_pred, "sparse_top_k_categorical_accuracy")
    if from_sorted_ids:
        labels = ops.expand_dims(ops.cast(labels, y_pred.dtype), -1)
        return ops.cast(ops.any(ops.equal(labels, y_pred[..., :k]), axis=-1), floatx())
    return _in_top_k(integer_labels(labels), y_pred, k)


class Accuracy(FunctionMetric):
    """How often outputs equal targets.

    Args:
        name: The name.
        dtype: The dtype.
    """

    _direction = "up"

    def __init__(self, name: str = "accuracy", dtype: Any = None):
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(FunctionMetric):
    """How often outputs fall on the right side of a threshold.

    Args:
        name: The name.
        dtype: The dtype.
        threshold: Outputs above it mean label 1.
    """

    _direction = "up"

    def __init__(self, name: str = "binary_accuracy", dtype: Any = None, threshold: float = 0.5):
        if threshold is not None and not 0 <= threshold <= 1:
            raise ValueError(
                f"BinaryAccuracy: expected `threshold` between 0 and 1. Received: {threshold!r}"
            )
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)
        self.threshold = threshold


class CategoricalAccuracy(FunctionMetric):
    """How often the largest output is at the class of a one-hot label.

    Args:
        name: The name.
        dtype: The dtype.
    """

    _direction = "up"

    def __init__(self, name: str = "categorical_accuracy", dtype: Any = None):
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(FunctionMetric):
    """How often the largest output is at the class of an integer label.

    Args:
        name: The name.
        dtype: The dtype.
    """

    _direction = "up"

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: Any = None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(FunctionMetric):
    """How often the class of a one-hot label is among the k largest outputs.

    Args:
        k: How many outputs count.
        name: The name.
        dtype: The dtype.
    """

    _direction = "up"

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None):
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(FunctionMetric):
    """How often an integer label is among the k largest outputs.

    Args:
        k: How many outputs count.
        name: The name.
        dtype: The dtype.
        from_sorted_ids: Whether outputs are classes, best first.
    """

    _direction = "up"

    def __init__(
        self,
        k: int = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ):
        super().__init__(
            sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids
        )
        self.k = k
        self.from_sorted_ids = from_sorted_ids
