"""Indexing with square brackets."""

from __future__ import annotations

import builtins
import operator
from typing import Any

import numpy as np

from nacre import _core
from nacre.ops._common import (
    Dim,
    Shape,
    Tensor,
    as_index,
    binary,
    call,
    cast,
    is_concrete,
    reshape_to,
    tensor,
    transpose_to,
)
from nacre.ops._dispatch import keras_op

__all__ = ["get_item"]

_ARRAYS = (np.ndarray, Tensor, _core.Variable, list, tuple)


def _slice_bounds(key: builtins.slice, dim: Any, axis: int) -> tuple[Any, Any, int]:
    """(start, count, step) of a Python slice along an axis, which may have a symbolic size."""
    step = 1 if key.step is None else operator.index(key.step)
    if step == 0:
        raise ValueError("slice step cannot be zero")
    if isinstance(dim, int) and not any(isinstance(v, Dim) for v in (key.start, key.stop)):
        start, stop, step = builtins.slice(
            *(None if v is None else operator.index(v) for v in (key.start, key.stop)), step
        ).indices(dim)
        return start, len(range(start, stop, step)), step
    if step < 0 and (key.start is not None or key.stop is not None):
        raise ValueError(
            f"axis {axis} has a size that only the data tells: a slice with a negative step must "
            "have no start and no stop"
        )

    def position(value: Any, default: Any) -> Any:
        if value is None:
            return default
        if isinstance(value, Dim):
            return value
        value = operator.index(value)
        return dim + value if value < 0 else value

    if step < 0:
        return dim - 1, _ceil_div(dim, -step), step
    start = position(key.start, 0)
    stop = position(key.stop, dim)
    if isinstance(key.stop, int) and key.stop >= 0:
        stop = _core.dim_min(stop, dim)
    count = stop - start
    return start, _ceil_div(count, step), step


def _ceil_div(size: Any, step: int) -> Any:
    return size if step == 1 else (size + (step - 1)) // step


