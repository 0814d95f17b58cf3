"""Elementwise functions of one tensor."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from nacre.ops._common import (
    FLOATS,
    Tensor,
    as_float,
    binary,
    call,
    cast,
    full,
    tensor,
)
from nacre.ops._dispatch import keras_op

__all__ = [
    "abs",
    "absolute",
    "angle",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "bitwise_invert",
    "bitwise_not",
    "cbrt",
    "ceil",
    "clip",
    "conj",
    "conjugate",
    "copy",
    "cos",
    "cosh",
    "deg2rad",
    "digamma",
    "erf",
    "erfc",
    "erfinv",
    "exp",
    "exp2",
    "expm1",
    "fabs",
    "floor",
    "imag",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "lgamma",
    "log",
    "log10",
    "log1p",
    "log2",
    "logical_not",
    "nan_to_num",
    "negative",
    "rad2deg",
    "real",
    "reciprocal",
    "round",
    "rsqrt",
    "sign",
    "signbit",
    "sin",
    "sinc",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "tanh",
    "trunc",
]


def _float_op(name: str, primitive: str, what: str) -> Callable[[Any], Tensor]:
    """A function that is one float primitive; integers become `floatx()` first."""

    def function(x: Any) -> Tensor:
        x = tensor(x)
        if x.dtype not in FLOATS:
            x = as_float(x)
        return call(primitive, [x])

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{what}, elementwise. Integers become floats first."
    return keras_op(function)


exp = _float_op("exp", "exp", "The exponential")
expm1 = _float_op("expm1", "expm1", "`exp(x) - 1`, accurate near 0")
log = _float_op("log", "log", "The natural logarithm")
log1p = _float_op("log1p", "log1p", "`log(1 + x)`, accurate near 0")
sqrt = _float_op("sqrt", "sqrt", "The square root")
rsqrt = _float_op("rsqrt", "rsqrt", "`1 / sqrt(x)`")
sin = _float_op("sin", "sin", "The sine")
cos = _float_op("cos", "cos", "The cosine")
tan = _float_op("tan", "tan", "The tangent")
arcsin = _float_op("arcsin", "asin", "The inverse sine")
arccos = _float_op("arccos", "acos", "The inverse cosine")
arctan = _float_op("arctan", "atan", "The inverse tangent")
sinh = _float_op("sinh", "sinh", "The hyperbolic sine")
cosh = _float_op("cosh", "cosh", "The hyperbolic cosine")
tanh = _float_op("tanh", "tanh", "The hyperbolic tangent")
arcsinh = _float_op("arcsinh", "asinh", "The inverse hyperbolic sine")
arccosh = _float_op("arccosh", "acosh", "The inverse hyperbolic cosine")
arctanh = _float_op("arctanh", "atanh", "The inverse hyperbolic tangent")
erf = _float_op("erf", "erf", "The error function")
erfinv = _float_op("erfinv", "erfinv", "The inverse of the error function")
lgamma = _float_op("lgamma", "lgamma", "The logarithm of the absolute value of the gamma function")
digamma = _float_op("digamma", "digamma", "The derivative of `lgamma`")


@keras_op
def erfc(x: Any) -> Tensor:
    """`1 - erf(x)`, elementwise."""
    return binary("sub", 1.0, erf(x))


@keras_op
def exp2(x: Any) -> Tensor:
    """2 to the power of `x`, elementwise."""
    return call("exp", [binary("mul", as_float(x), math.log(2.0))])


@keras_op
def log2(x: Any) -> Tensor:
    """The logarithm to base 2, elementwise."""
    return binary("mul", call("log", [as_float(x)]), 1.0 / math.log(2.0))


@keras_op
def log10(x: Any) -> Tensor:
    """The logarithm to base 10, elementwise."""
    return binary("mul", call("log", [as_float(x)]), 1.0 / math.log(10.0))


@keras_op
def cbrt(x: Any) -> Tensor:
    """The cube root, elementwise; negative numbers have one too."""
    x = as_float(x)
    return binary("mul", call("sign", [x]), binary("pow", call("abs", [x]), 1.0 / 3.0))


@keras_op
def sinc(x: Any) -> Tensor:
    """`sin(pi x) / (pi x)`, elementwise, and 1 at 0."""
    x = binary("mul", as_float(x), math.pi)
    zero = binary("eq", x, 0.0)
    one = tensor(1.0, x.dtype)
    safe = call("where", [zero, one, x])
    return call("where", [zero, one, binary("div", call("sin", [safe]), safe)])


@keras_op
def deg2rad(x: Any) -> Tensor:
    """Degrees to radians, elementwise."""
    return binary("mul", as_float(x), math.pi / 180.0)


@keras_op
def rad2deg(x: Any) -> Tensor:
    """Radians to degrees, elementwise."""
    return binary("mul", as_float(x), 180.0 / math.pi)


@keras_op
def abs(x: Any) -> Tensor:
    """The absolute value, elementwise. Booleans stay as they are."""
    x = tensor(x)
    return x if x.dtype == "bool" or x.dtype.startswith("u") else call("abs", [x])


@keras_op
def absolute(x: Any) -> Tensor:
    """The absolute value, elementwise; the same as `abs`."""
    return abs(x)


@keras_op
def fabs(x: Any) -> Tensor:
    """The absolute value as a float, elementwise."""
    return call("abs", [as_float(x)])


@keras_op
def negative(x: Any) -> Tensor:
    """`-x`, elementwise."""
    x = tensor(x)
    if x.dtype == "bool":
        raise TypeError("negative: expected a number. Received: a boolean tensor; use logical_not")
    return call("neg", [x])


@keras_op
def sign(x: Any) -> Tensor:
    """-1, 0 or 1, elementwise; NaN stays NaN."""
    x = tensor(x)
    if x.dtype == "bool":
        x = cast(x, "int32")
    return call("sign", [x])


@keras_op
def signbit(x: Any) -> Tensor:
    """Whether the sign bit is set, elementwise: also for -0.0."""
    x = tensor(x)
    if x.dtype not in FLOATS:
        return binary("lt", x, 0) if x.dtype != "bool" else binary("ne", x, x)
    # Dividing 1 by a zero keeps the zero's sign.
    return call(
        "where", [binary("eq", x, 0), binary("lt", binary("div", 1, x), 0), binary("lt", x, 0)]
    )


@keras_op
def square(x: Any) -> Tensor:
    """`x * x`, elementwise."""
    x = tensor(x)
    if x.dtype == "bool":
        x = cast(x, "int32")
    return call("square", [x])


@keras_op
def reciprocal(x: Any) -> Tensor:
    """`1 / x`, elementwise."""
    return binary("div", 1.0, as_float(x))


def _rounding_op(name: str, what: str, integers_stay: bool) -> Callable[[Any], Tensor]:
    def function(x: Any) -> Tensor:
        x = tensor(x)
        if x.dtype not in FLOATS:
            return x if integers_stay else as_float(x)
        return call(name, [x])

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{what}, elementwise."
    return keras_op(function)


floor = _rounding_op("floor", "The largest integer that is not above", False)
ceil = _rounding_op("ceil", "The smallest integer that is not below", False)
trunc = _rounding_op("trunc", "The integer part", True)


@keras_op
def round(x: Any, decimals: int = 0) -> Tensor:
    """Rounds to the given number of decimals, halves to the even neighbour, elementwise."""
    x = tensor(x)
    if x.dtype not in FLOATS:
        if decimals >= 0:
            return x
        scaled = binary("mul", as_float(x), 10.0**decimals)
        return cast(binary("mul", call("round", [scaled]), 10.0**-decimals), x.dtype)
    if decimals == 0:
        return call("round", [x])
    scale = 10.0**decimals
    return binary("div", call("round", [binary("mul", x, scale)]), scale)


@keras_op
def clip(x: Any, x_min: Any, x_max: Any) -> Tensor:
    """Limits values to `[x_min, x_max]`, elementwise.

    Args:
        x: the tensor.
        x_min: a number or a tensor; `None` means no lower limit.
        x_max: a number or a tensor; `None` means no upper limit.
    """
    x = tensor(x)
    if x.dtype == "bool":
        x = cast(x, "int32")
    if x_min is not None:
        x = binary("maximum", x, x_min)
    return x if x_max is None else binary("minimum", x, x_max)


@keras_op
def isfinite(x: Any) -> Tensor:
    """Whether each element is neither infinite nor NaN."""
    return call("isfinite", [as_float(x)])


@keras_op
def isinf(x: Any) -> Tensor:
    """Whether each element is infinite."""
    return call("isinf", [as_float(x)])


@keras_op
def isnan(x: Any) -> Tensor:
    """Whether each element is NaN."""
    return call("isnan", [as_float(x)])


@keras_op
def isposinf(x: Any) -> Tensor:
    """Whether each element is positive infinity."""
    return binary("eq", as_float(x), math.inf)


@keras_op
def isneginf(x: Any) -> Tensor:
    """Whether each element is negative infinity."""
    return binary("eq", as_float(x), -math.inf)


@keras_op
def isreal(x: Any) -> Tensor:
    """Whether each element is real: true, since there are no complex tensors."""
    x = tensor(x)
    return binary("eq", cast(x, "bool"), cast(x, "bool"))


@keras_op
def real(x: Any) -> Tensor:
    """The real part: `x` itself, since there are no complex tensors."""
    return tensor(x)


@keras_op
def conjugate(x: Any) -> Tensor:
    """The complex conjugate: `x` itself, since there are no complex tensors."""
    return tensor(x)


@keras_op
def conj(x: Any) -> Tensor:
    """The complex conjugate; the same as `conjugate`."""
    return tensor(x)


@keras_op
def imag(x: Any) -> Tensor:
    """The imaginary part: zeros, since there are no complex tensors."""
    x = tensor(x)
    return full(x.dims, 0, x.dtype)


@keras_op
def angle(x: Any) -> Tensor:
    """The angle in the complex plane: 0 for numbers that are not negative, else pi."""
    x = as_float(x)
    return binary("mul", cast(binary("lt", x, 0), x.dtype), math.pi)


@keras_op
def copy(x: Any) -> Tensor:
    """A tensor of the same values. Tensors never change, so that `x` itself serves."""
    return tensor(x)


@keras_op
def nan_to_num(
    x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """Replaces NaN and infinities, elementwise.

    Args:
        x: the tensor.
        nan: what stands for NaN.
        posinf: what stands for infinity; `None` means the largest finite number.
        neginf: what stands for minus infinity; `None` means the lowest finite number.
    """
    x = tensor(x)
    if x.dtype not in FLOATS:
        return x
    largest = {
        "float16": 65504.0,
        "bfloat16": 3.3895313892515355e38,
        "float32": 3.4028234663852886e38,
        "float64": 1.7976931348623157e308,
    }[x.dtype]
    high = tensor(largest if posinf is None else float(posinf), x.dtype)
    low = tensor(-largest if neginf is None else float(neginf), x.dtype)
    result = call("where", [call("isnan", [x]), tensor(float(nan), x.dtype), x])
    result = call("where", [binary("eq", x, math.inf), high, result])
    return call("where", [binary("eq", x, -math.inf), low, result])


@keras_op
def logical_not(x: Any) -> Tensor:
    """`not x`, elementwise, of what is not zero."""
    return call("logical_not", [cast(tensor(x), "bool")])


@keras_op
def bitwise_not(x: Any) -> Tensor:
    """Every bit inverted, elementwise, of integers or booleans."""
    return call("bitwise_not", [tensor(x)])


@keras_op
def bitwise_invert(x: Any) -> Tensor:
    """Every bit inverted, elementwise; the same as `bitwise_not`."""
    return bitwise_not(x)
