"""Losses on real-valued targets; each returns one value per sample."""

from __future__ import annotations

import math
from typing import Any

from nacre import ops
from nacre.config import epsilon
from nacre.losses.reduction import align


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """Compute `mean(square(y_true - y_pred), axis=-1)`.

    Args:
        y_true: The targets.
        y_pred: The outputs, of the same shape.

    Returns:
        One value per sample.
    """
    y_true, y_pred = align(y_true, y_pred, "mean_squared_error")
    return ops.mean(ops.square(ops.subtract(y_true, y_pred)), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """Compute `mean(abs(y_true - y_pred), axis=-1)`.

    Args:
        y_true: The targets.
        y_pred: The outputs, of the same shape.

    Returns:
        One value per sample.
    """
    y_true, y_pred = align(y_true, y_pred, "mean_absolute_error")
    return ops.mean(ops.absolute(ops.subtract(y_true, y_pred)), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """Compute `100 * mean(abs((y_true - y_pred) / y_true), axis=-1)`.

    Args:
        y_true: The targets; their absolute values count as at least `config.epsilon()`.
        y_pred: The outputs, of the same shape.

    Returns:
        One value per sample.
    """
    y_true, y_pred = align(y_true, y_pred, "mean_absolute_percentage_error")
    scale = ops.maximum(ops.absolute(y_true), epsilon())
    relative = ops.absolute(ops.divide(ops.subtract(y_true, y_pred), scale))
    return ops.multiply(ops.mean(relative, axis=-1), 100.0)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """Compute `mean(square(log(y_true + 1) - log(y_pred + 1)), axis=-1)`.

    Args:
        y_true: The targets; values below `config.epsilon()` count as that.
        y_pred: The outputs, of the same shape, treated likewise.

    Returns:
        One value per sample.
    """
    y_true, y_pred = align(y_true, y_pred, "mean_squared_logarithmic_error")
    log_pred = ops.log(ops.add(ops.maximum(y_pred, epsilon()), 1.0))
    log_true = ops.log(ops.add(ops.maximum(y_true, epsilon()), 1.0))
    return ops.mean(ops.square(ops.subtract(log_pred, log_true)), axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Compute a loss that is quadratic for small errors and linear for large ones.

    Args:
        y_true: The targets.
        y_pred: The outputs, of the same shape.
        delta: Where the one turns into the other.

    Returns:
        One value per sample.
    """
    y_true, y_pred = align(y_true, y_pred, "huber")
    delta = float(delta)
    error = ops.subtract(y_pred, y_true)
    size = ops.absolute(error)
    quadratic = ops.multiply(ops.square(error), 0.5)
    linear = ops.subtract(ops.multiply(size, delta), 0.5 * delta * delta)
    return ops.mean(ops.where(ops.less_equal(size, delta), quadratic, linear), axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """Compute `mean(log(cosh(y_pred - y_true)), axis=-1)`.

    Args:
        y_true: The targets.
        y_pred: The outputs, of the same shape.

    Returns:
        One value per sample.
    """
    y_true, y_pred = align(y_true, y_pred, "log_cosh")
    error = ops.subtract(y_pred, y_true)
    values = ops.subtract(ops.add(error, ops.softplus(ops.multiply(error, -2.0))), math.log(2.0))
    return ops.mean(values, axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """Compute `mean(y_pred - y_true * log(y_pred), axis=-1)`.

    Args:
        y_true: The counts.
        y_pred: The rates, of the same shape.

    Returns:
        One value per sample.
    """
    y_true, y_pred = align(y_true, y_pred, "poisson")
    log_rate = ops.log(ops.add(y_pred, epsilon()))
    return ops.mean(ops.subtract(y_pred, ops.multiply(y_true, log_rate)), axis=-1)


def l2_normalize(x: Any, axis: Any = -1) -> Any:
    """Scale to Euclidean length 1 along an axis, as the cosine losses do.

    Args:
        x: The tensor.
        axis: The axis.

    Returns:
        A tensor of the same shape.
    """
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(squares, 1e-12)))


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Compute minus the cosine of the angle between targets and outputs.

    Args:
        y_true: The targets.
        y_pred: The outputs, of the same shape.
        axis: The axis of the vectors.

    Returns:
        One value per sample, between -1 (the same direction) and 1.
    """
    y_true, y_pred = align(y_true, y_pred, "cosine_similarity")
    products = ops.multiply(l2_normalize(y_true, axis), l2_normalize(y_pred, axis))
    return ops.negative(ops.sum(products, axis=axis))


def _signed_labels(y_true: Any) -> Any:
    """Turn labels 0 and 1 into -1 and 1; labels that are not all 0 or 1 are kept."""
    is_binary = ops.all(ops.logical_or(ops.equal(y_true, 0), ops.equal(y_true, 1)))
    return ops.where(is_binary, ops.subtract(ops.multiply(y_true, 2.0), 1.0), y_true)


def _margins(y_true: Any, y_pred: Any) -> Any:
    products = ops.multiply(_signed_labels(y_true), y_pred)
    return ops.maximum(ops.subtract(1.0, products), 0.0)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """Compute `mean(max(1 - y_true * y_pred, 0), axis=-1)`.

    Args:
        y_true: Labels -1 and 1, or 0 and 1.
        y_pred: The outputs, of the same shape.

    Returns:
        One value per sample.
    """
    y_true, y_pred = align(y_true, y_pred, "hinge")
    return ops.mean(_margins(y_true, y_pred), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """Compute `mean(square(max(1 - y_true * y_pred, 0)), axis=-1)`.

    Args:
        y_true: Labels -1 and 1, or 0 and 1.
        y_pred: The outputs, of the same shape.

    Returns:
        One value per sample.
    """
    y_true, y_pred = align(y_true, y_pred, "squared_hinge")
    return ops.mean(ops.square(_margins(y_true, y_pred)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """Compute `max(neg - pos + 1, 0)` of the best wrong and the right output.

    Args:
        y_true: One-hot labels.
        y_pred: The outputs, of the same shape.

    Returns:
        One value per sample.
    """
    y_true, y_pred = align(y_true, y_pred, "categorical_hinge")
    right = ops.sum(ops.multiply(y_true, y_pred), axis=-1)
    wrong = ops.max(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis=-1)
    return ops.maximum(ops.add(ops.subtract(wrong, right), 1.0), 0.0)
