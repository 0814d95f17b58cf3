"""Tensors made from nothing: constants, ranges, triangles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nacre import _core
from nacre.ops._common import (
    FLOATS,
    Dim,
    DType,
    Shape,
    Tensor,
    as_dtype,
    binary,
    call,
    cast,
    is_concrete,
    reshape_to,
    shape_argument,
    tensor,
)
from nacre.ops._common import (
    full as fill,
)
from nacre.ops._dispatch import keras_op

__all__ = [
    "arange",
    "array",
    "bartlett",
    "blackman",
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "geomspace",
    "hamming",
    "hanning",
    "identity",
    "kaiser",
    "linspace",
    "logspace",
    "meshgrid",
    "ones",
    "ones_like",
    "tri",
    "tril",
    "triu",
    "vander",
    "zeros",
    "zeros_like",
]


@keras_op
def array(x: Any, dtype: Any = None) -> Tensor:
    """A tensor from an array, a nested list, a number or a tensor."""
    return tensor(x, None if dtype is None else as_dtype(dtype))


@keras_op
def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """A tensor of zeros.

    Args:
        shape: the shape.
        dtype: the dtype; `None` means `floatx()`.
    """
    return fill(shape_argument(shape), 0, as_dtype(dtype))


@keras_op
def ones(shape: Any, dtype: Any = None) -> Tensor:
    """A tensor of ones.

    Args:
        shape: the shape.
        dtype: the dtype; `None` means `floatx()`.
    """
    return fill(shape_argument(shape), 1, as_dtype(dtype))


@keras_op
def empty(shape: Any, dtype: Any = None) -> Tensor:
    """A tensor of zeros: no tensor holds values that nobody wrote."""
    return fill(shape_argument(shape), 0, as_dtype(dtype))


@keras_op
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """A tensor filled with one value.

    Args:
        shape: the shape.
        fill_value: a number, or a tensor that broadcasts to the shape.
        dtype: the dtype; `None` means `floatx()`.
    """
    return fill(shape_argument(shape), fill_value, as_dtype(dtype))


def _like(x: Any, value: Any, dtype: Any) -> Tensor:
    x = tensor(x)
    return fill(x.dims, value, x.dtype if dtype is None else as_dtype(dtype))


@keras_op
def zeros_like(x: Any, dtype: Any = None) -> Tensor:
    """Zeros of the shape, and unless said otherwise the dtype, of `x`."""
    return _like(x, 0, dtype)


@keras_op
def ones_like(x: Any, dtype: Any = None) -> Tensor:
    """Ones of the shape, and unless said otherwise the dtype, of `x`."""
    return _like(x, 1, dtype)


@keras_op
def empty_like(x: Any, dtype: Any = None) -> Tensor:
    """Zeros of the shape, and unless said otherwise the dtype, of `x`."""
    return _like(x, 0, dtype)


@keras_op
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """One value in the shape, and unless said otherwise the dtype, of `x`."""
    return _like(x, fill_value, dtype)


def iota(size: int | Dim, dtype: str = "int32") -> Tensor:
    """0, 1, ..., size - 1."""
    return call("iota", [], {"shape": Shape([size]), "axis": 0, "dtype": DType(dtype)})


@keras_op
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Tensor:
    """Evenly spaced values in `[start, stop)`.

    Args:
        start: the first value; the end, if `stop` is left out.
        stop: the end, not included.
        step: the distance; 1 if left out.
        dtype: the dtype; int32 for integers and `floatx()` for floats if left out.
    """
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    numbers = [_number(value) for value in (start, stop, step)]
    if dtype is None:
        dtype = as_dtype("float") if any(isinstance(n, float) for n in numbers) else "int32"
    dtype = as_dtype(dtype)
    start, stop, step = numbers
    if any(isinstance(n, Dim) for n in numbers):
        if not isinstance(step, int) or step < 1:
            raise ValueError(
                f"arange: a symbolic size needs a positive step. Received: step={step}"
            )
        count = stop - start if step == 1 else (stop - start + (step - 1)) // step
        if isinstance(start, Dim):
            raise ValueError("arange: the start must be a number. Received: a symbolic size")
        values = iota(count, dtype)
        values = values if step == 1 else binary("mul", values, step)
        return values if start == 0 else binary("add", values, start)
    if step == 0:
        raise ValueError("arange: expected a step other than 0. Received: step=0")
    return tensor(np.arange(start, stop, step), dtype)


def _number(value: Any) -> Any:
    if isinstance(value, (Dim, int, float)):
        return value
    if isinstance(value, (Tensor, _core.Variable)):
        if not is_concrete(value):
            raise TypeError("arange: limits must be known while tracing. Received: a tensor")
        value = value.numpy()
    return np.asarray(value).item()


@keras_op
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Evenly spaced values between two numbers or tensors.

    Args:
        start: the first value.
        stop: the last value, or what follows it if `endpoint` is false.
        num: how many.
        endpoint: whether `stop` is the last value.
        retstep: whether to return the distance too.
        dtype: the dtype; `floatx()` or that of the arguments if left out.
        axis: where the values lie in the result, for tensors.
    """
    if isinstance(num, bool) or not isinstance(num, int) or num < 0:
        raise ValueError(f"linspace: expected num to be an integer >= 0. Received: num={num!r}")
    if dtype is None:
        dtype = _core.result_type(*(tensor(v) for v in (start, stop)))
        dtype = dtype if dtype in FLOATS else as_dtype(None)
    dtype = as_dtype(dtype)
    work = dtype if dtype in FLOATS else as_dtype(None)
    gaps = num - 1 if endpoint else num
    if isinstance(start, (int, float)) and isinstance(stop, (int, float)):
        values = tensor(np.linspace(start, stop, num, endpoint=endpoint), dtype)
        return (
            (values, tensor((stop - start) / gaps if gaps else math.nan, work))
            if retstep
            else values
        )
    first, last = tensor(start, work), tensor(stop, work)
    distance = binary("sub", last, first)
    step = binary("div", distance, float(gaps) if gaps else math.nan)
    ndim = distance.ndim
    axis = axis + ndim + 1 if axis < 0 else axis
    dims = list(distance.dims)
    dims.insert(axis, 1)
    ramp_shape = [1] * (ndim + 1)
    ramp_shape[axis] = num
    ramp = reshape_to(tensor(np.arange(num), work), ramp_shape)
    first_wide = reshape_to(binary("add", first, binary("mul", distance, 0)), dims)
    if gaps:
        values = binary("add", first_wide, binary("mul", reshape_to(step, dims), ramp))
        if endpoint:
            # The last value is exact, whatever rounding did to the sum.
            end = reshape_to(binary("add", last, binary("mul", distance, 0)), dims)
            values = call("where", [binary("eq", ramp, float(num - 1)), end, values])
    else:
        values = binary("add", first_wide, binary("mul", ramp, 0))
    values = cast(values, dtype)
    return (values, step) if retstep else values


