"""Quantiles, histograms, differences, and reductions that skip NaN."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nacre import _core
from nacre.ops._common import (
    FLOATS,
    Tensor,
    as_float,
    binary,
    call,
    cast,
    is_concrete,
    normalize_axes,
    normalize_axis,
    reshape_to,
    tensor,
    transpose_to,
)
from nacre.ops._dispatch import keras_op
from nacre.ops.contraction import multiply_matrices
from nacre.ops.reduce import cumulate, mean_over, reduce_over
from nacre.ops.shaping import ravel, slice_along
from nacre.ops.sorting import searchsorted, sort_along

__all__ = [
    "corrcoef",
    "diff",
    "histogram",
    "median",
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanpercentile",
    "nanprod",
    "nanquantile",
    "nanstd",
    "nansum",
    "nanvar",
    "percentile",
    "quantile",
    "trapezoid",
]

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _flat_axes(x: Tensor, axis: Any) -> tuple[Tensor, list[int]]:
    """The reduced axes merged into one that stands last."""
    axes = normalize_axes(axis, x.ndim)
    kept = [a for a in range(x.ndim) if a not in axes]
    dims = [x.dims[a] for a in kept]
    size: Any = 1
    for a in axes:
        size = size * x.dims[a]
    return reshape_to(transpose_to(x, kept + axes), [*dims, size]), axes


def _quantile_setup(
    x: Any, q: Any, axis: Any, method: str
) -> tuple[Tensor, list[int], Tensor, Tensor]:
    if method not in _METHODS:
        raise ValueError(f"quantile: expected a method of {_METHODS}. Received: method={method!r}")
    x = as_float(x)
    q = tensor(q, x.dtype)
    if is_concrete(q):
        values = q.numpy()
        if values.size and not (values.min() >= 0 and values.max() <= 1):
            raise ValueError(f"quantile: expected q between 0 and 1. Received: q={values}")
    flat, axes = _flat_axes(x, axis)
    return x, axes, flat, q


def _at_fraction(ordered: Tensor, position: Tensor, method: str) -> Tensor:
    """Elements of a sorted last axis at fractional positions (..., q)."""
    axis = ordered.ndim - 1
    low, high = call("floor", [position]), call("ceil", [position])

    def pick(where: Tensor) -> Tensor:
        index = cast(where, "int32")
        dims = [*ordered.dims[:-1], position.dims[-1]]
        index = binary("add", index, tensor(np.zeros([1] * len(dims)), "int32"))
        wide = call("broadcast_to", [index], {"shape": _core.Shape(dims)})
        return call("take_along_axis", [ordered, wide], {"axis": axis})

    if method == "lower":
        return pick(low)
    if method == "higher":
        return pick(high)
    if method == "nearest":
        return pick(call("round", [position]))
    first, second = pick(low), pick(high)
    if method == "midpoint":
        return binary("mul", binary("add", first, second), 0.5)
    weight = binary("sub", position, low)
    middle = binary("add", first, binary("mul", binary("sub", second, first), weight))
    # Between two equal infinities there is no difference to interpolate.
    return call("where", [binary("eq", first, second), first, middle])


def _with_quantiles_first(
    result: Tensor, q: Tensor, x: Tensor, axes: list[int], keepdims: bool
) -> Tensor:
    result = transpose_to(result, [result.ndim - 1, *range(result.ndim - 1)])
    if keepdims:
        kept = [1 if a in axes else d for a, d in enumerate(x.dims)]
    else:
        kept = [d for a, d in enumerate(x.dims) if a not in axes]
    return reshape_to(result, [*q.dims, *kept])


@keras_op
def quantile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """The values below which given fractions of the elements lie.

    Args:
        x: the tensor.
        q: fractions between 0 and 1; their axes stand first in the result.
        axis: an axis or several; `None` means all.
        method: how to choose between two elements: `"linear"`, `"lower"`, `"higher"`,
            `"midpoint"` or `"nearest"`.
        keepdims: whether the axes stay, with size 1.
    """
    x, axes, flat, q = _quantile_setup(x, q, axis, method)
    last = flat.ndim - 1
    ordered = sort_along(flat, last)
    size = flat.dims[last]
    if isinstance(size, int) and size == 0:
        raise ValueError(f"quantile: expected at least one element. Received: shape {x.shape}")
    if not isinstance(size, int):
        raise ValueError("quantile: the size of the reduced axes must be known while tracing")
    position = binary("mul", ravel(q), float(size - 1))
    result = _at_fraction(ordered, position, method)
    bad = reduce_over("reduce_max", call("isnan", [flat]), [last], True)
    result = call("where", [bad, tensor(math.nan, x.dtype), result])
    return _with_quantiles_first(result, q, x, axes, keepdims)


@keras_op
def nanquantile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """Like `quantile`, of the elements that are not NaN."""
    x, axes, flat, q = _quantile_setup(x, q, axis, method)
    last = flat.ndim - 1
    missing = call("isnan", [flat])
    # NaN becomes infinity, which sorts to the end, behind the elements that count.
    ordered = sort_along(call("where", [missing, tensor(math.inf, x.dtype), flat]), last)
    present = cast(call("logical_not", [missing]), x.dtype)
    count = reduce_over("reduce_sum", present, [last], True)
    top = binary("maximum", binary("sub", count, 1.0), 0.0)
    position = binary("mul", ravel(q), top)
    result = _at_fraction(ordered, position, method)
    result = call("where", [binary("eq", count, 0), tensor(math.nan, x.dtype), result])
    return _with_quantiles_first(result, q, x, axes, keepdims)


def _fraction(q: Any) -> Any:
    if isinstance(q, (Tensor, _core.Variable)):
        return binary("div", as_float(q), 100.0)
    return np.asarray(q, np.float64) / 100.0


@keras_op
def percentile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """Like `quantile`, with `q` in percent."""
    return quantile(x, _fraction(q), axis, method, keepdims)


@keras_op
def nanpercentile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """Like `nanquantile`, with `q` in percent."""
    return nanquantile(x, _fraction(q), axis, method, keepdims)


@keras_op
def median(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The middle element over axes, or the mean of the middle two."""
    return quantile(x, 0.5, axis, "linear", keepdims)


