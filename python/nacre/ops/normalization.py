"""Moments and normalisation."""

from __future__ import annotations

from typing import Any

from nacre import config
from nacre.ops._common import (
    Tensor,
    as_float,
    binary,
    call,
    cast,
    element_count,
    full,
    normalize_axes,
    normalize_axis,
    reshape_to,
    tensor,
)
from nacre.ops._dispatch import keras_op
from nacre.ops.reduce import mean_over, reduce_over, variance_over

__all__ = [
    "batch_normalization",
    "layer_normalization",
    "moments",
    "norm",
    "normalize",
    "rms_normalization",
]

_HALVES = ("float16", "bfloat16")


@keras_op
def moments(
    x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False
) -> tuple[Tensor, Tensor]:
    """The mean and the variance over axes.

    Args:
        x: the tensor.
        axes: an axis or several.
        keepdims: whether the axes stay, with size 1.
        synchronized: across devices; there is one, and it must be false.
    """
    if synchronized:
        raise ValueError("moments: synchronized=True needs several devices; there is one")
    x = as_float(x)
    work = cast(x, "float32") if x.dtype in _HALVES else x
    mean, variance = variance_over(work, normalize_axes(axes, x.ndim), keepdims)
    return cast(mean, x.dtype), cast(variance, x.dtype)


@keras_op
def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Tensor:
    """Normalises with given moments: `(x - mean) / sqrt(variance + epsilon) * scale + offset`.

    Args:
        x: the tensor.
        mean: one mean for each position of the axis.
        variance: one variance for each.
        axis: the axis that is not normalised over.
        offset: added at the end, if given.
        scale: multiplied with, if given.
        epsilon: keeps the root away from 0.
    """
    x = as_float(x)
    axis = normalize_axis(axis, x.ndim)

    def spread(t: Tensor) -> Tensor:
        if axis == x.ndim - 1:
            return t
        dims: list[Any] = [1] * x.ndim
        dims[axis] = t.dims[0]
        return reshape_to(t, dims)

    mean, variance = tensor(mean, x.dtype), tensor(variance, x.dtype)
    factor = call("rsqrt", [binary("add", variance, float(epsilon))])
    if scale is not None:
        factor = binary("mul", factor, tensor(scale, x.dtype))
    shift = binary("mul", call("neg", [mean]), factor)
    if offset is not None:
        shift = binary("add", shift, tensor(offset, x.dtype))
    return binary("add", binary("mul", x, spread(factor)), spread(shift))


@keras_op
def layer_normalization(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    axis: Any = -1,
    epsilon: float | None = None,
    **kwargs: Any,
) -> Tensor:
    """Normalises each sample over axes to mean 0 and variance 1.

    Args:
        x: the tensor.
        gamma: multiplied with at the end, if given; of the shape of the axes.
        beta: added at the end, if given; of the shape of the axes.
        axis: an axis or several.
        epsilon: keeps the root away from 0; `config.epsilon()` if left out.
        **kwargs: `rms_scaling=True` divides by the root mean square instead.
    """
    if kwargs.pop("rms_scaling", False):
        return rms_normalization(x, gamma, axis, epsilon)
    if kwargs:
        raise TypeError(f"layer_normalization: unknown arguments {sorted(kwargs)}")
    epsilon = config.epsilon() if epsilon is None else float(epsilon)
    x = as_float(x)
    axes = normalize_axes(axis, x.ndim)
    shape = [x.dims[a] for a in axes]
    if axes == list(range(x.ndim - len(axes), x.ndim)) and axes and x.dtype not in _HALVES:
        size = element_count(shape)
        flat = reshape_to(x, [*x.dims[: axes[0]], size]) if len(axes) > 1 else x
        scale = full((size,), 1, x.dtype) if gamma is None else tensor(gamma, x.dtype)
        shift = full((size,), 0, x.dtype) if beta is None else tensor(beta, x.dtype)
        if len(axes) > 1:
            scale = reshape_to(scale, [size]) if scale.ndim != 1 else scale
            shift = reshape_to(shift, [size]) if shift.ndim != 1 else shift
        result = call("layer_norm", [flat, scale, shift], {"epsilon": epsilon})[0]
        return reshape_to(result, x.dims) if len(axes) > 1 else result
    work = cast(x, "float32") if x.dtype in _HALVES else x
    mean, variance = variance_over(work, axes, True)
    result = binary(
        "mul",
        binary("sub", work, mean),
        call("rsqrt", [binary("add", variance, epsilon)]),
    )
    wide = [d if a in axes else 1 for a, d in enumerate(x.dims)]
    if gamma is not None:
        result = binary("mul", result, reshape_to(tensor(gamma, work.dtype), wide))
    if beta is not None:
        result = binary("add", result, reshape_to(tensor(beta, work.dtype), wide))
    return cast(result, x.dtype)


