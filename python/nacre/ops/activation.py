"""Activation functions."""

from __future__ import annotations

import math
from typing import Any

from nacre.ops._common import (
    Tensor,
    as_float,
    binary,
    call,
    normalize_axes,
    normalize_axis,
    reshape_to,
    tensor,
    transpose_to,
)
from nacre.ops._dispatch import keras_op
from nacre.ops.reduce import reduce_over
from nacre.ops.shaping import slice_along
from nacre.ops.sorting import sort_along

__all__ = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh_shrink",
    "threshold",
]


def _constant(value: float, like: Tensor) -> Tensor:
    return tensor(value, like.dtype)


def _clip(x: Tensor, low: float, high: float) -> Tensor:
    return binary("minimum", binary("maximum", x, low), high)


@keras_op
def relu(x: Any) -> Tensor:
    """`max(x, 0)`, elementwise."""
    x = tensor(x)
    return call("relu", [x if x.dtype != "bool" else tensor(x, "int32")])


@keras_op
def relu6(x: Any) -> Tensor:
    """`min(max(x, 0), 6)`, elementwise."""
    return binary("minimum", call("relu", [as_float(x)]), 6.0)


@keras_op
def sigmoid(x: Any) -> Tensor:
    """`1 / (1 + exp(-x))`, elementwise."""
    return call("sigmoid", [as_float(x)])


@keras_op
def sparse_sigmoid(x: Any) -> Tensor:
    """0 up to -1, 1 from 1 on, and a straight line between, elementwise."""
    return _clip(binary("mul", binary("add", as_float(x), 1.0), 0.5), 0.0, 1.0)


@keras_op
def softplus(x: Any) -> Tensor:
    """`log(1 + exp(x))`, elementwise."""
    return call("softplus", [as_float(x)])


@keras_op
def softsign(x: Any) -> Tensor:
    """`x / (1 + abs(x))`, elementwise."""
    x = as_float(x)
    return binary("div", x, binary("add", call("abs", [x]), 1.0))


@keras_op
def silu(x: Any) -> Tensor:
    """`x * sigmoid(x)`, elementwise."""
    x = as_float(x)
    return binary("mul", x, call("sigmoid", [x]))


swish = silu


@keras_op
def log_sigmoid(x: Any) -> Tensor:
    """`log(sigmoid(x))`, elementwise."""
    return call("neg", [call("softplus", [call("neg", [as_float(x)])])])


@keras_op
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Tensor:
    """`x` where it is positive and `negative_slope * x` elsewhere.

    Args:
        x: the tensor.
        negative_slope: the slope of the negative side.
    """
    x = as_float(x)
    return call("where", [binary("gt", x, 0.0), x, binary("mul", x, negative_slope)])


@keras_op
def hard_sigmoid(x: Any) -> Tensor:
    """`relu6(x + 3) / 6`, elementwise."""
    return binary("mul", _clip(binary("add", as_float(x), 3.0), 0.0, 6.0), 1.0 / 6.0)


@keras_op
def hard_silu(x: Any) -> Tensor:
    """`x * hard_sigmoid(x)`, elementwise."""
    x = as_float(x)
    return binary("mul", x, hard_sigmoid(x))


hard_swish = hard_silu


@keras_op
def hard_tanh(x: Any) -> Tensor:
    """`x` limited to [-1, 1], elementwise."""
    return _clip(as_float(x), -1.0, 1.0)


def _negative_exp(x: Tensor) -> Tensor:
    """`exp(min(x, 0)) - 1`: finite, with a finite gradient, also for large x."""
    return call("expm1", [binary("minimum", x, 0.0)])


@keras_op
def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """`x` where it is positive and `alpha * (exp(x) - 1)` elsewhere.

    Args:
        x: the tensor.
        alpha: minus the limit on the negative side.
    """
    x = as_float(x)
    below = _negative_exp(x)
    below = below if alpha == 1.0 else binary("mul", below, alpha)
    return call("where", [binary("gt", x, 0.0), x, below])


@keras_op
def selu(x: Any) -> Tensor:
    """A scaled `elu` whose constants keep mean 0 and variance 1, elementwise."""
    x = as_float(x)
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    inner = call("where", [binary("gt", x, 0.0), x, binary("mul", _negative_exp(x), alpha)])
    return binary("mul", inner, scale)


@keras_op
def celu(x: Any, alpha: float = 1.0) -> Tensor:
    """`max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))`, elementwise.

    Args:
        x: the tensor.
        alpha: minus the limit on the negative side.
    """
    x = as_float(x)
    below = binary("mul", _negative_exp(binary("div", x, alpha)), alpha)
    return call("where", [binary("gt", x, 0.0), x, below])


@keras_op
def gelu(x: Any, approximate: bool = True) -> Tensor:
    """`x` times the normal distribution function of `x`, elementwise.

    Args:
        x: the tensor.
        approximate: whether to use the form with tanh instead of that with erf.
    """
    x = as_float(x)
    if approximate:
        cube = binary("mul", binary("mul", call("square", [x]), x), 0.044715)
        inner = call("tanh", [binary("mul", binary("add", x, cube), math.sqrt(2.0 / math.pi))])
    else:
        inner = call("erf", [binary("mul", x, math.sqrt(0.5))])
    return binary("mul", binary("mul", x, 0.5), binary("add", inner, 1.0))