@keras_op
def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10,
    dtype: Any = None,
    axis: int = 0,
) -> Tensor:
    """Powers of `base`, with evenly spaced exponents from `start` to `stop`."""
    exponents = linspace(start, stop, num, endpoint, dtype=None, axis=axis)
    values = binary("pow", tensor(base, exponents.dtype), exponents)
    return values if dtype is None else cast(values, as_dtype(dtype))


@keras_op
def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Tensor:
    """Values from `start` to `stop`, each the same multiple of the one before."""
    if isinstance(start, (int, float)) and isinstance(stop, (int, float)):
        values = np.geomspace(start, stop, num, endpoint=endpoint)
        return tensor(values, as_dtype(dtype))
    first, last = tensor(start), tensor(stop)
    work = _core.result_type(first, last)
    work = work if work in FLOATS else as_dtype(None)
    first, last = cast(first, work), cast(last, work)
    sign = call("sign", [first])
    low, high = call("log", [binary("mul", first, sign)]), call("log", [binary("mul", last, sign)])
    powers = call("exp", [linspace(low, high, num, endpoint, axis=axis)])
    dims = list(powers.dims)
    dims[axis] = 1
    values = binary("mul", powers, reshape_to(binary("add", sign, binary("mul", last, 0)), dims))
    return values if dtype is None else cast(values, as_dtype(dtype))


