"""Reductions over axes, and running sums and products."""

from __future__ import annotations

from typing import Any

from nacre.ops._common import (
    FLOATS,
    Dim,
    Tensor,
    as_dtype,
    as_float,
    binary,
    call,
    cast,
    dim_tensor,
    element_count,
    full,
    normalize_axes,
    normalize_axis,
    reshape_to,
    sum_dtype,
    tensor,
)
from nacre.ops._dispatch import keras_op

__all__ = [
    "all",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "average",
    "count_nonzero",
    "cumprod",
    "cumsum",
    "logsumexp",
    "max",
    "mean",
    "min",
    "prod",
    "ptp",
    "std",
    "sum",
    "var",
]


def reduce_over(op: str, x: Tensor, axes: list[int], keepdims: bool = False) -> Tensor:
    """One reduction primitive."""
    return call(op, [x], {"axes": axes, "keepdims": bool(keepdims)})


@keras_op
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The sum over axes.

    Args:
        x: the tensor; booleans and narrow integers are summed as 32-bit integers.
        axis: an axis or several; `None` means all.
        keepdims: whether the axes stay, with size 1.
    """
    x = tensor(x)
    x = cast(x, sum_dtype(x.dtype))
    return reduce_over("reduce_sum", x, normalize_axes(axis, x.ndim), keepdims)


@keras_op
def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Tensor:
    """The product over axes.

    Args:
        x: the tensor.
        axis: an axis or several; `None` means all.
        keepdims: whether the axes stay, with size 1.
        dtype: the dtype of the result.
    """
    x = tensor(x)
    x = cast(x, sum_dtype(x.dtype) if dtype is None else as_dtype(dtype))
    return reduce_over("reduce_prod", x, normalize_axes(axis, x.ndim), keepdims)


def mean_over(x: Tensor, axes: list[int], keepdims: bool = False) -> Tensor:
    """The mean of a float tensor over normalised axes."""
    dims = x.dims
    total = reduce_over("reduce_sum", x, axes, keepdims)
    count = 1
    symbolic: Tensor | None = None
    for axis in axes:
        dim = dims[axis]
        if isinstance(dim, Dim):
            size = dim_tensor(dim, x.dtype)
            symbolic = size if symbolic is None else binary("mul", symbolic, size)
        else:
            count *= dim
    if count == 0:
        return binary("div", total, 0.0)
    if count != 1:
        total = binary("div", total, float(count))
    return total if symbolic is None else binary("div", total, symbolic)


@keras_op
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The mean over axes; integers become floats first.

    Args:
        x: the tensor.
        axis: an axis or several; `None` means all.
        keepdims: whether the axes stay, with size 1.
    """
    x = as_float(x)
    return mean_over(x, normalize_axes(axis, x.ndim), keepdims)