@keras_op
def mish(x: Any) -> Tensor:
    """`x * tanh(softplus(x))`, elementwise."""
    x = as_float(x)
    return binary("mul", x, call("tanh", [call("softplus", [x])]))


@keras_op
def tanh_shrink(x: Any) -> Tensor:
    """`x - tanh(x)`, elementwise."""
    x = as_float(x)
    return binary("sub", x, call("tanh", [x]))


@keras_op
def soft_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """`x` moved towards 0 by the threshold, and 0 where that would cross it.

    Args:
        x: the tensor.
        threshold: by how much.
    """
    x = as_float(x)
    return binary("sub", x, _clip(x, -float(threshold), float(threshold)))


@keras_op
def hard_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """`x` where its absolute value exceeds the threshold, 0 elsewhere.

    Args:
        x: the tensor.
        threshold: the threshold.
    """
    x = as_float(x)
    large = binary("gt", call("abs", [x]), float(threshold))
    return call("where", [large, x, _constant(0.0, x)])


@keras_op
def threshold(x: Any, threshold: float, default_value: float) -> Tensor:
    """`x` where it exceeds the threshold, and another value elsewhere.

    Args:
        x: the tensor.
        threshold: the threshold.
        default_value: the other value.
    """
    x = as_float(x)
    return call("where", [binary("gt", x, threshold), x, tensor(default_value, x.dtype)])


@keras_op
def squareplus(x: Any, b: float = 4) -> Tensor:
    """`(x + sqrt(x**2 + b)) / 2`, elementwise.

    Args:
        x: the tensor.
        b: how smooth it is.
    """
    x = as_float(x)
    root = call("sqrt", [binary("add", call("square", [x]), float(b))])
    return binary("mul", binary("add", x, root), 0.5)


@keras_op
def sparse_plus(x: Any) -> Tensor:
    """0 up to -1, `x` from 1 on, and a parabola between, elementwise."""
    x = as_float(x)
    between = binary("mul", call("square", [binary("add", x, 1.0)]), 0.25)
    below = call("where", [binary("le", x, -1.0), _constant(0.0, x), between])
    return call("where", [binary("ge", x, 1.0), x, below])


@keras_op
def glu(x: Any, axis: int = -1) -> Tensor:
    """One half of an axis times the sigmoid of the other.

    Args:
        x: the tensor.
        axis: the axis; its size must be even.
    """
    x = as_float(x)
    axis = normalize_axis(axis, x.ndim)
    size = x.dims[axis]
    if isinstance(size, int) and size % 2:
        raise ValueError(f"glu: expected axis {axis} of even size. Received: shape {x.shape}")
    half = size // 2
    gate = call("sigmoid", [slice_along(x, axis, half, half)])
    return binary("mul", slice_along(x, axis, 0, half), gate)


def _over_axes(op: str, x: Any, axis: Any) -> Tensor:
    """One softmax primitive, which works on the last axis, over any axis or axes."""
    x = as_float(x)
    if x.ndim == 0:
        raise ValueError(f"{op}: expected a tensor of rank 1 or more. Received: a scalar")
    if isinstance(axis, int):
        axis = normalize_axis(axis, x.ndim)
        last = x.ndim - 1
        if axis == last:
            return call(op, [x], {"axis": last})
        axes = [axis]
    else:
        axes = normalize_axes(axis, x.ndim)
    kept = [a for a in range(x.ndim) if a not in axes]
    perm = kept + axes
    moved = transpose_to(x, perm)
    if len(axes) == 1:
        result = call(op, [moved], {"axis": x.ndim - 1})
    else:
        size: Any = 1
        for a in axes:
            size = size * x.dims[a]
        flat = reshape_to(moved, [*moved.dims[: len(kept)], size])
        result = reshape_to(call(op, [flat], {"axis": len(kept)}), moved.dims)
    return transpose_to(result, [perm.index(a) for a in range(x.ndim)])


@keras_op
def softmax(x: Any, axis: Any = -1) -> Tensor:
    """`exp(x) / sum(exp(x))` over an axis or several; `None` means all."""
    return _over_axes("softmax", x, axis)


@keras_op
def log_softmax(x: Any, axis: Any = -1) -> Tensor:
    """The logarithm of `softmax`, over an axis or several; `None` means all."""
    return _over_axes("log_softmax", x, axis)


@keras_op
def sparsemax(x: Any, axis: int = -1) -> Tensor:
    """The point of the probability simplex that is nearest to `x` along an axis."""
    x = as_float(x)
    axis = normalize_axis(axis, x.ndim)
    descending = sort_along(x, axis, descending=True)
    attrs = {"axis": axis, "reverse": False, "exclusive": False}
    rank = call("cumsum", [binary("add", binary("mul", x, 0.0), 1.0)], attrs)
    total = call("cumsum", [descending], attrs)
    inside = binary("gt", binary("add", binary("mul", rank, descending), 1.0), total)
    kept = call("where", [inside, tensor(1, x.dtype), tensor(0, x.dtype)])
    count = reduce_over("reduce_sum", kept, [axis], True)
    mass = reduce_over("reduce_sum", binary("mul", descending, kept), [axis], True)
    level = binary("div", binary("sub", mass, 1.0), count)
    return call("relu", [binary("sub", x, level)])