def _below_diagonal(rows: int | Dim, columns: int | Dim, k: int, op: str) -> Tensor:
    """Compares column with row + k: `le` is the lower triangle, `eq` the diagonal."""
    row = reshape_to(iota(rows), [rows, 1])
    column = reshape_to(iota(columns), [1, columns])
    return binary(op, column, binary("add", row, k) if k else row)


@keras_op
def tri(N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> Tensor:
    """Ones on and below the k-th diagonal of an N x M matrix, zeros above."""
    return cast(_below_diagonal(N, N if M is None else M, k, "le"), as_dtype(dtype))


@keras_op
def eye(N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> Tensor:
    """Ones on the k-th diagonal of an N x M matrix, zeros elsewhere."""
    return cast(_below_diagonal(N, N if M is None else M, k, "eq"), as_dtype(dtype))


@keras_op
def identity(n: Any, dtype: Any = None) -> Tensor:
    """The n x n identity matrix."""
    return eye(n, dtype=dtype)


def _triangle(x: Any, k: int, lower: bool) -> Tensor:
    x = tensor(x)
    if x.ndim < 2:
        raise ValueError(f"expected a tensor of rank 2 or more. Received: shape {x.shape}")
    if lower:
        keep = _below_diagonal(x.dims[-2], x.dims[-1], k, "le")
    else:
        keep = _below_diagonal(x.dims[-2], x.dims[-1], k, "ge")
    return call("where", [keep, x, tensor(0, x.dtype)])


@keras_op
def tril(x: Any, k: int = 0) -> Tensor:
    """The lower triangle of the last two axes; zeros above the k-th diagonal."""
    return _triangle(x, k, True)


@keras_op
def triu(x: Any, k: int = 0) -> Tensor:
    """The upper triangle of the last two axes; zeros below the k-th diagonal."""
    return _triangle(x, k, False)


@keras_op
def meshgrid(*x: Any, indexing: str = "xy") -> list[Tensor]:
    """Coordinate tensors from coordinate vectors.

    Args:
        *x: vectors, or numbers.
        indexing: `"xy"` puts the second vector first, as a picture does; `"ij"` does not.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: expected indexing 'xy' or 'ij'. Received: {indexing!r}")
    vectors = [tensor(v) for v in x]
    for v in vectors:
        if v.ndim > 1:
            raise ValueError(f"meshgrid: expected vectors. Received: shape {v.shape}")
    sizes = [v.dims[0] if v.ndim else 1 for v in vectors]
    order = list(range(len(vectors)))
    if indexing == "xy" and len(order) > 1:
        order[0], order[1] = 1, 0
    shape = [sizes[i] for i in order]
    grids = []
    for i, v in enumerate(vectors):
        dims: list[Any] = [1] * len(order)
        dims[order[i]] = sizes[i]
        grids.append(call("broadcast_to", [reshape_to(v, dims)], {"shape": Shape(shape)}))
    return grids


@keras_op
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:
    """Powers of a vector as columns, from the highest down unless `increasing`."""
    x = tensor(x)
    if x.ndim != 1:
        raise ValueError(f"vander: expected a vector. Received: shape {x.shape}")
    count = x.dims[0] if N is None else N
    powers = np.arange(count) if increasing else np.arange(count)[::-1]
    column = reshape_to(x, [x.dims[0], 1])
    return binary("pow", column, tensor(powers.copy(), x.dtype))


def _window(values: np.ndarray) -> Tensor:
    return tensor(values, as_dtype(None))


@keras_op
def bartlett(x: int) -> Tensor:
    """The Bartlett window of that many points."""
    return _window(np.bartlett(int(x)))


@keras_op
def blackman(x: int) -> Tensor:
    """The Blackman window of that many points."""
    return _window(np.blackman(int(x)))


@keras_op
def hamming(x: int) -> Tensor:
    """The Hamming window of that many points."""
    return _window(np.hamming(int(x)))


@keras_op
def hanning(x: int) -> Tensor:
    """The Hann window of that many points."""
    return _window(np.hanning(int(x)))


@keras_op
def kaiser(x: int, beta: float) -> Tensor:
    """The Kaiser window of that many points."""
    return _window(np.kaiser(int(x), float(beta)))
