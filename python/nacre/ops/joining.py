"""Joining and splitting tensors, padding, and diagonals."""

from __future__ import annotations

import builtins
import itertools
import operator
from typing import Any

import numpy as np

from nacre import _core
from nacre.ops._common import (
    Dim,
    Tensor,
    as_index,
    call,
    cast,
    normalize_axis,
    reshape_to,
    shape_argument,
    tensor,
    transpose_to,
)
from nacre.ops._common import Shape as _Shape
from nacre.ops._dispatch import keras_op
from nacre.ops.creation import _below_diagonal
from nacre.ops.reduce import reduce_over
from nacre.ops.reduce import sum as reduce_sum
from nacre.ops.shaping import ravel, slice_along

__all__ = [
    "append",
    "array_split",
    "concatenate",
    "diag",
    "diagflat",
    "diagonal",
    "dsplit",
    "dstack",
    "hsplit",
    "hstack",
    "pad",
    "split",
    "stack",
    "trace",
    "unstack",
    "vsplit",
    "vstack",
]


def _of_one_dtype(xs: Any, op: str) -> list[Tensor]:
    items = [tensor(x) for x in xs]
    if not items:
        raise ValueError(f"{op}: expected at least one tensor. Received: an empty list")
    first = items[0].dtype
    if all(x.dtype == first for x in items):
        return items
    dtype = _core.result_type(*items)
    return [cast(x, dtype) for x in items]


@keras_op
def concatenate(xs: Any, axis: int | None = 0) -> Tensor:
    """Joins tensors along an axis that they have.

    Args:
        xs: the tensors; all sizes but that of the axis must agree.
        axis: the axis; `None` joins the flattened tensors.
    """
    items = _of_one_dtype(xs, "concatenate")
    if axis is None:
        items, axis = [ravel(x) for x in items], 0
    axis = normalize_axis(axis, items[0].ndim)
    return items[0] if len(items) == 1 else call("concat", items, {"axis": axis})


@keras_op
def stack(x: Any, axis: int = 0) -> Tensor:
    """Joins tensors of one shape along a new axis.

    Args:
        x: the tensors.
        axis: where the new axis stands in the result.
    """
    items = _of_one_dtype(x, "stack")
    ndim = items[0].ndim
    for item in items[1:]:
        if item.ndim != ndim:
            raise ValueError(
                f"stack: expected tensors of one shape. Received: shapes {[i.shape for i in items]}"
            )
    axis = normalize_axis(axis, ndim + 1)
    rows = [reshape_to(i, [*i.dims[:axis], 1, *i.dims[axis:]]) for i in items]
    return rows[0] if len(rows) == 1 else call("concat", rows, {"axis": axis})


@keras_op
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """The slices of a tensor along an axis, as a list.

    Args:
        x: the tensor.
        num: the size of the axis, needed only where the shape does not tell it.
        axis: the axis.
    """
    x = tensor(x)
    axis = normalize_axis(axis, x.ndim)
    size = x.dims[axis]
    if isinstance(size, Dim):
        if num is None:
            raise ValueError(f"unstack: the size of axis {axis} is unknown; pass `num`")
        size = num
    elif num is not None and num != size:
        raise ValueError(f"unstack: axis {axis} has size {size}. Received: num={num}")
    dims = [d for a, d in enumerate(x.dims) if a != axis]
    return [reshape_to(slice_along(x, axis, i, 1), dims) for i in range(size)]


def _pieces(x: Tensor, axis: int, bounds: list[Any]) -> list[Tensor]:
    size = x.dims[axis]
    edges = [0, *bounds, size]
    pieces = []
    for low, high in itertools.pairwise(edges):
        length = high - low
        if isinstance(length, int):
            length = builtins.max(length, 0)
        pieces.append(slice_along(x, axis, low, length))
    return pieces


def _bound(index: int, size: Any) -> Any:
    index = operator.index(index)
    if isinstance(size, Dim):
        return size + index if index < 0 else index
    return builtins.max(index + size, 0) if index < 0 else builtins.min(index, size)


@keras_op
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Cuts a tensor along an axis.

    Args:
        x: the tensor.
        indices_or_sections: how many equal parts, or where to cut.
        axis: the axis.
    """
    x = tensor(x)
    axis = normalize_axis(axis, x.ndim)
    size = x.dims[axis]
    if isinstance(indices_or_sections, (list, tuple, np.ndarray)):
        return _pieces(x, axis, [_bound(i, size) for i in indices_or_sections])
    count = operator.index(indices_or_sections)
    if count < 1 or (isinstance(size, int) and size % count):
        raise ValueError(
            f"split: axis {axis} of size {size} does not divide into {count} equal parts"
        )
    part = size // count
    return _pieces(x, axis, [part * i for i in range(1, count)])


@keras_op
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Cuts a tensor along an axis; the first parts are one longer where it does not divide."""
    x = tensor(x)
    axis = normalize_axis(axis, x.ndim)
    if isinstance(indices_or_sections, (list, tuple, np.ndarray)):
        return split(x, indices_or_sections, axis)
    size, count = x.dims[axis], operator.index(indices_or_sections)
    if isinstance(size, Dim) or count < 1:
        raise ValueError(
            "array_split: expected at least one section and an axis of known size. "
            f"Received: {count} sections, axis of size {size}"
        )
    part, longer = divmod(size, count)
    bounds = [part * i + builtins.min(i, longer) for i in range(1, count)]
    return _pieces(x, axis, bounds)


