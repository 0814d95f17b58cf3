"""Losses on whole masks and on embeddings."""

from __future__ import annotations

from typing import Any

from nacre import ops
from nacre.config import epsilon
from nacre.losses.probabilistic import integer_labels
from nacre.losses.reduction import align, to_float


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """Compute one minus the Dice overlap.

    Args:
        y_true: Masks.
        y_pred: Probabilities, of the same shape.
        axis: The axes over which an overlap is taken; all if None.

    Returns:
        A scalar, or a tensor of the remaining axes.
    """
    y_true, y_pred = align(y_true, y_pred, "dice")
    both = ops.multiply(ops.sum(ops.multiply(y_true, y_pred), axis=axis), 2.0)
    total = ops.add(ops.sum(y_true, axis=axis), ops.sum(y_pred, axis=axis))
    return ops.subtract(1.0, ops.divide(both, ops.add(total, epsilon())))


def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None
) -> Any:
    """Compute one minus the Tversky index.

    Args:
        y_true: Masks.
        y_pred: Probabilities, of the same shape.
        alpha: The weight of what is in the masks only.
        beta: The weight of what is in the outputs only.
        axis: The axes over which an index is taken; all if None.

    Returns:
        A scalar, or a tensor of the remaining axes.
    """
    y_true, y_pred = align(y_true, y_pred, "tversky")
    both = ops.sum(ops.multiply(y_true, y_pred), axis=axis)
    missed = ops.sum(ops.multiply(y_true, ops.subtract(1.0, y_pred)), axis=axis)
    extra = ops.sum(ops.multiply(y_pred, ops.subtract(1.0, y_true)), axis=axis)
    total = both + missed * alpha + extra * beta + epsilon()
    return ops.subtract(1.0, ops.divide(both, total))


def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Any:
    """Compute the circle loss of embeddings: near ones of a class, far ones of others.

    Args:
        y_true: Integer labels of shape (batch,).
        y_pred: Embeddings of shape (batch, features), of length 1.
        ref_labels: Labels to compare with; `y_true` if None.
        ref_embeddings: Embeddings to compare with; `y_pred` if None.
        remove_diagonal: Whether a sample is not compared with itself.
        gamma: The scale of the similarities.
        margin: The relaxation of the bounds.

    Returns:
        One value per sample, with a mask of those that are positive.
    """
    y_pred = to_float(y_pred)
    labels = ops.reshape(integer_labels(y_true), (-1,))
    references = y_pred if ref_embeddings is None else to_float(ref_embeddings)
    others = labels if ref_labels is None else ops.reshape(integer_labels(ref_labels), (-1,))
    distances = ops.subtract(1.0, ops.matmul(y_pred, ops.transpose(references)))
    distances = ops.maximum(distances, 0.0)
    same = ops.equal(ops.expand_dims(labels, 1), ops.expand_dims(others, 0))
    different = ops.logical_not(same)
    if remove_diagonal:
        size = ops.shape(same)[0]
        rows = ops.arange(size)
        off_diagonal = ops.not_equal(ops.expand_dims(rows, 1), ops.expand_dims(rows, 0))
        same = ops.logical_and(same, off_diagonal)
    zero = ops.zeros_like(distances)
    pos_weights = ops.maximum(ops.where(same, distances + margin, zero), 0.0)
    neg_weights = ops.maximum(ops.where(different, (1.0 + margin) - distances, zero), 0.0)
    positive = -gamma * pos_weights * (margin - distances)
    negative = gamma * neg_weights * ((1.0 - margin) - distances)
    least = ops.full_like(distances, -1e30)
    p_loss = ops.logsumexp(ops.where(same, positive, least), axis=1)
    n_loss = ops.logsumexp(ops.where(different, negative, least), axis=1)
    values = ops.softplus(p_loss + n_loss)
    values._keras_mask = ops.greater(values, 0.0)
    return values
