"""How losses and metrics bring targets, outputs, weights and masks together."""

from __future__ import annotations

from typing import Any

from nacre import ops
from nacre.config import floatx

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


def keras_mask(x: Any) -> Any:
    """Return the mask attached to a tensor, or None."""
    return getattr(x, "_keras_mask", None)


def to_tensor(x: Any) -> Any:
    """Convert what a user may pass for targets or outputs; tensors are returned as they are.

    Args:
        x: A tensor, a Variable, an array or numbers. NumPy's float64 becomes `floatx`, as
            everywhere where arrays enter.

    Returns:
        A tensor.
    """
    if hasattr(x, "_keras_history") or hasattr(x, "is_symbolic"):
        return x
    tensor = ops.convert_to_tensor(x)
    if tensor.dtype == "float64" and not hasattr(x, "assign"):
        tensor = ops.cast(tensor, floatx())
    return tensor


def is_float(dtype: str) -> bool:
    """Say whether a dtype is a floating one."""
    return "float" in dtype


def to_float(x: Any, dtype: str | None = None) -> Any:
    """Convert to a floating tensor.

    Args:
        x: A tensor or what converts to one.
        dtype: The dtype, or None to keep a floating one and turn others into `floatx`.

    Returns:
        A tensor.
    """
    if dtype is None:
        x = to_tensor(x)
        dtype = x.dtype if is_float(x.dtype) else floatx()
    elif not hasattr(x, "_keras_history"):
        x = ops.convert_to_tensor(x)
    return x if x.dtype == dtype else with_mask_of(ops.cast(x, dtype), x)


def with_mask_of(y: Any, x: Any) -> Any:
    """Attach the mask of `x`, if any, to `y` and return `y`."""
    mask = keras_mask(x)
    if mask is not None and y is not x:
        y._keras_mask = mask
    return y