def variance_over(x: Tensor, axes: list[int], keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """Mean and (biased) variance of a float tensor over normalised axes."""
    center = mean_over(x, axes, True)
    spread = mean_over(call("square", [binary("sub", x, center)]), axes, keepdims)
    if not keepdims:
        center = reshape_to(center, spread.dims)
    return center, spread


@keras_op
def var(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The variance over axes, divided by the number of elements; integers become floats first."""
    x = as_float(x)
    return variance_over(x, normalize_axes(axis, x.ndim), keepdims)[1]


@keras_op
def std(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The standard deviation over axes; integers become floats first."""
    x = as_float(x)
    return call("sqrt", [variance_over(x, normalize_axes(axis, x.ndim), keepdims)[1]])


@keras_op
def average(x: Any, axis: Any = None, weights: Any = None) -> Tensor:
    """The weighted mean over axes.

    Args:
        x: the tensor.
        axis: an axis or several; `None` means all.
        weights: of the shape of `x`, or one weight for each position along a single axis.
    """
    x = as_float(x)
    axes = normalize_axes(axis, x.ndim)
    if weights is None:
        return mean_over(x, axes)
    w = tensor(weights)
    if w.ndim != x.ndim:
        if w.ndim != 1 or len(axes) != 1 or axis is None:
            raise ValueError(
                "average: weights must have the shape of x, or be 1-D with a single axis. "
                f"Received: x of shape {x.shape}, weights of shape {w.shape}, axis={axis}"
            )
        dims: list[Any] = [1] * x.ndim
        dims[axes[0]] = w.dims[0]
        w = reshape_to(w, dims)
    if w.dtype not in FLOATS:
        w = cast(w, x.dtype)
    product = binary("mul", x, w)
    w = binary("mul", cast(w, product.dtype), full(x.dims, 1, product.dtype))
    return binary(
        "div", reduce_over("reduce_sum", product, axes), reduce_over("reduce_sum", w, axes)
    )


def _extreme(op: str, x: Any, axis: Any, keepdims: bool, initial: Any) -> Tensor:
    x = tensor(x)
    axes = normalize_axes(axis, x.ndim)
    empty = [a for a in axes if x.dims[a] == 0]
    if empty and initial is None:
        raise ValueError(
            f"{op.removeprefix('reduce_')}: an axis of size 0 has no largest or smallest element. "
            f"Received: x of shape {x.shape}, axis={axis}; pass `initial`"
        )
    if empty:
        dims = [1 if a in axes else d for a, d in enumerate(x.dims) if keepdims or a not in axes]
        return full(dims, initial, x.dtype)
    result = reduce_over(op, x, axes, keepdims)
    if initial is None:
        return result
    return binary("maximum" if op == "reduce_max" else "minimum", result, initial)


@keras_op
def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """The largest element over axes; NaN where there is one.

    Args:
        x: the tensor.
        axis: an axis or several; `None` means all.
        keepdims: whether the axes stay, with size 1.
        initial: the least value of the result; needed where an axis is empty.
    """
    return _extreme("reduce_max", x, axis, keepdims, initial)


@keras_op
def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """The smallest element over axes; NaN where there is one.

    Args:
        x: the tensor.
        axis: an axis or several; `None` means all.
        keepdims: whether the axes stay, with size 1.
        initial: the greatest value of the result; needed where an axis is empty.
    """
    return _extreme("reduce_min", x, axis, keepdims, initial)


@keras_op
def amax(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The largest element over axes; the same as `max`."""
    return _extreme("reduce_max", x, axis, keepdims, None)


@keras_op
def amin(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The smallest element over axes; the same as `min`."""
    return _extreme("reduce_min", x, axis, keepdims, None)


@keras_op
def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The largest minus the smallest element over axes."""
    x = tensor(x)
    high = _extreme("reduce_max", x, axis, keepdims, None)
    return binary("sub", high, _extreme("reduce_min", x, axis, keepdims, None))


def _truth(op: str, x: Any, axis: Any, keepdims: bool) -> Tensor:
    x = tensor(x, "bool")
    axes = normalize_axes(axis, x.ndim)
    if 0 in [d for d in x.dims if isinstance(d, int)]:
        # Of nothing, all is true and any is false; other elements are not there either.
        dims = [1 if a in axes else d for a, d in enumerate(x.dims) if keepdims or a not in axes]
        return full(dims, op == "reduce_min", "bool")
    return reduce_over(op, x, axes, keepdims)


@keras_op
def all(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether every element over axes is true; so it is where there are none."""
    return _truth("reduce_min", x, axis, keepdims)


@keras_op
def any(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether some element over axes is true."""
    return _truth("reduce_max", x, axis, keepdims)


@keras_op
def count_nonzero(x: Any, axis: Any = None) -> Tensor:
    """How many elements over axes are not zero, as int32."""
    x = cast(tensor(x, "bool"), "int32")
    return reduce_over("reduce_sum", x, normalize_axes(axis, x.ndim))


def _arg_extreme(op: str, x: Any, axis: Any, keepdims: bool) -> Tensor:
    x = tensor(x)
    if x.dtype == "bool":
        x = cast(x, "int32")
    if axis is None:
        flat = reshape_to(x, [element_count(x.dims)])
        result = call(op, [flat], {"axis": 0, "keepdims": False})
        return reshape_to(result, [1] * x.ndim) if keepdims else result
    axis = normalize_axis(axis, x.ndim)
    return call(op, [x], {"axis": axis, "keepdims": bool(keepdims)})


@keras_op
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the largest element along an axis, as int32; the first of equal ones.

    Args:
        x: the tensor.
        axis: the axis; `None` means that of the flattened tensor.
        keepdims: whether the axis stays, with size 1.
    """
    return _arg_extreme("argmax", x, axis, keepdims)


@keras_op
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the smallest element along an axis, as int32; the first of equal ones.

    Args:
        x: the tensor.
        axis: the axis; `None` means that of the flattened tensor.
        keepdims: whether the axis stays, with size 1.
    """
    return _arg_extreme("argmin", x, axis, keepdims)


def cumulate(op: str, x: Any, axis: Any, dtype: Any, reverse: bool, exclusive: bool) -> Tensor:
    """One cumulative primitive along an axis of the (flattened, if `None`) tensor."""
    x = tensor(x)
    if dtype is not None:
        x = cast(x, as_dtype(dtype))
    if x.dtype == "bool":
        x = cast(x, "int32")
    if axis is None:
        x, axis = reshape_to(x, [element_count(x.dims)]), 0
    axis = normalize_axis(axis, x.ndim)
    return call(op, [x], {"axis": axis, "reverse": reverse, "exclusive": exclusive})


@keras_op
def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Running sums along an axis.

    Args:
        x: the tensor.
        axis: the axis; `None` means that of the flattened tensor.
        dtype: the dtype of the result.
    """
    return cumulate("cumsum", x, axis, dtype, False, False)


@keras_op
def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Running products along an axis.

    Args:
        x: the tensor.
        axis: the axis; `None` means that of the flattened tensor.
        dtype: the dtype of the result.
    """
    return cumulate("cumprod", x, axis, dtype, False, False)


@keras_op
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """`log(sum(exp(x)))` over axes, without overflow on the way.

    Args:
        x: the tensor.
        axis: an axis or several; `None` means all.
        keepdims: whether the axes stay, with size 1.
    """
    x = as_float(x)
    axes = normalize_axes(axis, x.ndim)
    if not axes:
        return x
    peak = call("stop_gradient", [reduce_over("reduce_max", x, axes, True)])
    # An infinite peak would make inf - inf; subtracting 0 instead gives the right infinity.
    peak = call("where", [call("isfinite", [peak]), peak, tensor(0, x.dtype)])
    total = reduce_over("reduce_sum", call("exp", [binary("sub", x, peak)]), axes, True)
    result = binary("add", call("log", [total]), peak)
    if keepdims:
        return result
    return reshape_to(result, [d for a, d in enumerate(x.dims) if a not in axes])
