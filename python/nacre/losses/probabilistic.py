"""Cross-entropies and other losses on probabilities; each returns one value per sample.

A softmax or sigmoid followed by its cross-entropy becomes the form with logits in the core, also
when they stand in a layer and in a loss.
"""

from __future__ import annotations

from typing import Any

from nacre import _core, ops
from nacre.config import epsilon
from nacre.losses.reduction import align, check_same_shape, to_float, to_tensor


def _check_axis(axis: Any) -> None:
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise ValueError(f"`axis` must be an int. Received: axis={axis!r}")


def _check_smoothing(label_smoothing: Any, name: str) -> None:
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(
            f"{name}: expected `label_smoothing` between 0 and 1. Received: {label_smoothing!r}"
        )


def _smooth(y_true: Any, y_pred: Any, label_smoothing: float, axis: int) -> Any:
    if not label_smoothing:
        return y_true
    classes = y_pred.shape[axis]
    if classes is None:
        raise ValueError("categorical_crossentropy: label smoothing needs a known class count.")
    return ops.add(ops.multiply(y_true, 1.0 - label_smoothing), label_smoothing / classes)


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Compute the cross-entropy of independent yes-or-no labels, averaged over an axis.

    Args:
        y_true: Labels between 0 and 1.
        y_pred: Probabilities, or logits.
        from_logits: Whether `y_pred` are logits.
        label_smoothing: Moves labels towards 1/2 by this share.
        axis: The axis of the mean.

    Returns:
        One value per sample.
    """
    _check_smoothing(label_smoothing, "binary_crossentropy")
    y_true, y_pred = align(y_true, y_pred, "binary_crossentropy")
    if label_smoothing:
        y_true = ops.add(ops.multiply(y_true, 1.0 - label_smoothing), 0.5 * label_smoothing)
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=axis)


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Compute the cross-entropy between distributions over classes.

    Args:
        y_true: One-hot labels, or distributions.
        y_pred: Probabilities, or logits, of the same shape.
        from_logits: Whether `y_pred` are logits.
        label_smoothing: Moves labels towards the uniform distribution by this share.
        axis: The axis of the classes.

    Returns:
        One value per sample.
    """
    _check_axis(axis)
    _check_smoothing(label_smoothing, "categorical_crossentropy")
    y_pred = to_float(y_pred)
    y_true = to_float(y_true, y_pred.dtype)
    check_same_shape(y_true, y_pred, "categorical_crossentropy")
    _warn_single_class(y_pred, "categorical_crossentropy")
    y_true = _smooth(y_true, y_pred, label_smoothing, axis)
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def _warn_single_class(y_pred: Any, name: str) -> None:
    if y_pred.shape and y_pred.shape[-1] == 1:
        import warnings

        warnings.warn(
            f"In loss {name}, expected outputs of shape (batch_size, num_classes) with "
            f"num_classes > 1. Received shape {tuple(y_pred.shape)}. Consider "
            "`binary_crossentropy` for two classes.",
            SyntaxWarning,
        )


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Any:
    """Compute the cross-entropy of integer labels.

    Args:
        y_true: Labels, of the shape of `y_pred` without the axis of the classes, or with 1 there.
        y_pred: Probabilities, or logits.
        from_logits: Whether `y_pred` are logits.
        ignore_class: A label whose samples are left out; they become the mask of the result.
        axis: The axis of the classes.

    Returns:
        One value per sample.
    """
    _check_axis(axis)
    y_pred = to_float(y_pred)
    labels = integer_labels(y_true)
    rank = len(y_pred.shape)
    if not -rank <= axis < rank:
        raise ValueError(
            f"sparse_categorical_crossentropy: expected `axis` within rank {rank}. Received: {axis}"
        )
    if len(labels.shape) == rank and labels.shape[axis] == 1:
        labels = ops.squeeze(labels, axis)
    _check_labels(labels, y_pred, axis)
    if ignore_class is None:
        return _sparse(labels, y_pred, from_logits, axis)
    valid = ops.not_equal(labels, ignore_class)
    labels = ops.where(valid, labels, ops.zeros_like(labels))
    # The outputs of ignored samples are replaced as well: a NaN there must not reach a gradient.
    outputs = ops.where(ops.expand_dims(valid, axis), y_pred, ops.zeros_like(y_pred))
    if not from_logits:
        outputs = ops.where(ops.expand_dims(valid, axis), y_pred, ops.ones_like(y_pred))
    values = _sparse(labels, outputs, from_logits, axis)
    values = ops.where(valid, values, ops.zeros_like(values))
    values._keras_mask = valid
    return values


def _sparse(labels: Any, y_pred: Any, from_logits: bool, axis: int) -> Any:
    _core.push_scope("labels of sparse_categorical_crossentropy")  # which may be out of range
    try:
        return ops.sparse_categorical_crossentropy(
            labels, y_pred, from_logits=from_logits, axis=axis
        )
    finally:
        _core.pop_scope()


def integer_labels(y_true: Any) -> Any:
    """Convert labels to int32 or int64.

    Args:
        y_true: Labels of any dtype.

    Returns:
        An integer tensor.
    """
    labels = to_tensor(y_true)
    return labels if labels.dtype in ("int32", "int64") else ops.cast(labels, "int32")


