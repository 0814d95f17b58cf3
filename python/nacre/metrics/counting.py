"""Counting what falls on which side of thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np

from nacre import config, ops
from nacre.allocation import check_allocation
from nacre.losses.reduction import (
    check_same_shape,
    check_weights,
    squeeze_or_expand,
    to_float,
    to_tensor,
)

# From so many thresholds on, outputs are sorted into the intervals between them.
_FEW = 3


def check_thresholds(thresholds: Any, default: float, owner: str) -> list[float]:
    """Return a list of thresholds.

    Args:
        thresholds: None, a number, or several.
        default: What None means.
        owner: The metric, for errors.

    Returns:
        The thresholds as floats.

    Raises:
        ValueError: If one does not lie between 0 and 1.
    """
    if thresholds is None:
        return [default]
    values = thresholds if isinstance(thresholds, (list, tuple)) else [thresholds]
    if not all(value is not None and 0 <= value <= 1 for value in values):
        raise ValueError(
            f"{owner}: expected `thresholds` between 0 and 1. Received: {thresholds!r}"
        )
    return [float(value) for value in values]


def check_num_thresholds(value: Any, least: int, owner: str) -> int:
    """Return a number of thresholds.

    Args:
        value: What the user gave.
        least: The least number allowed.
        owner: The metric, for errors.

    Returns:
        The number.

    Raises:
        ValueError: If it is less.
    """
    if value < least:
        raise ValueError(f"{owner}: expected `num_thresholds` >= {least}. Received: {value!r}")
    # A file must not make a list of any length.
    check_allocation((value, 16), "float64", f"{owner}'s thresholds", note=False)
    return int(value)


def pick_class(y_true: Any, y_pred: Any, class_id: int, owner: str) -> tuple[Any, Any]:
    """Return the labels and outputs of one class.

    Args:
        y_true: Labels with the classes along the last axis.
        y_pred: Outputs, of the same shape.
        class_id: The class.
        owner: The metric, for errors.

    Returns:
        The pair, without the last axis.

    Raises:
        ValueError: If there is no axis of classes or no such class.
    """
    shape = tuple(y_pred.shape)
    if len(shape) < 2 or (shape[-1] is not None and not 0 <= class_id < shape[-1]):
        raise ValueError(
            f"{owner}: expected outputs of shape (samples, classes) that have class "
            f"{class_id}. Received shape {shape}."
        )
    return y_true[..., class_id], y_pred[..., class_id]


def confusion_counts(
    y_true: Any,
    y_pred: Any,
    thresholds: list[float],
    sample_weight: Any,
    dtype: str,
    per_label: bool = False,
    label_weights: Any = None,
) -> tuple[Any, Any, Any, Any]:
    """Count, weighted, what falls on which side of each threshold.

    Args:
        y_true: Labels 0 and 1.
        y_pred: Probabilities, of the same shape.
        thresholds: Ascending; outputs above one mean label 1.
        sample_weight: Weights or None.
        dtype: The dtype of the counts.
        per_label: Whether the last axis holds labels that are counted apart.
        label_weights: Weights along the last axis, or None.

    Returns:
        True positives, false positives, true negatives and false negatives, of shape
        (thresholds,) or (thresholds, labels).
    """
    y_pred = to_float(y_pred, dtype)
    y_true = ops.cast(to_tensor(y_true), "bool")
    y_true, y_pred = squeeze_or_expand(y_true, y_pred)
    check_same_shape(y_true, y_pred, "confusion matrix")
    weights = _weights(sample_weight, label_weights, y_pred, dtype)
    shape = (-1, y_pred.shape[-1]) if per_label else (-1,)
    y_true, y_pred = ops.reshape(y_true, shape), ops.reshape(y_pred, shape)
    if weights is not None:
        weights = ops.reshape(weights, shape)
    # Thresholds may come in any order; buckets need them to ascend.
    if len(thresholds) < _FEW or any(np.diff(thresholds) < 0):
        return _by_comparison(y_true, y_pred, weights, thresholds, dtype)
    return _by_buckets(y_true, y_pred, weights, thresholds, dtype)


def _weights(sample_weight: Any, label_weights: Any, y_pred: Any, dtype: str) -> Any:
    """Bring weights to the shape of the outputs; None when there are none."""
    given = None
    if sample_weight is not None:
        given = to_float(sample_weight, dtype)
        for _ in range(len(y_pred.shape) - len(given.shape)):
            given = ops.expand_dims(given, -1)
        check_weights(y_pred, given)
    if label_weights is not None:
        labels = ops.convert_to_tensor(label_weights, dtype=dtype)
        given = labels if given is None else ops.multiply(given, labels)
    return None if given is None else ops.broadcast_to(given, y_pred.dims)


def _by_comparison(
    y_true: Any, y_pred: Any, weights: Any, thresholds: list[float], dtype: str
) -> tuple[Any, Any, Any, Any]:
    """Compare every output with every threshold."""
    limits = ops.convert_to_tensor(thresholds, dtype=dtype)
    limits = ops.reshape(limits, (len(thresholds), *([1] * len(y_pred.shape))))
    above = ops.cast(ops.greater(ops.expand_dims(y_pred, 0), limits), dtype)
    below = ops.subtract(1.0, above)
    positive = ops.cast(y_true, dtype)
    if weights is None:
        negative = ops.subtract(1.0, positive)
    else:
        positive = ops.multiply(positive, weights)
        negative = ops.subtract(weights, positive)
    pairs = ((above, positive), (above, negative), (below, negative), (below, positive))
    return tuple(ops.sum(ops.multiply(a, b), axis=1) for a, b in pairs)  # type: ignore[return-value]


def _thresholds_below(y_pred: Any, thresholds: list[float]) -> Any:
    """Return how many thresholds lie below each output, as int32."""
    count = len(thresholds)
    even = np.arange(count, dtype=np.float32) / (count - 1)
    # What is not a number lies above no threshold, as in a comparison.
    if not np.allclose(thresholds, even, atol=config.epsilon()):
        edges = ops.convert_to_tensor(thresholds, dtype=y_pred.dtype)
        return ops.where(ops.isnan(y_pred), 0, ops.searchsorted(edges, y_pred))
    # Evenly spaced ones need no search. The first may lie a little below 0: every output is above.
    first = 1.0 if thresholds[0] < 0 else 0.0
    steps = ops.ceil(ops.multiply(ops.minimum(y_pred, 1.0), float(count - 1)))
    return ops.cast(ops.where(ops.greater(y_pred, 0.0), steps, first), "int32")


def _by_buckets(
    y_true: Any, y_pred: Any, weights: Any, thresholds: list[float], dtype: str
) -> tuple[Any, Any, Any, Any]:
    """Count by interval and sum the intervals up: the work does not grow with the thresholds."""
    count = len(thresholds)
    buckets = count + 1
    # The highest interval stands first, so that sums from the start are what lies above.
    place = ops.subtract(count, _thresholds_below(y_pred, thresholds))
    place = ops.add(place, ops.multiply(ops.cast(y_true, "int32"), buckets))
    shape: tuple[int, ...] = (2, buckets)
    if len(place.shape) == 2:
        labels = place.shape[1]
        place = ops.add(ops.multiply(place, labels), ops.arange(labels, dtype="int32"))
        place = ops.reshape(place, (-1,))
        shape = (2, buckets, labels)
    if weights is not None:
        weights = ops.reshape(weights, (-1,))
    counts = ops.bincount(place, weights=weights, minlength=int(np.prod(shape)))
    sums = ops.cast(ops.cumsum(ops.reshape(counts, shape), axis=1), dtype)
    above = ops.flip(sums[:, :count], axis=1)
    below = ops.subtract(sums[:, count:], above)
    return above[1], above[0], below[0], below[1]
