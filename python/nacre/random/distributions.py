"""Random tensors of several distributions."""

from __future__ import annotations

from typing import Any

from nacre.ops._common import (
    DType,
    Shape,
    Tensor,
    as_dtype,
    as_float,
    binary,
    call,
    cast,
    is_concrete,
    is_float,
    normalize_axis,
    reshape_to,
    shape_argument,
    tensor,
)
from nacre.ops._dispatch import keras_op
from nacre.ops.shaping import slice_along
from nacre.random.seed_generator import draw_state

__all__ = [
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]

_MAX_TRIALS = 1 << 16


def _float_dtype(dtype: Any, op: str) -> tuple[str, str]:
    """The dtype asked for, and the one that numbers are drawn in."""
    name = as_dtype(dtype)
    if not is_float(name):
        raise ValueError(f"{op}: expected a float dtype. Received: dtype={name!r}")
    return name, name if name == "float64" else "float32"


def _draw(op: str, shape: Any, dtype: str, seed: Any) -> Tensor:
    attrs = {"shape": Shape(shape_argument(shape)), "dtype": DType(dtype)}
    return call(op, [draw_state(seed)], attrs)


def _affine(x: Tensor, scale: Any, shift: Any) -> Tensor:
    if not (isinstance(scale, (int, float)) and scale == 1):
        x = binary("mul", x, scale if isinstance(scale, (int, float)) else tensor(scale, x.dtype))
    if not (isinstance(shift, (int, float)) and shift == 0):
        x = binary("add", x, shift if isinstance(shift, (int, float)) else tensor(shift, x.dtype))
    return x


@keras_op
def normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Normally distributed numbers.

    Args:
        shape: the shape.
        mean: the mean.
        stddev: the standard deviation.
        dtype: a float dtype; `floatx()` if left out.
        seed: see the module.
    """
    name, work = _float_dtype(dtype, "normal")
    return cast(_affine(_draw("random_normal", shape, work, seed), stddev, mean), name)


@keras_op
def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Normally distributed numbers, none farther than two standard deviations from the mean.

    Args:
        shape: the shape.
        mean: the mean, before the tails are cut off.
        stddev: the standard deviation, before the tails are cut off.
        dtype: a float dtype; `floatx()` if left out.
        seed: see the module.
    """
    name, work = _float_dtype(dtype, "truncated_normal")
    return cast(_affine(_draw("random_truncated_normal", shape, work, seed), stddev, mean), name)


