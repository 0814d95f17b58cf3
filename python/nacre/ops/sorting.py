"""Sorting, searching, counting and segments."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from nacre.ops._common import (
    FLOATS,
    Shape,
    Tensor,
    binary,
    call,
    cast,
    element_count,
    full,
    is_concrete,
    normalize_axis,
    reshape_to,
    tensor,
)
from nacre.ops._dispatch import keras_op
from nacre.ops.binary_ops import promoted
from nacre.ops.shaping import ravel, slice_along

__all__ = [
    "argpartition",
    "argsort",
    "bincount",
    "digitize",
    "in_top_k",
    "isin",
    "nonzero",
    "searchsorted",
    "segment_max",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "sort",
    "top_k",
    "unique",
    "unravel_index",
]


def sort_along(x: Tensor, axis: int, descending: bool = False) -> Tensor:
    """Sorted values along a normalised axis."""
    if x.dtype == "bool":
        return cast(
            call("sort", [cast(x, "int32")], {"axis": axis, "descending": descending}), "bool"
        )
    return call("sort", [x], {"axis": axis, "descending": descending})


def argsort_along(x: Tensor, axis: int, descending: bool = False) -> Tensor:
    """The positions that sort along a normalised axis, equal elements in their old order."""
    x = cast(x, "int32") if x.dtype == "bool" else x
    return call("argsort", [x], {"axis": axis, "descending": descending})


@keras_op
def sort(x: Any, axis: int | None = -1) -> Tensor:
    """The elements in ascending order along an axis; `None` sorts the flattened tensor."""
    x = tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    return sort_along(x, normalize_axis(axis, x.ndim))


@keras_op
def argsort(x: Any, axis: int | None = -1) -> Tensor:
    """The positions, as int32, that sort a tensor along an axis; equal elements keep their order.

    Args:
        x: the tensor.
        axis: the axis; `None` means that of the flattened tensor.
    """
    x = tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    return argsort_along(x, normalize_axis(axis, x.ndim))


@keras_op
def argpartition(x: Any, kth: int, axis: int | None = -1) -> Tensor:
    """Positions that put the `kth` element in its sorted place; here they sort everything."""
    x = tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = normalize_axis(axis, x.ndim)
    size = x.dims[axis]
    if isinstance(size, int) and not -size <= kth < size:
        raise ValueError(f"argpartition: expected kth in [{-size}, {size}). Received: kth={kth}")
    return argsort_along(x, axis)


@keras_op
def top_k(x: Any, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The `k` largest elements along the last axis and where they are.

    Args:
        x: the tensor.
        k: how many.
        sorted: accepted; the result is always in descending order.

    Returns:
        The values, and their positions as int32.
    """
    x = tensor(x)
    axis = normalize_axis(-1, x.ndim)
    size = x.dims[axis]
    if k < 0 or (isinstance(size, int) and k > size):
        raise ValueError(f"top_k: expected k between 0 and {size}. Received: k={k}")
    if k == 1:
        indices = call("argmax", [x], {"axis": axis, "keepdims": True})
    else:
        indices = slice_along(argsort_along(x, axis, descending=True), axis, 0, k)
    return call("take_along_axis", [x, indices], {"axis": axis}), indices


@keras_op
def in_top_k(targets: Any, predictions: Any, k: int) -> Tensor:
    """Whether each target class is among the `k` best predictions; ties count as in.

    Args:
        targets: class numbers `(batch,)`.
        predictions: scores `(batch, classes)`.
        k: how many classes count as best.
    """
    scores = tensor(predictions)
    classes = tensor(targets)
    if classes.dtype not in ("int32", "int64"):
        classes = cast(classes, "int32")
    axis = scores.ndim - 1
    wanted = reshape_to(classes, [*classes.dims, 1])
    known = call("logical_and", [binary("ge", wanted, 0), binary("lt", wanted, scores.dims[axis])])
    safe = call("where", [known, wanted, tensor(0, wanted.dtype)])
    own = call("take_along_axis", [scores, safe], {"axis": axis})
    better = cast(binary("gt", scores, own), "int32")
    count = call("reduce_sum", [better], {"axes": [axis], "keepdims": True})
    inside = call("logical_and", [binary("lt", count, k), call("isfinite", [own])])
    return reshape_to(call("logical_and", [inside, known]), classes.dims)


