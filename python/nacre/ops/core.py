"""Shapes, dtypes and conversion."""

from __future__ import annotations

from typing import Any

import numpy as np

from nacre import _core
from nacre.keras_tensor import KerasTensor
from nacre.ops._common import (
    FLOATS,
    INTS,
    Dim,
    Tensor,
    as_dtype,
    binary,
    call,
    element_count,
    tensor,
)
from nacre.ops._common import cast as cast_to
from nacre.ops._dispatch import keras_op

__all__ = [
    "cast",
    "convert_to_numpy",
    "convert_to_tensor",
    "dtype",
    "is_tensor",
    "ndim",
    "saturate_cast",
    "shape",
    "size",
    "stop_gradient",
]


def shape(x: Any) -> tuple[Any, ...]:
    """The shape of a tensor as a tuple.

    Args:
        x: the tensor.

    Returns:
        Integers, and symbolic sizes (usable wherever a shape is expected) where only the data
        tells; `None` in their place for a placeholder of the functional API.
    """
    if isinstance(x, KerasTensor):
        return x.shape
    dims = getattr(x, "dims", None)
    return dims if dims is not None else tuple(getattr(x, "shape", None) or np.shape(x))


def ndim(x: Any) -> int:
    """The number of axes."""
    return len(shape(x))


def size(x: Any) -> int | Dim | None:
    """The number of elements; symbolic, or `None` for a placeholder, where only the data tells."""
    dims = shape(x)
    return None if None in dims else element_count(dims)


def dtype(x: Any) -> str:
    """The name of a tensor's dtype."""
    found = getattr(x, "dtype", None)
    return as_dtype(found) if found is not None else tensor(x).dtype


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor; NumPy arrays, Variables and placeholders are not."""
    return isinstance(x, Tensor)


@keras_op
def cast(x: Any, dtype: Any) -> Tensor:
    """The tensor in another dtype.

    Args:
        x: the tensor.
        dtype: the dtype. Floats lose their fraction on the way to an integer type; to `"bool"`,
            what is not zero is true.
    """
    return tensor(x, as_dtype(dtype))


@keras_op
def saturate_cast(x: Any, dtype: Any) -> Tensor:
    """The tensor in another dtype, with values out of its range moved to the nearest in it."""
    x = tensor(x)
    dtype = as_dtype(dtype)
    if dtype in INTS and x.dtype != "bool":
        low, high = _common_range(x.dtype, dtype)
        x = x if low is None else binary("maximum", x, tensor(low, x.dtype))
        x = x if high is None else binary("minimum", x, tensor(high, x.dtype))
    elif dtype in ("float16", "bfloat16") and x.dtype in FLOATS and x.dtype != dtype:
        limit = 65504.0 if dtype == "float16" else 3.3895313892515355e38
        if x.dtype != "float16":
            x = binary("minimum", binary("maximum", x, -limit), limit)
    return cast_to(x, dtype)


def _common_range(source: str, target: str) -> tuple[Any, Any]:
    """The limits of an integer target that values of the source can exceed."""
    limits = np.iinfo(target)
    low, high = int(limits.min), int(limits.max)
    if source in FLOATS:
        # The greatest float that is not above the limit: rounding up would leave the range.
        bits = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}[source]
        if high.bit_length() > bits:
            high = (high >> (high.bit_length() - bits)) << (high.bit_length() - bits)
        if source == "float16":
            return max(low, -65504), min(high, 65504)
        return float(low), float(high)
    own = np.iinfo(source)
    return (low if low > own.min else None), (high if high < own.max else None)


@keras_op
def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Tensor:
    """A tensor from an array, a nested list, a number, a Variable or a tensor.

    Args:
        x: what to convert. Python floats become `floatx()`, integers int32.
        dtype: the dtype; that of `x` if left out.
        sparse: sparse tensors are not supported.
        ragged: ragged tensors are not supported.
    """
    if sparse or ragged:
        raise ValueError(
            "convert_to_tensor: sparse and ragged tensors are not supported. "
            f"Received: sparse={sparse}, ragged={ragged}"
        )
    return tensor(x, None if dtype is None else as_dtype(dtype))


def convert_to_numpy(x: Any) -> np.ndarray:
    """A NumPy array of the tensor's values. Not for traced functions."""
    if isinstance(x, np.ndarray):
        return x
    return x.numpy() if isinstance(x, (Tensor, _core.Variable)) else tensor(x).numpy()


@keras_op
def stop_gradient(variable: Any) -> Tensor:
    """The same values, through which no gradient flows.

    Args:
        variable: a tensor or a Variable.
    """
    return call("stop_gradient", [tensor(variable)])
