"""Helpers of the op wrappers: conversion, dtype rules, axes and dimensions."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from nacre import _core, config
from nacre._core import Dim, DType, Shape, Tensor, binary, call, cast

__all__ = [
    "FLOATS",
    "INDEX_DTYPES",
    "DType",
    "Dim",
    "Shape",
    "Tensor",
    "argument_axes",
    "as_dtype",
    "as_float",
    "as_index",
    "binary",
    "call",
    "cast",
    "element_count",
    "full",
    "is_concrete",
    "is_float",
    "normalize_axes",
    "normalize_axis",
    "reshape_to",
    "shape_argument",
    "sum_dtype",
    "tensor",
    "transpose_to",
]

FLOATS = config.FLOAT_DTYPES
INTS = config.INT_DTYPES
_LARGEST = 2**63 - 1
INDEX_DTYPES = frozenset({"int32", "int64"})
_NARROW_INTS = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32"}
_SUM_DTYPES = {**_NARROW_INTS, "uint16": "uint32"}


def tensor(x: Any, dtype: str | None = None) -> Tensor:
    """`x` as a tensor, of `dtype` if given. Python floats become `floatx()`."""
    if x.__class__ is Tensor:
        return x if dtype is None else cast(x, dtype)
    if isinstance(x, _core.Variable):
        value = x.read()
        return value if dtype is None else cast(value, dtype)
    if isinstance(x, (np.ndarray, np.generic)):
        return _core.convert(x, dtype)
    if isinstance(x, Tensor):
        return x if dtype is None else cast(x, dtype)
    if isinstance(x, (bool, int, float)):
        if dtype is None and isinstance(x, float):
            dtype = config.floatx()
        return _core.convert(x, dtype)
    if isinstance(x, (list, tuple)):
        return _stack_nested(x, dtype)
    if x is None:
        raise ValueError("expected a tensor or something like an array. Received: None")
    if isinstance(x, Dim):
        raise TypeError(
            f"the size {x} of a dimension is known only when data arrives, so it cannot be used "
            "as a number in arithmetic on tensors; it may be used in shapes"
        )
    if hasattr(x, "__array__"):
        return _core.convert(np.asarray(x), dtype)
    raise TypeError(
        f"expected a tensor or something like an array. Received: {x!r} of type {type(x).__name__}"
    )


def _holds_tensor(items: Any) -> bool:
    for item in items:
        if isinstance(item, (Tensor, _core.Variable)):
            return True
        if isinstance(item, (list, tuple)) and _holds_tensor(item):
            return True
    return False


def _stack_nested(x: Sequence[Any], dtype: str | None) -> Tensor:
    """A nested list of numbers, arrays or tensors as one tensor."""
    if not _holds_tensor(x):
        try:
            array = np.asarray(x)
        except ValueError:
            raise ValueError(
                "a nested list must be rectangular to become a tensor: its rows differ in length"
            ) from None
        if array.dtype == object:
            raise ValueError(
                "a list must hold numbers of at most 64 bits, in rows of equal length, to become a "
                "tensor. "
                f"Received: {str(x)[:80]}"
            )
        if dtype is None and not _holds_array(x):
            if array.dtype == np.float64:
                dtype = config.floatx()
            elif array.dtype == np.int64 and _fits_int32(array):
                dtype = "int32"
        return _core.convert(array, dtype)
    items = [tensor(item) for item in x]
    joined = _core.result_type(*items) if dtype is None else dtype
    rows = []
    for item in items:
        rows.append(reshape_to(cast(item, joined), (1, *item.dims)))
    return call("concat", rows, {"axis": 0}) if len(rows) > 1 else rows[0]


def _holds_array(x: Any) -> bool:
    return any(
        isinstance(item, (np.ndarray, np.generic))
        or (isinstance(item, (list, tuple)) and _holds_array(item))
        for item in x
    )


def _fits_int32(array: np.ndarray) -> bool:
    return array.size == 0 or (array.min() >= -(2**31) and array.max() < 2**31)


def is_concrete(x: Any) -> bool:
    """True unless `x` is, or reads from, the graph being traced."""
    if isinstance(x, Tensor):
        return not x.is_symbolic
    if isinstance(x, _core.Variable):
        return not _core.is_tracing()
    if isinstance(x, (list, tuple)):
        return all(is_concrete(item) for item in x)
    return True


def is_float(dtype: str) -> bool:
    """Whether a dtype is a float type."""
    return dtype in FLOATS


def as_float(x: Any) -> Tensor:
    """`x` as a float tensor; integers and booleans become `floatx()`."""
    x = tensor(x)
    return x if x.dtype in FLOATS else cast(x, config.floatx())


def as_dtype(dtype: Any) -> str:
    """A dtype's name; `None` means `floatx()`."""
    return config.standardize_dtype(dtype)


def sum_dtype(dtype: str) -> str:
    """The dtype that sums and products of `dtype` have."""
    return _SUM_DTYPES.get(dtype, dtype)