@keras_op
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Tensor:
    """Where values would be inserted into a sorted vector to keep it sorted, as int32.

    Args:
        sorted_sequence: the vector.
        values: the values.
        side: whether a value goes before (`"left"`) or behind (`"right"`) equal elements.
    """
    (edges, values), _ = promoted(tensor(sorted_sequence), tensor(values))
    if edges.ndim != 1:
        raise ValueError(f"searchsorted: expected a sorted vector. Received: shape {edges.shape}")
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted: expected side 'left' or 'right'. Received: {side!r}")
    return call("searchsorted", [edges, values], {"side": side})


@keras_op
def digitize(x: Any, bins: Any) -> Tensor:
    """The number of the bin that each element falls into, as int32.

    Args:
        x: the tensor.
        bins: increasing edges; element x is in bin i if `bins[i-1] <= x < bins[i]`.
    """
    return searchsorted(bins, x, side="right")


@keras_op
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Tensor:
    """How often each of 0, 1, 2, ... occurs.

    Args:
        x: integers >= 0, a vector or rows of them.
        weights: what each occurrence counts; 1 if left out.
        minlength: the least length of the result. Within a traced function it is the length, as
            the values are not known there.
        sparse: sparse results are not supported.
    """
    if sparse:
        raise ValueError("bincount: sparse results are not supported. Received: sparse=True")
    x = tensor(x)
    if x.dtype not in ("int32", "int64"):
        if x.dtype in FLOATS:
            raise TypeError(f"bincount: expected integers. Received: dtype {x.dtype}")
        x = cast(x, "int32")
    if is_concrete(x):
        values = x.numpy()
        if values.size and values.min() < 0:
            raise ValueError("bincount: expected integers >= 0. Received: a negative one")
        length = builtins.max(minlength, int(values.max()) + 1 if values.size else 0)
    elif minlength > 0:
        length = minlength
    else:
        raise ValueError("bincount: pass minlength while tracing; the largest value is not known")
    inputs = [x] if weights is None else [x, tensor(weights)]
    return call("bincount", inputs, {"length": length})


@keras_op
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each element of `x1` occurs in `x2`.

    Args:
        x1: the tensor.
        x2: the values to look for, of any shape.
        assume_unique: accepted; it makes no difference.
        invert: whether to answer the opposite question.
    """
    (a, b), _ = promoted(tensor(x1), tensor(x2))
    b = ravel(b)
    same = binary("eq", reshape_to(a, [*a.dims, 1]), b)
    found = call("reduce_max", [same], {"axes": [a.ndim], "keepdims": False})
    return call("logical_not", [found]) if invert else found


def _known_values(x: Any, op: str) -> np.ndarray:
    x = tensor(x)
    if x.is_symbolic:
        raise TypeError(
            f"{op}: the size of the result depends on the data, so that it cannot be traced"
        )
    return x.numpy()


@keras_op
def nonzero(x: Any) -> tuple[Tensor, ...]:
    """Where elements are not zero: one int32 vector per axis. Not for traced functions."""
    return tuple(tensor(i.astype(np.int32)) for i in _known_values(x, "nonzero").nonzero())


@keras_op
def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The distinct elements, in ascending order. Not for traced functions.

    Args:
        x: the tensor.
        sorted: accepted; the result is always in ascending order.
        return_index: whether to return where each first occurs.
        return_inverse: whether to return which of them each element of `x` is.
        return_counts: whether to return how often each occurs.
        axis: compare slices along this axis; `None` compares elements.
        size: cut or fill the result to this many.
        fill_value: what to fill with; the smallest element if left out.
    """
    values = _known_values(x, "unique")
    found, index, inverse, counts = np.unique(
        values, return_index=True, return_inverse=True, return_counts=True, axis=axis
    )
    inverse = inverse.reshape(values.shape if axis is None else -1)
    if size is not None:
        along = 0 if axis is None else axis
        found = np.moveaxis(found, along, 0)
        missing = size - len(found)
        if missing > 0:
            filler = found[:1] if fill_value is None else np.full_like(found[:1], fill_value)
            found = np.concatenate([found, np.repeat(filler, missing, axis=0)])
            index = np.concatenate([index, np.repeat(index[:1], missing)])
            counts = np.concatenate([counts, np.zeros(missing, counts.dtype)])
        found, index, counts = found[:size], index[:size], counts[:size]
        found = np.moveaxis(found, 0, along)
    results = [tensor(np.ascontiguousarray(found))]
    for wanted, extra in (
        (return_index, index),
        (return_inverse, inverse),
        (return_counts, counts),
    ):
        if wanted:
            results.append(tensor(extra.astype(np.int32)))
    return tuple(results) if len(results) > 1 else results[0]