@keras_op
def nanmedian(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The median of the elements that are not NaN."""
    return nanquantile(x, 0.5, axis, "linear", keepdims)


def _replace_nan(x: Any, value: float) -> tuple[Tensor, Tensor | None]:
    """`x` with NaN replaced, and where it was (`None` for integers)."""
    x = tensor(x)
    if x.dtype not in FLOATS:
        return x, None
    missing = call("isnan", [x])
    return call("where", [missing, tensor(value, x.dtype), x]), missing


def _nan_sum(op: str, x: Any, axis: Any, keepdims: bool, neutral: float) -> Tensor:
    from nacre.ops import reduce

    x, _ = _replace_nan(x, neutral)
    return (reduce.sum if op == "sum" else reduce.prod)(x, axis, keepdims)


@keras_op
def nansum(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The sum over axes; NaN counts as 0."""
    return _nan_sum("sum", x, axis, keepdims, 0.0)


@keras_op
def nanprod(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The product over axes; NaN counts as 1."""
    return _nan_sum("prod", x, axis, keepdims, 1.0)


def _nan_extreme(op: str, x: Any, axis: Any, keepdims: bool) -> Tensor:
    from nacre.ops import reduce

    function = reduce.max if op == "max" else reduce.min
    x, missing = _replace_nan(x, -math.inf if op == "max" else math.inf)
    result = function(x, axis, keepdims)
    if missing is None:
        return result
    nothing = reduce.all(missing, axis, keepdims)
    return call("where", [nothing, tensor(math.nan, x.dtype), result])


@keras_op
def nanmax(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The largest element over axes that is not NaN."""
    return _nan_extreme("max", x, axis, keepdims)


@keras_op
def nanmin(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The smallest element over axes that is not NaN."""
    return _nan_extreme("min", x, axis, keepdims)


def _nan_arg(op: str, x: Any, axis: int | None, keepdims: bool) -> Tensor:
    from nacre.ops import reduce

    function = reduce.argmax if op == "argmax" else reduce.argmin
    x, missing = _replace_nan(x, -math.inf if op == "argmax" else math.inf)
    result = function(x, axis, keepdims)
    if missing is None:
        return result
    nothing = reduce.all(missing, axis, keepdims)
    return call("where", [nothing, tensor(-1, "int32"), result])


@keras_op
def nanargmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the largest element that is not NaN stands; -1 where all are NaN."""
    return _nan_arg("argmax", x, axis, keepdims)


@keras_op
def nanargmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the smallest element that is not NaN stands; -1 where all are NaN."""
    return _nan_arg("argmin", x, axis, keepdims)


@keras_op
def nancumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Running sums along an axis; NaN counts as 0."""
    return cumulate("cumsum", _replace_nan(x, 0.0)[0], axis, dtype, False, False)


@keras_op
def nancumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Running products along an axis; NaN counts as 1."""
    return cumulate("cumprod", _replace_nan(x, 1.0)[0], axis, dtype, False, False)


def _nan_moments(x: Any, axis: Any) -> tuple[Tensor, Tensor, list[int]]:
    """Mean and variance of what is not NaN, with the reduced axes kept."""
    x = as_float(x)
    axes = normalize_axes(axis, x.ndim)
    filled, missing = _replace_nan(x, 0.0)
    present = cast(call("logical_not", [missing]), x.dtype)
    count = reduce_over("reduce_sum", present, axes, True)
    center = binary("div", reduce_over("reduce_sum", filled, axes, True), count)
    offset = binary("mul", binary("sub", filled, center), present)
    offset = call("where", [missing, tensor(0, x.dtype), offset])
    spread = reduce_over("reduce_sum", call("square", [offset]), axes, True)
    return center, binary("div", spread, count), axes


def _drop(x: Tensor, axes: list[int], keepdims: bool) -> Tensor:
    return x if keepdims else reshape_to(x, [d for a, d in enumerate(x.dims) if a not in axes])


@keras_op
def nanmean(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The mean over axes of the elements that are not NaN."""
    center, _, axes = _nan_moments(x, axis)
    return _drop(center, axes, keepdims)


@keras_op
def nanvar(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The variance over axes of the elements that are not NaN."""
    _, spread, axes = _nan_moments(x, axis)
    return _drop(spread, axes, keepdims)


@keras_op
def nanstd(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The standard deviation over axes of the elements that are not NaN."""
    _, spread, axes = _nan_moments(x, axis)
    return _drop(call("sqrt", [spread]), axes, keepdims)


@keras_op
def diff(a: Any, n: int = 1, axis: int = -1) -> Tensor:
    """Differences of neighbours along an axis, taken `n` times."""
    x = tensor(a)
    axis = normalize_axis(axis, x.ndim)
    if n < 0:
        raise ValueError(f"diff: expected n >= 0. Received: n={n}")
    op = "ne" if x.dtype == "bool" else "sub"
    for _ in range(n):
        size = x.dims[axis]
        if isinstance(size, int) and size == 0:
            break
        x = binary(op, slice_along(x, axis, 1, size - 1), slice_along(x, axis, 0, size - 1))
    return x


@keras_op
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Tensor:
    """The integral along an axis by the trapezoidal rule.

    Args:
        y: the values.
        x: where they were taken; evenly, `dx` apart, if left out.
        dx: the distance.
        axis: the axis.
    """
    y = as_float(y)
    axis = normalize_axis(axis, y.ndim)
    size = y.dims[axis]
    pairs = binary("add", slice_along(y, axis, 1, size - 1), slice_along(y, axis, 0, size - 1))
    if x is None:
        return binary("mul", reduce_over("reduce_sum", pairs, [axis]), 0.5 * float(dx))
    at = as_float(x)
    steps = diff(at, axis=0 if at.ndim == 1 else axis)
    if at.ndim == 1:
        steps = reshape_to(steps, [*[1] * axis, steps.dims[0], *[1] * (y.ndim - axis - 1)])
    area = binary("mul", pairs, steps)
    return binary("mul", reduce_over("reduce_sum", area, [axis]), 0.5)


@keras_op
def corrcoef(x: Any) -> Tensor:
    """The correlation of every pair of rows."""
    x = as_float(x)
    if x.ndim > 2:
        raise ValueError(f"corrcoef: expected a matrix or a vector. Received: shape {x.shape}")
    rows = reshape_to(x, [1, *x.dims]) if x.ndim < 2 else x
    offset = binary("sub", rows, mean_over(rows, [1], True))
    covariance = multiply_matrices(offset, offset, False, True)
    squares = reduce_over("reduce_sum", call("square", [offset]), [1], True)
    scale = call("sqrt", [binary("mul", squares, transpose_to(squares, [1, 0]))])
    result = binary("div", covariance, scale)
    result = binary("minimum", binary("maximum", result, -1.0), 1.0)
    return result if x.ndim == 2 else reshape_to(result, [])


@keras_op
def histogram(x: Any, bins: int = 10, range: Any = None) -> tuple[Tensor, Tensor]:
    """How many elements fall into each of some bins of equal width.

    Args:
        x: the tensor.
        bins: how many bins.
        range: `(low, high)`; the smallest and largest element if left out.

    Returns:
        The counts as int32, and the edges.
    """
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 1:
        raise ValueError(f"histogram: expected bins to be a positive integer. Received: {bins!r}")
    x = ravel(as_float(x))
    if range is not None:
        low, high = float(range[0]), float(range[1])
        if low > high:
            raise ValueError(f"histogram: expected range[0] <= range[1]. Received: range={range}")
        edges = tensor(np.linspace(low, high, bins + 1), x.dtype)
    else:
        low = reduce_over("reduce_min", x, [0])
        high = reduce_over("reduce_max", x, [0])
        flat = binary("eq", low, high)
        low = call("where", [flat, binary("sub", low, 0.5), low])
        high = call("where", [flat, binary("add", high, 0.5), high])
        from nacre.ops.creation import linspace

        edges = linspace(low, high, bins + 1)
    place = binary("sub", searchsorted(edges, x, side="right"), 1)
    last = slice_along(edges, 0, bins, 1)
    # The last bin includes its upper edge.
    place = call("where", [binary("eq", x, last), tensor(bins - 1, "int32"), place])
    inside = call("logical_and", [binary("ge", place, 0), binary("lt", place, bins)])
    row = tensor(np.arange(bins), "int32")
    member = binary("eq", reshape_to(place, [*place.dims, 1]), row)
    member = call("logical_and", [member, reshape_to(inside, [*inside.dims, 1])])
    return reduce_over("reduce_sum", cast(member, "int32"), [0]), edges