def as_index(indices: Any, size: int | Dim) -> Tensor:
    """Indices as int32 or int64, with negative ones counted from the end."""
    if isinstance(indices, (list, tuple, int, np.ndarray, np.generic)) and (
        isinstance(size, int) and is_concrete(indices) and not _holds_any_tensor(indices)
    ):
        array = np.asarray(indices)
        if array.size == 0 and not isinstance(indices, np.ndarray):
            array = array.astype(np.int32)
        if array.dtype == bool or array.dtype.kind not in "iu":
            raise TypeError(f"indices must be integers. Received: dtype {array.dtype}")
        array = np.where(array < 0, array + size, array)
        if array.dtype not in (np.int32, np.int64) or _fits_int32(array):
            array = array.astype(np.int32)
        return _core.convert(array)
    index = tensor(indices)
    if index.dtype not in INTS:
        raise TypeError(f"indices must be integers. Received: dtype {index.dtype}")
    unsigned = index.dtype.startswith("u")
    if index.dtype not in INDEX_DTYPES:
        index = cast(index, "int64" if index.dtype in ("uint32", "uint64") else "int32")
    if unsigned:
        return index
    return call(
        "where",
        [binary("lt", index, 0), binary("add", index, dim_tensor(size, index.dtype)), index],
    )


def _holds_any_tensor(x: Any) -> bool:
    return isinstance(x, (list, tuple)) and _holds_tensor(x)


def dim_tensor(size: int | Dim, dtype: str) -> Tensor:
    """The size of a dimension as a scalar tensor, also when only the data tells it."""
    if isinstance(size, int):
        return _core.convert(size, dtype)
    return call("dim_size", [], {"size": Shape([size]), "dtype": DType(dtype)})


def full(shape: Sequence[int | Dim], value: Any, dtype: str) -> Tensor:
    """A tensor filled with one value."""
    scalar = tensor(value, dtype)
    if len(shape) == 0 and scalar.ndim == 0:
        return scalar
    return call("broadcast_to", [scalar], {"shape": Shape(list(shape))})


def normalize_axis(axis: Any, ndim: int, name: str = "axis") -> int:
    """A non-negative axis; raises a ValueError when there is no such axis."""
    try:
        index = operator.index(axis)
    except TypeError:
        raise TypeError(f"{name}: expected an integer. Received: {axis!r}") from None
    if not -ndim <= index < ndim:
        raise ValueError(
            f"{name}: expected an integer in [{-ndim}, {ndim}) for a tensor of rank {ndim}. "
            f"Received: {axis!r}"
        )
    return index + ndim if index < 0 else index


def normalize_axes(axis: Any, ndim: int, name: str = "axis") -> list[int]:
    """Sorted non-negative axes; `None` means all of them."""
    if axis is None:
        return list(range(ndim))
    if isinstance(axis, (list, tuple)):
        axes = sorted(normalize_axis(a, ndim, name) for a in axis)
        if len(set(axes)) != len(axes):
            raise ValueError(f"{name}: expected distinct axes. Received: {axis!r}")
        return axes
    return [normalize_axis(axis, ndim, name)]


def argument_axes(axis: Any, ndim: int) -> list[int]:
    """Like `normalize_axes`, in the order given."""
    if isinstance(axis, (list, tuple)):
        return [normalize_axis(a, ndim) for a in axis]
    return [normalize_axis(axis, ndim)]


def shape_argument(shape: Any, name: str = "shape") -> list[int | Dim]:
    """A shape given as an integer or a sequence of integers and symbolic sizes."""
    if isinstance(shape, Tensor):
        if shape.is_symbolic:
            raise TypeError(f"{name}: a shape must be known while tracing; use ops.shape(x)")
        shape = shape.numpy().tolist()
    if not isinstance(shape, (list, tuple, np.ndarray)):
        shape = (shape,)
    dims: list[int | Dim] = []
    for dim in shape:
        if isinstance(dim, Dim):
            dims.append(dim)
            continue
        try:
            size = operator.index(dim)
        except TypeError:
            raise ValueError(f"{name}: expected integers. Received: {tuple(shape)!r}") from None
        if not -_LARGEST <= size <= _LARGEST:
            raise ValueError(f"{name}: no tensor is that large. Received: {tuple(shape)!r}")
        dims.append(size)
    return dims


def element_count(dims: Sequence[int | Dim]) -> int | Dim:
    """The product of dimensions."""
    count: int | Dim = 1
    for dim in dims:
        count = count * dim
    return count


def reshape_to(x: Tensor, dims: Sequence[int | Dim]) -> Tensor:
    """Reshape to dimensions without any -1."""
    return call("reshape", [x], {"shape": Shape(list(dims))})


def transpose_to(x: Tensor, perm: Sequence[int]) -> Tensor:
    """Permute the axes; nothing when they stay in place."""
    perm = list(perm)
    if perm == list(range(len(perm))):
        return x
    return call("transpose", [x], {"perm": perm})