@keras_op
def hsplit(x: Any, indices_or_sections: Any) -> list[Tensor]:
    """Cuts along axis 1, or axis 0 of a vector."""
    x = tensor(x)
    return split(x, indices_or_sections, 0 if x.ndim == 1 else 1)


@keras_op
def vsplit(x: Any, indices_or_sections: Any) -> list[Tensor]:
    """Cuts along axis 0."""
    return split(x, indices_or_sections, 0)


@keras_op
def dsplit(x: Any, indices_or_sections: Any) -> list[Tensor]:
    """Cuts along axis 2."""
    return split(x, indices_or_sections, 2)


def _at_least(x: Tensor, ndim: int) -> Tensor:
    """Adds axes as NumPy's atleast_2d and atleast_3d do."""
    if x.ndim >= ndim:
        return x
    if ndim == 3 and x.ndim == 2:
        return reshape_to(x, [*x.dims, 1])
    dims = list(x.dims) or [1]
    dims = [1, *dims] if ndim >= 2 and len(dims) == 1 else dims
    return reshape_to(x, [*dims, 1] if ndim == 3 else dims)


@keras_op
def hstack(xs: Any) -> Tensor:
    """Joins along axis 1, or axis 0 of vectors."""
    items = [_at_least(tensor(x), 1) for x in xs]
    return concatenate(items, 0 if items and items[0].ndim == 1 else 1)


@keras_op
def vstack(xs: Any) -> Tensor:
    """Joins along axis 0; vectors become rows."""
    return concatenate([_at_least(tensor(x), 2) for x in xs], 0)


@keras_op
def dstack(xs: Any) -> Tensor:
    """Joins along axis 2."""
    return concatenate([_at_least(tensor(x), 3) for x in xs], 2)


@keras_op
def append(x1: Any, x2: Any, axis: int | None = None) -> Tensor:
    """Joins two tensors along an axis; `None` joins the flattened tensors."""
    return concatenate([x1, x2], axis)


def _pad_pairs(pad_width: Any, ndim: int) -> list[tuple[Any, Any]]:
    """(before, after) for each axis, from NumPy's short forms."""
    if not isinstance(pad_width, (list, tuple, np.ndarray)):
        pad_width = [(pad_width, pad_width)] * ndim
    pairs = [
        shape_argument(p if isinstance(p, (list, tuple, np.ndarray)) else (p,), "pad_width")
        for p in pad_width
    ]
    if builtins.all(len(p) == 1 for p in pairs) and len(pairs) == 2 and ndim != 2:
        pairs = [[pairs[0][0], pairs[1][0]]]
    pairs = [p * 2 if len(p) == 1 else p for p in pairs]
    if len(pairs) == 1:
        pairs = pairs * ndim
    if len(pairs) != ndim or builtins.any(len(p) != 2 for p in pairs):
        raise ValueError(
            f"pad: expected (before, after) for each of the {ndim} axes. "
            f"Received: pad_width={pad_width}"
        )
    if builtins.any(isinstance(v, int) and v < 0 for p in pairs for v in p):
        raise ValueError(f"pad: expected widths >= 0. Received: pad_width={pad_width}")
    return [(p[0], p[1]) for p in pairs]


