"""Cross-entropies and encodings of class numbers."""

from __future__ import annotations

from typing import Any

from nacre.ops._common import (
    INDEX_DTYPES,
    DType,
    Tensor,
    as_dtype,
    as_float,
    binary,
    call,
    cast,
    normalize_axis,
    reshape_to,
    tensor,
    transpose_to,
)
from nacre.ops._dispatch import keras_op
from nacre.ops.reduce import reduce_over

__all__ = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "multi_hot",
    "one_hot",
    "psnr",
    "sparse_categorical_crossentropy",
]


def _check_equal(op: str, target: Tensor, output: Tensor) -> None:
    if target.ndim != output.ndim or any(
        isinstance(a, int) and isinstance(b, int) and a != b
        for a, b in zip(target.dims, output.dims, strict=True)
    ):
        raise ValueError(
            f"{op}: expected target and output of one shape. "
            f"Received: target of shape {target.shape}, output of shape {output.shape}"
        )


def _class_axis_last(x: Tensor, axis: int) -> Tensor:
    return transpose_to(x, [*(a for a in range(x.ndim) if a != axis), axis])


@keras_op
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Tensor:
    """The cross-entropy of each probability with its target, elementwise.

    Args:
        target: what the probabilities should be.
        output: probabilities, or logits.
        from_logits: whether `output` holds logits.
    """
    output = as_float(output)
    target = tensor(target, output.dtype)
    _check_equal("binary_crossentropy", target, output)
    name = "sigmoid_cross_entropy" if from_logits else "binary_crossentropy"
    return call(name, [output, target])


@keras_op
def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """The cross-entropy of each distribution over classes with its target.

    Args:
        target: what the probabilities should be, of the shape of `output`.
        output: probabilities, or logits.
        from_logits: whether `output` holds logits.
        axis: the axis of the classes; the result lacks it.
    """
    output = as_float(output)
    target = tensor(target, output.dtype)
    if output.ndim == 0:
        raise ValueError("categorical_crossentropy: expected an axis of classes. Got a scalar")
    _check_equal("categorical_crossentropy", target, output)
    axis = normalize_axis(axis, output.ndim)
    output, target = _class_axis_last(output, axis), _class_axis_last(target, axis)
    name = "softmax_cross_entropy" if from_logits else "categorical_crossentropy"
    return call(name, [output, target])


@keras_op
def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """The cross-entropy of each distribution over classes with the number of a class.

    Args:
        target: class numbers; the shape of `output` without the axis of the classes, or with size
            1 there.
        output: probabilities, or logits.
        from_logits: whether `output` holds logits.
        axis: the axis of the classes; the result lacks it.
    """
    output = as_float(output)
    labels = class_numbers(target)
    if output.ndim == 0:
        raise ValueError("sparse_categorical_crossentropy: expected an axis of classes")
    axis = normalize_axis(axis, output.ndim)
    if labels.ndim == output.ndim and labels.dims[axis] == 1:
        labels = reshape_to(labels, [d for a, d in enumerate(labels.dims) if a != axis])
    output = _class_axis_last(output, axis)
    expected = output.dims[:-1]
    if labels.ndim != len(expected) or any(
        isinstance(a, int) and isinstance(b, int) and a != b
        for a, b in zip(labels.dims, expected, strict=True)
    ):
        raise ValueError(
            "sparse_categorical_crossentropy: expected a class number for each distribution. "
            f"Received: target of shape {labels.shape}, output of shape {output.shape}"
        )
    name = "sparse_softmax_cross_entropy" if from_logits else "sparse_categorical_crossentropy"
    return call(name, [output, labels])


def class_numbers(target: Any) -> Tensor:
    """Class numbers as int32 or int64; floats that hold integers are common in practice."""
    labels = tensor(target)
    if labels.dtype in INDEX_DTYPES:
        return labels
    return cast(labels, "int64" if labels.dtype in ("uint32", "uint64") else "int32")


@keras_op
def one_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Tensor:
    """1 at the position that each class number names, 0 elsewhere.

    Args:
        x: class numbers; out of range (such as -1) they give zeros only.
        num_classes: the size of the new axis.
        axis: where the new axis stands in the result.
        dtype: the dtype; `floatx()` if left out.
        sparse: sparse results are not supported.
    """
    if sparse:
        raise ValueError("one_hot: sparse results are not supported. Received: sparse=True")
    labels = class_numbers(x)
    if isinstance(num_classes, bool) or not isinstance(num_classes, int) or num_classes < 0:
        raise ValueError(f"one_hot: expected num_classes >= 0. Received: {num_classes!r}")
    axis = normalize_axis(axis, labels.ndim + 1)
    result = call("one_hot", [labels], {"depth": num_classes, "dtype": DType(as_dtype(dtype))})
    last = labels.ndim
    return transpose_to(result, [*range(axis), last, *range(axis, last)])


@keras_op
def multi_hot(
    inputs: Any,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: Any = None,
    sparse: bool = False,
    **kwargs: Any,
) -> Tensor:
    """1 at each of the positions that the class numbers of a sample name, 0 elsewhere.

    Args:
        inputs: class numbers; the last axis lists those of a sample.
        num_classes: the size of the axis that replaces it.
        axis: where that axis stands in the result.
        dtype: the dtype; `floatx()` if left out.
        sparse: sparse results are not supported.
        **kwargs: `num_tokens` is an old name of `num_classes`.
    """
    num_classes = kwargs.pop("num_tokens", num_classes)
    if kwargs:
        raise TypeError(f"multi_hot: unknown arguments {sorted(kwargs)}")
    if num_classes is None:
        raise ValueError("multi_hot: expected num_classes. Received: None")
    labels = tensor(inputs)
    listed = 1 if labels.ndim > 1 else 0
    hot = one_hot(labels, num_classes, axis=axis, dtype=dtype, sparse=sparse)
    return reduce_over("reduce_max", hot, [listed])


@keras_op
def psnr(x1: Any, x2: Any, max_val: float) -> Tensor:
    """The peak signal-to-noise ratio of two tensors, in decibels.

    Args:
        x1: a tensor.
        x2: a tensor of the same shape.
        max_val: the largest value that a signal can have.
    """
    from nacre.ops.elementwise import log10
    from nacre.ops.reduce import mean_over

    a, b = as_float(x1), as_float(x2)
    _check_equal("psnr", a, b)
    error = call("square", [binary("sub", a, b)])
    error = mean_over(error, list(range(error.ndim)))
    peak = tensor(float(max_val), error.dtype)
    return binary("sub", binary("mul", log10(peak), 20.0), binary("mul", log10(error), 10.0))