@keras_op
def uniform(
    shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Uniformly distributed numbers in `[minval, maxval)`.

    Args:
        shape: the shape.
        minval: the lower limit.
        maxval: the upper limit.
        dtype: a float dtype; `floatx()` if left out.
        seed: see the module.
    """
    name, work = _float_dtype(dtype, "uniform")
    numbers = isinstance(minval, (int, float)) and isinstance(maxval, (int, float))
    width = (
        maxval - minval if numbers else binary("sub", tensor(maxval, work), tensor(minval, work))
    )
    return cast(_affine(_draw("random_uniform", shape, work, seed), width, minval), name)


@keras_op
def randint(shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Uniformly distributed integers in `[minval, maxval)`.

    Args:
        shape: the shape.
        minval: the lower limit.
        maxval: the upper limit, not included.
        dtype: an integer dtype.
        seed: see the module.
    """
    name = as_dtype(dtype)
    if is_float(name) or name == "bool":
        raise ValueError(f"randint: expected an integer dtype. Received: dtype={name!r}")
    if isinstance(minval, (int, float)) and isinstance(maxval, (int, float)):
        low, width = int(minval), int(maxval) - int(minval)
        if not 0 < width <= 1 << 32:
            raise ValueError(
                "randint: expected minval < maxval, at most 2**32 apart. "
                f"Received: minval={minval}, maxval={maxval}"
            )
    else:
        low = tensor(minval, "int64")
        width = binary("sub", tensor(maxval, "int64"), low)
    attrs = {"shape": Shape(shape_argument(shape))}
    bits = cast(call("random_bits", [draw_state(seed)], attrs), "int64")
    return cast(binary("add", binary("mod", bits, width), low), name)


@keras_op
def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Class numbers drawn from unnormalised log-probabilities.

    Args:
        logits: `(batch, classes)`.
        num_samples: how many to draw for each row.
        dtype: an integer dtype.
        seed: see the module.

    Returns:
        `(batch, num_samples)`.
    """
    logits = as_float(logits)
    if logits.ndim != 2:
        raise ValueError(f"categorical: expected a matrix of logits. Received: {logits.shape}")
    batch, classes = logits.dims
    work = "float64" if logits.dtype == "float64" else "float32"
    draws = _draw("random_uniform", (batch, num_samples, classes), work, seed)
    # The largest of logits plus Gumbel noise follows the distribution.
    noise = call("neg", [call("log", [call("neg", [call("log", [draws])])])])
    scores = binary("add", noise, reshape_to(cast(logits, work), [batch, 1, classes]))
    return cast(call("argmax", [scores], {"axis": 2, "keepdims": False}), as_dtype(dtype))


@keras_op
def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Tensor:
    """Sets a fraction of the elements to 0 and scales the rest so that the mean stays.

    Args:
        inputs: the tensor.
        rate: the fraction, in `[0, 1]`.
        noise_shape: the shape of the mask, which broadcasts to that of the tensor; `None` as a
            size means that of the tensor.
        seed: see the module.
    """
    x = as_float(inputs)
    if isinstance(rate, (int, float)):
        if not 0 <= rate <= 1:
            raise ValueError(f"dropout: expected a rate in [0, 1]. Received: rate={rate}")
        if rate == 0:
            return x
        if rate == 1:
            return binary("mul", x, 0.0)
    shape = list(x.dims)
    if noise_shape is not None:
        if len(noise_shape) != x.ndim:
            raise ValueError(
                f"dropout: expected a noise_shape of rank {x.ndim}. Received: {tuple(noise_shape)}"
            )
        shape = [d if n is None else n for d, n in zip(x.dims, noise_shape, strict=True)]
    work = "float64" if x.dtype == "float64" else "float32"
    draws = _draw("random_uniform", shape, work, seed)
    keep = binary("ge", draws, rate)
    scaled = binary("mul", x, 1.0 / (1.0 - rate))
    return call("where", [keep, scaled, tensor(0.0, x.dtype)])


def _broadcast(x: Any, shape: list[Any], dtype: str) -> Tensor:
    x = tensor(x, dtype)
    return x if list(x.dims) == shape else call("broadcast_to", [x], {"shape": Shape(shape)})


@keras_op
def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """Gamma-distributed numbers of scale 1.

    Args:
        shape: the shape.
        alpha: the shape parameter: a positive number, or a tensor that broadcasts to the shape.
        dtype: a float dtype; `floatx()` if left out.
        seed: see the module.
    """
    name, work = _float_dtype(dtype, "gamma")
    return cast(_gamma(shape_argument(shape), alpha, work, draw_state(seed)), name)


def _gamma(shape: list[Any], alpha: Any, dtype: str, state: Any) -> Tensor:
    return call("random_gamma", [state, _broadcast(alpha, shape, dtype)], {"dtype": DType(dtype)})


@keras_op
def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """Beta-distributed numbers.

    Args:
        shape: the shape.
        alpha: the first shape parameter: a positive number, or a tensor that broadcasts.
        beta: the second shape parameter.
        dtype: a float dtype; `floatx()` if left out.
        seed: see the module.
    """
    name, work = _float_dtype(dtype, "beta")
    dims = shape_argument(shape)
    # One draw of twice the size: both halves come from one state and are independent.
    both = call(
        "concat",
        [
            reshape_to(_broadcast(alpha, dims, work), [1, *dims]),
            reshape_to(_broadcast(beta, dims, work), [1, *dims]),
        ],
        {"axis": 0},
    )
    draws = call("random_gamma", [draw_state(seed), both], {"dtype": DType(work)})
    first = reshape_to(slice_along(draws, 0, 0, 1), dims)
    second = reshape_to(slice_along(draws, 0, 1, 1), dims)
    return cast(binary("div", first, binary("add", first, second)), name)


@keras_op
def binomial(
    shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None
) -> Tensor:
    """How many of some trials succeed.

    Args:
        shape: the shape.
        counts: the number of trials: a number, or an array that broadcasts to the shape; must be
            known while tracing.
        probabilities: how likely each succeeds: a number, or a tensor that broadcasts.
        dtype: a float dtype; `floatx()` if left out.
        seed: see the module.
    """
    name, work = _float_dtype(dtype, "binomial")
    if not is_concrete(counts):
        raise TypeError("binomial: counts must be known while tracing. Received: a tensor")
    trials = tensor(counts)
    values = trials.numpy()
    most = int(values.max()) if values.size else 0
    if (values.size and values.min() < 0) or most > _MAX_TRIALS:
        raise ValueError(f"binomial: expected counts in [0, {_MAX_TRIALS}]. Received: {counts}")
    dims = shape_argument(shape)
    draws = _draw("random_uniform", [*dims, most], work, seed)
    chance = reshape_to(_broadcast(probabilities, dims, work), [*dims, 1])
    limit = reshape_to(_broadcast(cast(trials, "int32"), dims, "int32"), [*dims, 1])
    number = call("iota", [], {"shape": Shape([most]), "axis": 0, "dtype": DType("int32")})
    hit = call("logical_and", [binary("lt", draws, chance), binary("lt", number, limit)])
    total = call("reduce_sum", [cast(hit, work)], {"axes": [len(dims)], "keepdims": False})
    return cast(total, name)


@keras_op
def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Tensor:
    """The slices along an axis in random order.

    Args:
        x: the tensor.
        axis: the axis.
        seed: see the module.
    """
    x = tensor(x)
    axis = normalize_axis(axis, x.ndim)
    order = call("random_permutation", [draw_state(seed)], {"size": Shape([x.dims[axis]])})
    return call("gather", [x, order], {"axis": axis})
