"""Pooling, with the names, signatures and rules of `keras.ops`."""

from __future__ import annotations

from typing import Any

import numpy as np

from nacre.ops._common import (
    Shape,
    Tensor,
    as_float,
    call,
    element_count,
    reshape_to,
    tensor,
)
from nacre.ops._dispatch import keras_op
from nacre.ops._window import (
    from_channels_last,
    image_tensor,
    padding_name,
    per_axis,
    place_windows,
)

__all__ = ["adaptive_average_pool", "adaptive_max_pool", "average_pool", "max_pool"]


def pool(
    op: str, x: Tensor, window: tuple[int, ...], strides: tuple[int, ...], padding: str
) -> Tensor:
    """A pooling primitive.

    Args:
        op: `"max_pool"` or `"average_pool"`.
        x: (batch, spatial..., channels).
        window: One size for each spatial axis.
        strides: One for each spatial axis.
        padding: `"valid"` or `"same"`; padding does not count.

    Returns:
        (batch, spatial..., channels).
    """
    low, size = place_windows(x.dims[1:-1], window, strides, (1,) * len(window), padding)
    attributes = {
        "window": list(window),
        "strides": list(strides),
        "low": Shape(low),
        "size": Shape(size),
    }
    result = call(op, [x], attributes)
    return result[0] if op == "max_pool" else result


def _pool(
    op: str, x: Tensor, pool_size: Any, strides: Any, padding: Any, data_format: str | None
) -> Tensor:
    x, data_format = image_tensor(x, data_format, op)
    window = per_axis(pool_size, x.ndim - 2, f"{op}: pool_size")
    steps = window if strides is None else per_axis(strides, x.ndim - 2, f"{op}: strides")
    result = pool(op, x, window, steps, padding_name(padding, f"{op}: padding"))
    return from_channels_last(result, data_format)


@keras_op
def max_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The maximum of every window, per channel. The gradient goes to the first maximum.

    Args:
        inputs: (batch, spatial..., channels), with one to three spatial axes.
        pool_size: the window, for all axes or for each.
        strides: the step between windows; the window's size if None.
        padding: `"valid"`, or `"same"` for as many outputs as inputs over strides; padding is
            never the maximum.
        data_format: `"channels_last"` or `"channels_first"`.
    """
    return _pool("max_pool", tensor(inputs), pool_size, strides, padding, data_format)


@keras_op
def average_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The mean of every window, per channel.

    Args:
        inputs: (batch, spatial..., channels), with one to three spatial axes.
        pool_size: the window, for all axes or for each.
        strides: the step between windows; the window's size if None.
        padding: `"valid"`, or `"same"` for as many outputs as inputs over strides; padding does
            not count.
        data_format: `"channels_last"` or `"channels_first"`.
    """
    return _pool("average_pool", as_float(inputs), pool_size, strides, padding, data_format)


def _parts(size: int, count: int) -> list[tuple[int, int]]:
    """Begin and end of each of `count` parts that cover `size` elements, perhaps overlapping."""
    return [(i * size // count, -((i + 1) * size // -count)) for i in range(count)]


def _adaptive(
    inputs: Any, output_size: Any, data_format: str | None, op: str
) -> tuple[Tensor, str, list[list[tuple[int, int]]]]:
    x, data_format = image_tensor(as_float(inputs), data_format, op)
    sizes = per_axis(output_size, x.ndim - 2, f"{op}: output_size")
    spatial = x.dims[1:-1]
    for size in spatial:
        if not isinstance(size, int):
            raise ValueError(
                f"{op}: expected an input of known spatial sizes. Received: shape {x.shape}"
            )
    return x, data_format, [_parts(n, m) for n, m in zip(spatial, sizes, strict=True)]


def along_axis(x: Tensor, matrix: Any, axis: int) -> Tensor:
    """`x` with each line along an axis multiplied by a matrix (new size, old size)."""
    weights = tensor(matrix, x.dtype)
    before, after = x.dims[:axis], x.dims[axis + 1 :]
    lines = reshape_to(x, [element_count(before), x.dims[axis], element_count(after)])
    product = call("matmul", [weights, lines], {"transpose_a": False, "transpose_b": False})
    return reshape_to(product, [*before, weights.dims[0], *after])


@keras_op
def adaptive_average_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Tensor:
    """The means of parts of the input, as many as asked for.

    Part i of m of an axis of n elements reaches from `floor(i * n / m)` to
    `ceil((i + 1) * n / m)`.

    Args:
        inputs: (batch, spatial..., channels), with one to three spatial axes of known size.
        output_size: the output's spatial sizes, for all axes or for each.
        data_format: `"channels_last"` or `"channels_first"`.
    """
    x, data_format, axes = _adaptive(inputs, output_size, data_format, "adaptive_average_pool")
    for axis, parts in enumerate(axes, start=1):
        matrix = np.zeros((len(parts), x.shape[axis]))
        for row, (begin, end) in zip(matrix, parts, strict=True):
            row[begin:end] = 1 / (end - begin)
        x = along_axis(x, matrix, axis)
    return from_channels_last(x, data_format)


@keras_op
def adaptive_max_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Tensor:
    """The maxima of parts of the input, as many as asked for.

    Args:
        inputs: (batch, spatial..., channels), with one to three spatial axes of known size.
        output_size: the output's spatial sizes, for all axes or for each; the parts are those of
            `adaptive_average_pool`.
        data_format: `"channels_last"` or `"channels_first"`.
    """
    x, data_format, axes = _adaptive(inputs, output_size, data_format, "adaptive_max_pool")
    for axis, parts in enumerate(axes, start=1):
        # Parts laid side by side, each as long as the longest: a shorter one ends in repetitions
        # of its last element, which the first of equal maxima never is.
        longest = max(end - begin for begin, end in parts)
        places = [min(begin + i, end - 1) for begin, end in parts for i in range(longest)]
        spread = call("gather", [x, tensor(np.array(places, np.int32))], {"axis": axis})
        window = [longest if i == axis else 1 for i in range(1, x.ndim - 1)]
        x = pool("max_pool", spread, tuple(window), tuple(window), "valid")
    return from_channels_last(x, data_format)