def _expand_ellipsis(key: Any, ndim: int) -> list[Any]:
    items = list(key) if isinstance(key, tuple) else [key]
    # A boolean mask takes as many axes as it has itself.
    used = builtins.sum(
        getattr(k, "ndim", 1) if _is_mask(k) else 1
        for k in items
        if k is not None and k is not Ellipsis
    )
    if used > ndim:
        raise IndexError(f"too many indices: the tensor has {ndim} axes, and {used} were indexed")
    dots = [i for i, k in enumerate(items) if k is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    at = dots[0] if dots else len(items)
    rest = items[at + 1 :] if dots else []
    # An ellipsis for no axes stays: it still keeps arrays on its two sides apart, as in NumPy.
    filler = [builtins.slice(None)] * (ndim - used) or ([Ellipsis] if dots else [])
    return [*items[:at], *filler, *rest]


_PLAIN = frozenset({int, builtins.slice, type(None), type(Ellipsis)})


def _is_mask(k: Any) -> bool:
    if k.__class__ in _PLAIN:
        return False
    if isinstance(k, (Tensor, np.ndarray, _core.Variable)):
        return str(k.dtype) == "bool"
    if isinstance(k, (list, tuple)):
        return np.asarray(k, dtype=object).dtype == object and _nested_bool(k)
    return isinstance(k, (bool, np.bool_))


def _nested_bool(k: Any) -> bool:
    while isinstance(k, (list, tuple)):
        if not k:
            return False
        k = k[0]
    return isinstance(k, (bool, np.bool_))


def _expand_masks(items: list[Any]) -> list[Any]:
    """Replaces boolean masks by the positions where they hold."""
    result: list[Any] = []
    for k in items:
        if not _is_mask(k):
            result.append(k)
            continue
        if not is_concrete(k):
            raise TypeError(
                "a boolean mask makes a tensor whose size depends on the data, which cannot be "
                "traced; use ops.where(mask, x, other) instead"
            )
        mask = k.numpy() if isinstance(k, (Tensor, _core.Variable)) else np.asarray(k)
        if mask.ndim == 0:
            raise IndexError("a single boolean cannot index a tensor")
        result.extend(mask.nonzero())
    return result


@keras_op
def get_item(x: Any, key: Any) -> Tensor:
    """`x[key]`, as NumPy understands it.

    Args:
        x: the tensor.
        key: integers, slices, `None`, `...`, integer arrays or tensors, or boolean masks (these
            only outside of traced functions), alone or in a tuple.
    """
    x = tensor(x)
    if isinstance(key, list):
        key = np.asarray(key) if is_concrete(key) else tensor(key)
    items = _expand_masks(_expand_ellipsis(key, x.ndim))
    if builtins.any(k.__class__ not in _PLAIN and isinstance(k, _ARRAYS) for k in items):
        # Beside arrays an integer is an array of rank 0, as in NumPy.
        items = [np.asarray(k) if isinstance(k, (int, np.integer)) else k for k in items]
    dims = list(x.dims)
    starts: list[Any] = [0] * x.ndim
    sizes: list[Any] = list(dims)
    strides = [1] * x.ndim
    reversed_axes: list[int] = []
    shape: list[Any] = []  # the result's axes before arrays are looked up
    arrays: list[tuple[int, Any, int]] = []  # (axis of x, index, place in the key)
    axis = 0
    for place, k in enumerate(items):
        if k is None:
            shape.append(("new", None))
            continue
        if k is Ellipsis:
            shape.append(("gap", None))
            continue
        dim = dims[axis]
        if isinstance(k, builtins.slice):
            start, count, step = _slice_bounds(k, dim, axis)
            if step < 0:
                reversed_axes.append(axis)
                start = (dim - 1) - start if isinstance(dim, int) else 0
                step = -step
            starts[axis], sizes[axis], strides[axis] = start, count, step
            shape.append(("axis", axis))
        elif isinstance(k, _ARRAYS):
            arrays.append((axis, as_index(k, dim), place))
            shape.append(("array", axis))
        elif isinstance(k, Dim):
            starts[axis], sizes[axis] = k, 1
        else:
            starts[axis], sizes[axis] = _position(k, dim, axis), 1
        axis += 1
    if reversed_axes:
        x = call("reverse", [x], {"axes": reversed_axes})
    if sizes != dims or builtins.any(s != 1 for s in strides):
        attrs = {"start": Shape(starts), "size": Shape(sizes), "stride": strides}
        x = call("slice", [x], attrs)
    if not arrays:
        final = [1 if kind == "new" else sizes[a] for kind, a in shape if kind != "gap"]
        return x if final == list(x.dims) else reshape_to(x, final)
    return _look_up(x, sizes, shape, arrays)


def _position(k: Any, dim: Any, axis: int) -> Any:
    try:
        index = operator.index(k)
    except TypeError:
        raise TypeError(
            "expected integers, slices, None, ... or arrays of integers as index. "
            f"Received: {k!r} of type {type(k).__name__}"
        ) from None
    if isinstance(dim, Dim):
        return dim + index if index < 0 else index
    if not -dim <= index < dim:
        raise IndexError(f"index {index} is out of bounds for axis {axis} with size {dim}")
    return index + dim if index < 0 else index


def _look_up(
    x: Tensor, sizes: list[Any], shape: list[Any], arrays: list[tuple[int, Any, int]]
) -> Tensor:
    """The part of indexing that arrays do: one gather for one array, gather_nd for several."""
    kept = [a for kind, a in shape if kind in ("axis", "array")]
    x = reshape_to(x, [sizes[a] for a in kept])
    array_axes = [kept.index(a) for a, _, _ in arrays]
    slots = [i for i, (kind, _) in enumerate(shape) if kind == "array"]
    if len(arrays) == 1:
        index = arrays[0][1]
        x = call("gather", [x, index], {"axis": array_axes[0]})
        depth = index.ndim
        first = array_axes[0]
    else:
        index = _joint_index([a[1] for a in arrays])
        others = [a for a in range(x.ndim) if a not in array_axes]
        x = call("gather_nd", [transpose_to(x, [*array_axes, *others]), index])
        depth = index.ndim - 1
        together = slots == list(range(slots[0], slots[-1] + 1))
        first = array_axes[0] if together else 0
        if first:
            # The looked-up axes stand in front; they belong where the arrays stood.
            perm = [*range(depth, depth + first), *range(depth), *range(depth + first, x.ndim)]
            x = transpose_to(x, perm)
        if not together:
            shape = [s for i, s in enumerate(shape) if i in slots] + [
                s for i, s in enumerate(shape) if i not in slots
            ]
    if not builtins.any(kind == "new" for kind, _ in shape):
        return x
    rest = list(x.dims)
    final: list[Any] = []
    done = False
    for kind, _ in shape:
        if kind == "new":
            final.append(1)
        elif kind == "array":
            if not done:
                final += rest[:depth]
                rest = rest[depth:]
                done = True
        elif kind == "axis":
            final.append(rest.pop(0))
    return reshape_to(x, final)


def _joint_index(indices: list[Tensor]) -> Tensor:
    """Index arrays, broadcast against each other, side by side in a last axis."""
    dtype = "int64" if builtins.any(i.dtype == "int64" for i in indices) else "int32"
    indices = [cast(i, dtype) for i in indices]
    wide = indices[0]
    for other in indices[1:]:
        wide = binary("add", wide, other)
    dims = list(wide.dims)
    columns = []
    for index in indices:
        if list(index.dims) != dims:
            index = call("broadcast_to", [index], {"shape": Shape(dims)})
        columns.append(reshape_to(index, [*dims, 1]))
    return call("concat", columns, {"axis": len(dims)})