def _check_labels(labels: Any, y_pred: Any, axis: int) -> None:
    expected = list(y_pred.shape)
    del expected[axis]
    received = tuple(labels.shape)
    if len(received) != len(expected) or any(
        a is not None and b is not None and a != b for a, b in zip(received, expected, strict=False)
    ):
        hint = ""
        if len(received) == len(expected) + 1 and received[axis] == y_pred.shape[axis]:
            hint = " For one-hot labels use `categorical_crossentropy`."
        raise ValueError(
            f"sparse_categorical_crossentropy: expected labels of shape {tuple(expected)} for "
            f"outputs of shape {tuple(y_pred.shape)}. Received shape {received}.{hint}"
        )


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """Compute the Kullback-Leibler divergence `sum(y_true * log(y_true / y_pred), axis=-1)`.

    Args:
        y_true: Distributions.
        y_pred: Distributions, of the same shape.

    Returns:
        One value per sample.
    """
    y_true, y_pred = align(y_true, y_pred, "kl_divergence")
    y_true = ops.clip(y_true, epsilon(), 1.0)
    y_pred = ops.clip(y_pred, epsilon(), 1.0)
    return ops.sum(ops.multiply(y_true, ops.log(ops.divide(y_true, y_pred))), axis=-1)


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Compute the binary cross-entropy with easy samples weighed down.

    Args:
        y_true: Labels between 0 and 1.
        y_pred: Probabilities, or logits.
        apply_class_balancing: Whether to weigh class 1 with alpha and class 0 with 1 - alpha.
        alpha: The weight of class 1.
        gamma: How strongly easy samples are weighed down.
        from_logits: Whether `y_pred` are logits.
        label_smoothing: Moves labels towards 1/2 by this share.
        axis: The axis of the mean.

    Returns:
        One value per sample.
    """
    y_true, y_pred = align(y_true, y_pred, "binary_focal_crossentropy")
    if label_smoothing:
        y_true = ops.add(ops.multiply(y_true, 1.0 - label_smoothing), 0.5 * label_smoothing)
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    values = ops.binary_crossentropy(y_true, y_pred, from_logits=False)
    p_right = y_true * y_pred + (1.0 - y_true) * (1.0 - y_pred)
    values = ops.multiply(ops.power(ops.subtract(1.0, p_right), float(gamma)), values)
    if apply_class_balancing:
        values = ops.multiply(y_true * alpha + (1.0 - y_true) * (1.0 - alpha), values)
    return ops.mean(values, axis=axis)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Compute the categorical cross-entropy with easy samples weighed down.

    Args:
        y_true: One-hot labels.
        y_pred: Probabilities, or logits, of the same shape.
        alpha: A weight, or one per class.
        gamma: How strongly easy samples are weighed down.
        from_logits: Whether `y_pred` are logits.
        label_smoothing: Moves labels towards the uniform distribution by this share.
        axis: The axis of the classes.

    Returns:
        One value per sample.
    """
    _check_axis(axis)
    y_pred = to_float(y_pred)
    y_true = to_float(y_true, y_pred.dtype)
    check_same_shape(y_true, y_pred, "categorical_focal_crossentropy")
    y_true = _smooth(y_true, y_pred, label_smoothing, axis)
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    p = ops.divide(y_pred, ops.sum(y_pred, axis=axis, keepdims=True))
    p = ops.clip(p, epsilon(), 1.0 - epsilon())
    values = ops.negative(ops.multiply(y_true, ops.log(p)))
    weights = ops.multiply(ops.power(ops.subtract(1.0, p), float(gamma)), _numbers(alpha, p.dtype))
    return ops.sum(ops.multiply(weights, values), axis=axis)


def _numbers(value: Any, dtype: str) -> Any:
    if isinstance(value, (int, float)):
        return float(value)
    return ops.convert_to_tensor(value, dtype=dtype)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """Compute `(1 - p^q) / q` of the probability of the right class: robust to wrong labels.

    Args:
        y_true: Integer labels.
        y_pred: Probabilities.
        q: Between 0 (cross-entropy) and 1 (absolute error).

    Returns:
        One value per sample.
    """
    y_pred = to_float(y_pred)
    labels = integer_labels(y_true)
    if len(labels.shape) == len(y_pred.shape) and labels.shape[-1] == 1:
        labels = ops.squeeze(labels, -1)
    _check_labels(labels, y_pred, -1)
    one_hot = ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype)
    p = ops.sum(ops.multiply(y_pred, one_hot), axis=-1)
    return ops.divide(ops.subtract(1.0, ops.power(p, float(q))), float(q))


def ctc(y_true: Any, y_pred: Any) -> Any:
    """Compute the loss of labels whose places in time are not known; see `ops.ctc_loss`.

    Args:
        y_true: Integer labels of shape (batch, labels); 0 is the blank and fills up rows.
        y_pred: Logits of shape (batch, time, classes).

    Returns:
        One value per sample.
    """
    y_pred = to_float(y_pred)
    labels = integer_labels(y_true)
    if len(labels.shape) != 2 or len(y_pred.shape) != 3:
        raise ValueError(
            "ctc: expected labels of shape (batch, labels) and logits of shape (batch, time, "
            f"classes). Received shapes {tuple(labels.shape)} and {tuple(y_pred.shape)}."
        )
    length = ops.sum(ops.cast(ops.not_equal(labels, 0), "int32"), axis=-1)
    return ops.ctc_loss(labels, y_pred, length, None)