@keras_op
def unravel_index(indices: Any, shape: Any) -> tuple[Tensor, ...]:
    """Positions in a shape from positions in its flattened form."""
    index = tensor(indices)
    if index.dtype not in ("int32", "int64"):
        index = cast(index, "int32")
    total = element_count(list(shape))
    index = call("where", [binary("lt", index, 0), binary("add", index, total), index])
    columns = []
    for size in reversed(list(shape)):
        columns.append(binary("mod", index, size))
        index = binary("floordiv", index, size)
    return tuple(reversed(columns))


def _segment_index(segment_ids: Any, num_segments: int | None, op: str) -> tuple[Tensor, int]:
    ids = tensor(segment_ids)
    if ids.ndim != 1:
        raise ValueError(f"{op}: expected a vector of segment ids. Received: shape {ids.shape}")
    if ids.dtype not in ("int32", "int64"):
        ids = cast(ids, "int32")
    if num_segments is None:
        if not is_concrete(ids):
            raise ValueError(f"{op}: pass num_segments while tracing; the ids are not known")
        values = ids.numpy()
        num_segments = int(values.max()) + 1 if values.size else 0
    return ids, num_segments


@keras_op
def segment_sum(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Sums the rows that share a segment id.

    Args:
        data: the tensor.
        segment_ids: the segment of each row.
        num_segments: how many segments; found from the ids if left out.
        sorted: whether the ids are in ascending order; it makes no difference.
    """
    ids, count = _segment_index(segment_ids, num_segments, "segment_sum")
    return call("scatter_add", [ids, tensor(data)], {"axis": 0, "size": Shape([count])})


def _segment_fold(op: str, data: Any, segment_ids: Any, num_segments: int | None) -> Tensor:
    """Combines the rows of each segment by a (masked) reduction over all rows."""
    x = tensor(data)
    ids, count = _segment_index(segment_ids, num_segments, op.replace("reduce", "segment"))
    if op == "reduce_prod":
        neutral: Any = 1
    elif x.dtype in FLOATS:
        neutral = -np.inf if op == "reduce_max" else np.inf
    else:
        limits = np.iinfo(x.dtype)
        neutral = int(limits.min if op == "reduce_max" else limits.max)
    segment = tensor(np.arange(count, dtype=np.int32), ids.dtype)
    member = binary("eq", reshape_to(segment, [count, 1]), ids)
    member = reshape_to(member, [count, ids.dims[0], *[1] * (x.ndim - 1)])
    rows = call("where", [member, x, full((), neutral, x.dtype)])
    return call(op, [rows], {"axes": [1], "keepdims": False})


@keras_op
def segment_max(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The largest of the rows that share a segment id; see `segment_sum`."""
    return _segment_fold("reduce_max", data, segment_ids, num_segments)


@keras_op
def segment_min(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The smallest of the rows that share a segment id; see `segment_sum`."""
    return _segment_fold("reduce_min", data, segment_ids, num_segments)


@keras_op
def segment_prod(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The product of the rows that share a segment id; see `segment_sum`."""
    return _segment_fold("reduce_prod", data, segment_ids, num_segments)
