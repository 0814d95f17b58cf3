"""Reading and writing parts of tensors: indexing, gathering, scattering."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from nacre import _core
from nacre.ops._common import (
    Shape,
    Tensor,
    as_index,
    binary,
    call,
    cast,
    element_count,
    normalize_axis,
    reshape_to,
    shape_argument,
    tensor,
)
from nacre.ops._dispatch import keras_op

__all__ = [
    "scatter",
    "scatter_update",
    "slice",
    "slice_update",
    "take",
    "take_along_axis",
]


@keras_op
def take(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """The slices at some positions along an axis.

    Args:
        x: the tensor.
        indices: integers of any shape; negative ones count from the end.
        axis: the axis, in whose place the axes of `indices` stand in the result; `None` takes
            from the flattened tensor.
    """
    x = tensor(x)
    if axis is None:
        x, axis = reshape_to(x, [element_count(x.dims)]), 0
    axis = normalize_axis(axis, x.ndim)
    return call("gather", [x, as_index(indices, x.dims[axis])], {"axis": axis})


@keras_op
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """For each position of `indices`, the element that it names along an axis.

    Args:
        x: the tensor.
        indices: integers; as many axes as `x`, and the same sizes (or 1) but along the axis.
        axis: the axis; `None` means that of the flattened tensor.
    """
    x = tensor(x)
    if axis is None:
        x, axis = reshape_to(x, [element_count(x.dims)]), 0
        indices = tensor(indices)
        indices = reshape_to(indices, [element_count(indices.dims)])
    axis = normalize_axis(axis, x.ndim)
    index = as_index(indices, x.dims[axis])
    if index.ndim != x.ndim:
        raise ValueError(
            "take_along_axis: expected x and indices of equal rank. "
            f"Received: shapes {x.shape} and {index.shape}"
        )
    x_dims, i_dims = list(x.dims), list(index.dims)
    for a in range(x.ndim):
        if a != axis and x_dims[a] != i_dims[a]:
            if i_dims[a] == 1:
                i_dims[a] = x_dims[a]
            elif x_dims[a] == 1:
                x_dims[a] = i_dims[a]
    if x_dims != list(x.dims):
        x = call("broadcast_to", [x], {"shape": Shape(x_dims)})
    if i_dims != list(index.dims):
        index = call("broadcast_to", [index], {"shape": Shape(i_dims)})
    return call("take_along_axis", [x, index], {"axis": axis})


def _nd_index(indices: Any, dims: Any) -> Tensor:
    """Indices into the leading axes as an integer tensor (..., depth), wrapped."""
    index = tensor(indices)
    if not index.dtype.startswith(("int", "uint")):
        raise TypeError(f"indices must be integers. Received: dtype {index.dtype}")
    depth = index.dims[-1] if index.ndim else None
    if not isinstance(depth, int) or depth > len(dims):
        raise ValueError(
            "scatter: the last axis of indices must have one entry for each indexed axis. "
            f"Received: indices of shape {index.shape} for a tensor of rank {len(dims)}"
        )
    if index.dtype not in ("int32", "int64"):
        index = cast(index, "int32")
    sizes = dims[:depth]
    if builtins.all(isinstance(d, int) for d in sizes):
        if not index.is_symbolic and (index.numpy() >= 0).all():
            return index
        size = tensor(np.asarray(sizes, np.int32), index.dtype)
        return call("where", [binary("lt", index, 0), binary("add", index, size), index])
    return index


@keras_op
def scatter(indices: Any, values: Any, shape: Any) -> Tensor:
    """Zeros of a shape, with values added at some positions.

    Args:
        indices: integers `(..., depth)`, each row a position in the first `depth` axes.
        values: what is added there; duplicates add up.
        shape: the shape of the result.
    """
    dims = shape_argument(shape)
    x = tensor(values)
    return call("scatter_nd", [_nd_index(indices, dims), x], {"shape": Shape(dims)})


@keras_op
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Tensor:
    """A copy of a tensor with some positions replaced.

    Args:
        inputs: the tensor.
        indices: integers `(n, depth)`, each row a position in the first `depth` axes.
        updates: the new values, `(n, ...)`; the last of several for one position wins.
        reduction: `"add"`, `"max"`, `"min"` or `"mul"` combines with the old value instead.
    """
    x = tensor(inputs)
    index = _nd_index(indices, x.dims)
    updates = tensor(updates, x.dtype)
    depth = index.dims[-1]
    rows = element_count(index.dims[:-1])
    index = reshape_to(index, [rows, depth])
    updates = reshape_to(updates, [rows, *x.dims[depth:]])
    if reduction is None:
        return call("scatter_update", [x, index, updates])
    if reduction == "add":
        return binary(
            "add", x, call("scatter_nd", [index, updates], {"shape": Shape(list(x.dims))})
        )
    if reduction not in ("max", "min", "mul"):
        raise ValueError(
            "scatter_update: expected reduction None, 'add', 'max', 'min' or 'mul'. "
            f"Received: reduction={reduction!r}"
        )
    op = {"max": "maximum", "min": "minimum", "mul": "mul"}[reduction]

    # One update after the other, since several may meet at one position.
    def step(carry: list[Tensor], row: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        (current,), (at, value) = carry, row
        at = reshape_to(at, [1, depth])
        old = call("gather_nd", [current, at])
        new = binary(op, old, reshape_to(value, old.dims))
        return [call("scatter_update", [current, at, new])], []

    carry, _ = _core.scan(step, [x], [index, updates], rows, False)
    return carry[0]


def _start_tensor(start_indices: Any, ndim: int) -> Tensor:
    if isinstance(start_indices, (list, tuple)):
        start_indices = [tensor(s) for s in start_indices]
    starts = tensor(tensor(start_indices), "int32")
    if starts.ndim != 1 or starts.dims[0] != ndim:
        raise ValueError(
            f"expected one start index for each of the {ndim} axes. "
            f"Received: start_indices of shape {starts.shape}"
        )
    return starts


@keras_op
def slice(inputs: Any, start_indices: Any, shape: Any) -> Tensor:
    """A block of a tensor.

    Args:
        inputs: the tensor.
        start_indices: where the block starts, for each axis; may be a tensor.
        shape: the shape of the block; -1 means up to the end of the axis.
    """
    x = tensor(inputs)
    sizes = shape_argument(shape)
    if len(sizes) != x.ndim:
        raise ValueError(f"slice: expected {x.ndim} sizes. Received: shape={tuple(sizes)}")
    if not isinstance(start_indices, Tensor) and not _mixed(start_indices):
        starts = shape_argument(start_indices, "start_indices")
        if len(starts) != x.ndim:
            raise ValueError(f"slice: expected {x.ndim} starts. Received: {tuple(starts)}")
        ends = []
        for a, (start, size, dim) in enumerate(zip(starts, sizes, x.dims, strict=True)):
            if isinstance(size, int) and size == -1:
                sizes[a] = size = dim - start
            if builtins.all(isinstance(v, int) for v in (start, size, dim)):
                # As a dynamic slice would: the start moves so that the block fits.
                starts[a] = builtins.max(builtins.min(start, dim - size), 0)
            ends.append(size)
        return call(
            "slice", [x], {"start": Shape(starts), "size": Shape(ends), "stride": [1] * x.ndim}
        )
    if builtins.any(isinstance(s, int) and s == -1 for s in sizes):
        raise ValueError("slice: a size of -1 needs start indices that are known while tracing")
    return call("dynamic_slice", [x, _start_tensor(start_indices, x.ndim)], {"size": Shape(sizes)})


def _mixed(starts: Any) -> bool:
    """Whether some start index is a tensor."""
    return isinstance(starts, (list, tuple)) and builtins.any(
        isinstance(s, (Tensor, _core.Variable)) for s in starts
    )


@keras_op
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Tensor:
    """A copy of a tensor with a block replaced.

    Args:
        inputs: the tensor.
        start_indices: where the block starts, for each axis; may be a tensor.
        updates: the block.
    """
    x = tensor(inputs)
    updates = tensor(updates, x.dtype)
    return call("dynamic_update_slice", [x, updates, _start_tensor(start_indices, x.ndim)])