def squeeze_or_expand(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Bring two tensors to the same rank when they differ by one last axis of size 1.

    Args:
        x1: A tensor.
        x2: A tensor.

    Returns:
        The pair. (N,) against (N, 1) becomes (N, 1) against (N, 1); higher ranks are squeezed.
    """
    rank1, rank2 = len(x1.shape), len(x2.shape)
    if rank1 == rank2 + 1 and x1.shape[-1] == 1:
        if rank2 == 1:
            return x1, ops.expand_dims(x2, -1)
        return ops.squeeze(x1, -1), x2
    if rank2 == rank1 + 1 and x2.shape[-1] == 1:
        if rank1 == 1:
            return ops.expand_dims(x1, -1), x2
        return x1, ops.squeeze(x2, -1)
    return x1, x2


def check_same_shape(y_true: Any, y_pred: Any, name: str) -> None:
    """Raise when targets and outputs cannot belong together.

    Args:
        y_true: The targets.
        y_pred: The outputs.
        name: Of the loss or metric, for the error.

    Raises:
        ValueError: If the ranks or two known dimensions differ; scalars go with anything.
    """
    true_shape, pred_shape = tuple(y_true.shape), tuple(y_pred.shape)
    if not true_shape or not pred_shape:
        return
    if len(true_shape) == len(pred_shape) and all(
        a == b or a is None or b is None for a, b in zip(true_shape, pred_shape, strict=True)
    ):
        return
    hint = ""
    if "crossentropy" in name and "sparse" not in name and "binary" not in name:
        if len(true_shape) < len(pred_shape) or true_shape[-1] == 1:
            hint = " For integer labels use `sparse_categorical_crossentropy`."
    raise ValueError(
        f"{name}: expected targets of the shape of the outputs {_text(pred_shape)}. "
        f"Received shape {_text(true_shape)}.{hint}"
    )


def _text(shape: tuple) -> str:
    return str(shape)


def align(y_true: Any, y_pred: Any, name: str) -> tuple[Any, Any]:
    """Prepare the arguments of an elementwise loss.

    Args:
        y_true: The targets.
        y_pred: The outputs.
        name: Of the loss, for errors.

    Returns:
        Tensors of one floating dtype and one shape.
    """
    y_pred = to_float(y_pred)
    y_true = to_float(y_true, y_pred.dtype)
    y_true, y_pred = squeeze_or_expand(y_true, y_pred)
    check_same_shape(y_true, y_pred, name)
    return y_true, y_pred


def standardize_reduction(reduction: Any) -> Any:
    """Check a `reduction` argument.

    Args:
        reduction: What the user gave. `auto`, which Keras 2 had, means `sum_over_batch_size`.

    Returns:
        One of `REDUCTIONS`.
    """
    if reduction == "auto":
        return "sum_over_batch_size"
    if reduction not in REDUCTIONS:
        raise ValueError(
            "Invalid value for argument `reduction`. Expected one of "
            f"{REDUCTIONS}. Received: reduction={reduction!r}"
        )
    return reduction


def apply_mask(sample_weight: Any, mask: Any, dtype: str, reduction: Any) -> Any:
    """Merge a mask into sample weights.

    Args:
        sample_weight: Weights or None.
        mask: A boolean tensor or None.
        dtype: The dtype of the result.
        reduction: For means, valid entries weigh `total / valid`, so that a mean over all entries
            becomes one over the valid ones.

    Returns:
        Weights, or None when there is neither.
    """
    if mask is None:
        return sample_weight
    mask = ops.cast(ops.cast(mask, "bool"), dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        mask = ops.divide_no_nan(mask, ops.mean(mask))
    if sample_weight is None:
        return mask
    mask, sample_weight = squeeze_or_expand(mask, to_float(sample_weight, dtype))
    return ops.multiply(*_broadcast_trailing(sample_weight, mask))


def _broadcast_trailing(values: Any, weights: Any) -> tuple[Any, Any]:
    """Give the one of lower rank trailing axes of size 1: weights belong to leading axes."""
    ranks = len(values.shape), len(weights.shape)
    for _ in range(ranks[0] - ranks[1]):
        weights = ops.expand_dims(weights, -1)
    for _ in range(ranks[1] - ranks[0]):
        values = ops.expand_dims(values, -1)
    return values, weights


def check_weights(values: Any, weights: Any) -> None:
    """Raise when weights do not go with per-sample values.

    Args:
        values: The values.
        weights: The weights.

    Raises:
        ValueError: If some dimension of the weights is neither 1 nor that of the values. A single
            value goes with any weights.
    """
    value_shape, weight_shape = tuple(values.shape), tuple(weights.shape)
    if not value_shape:
        return
    leading = len(value_shape) - len(weight_shape)
    if leading < 0 or any(
        w not in (1, None) and v is not None and w != v
        for v, w in zip(value_shape[leading:], weight_shape, strict=True)
    ):
        raise ValueError(
            f"sample_weight: expected a shape that goes with per-sample values of shape "
            f"{_text(value_shape)}. Received shape {_text(weight_shape)}."
        )


def reduce_weighted_values(
    values: Any,
    sample_weight: Any = None,
    mask: Any = None,
    reduction: Any = "sum_over_batch_size",
    dtype: str | None = None,
) -> Any:
    """Weigh per-sample losses and reduce them.

    Args:
        values: The losses.
        sample_weight: Weights or None.
        mask: A boolean tensor or None.
        reduction: One of `REDUCTIONS`. `sum_over_batch_size` divides by the number of values, not
            by the sum of the weights.
        dtype: The dtype of the result; that of the values if None.

    Returns:
        A scalar, or the weighted values when there is no reduction.
    """
    values = to_float(values, dtype)
    weights = apply_mask(sample_weight, mask, values.dtype, reduction)
    if weights is not None:
        weights = to_float(weights, values.dtype)
        values, weights = squeeze_or_expand(values, weights)
        per_sample = 0 < len(weights.shape) < len(values.shape)
        if per_sample:  # one weight for all the steps of a sample
            _, weights = _broadcast_trailing(values, weights)
        check_weights(values, weights)
        if per_sample:
            weights = ops.broadcast_to(weights, values.dims)
        values = ops.multiply(values, weights)
    if reduction in (None, "none") or not len(values.shape):
        return values
    if reduction == "sum":
        return ops.sum(values)
    if reduction == "mean_with_sample_weight" and weights is not None:
        return ops.divide_no_nan(ops.sum(values), ops.sum(weights))
    return ops.mean(values)