@keras_op
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Tensor:
    """Adds elements around a tensor.

    Args:
        x: the tensor.
        pad_width: `(before, after)` for each axis, one such pair, or one number for all.
        mode: `"constant"`, `"reflect"`, `"symmetric"`, `"edge"` or `"wrap"`.
        constant_values: what is added in constant mode; 0 if left out.
    """
    x = tensor(x)
    pairs = _pad_pairs(pad_width, x.ndim)
    if mode == "constant":
        value = tensor(0 if constant_values is None else constant_values, x.dtype)
        low, high = [p[0] for p in pairs], [p[1] for p in pairs]
        attrs = {"low": _Shape(low), "high": _Shape(high), "interior": [0] * x.ndim}
        return call("pad", [x, value], attrs)
    if constant_values is not None:
        raise ValueError(f"pad: constant_values goes with mode 'constant'. Received: mode={mode!r}")
    if mode not in ("reflect", "symmetric", "edge", "wrap"):
        raise ValueError(
            "pad: expected mode 'constant', 'reflect', 'symmetric', 'edge' or 'wrap'. "
            f"Received: mode={mode!r}"
        )
    for axis, (low, high) in enumerate(pairs):
        if isinstance(low, int) and isinstance(high, int) and low == high == 0:
            continue
        size = x.dims[axis]
        if isinstance(size, int) and isinstance(low, int) and isinstance(high, int):
            if size == 0:
                raise ValueError(f"pad: an empty axis cannot be padded with mode {mode!r}")
            index = np.pad(np.arange(size), (low, high), mode=mode)
            x = call("gather", [x, as_index(index, size)], {"axis": axis})
        else:
            x = _pad_from_edges(x, axis, low, high, mode)
    return x


def _pad_from_edges(x: Tensor, axis: int, low: Any, high: Any, mode: str) -> Tensor:
    """Padding of an axis whose size only the data tells; no wider than the axis itself."""
    size = x.dims[axis]
    skip = 1 if mode == "reflect" else 0
    if mode == "edge":
        from nacre.ops.shaping import repeat

        before = repeat(slice_along(x, axis, 0, 1), low, axis)
        after = repeat(slice_along(x, axis, size - 1, 1), high, axis)
    elif mode == "wrap":
        before = slice_along(x, axis, size - low, low)
        after = slice_along(x, axis, 0, high)
    else:
        before = slice_along(x, axis, skip, low)
        after = slice_along(x, axis, size - high - skip, high)
        before, after = (call("reverse", [part], {"axes": [axis]}) for part in (before, after))
    return call("concat", [before, x, after], {"axis": axis})


@keras_op
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonal of the matrices in two axes; it becomes the last axis.

    Args:
        x: the tensor.
        offset: which diagonal; above the main one if positive.
        axis1: the axis of the rows.
        axis2: the axis of the columns.
    """
    x = tensor(x)
    if x.ndim < 2:
        raise ValueError(f"diagonal: expected a rank of 2 or more. Received: shape {x.shape}")
    a, b = normalize_axis(axis1, x.ndim, "axis1"), normalize_axis(axis2, x.ndim, "axis2")
    if a == b:
        raise ValueError(f"diagonal: expected two different axes. Received: {axis1}, {axis2}")
    x = transpose_to(x, [*(i for i in range(x.ndim) if i not in (a, b)), a, b])
    rows, columns = x.dims[-2:]
    top, left = builtins.max(-offset, 0), builtins.max(offset, 0)
    lead = x.ndim - 2
    if isinstance(rows, int) and isinstance(columns, int):
        length = builtins.max(builtins.min(rows - top, columns - left), 0)
        flat = reshape_to(x, [*x.dims[:-2], rows * columns])
        start = top * columns + left if length else 0
        # The last element of the diagonal need not be followed by a whole row.
        return _strided(flat, lead, start, length, columns + 1)
    length = _core.dim_min(rows - top, columns - left)
    square = slice_along(slice_along(x, lead, top, length), lead + 1, left, length)
    on = _below_diagonal(length, length, 0, "eq")
    kept = call("where", [on, square, tensor(0, x.dtype)])
    op = "reduce_max" if x.dtype == "bool" else "reduce_sum"
    return reduce_over(op, kept, [lead + 1])


def _strided(x: Tensor, axis: int, start: int, size: int, stride: int) -> Tensor:
    starts, dims, strides = [0] * x.ndim, list(x.dims), [1] * x.ndim
    starts[axis], dims[axis], strides[axis] = start, size, stride
    return call("slice", [x], {"start": _Shape(starts), "size": _Shape(dims), "stride": strides})


@keras_op
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The sum of the diagonal of the matrices in two axes."""
    return reduce_sum(diagonal(x, offset, axis1, axis2), -1)


@keras_op
def diag(x: Any, k: int = 0) -> Tensor:
    """A matrix with a vector on its k-th diagonal, or the k-th diagonal of a matrix."""
    x = tensor(x)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ValueError(f"diag: expected a vector or a matrix. Received: shape {x.shape}")
    size = x.dims[0] + builtins.abs(k)
    if k:
        x = pad(x, [(0, builtins.abs(k))])
    # Entry (r, r + k) is x[r] for an upper diagonal and x[r + k] for a lower one.
    spread = reshape_to(x, [size, 1] if k >= 0 else [1, size])
    return call("where", [_below_diagonal(size, size, k, "eq"), spread, tensor(0, x.dtype)])


@keras_op
def diagflat(x: Any, k: int = 0) -> Tensor:
    """A matrix with the flattened tensor on its k-th diagonal."""
    return diag(ravel(x), k)