@keras_op
def rms_normalization(
    x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Tensor:
    """Divides each sample by its root mean square over axes.

    Args:
        x: the tensor.
        scale: multiplied with at the end, if given; of the shape of the axes.
        axis: an axis or several.
        epsilon: keeps the root away from 0; `config.epsilon()` if left out.
    """
    epsilon = config.epsilon() if epsilon is None else float(epsilon)
    x = as_float(x)
    work = cast(x, "float32") if x.dtype in _HALVES else x
    axes = normalize_axes(axis, x.ndim)
    power = mean_over(call("square", [work]), axes, True)
    result = binary("mul", work, call("rsqrt", [binary("add", power, epsilon)]))
    if scale is not None:
        scale = tensor(scale, work.dtype)
        if scale.ndim:
            scale = reshape_to(scale, [d if a in axes else 1 for a, d in enumerate(x.dims)])
        result = binary("mul", result, scale)
    return cast(result, x.dtype)


@keras_op
def normalize(x: Any, axis: Any = -1, order: Any = 2, epsilon: float | None = None) -> Tensor:
    """Divides by the norm over an axis; a norm below `epsilon` counts as `epsilon`.

    Args:
        x: the tensor.
        axis: an axis or several.
        order: the order of the norm: 1, 2, another positive number, or infinity.
        epsilon: the least divisor; `config.epsilon()` if left out.
    """
    if isinstance(order, str) or order is None or order == 0:
        raise ValueError(f"normalize: expected a number other than 0. Received: order={order!r}")
    epsilon = config.epsilon() if epsilon is None else float(epsilon)
    x = as_float(x)
    axes = normalize_axes(axis, x.ndim)
    if order == 2:
        power = reduce_over("reduce_sum", call("square", [x]), axes, True)
        inverse = call("rsqrt", [power])
        return binary("mul", x, binary("minimum", inverse, 1.0 / epsilon))
    length = vector_norm(x, order, axes, True)
    return binary("div", x, binary("maximum", length, epsilon))


def vector_norm(x: Tensor, order: Any, axes: list[int], keepdims: bool) -> Tensor:
    """The norm of the vectors along axes."""
    if order is None or order == 2:
        return call("sqrt", [reduce_over("reduce_sum", call("square", [x]), axes, keepdims)])
    size = call("abs", [x])
    if order in ("inf", float("inf")):
        return reduce_over("reduce_max", size, axes, keepdims)
    if order in ("-inf", float("-inf")):
        return reduce_over("reduce_min", size, axes, keepdims)
    if isinstance(order, str):
        raise ValueError(f"norm: there is no order {order!r} for vectors")
    if order == 0:
        return reduce_over("reduce_sum", cast(binary("ne", x, 0.0), x.dtype), axes, keepdims)
    if order == 1:
        return reduce_over("reduce_sum", size, axes, keepdims)
    total = reduce_over("reduce_sum", binary("pow", size, float(order)), axes, keepdims)
    return binary("pow", total, 1.0 / order)


@keras_op
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The norm of a vector or a matrix.

    Args:
        x: the tensor.
        ord: the order. Vectors: any number, `inf`, `-inf`. Matrices: `"fro"`, 1, -1, `inf`, `-inf`.
        axis: an integer for vectors, two for matrices; `None` means the whole tensor.
        keepdims: whether the axes stay, with size 1.
    """
    x = as_float(x)
    if axis is None and ord is None:
        axes = list(range(x.ndim))
        return vector_norm(x, None, axes, keepdims)
    if axis is None:
        axis = tuple(range(x.ndim))
    axes = normalize_axes(axis, x.ndim) if not isinstance(axis, int) else [axis]
    if len(axes) == 1:
        return vector_norm(x, ord, normalize_axes(axes, x.ndim), keepdims)
    if len(axes) != 2:
        raise ValueError(f"norm: expected one or two axes. Received: axis={axis}")
    if ord is None or ord == "fro":
        return vector_norm(x, None, axes, keepdims)
    rows, columns = (normalize_axis(a, x.ndim) for a in axis)
    size = call("abs", [x])
    if ord in (1, -1):
        inner, outer = rows, columns
    elif ord in (float("inf"), float("-inf"), "inf", "-inf"):
        inner, outer = columns, rows
    else:
        raise ValueError(
            "norm: expected one of 'fro', 1, -1, inf, -inf as the order of a matrix norm. "
            f"Received: ord={ord!r}"
        )
    sums = reduce_over("reduce_sum", size, [inner], True)
    largest = ord in (1, float("inf"), "inf")
    result = reduce_over("reduce_max" if largest else "reduce_min", sums, [outer], True)
    if keepdims:
        return result
    return reshape_to(result, [d for a, d in enumerate(x.dims) if a not in axes])
