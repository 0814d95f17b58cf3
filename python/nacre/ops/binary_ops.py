"""Elementwise functions of two tensors, with broadcasting and dtype promotion."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from nacre import _core, config
from nacre.ops._common import FLOATS, Tensor, as_float, binary, call, cast, is_float, tensor
from nacre.ops._dispatch import keras_op

__all__ = [
    "add",
    "allclose",
    "arctan2",
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "divide",
    "divide_no_nan",
    "equal",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "gcd",
    "greater",
    "greater_equal",
    "heaviside",
    "hypot",
    "isclose",
    "lcm",
    "ldexp",
    "left_shift",
    "less",
    "less_equal",
    "logaddexp",
    "logaddexp2",
    "logical_and",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "not_equal",
    "power",
    "right_shift",
    "select",
    "subtract",
    "true_divide",
    "where",
]

_SCALARS = (bool, int, float)


def operand(x: Any) -> Any:
    """What `binary` takes: Python numbers stay as they are, since they never widen a tensor."""
    return x if x.__class__ is Tensor or x.__class__ in _SCALARS else tensor(x)


def apply(op: str, x1: Any, x2: Any) -> Tensor:
    """One binary primitive on promoted operands."""
    x1, x2 = operand(x1), operand(x2)
    if x1.__class__ in _SCALARS and x2.__class__ in _SCALARS:
        x1 = tensor(x1)
    return binary(op, x1, x2)


def promoted(*inputs: Any) -> tuple[list[Tensor], str]:
    """The inputs as tensors of one dtype."""
    operands = [operand(x) for x in inputs]
    dtype = _core.result_type(*operands)
    return [tensor(x, dtype) for x in operands], dtype


def _arithmetic(name: str, op: str, what: str) -> Callable[[Any, Any], Tensor]:
    def function(x1: Any, x2: Any) -> Tensor:
        return apply(op, x1, x2)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{what}, elementwise."
    return keras_op(function)


add = _arithmetic("add", "add", "`x1 + x2`")
subtract = _arithmetic("subtract", "sub", "`x1 - x2`")
multiply = _arithmetic("multiply", "mul", "`x1 * x2`")
maximum = _arithmetic("maximum", "maximum", "The larger of two; NaN where either is NaN")
minimum = _arithmetic("minimum", "minimum", "The smaller of two; NaN where either is NaN")
equal = _arithmetic("equal", "eq", "Whether `x1 == x2`")
not_equal = _arithmetic("not_equal", "ne", "Whether `x1 != x2`")
greater = _arithmetic("greater", "gt", "Whether `x1 > x2`")
greater_equal = _arithmetic("greater_equal", "ge", "Whether `x1 >= x2`")
less = _arithmetic("less", "lt", "Whether `x1 < x2`")
less_equal = _arithmetic("less_equal", "le", "Whether `x1 <= x2`")


def true_quotient(x1: Any, x2: Any) -> Tensor:
    """`x1 / x2`; integers become floats first."""
    x1, x2 = operand(x1), operand(x2)
    dtype = _core.result_type(x1, x2)
    if dtype not in FLOATS:
        return binary("div", tensor(x1, config.floatx()), tensor(x2, config.floatx()))
    if x1.__class__ in _SCALARS and x2.__class__ in _SCALARS:
        x1 = tensor(x1, dtype)
    return binary("div", x1, x2)


def without_bool(x1: Any, x2: Any) -> tuple[Any, Any]:
    """The operands, as int32 when both are boolean: for arithmetic that booleans lack."""
    x1, x2 = operand(x1), operand(x2)
    if _core.result_type(x1, x2) == "bool":
        return tensor(x1, "int32"), tensor(x2, "int32")
    return x1, x2


@keras_op
def divide(x1: Any, x2: Any) -> Tensor:
    """`x1 / x2`, elementwise. Integers become floats first."""
    return true_quotient(x1, x2)


@keras_op
def true_divide(x1: Any, x2: Any) -> Tensor:
    """`x1 / x2`, elementwise; the same as `divide`."""
    return true_quotient(x1, x2)


@keras_op
def divide_no_nan(x1: Any, x2: Any) -> Tensor:
    """`x1 / x2`, elementwise, and 0 where `x2` is 0."""
    (x1, x2), dtype = promoted(x1, x2)
    if dtype not in FLOATS:
        x1, x2, dtype = as_float(x1), as_float(x2), config.floatx()
    zero = binary("eq", x2, 0)
    # The inner `where` keeps the division, and with it the gradient, finite.
    safe = call("where", [zero, tensor(1, dtype), x2])
    return call("where", [zero, tensor(0, dtype), binary("div", x1, safe)])


@keras_op
def floor_divide(x1: Any, x2: Any) -> Tensor:
    """The largest integer that is not above `x1 / x2`, elementwise."""
    return apply("floordiv", *without_bool(x1, x2))


@keras_op
def mod(x1: Any, x2: Any) -> Tensor:
    """The remainder of `floor_divide`, elementwise; it has the sign of `x2`."""
    return apply("mod", *without_bool(x1, x2))


@keras_op
def fmod(x1: Any, x2: Any) -> Tensor:
    """The remainder of truncating division, elementwise; it has the sign of `x1`."""
    (x1, x2), dtype = promoted(*without_bool(x1, x2))
    if dtype.startswith("u"):
        return binary("mod", x1, x2)
    remainder = binary("mod", call("abs", [x1]), call("abs", [x2]))
    return call("where", [binary("lt", x1, 0), call("neg", [remainder]), remainder])


@keras_op
def power(x1: Any, x2: Any) -> Tensor:
    """`x1` to the power of `x2`, elementwise."""
    if x2.__class__ in (int, float) and x2 == 2:
        x1 = tensor(x1)
        if x1.dtype in FLOATS:
            return call("square", [x1])
    return apply("pow", *without_bool(x1, x2))


@keras_op
def arctan2(x1: Any, x2: Any) -> Tensor:
    """The angle of the point `(x2, x1)`, elementwise, in `[-pi, pi]`."""
    (x1, x2), dtype = promoted(x1, x2)
    if dtype not in FLOATS:
        x1, x2 = as_float(x1), as_float(x2)
    return call("atan2", [x1, x2])


@keras_op
def hypot(x1: Any, x2: Any) -> Tensor:
    """`sqrt(x1**2 + x2**2)`, elementwise, without overflow on the way."""
    (x1, x2), dtype = promoted(x1, x2)
    if dtype not in FLOATS:
        x1, x2 = as_float(x1), as_float(x2)
    a, b = call("abs", [x1]), call("abs", [x2])
    large, small = binary("maximum", a, b), binary("minimum", a, b)
    zero = binary("eq", large, 0)
    safe = call("where", [zero, tensor(1, large.dtype), large])
    ratio = binary("div", small, safe)
    root = call("sqrt", [binary("add", call("square", [ratio]), 1)])
    result = binary("mul", large, root)
    return call("where", [binary("eq", large, math.inf), large, result])


@keras_op
def fmax(x1: Any, x2: Any) -> Tensor:
    """The larger of two, elementwise; a NaN gives way to a number."""
    return _ignoring_nan("maximum", x1, x2)


@keras_op
def fmin(x1: Any, x2: Any) -> Tensor:
    """The smaller of two, elementwise; a NaN gives way to a number."""
    return _ignoring_nan("minimum", x1, x2)


def _ignoring_nan(op: str, x1: Any, x2: Any) -> Tensor:
    (x1, x2), dtype = promoted(x1, x2)
    if dtype not in FLOATS:
        return binary(op, x1, x2)
    first = call("where", [call("isnan", [x1]), x2, x1])
    second = call("where", [call("isnan", [x2]), x1, x2])
    return binary(op, first, second)


@keras_op
def logaddexp(x1: Any, x2: Any) -> Tensor:
    """`log(exp(x1) + exp(x2))`, elementwise, without overflow on the way."""
    (x1, x2), dtype = promoted(x1, x2)
    if dtype not in FLOATS:
        x1, x2 = as_float(x1), as_float(x2)
    distance = call("abs", [binary("sub", x1, x2)])
    # Equal infinities have no distance.
    distance = call("where", [binary("eq", x1, x2), tensor(0, distance.dtype), distance])
    tail = call("log1p", [call("exp", [call("neg", [distance])])])
    return binary("add", binary("maximum", x1, x2), tail)


@keras_op
def logaddexp2(x1: Any, x2: Any) -> Tensor:
    """`log2(2**x1 + 2**x2)`, elementwise, without overflow on the way."""
    ln2 = math.log(2.0)
    (x1, x2), dtype = promoted(x1, x2)
    if dtype not in FLOATS:
        x1, x2 = as_float(x1), as_float(x2)
    return binary("mul", logaddexp(binary("mul", x1, ln2), binary("mul", x2, ln2)), 1.0 / ln2)


@keras_op
def heaviside(x1: Any, x2: Any) -> Tensor:
    """0 for negative `x1`, 1 for positive, `x2` at zero, elementwise."""
    (x1, x2), dtype = promoted(x1, x2)
    if dtype not in FLOATS:
        x1, x2 = as_float(x1), as_float(x2)
    step = cast(binary("gt", x1, 0), x1.dtype)
    return call("where", [binary("eq", x1, 0), x2, step])


@keras_op
def ldexp(x1: Any, x2: Any) -> Tensor:
    """`x1 * 2**x2`, elementwise, for an integer `x2`."""
    x1, x2 = as_float(x1), tensor(x2)
    if is_float(x2.dtype):
        raise TypeError(f"ldexp: expected an integer x2. Received: dtype {x2.dtype}")
    return binary("mul", x1, binary("pow", tensor(2.0, x1.dtype), cast(x2, x1.dtype)))


def _logical(name: str, op: str, what: str) -> Callable[[Any, Any], Tensor]:
    def function(x1: Any, x2: Any) -> Tensor:
        return call(op, [tensor(x1, "bool"), tensor(x2, "bool")])

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{what}, elementwise, of what is not zero."
    return keras_op(function)


logical_and = _logical("logical_and", "logical_and", "`x1 and x2`")
logical_or = _logical("logical_or", "logical_or", "`x1 or x2`")
logical_xor = _logical("logical_xor", "logical_xor", "Whether exactly one is true")


def _bitwise(name: str, op: str, what: str) -> Callable[[Any, Any], Tensor]:
    logical = op.replace("bitwise", "logical")

    def function(x: Any, y: Any) -> Tensor:
        x, y = operand(x), operand(y)
        if _core.result_type(x, y) == "bool":
            # On booleans these are the logical ops; shifts are arithmetic, as in NumPy.
            if logical != op:
                return call(logical, [tensor(x), tensor(y)])
            x, y = tensor(x, "int32"), tensor(y, "int32")
        return apply(op, x, y)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{what}, elementwise, of integers or booleans."
    return keras_op(function)


bitwise_and = _bitwise("bitwise_and", "bitwise_and", "`x & y`")
bitwise_or = _bitwise("bitwise_or", "bitwise_or", "`x | y`")
bitwise_xor = _bitwise("bitwise_xor", "bitwise_xor", "`x ^ y`")
bitwise_left_shift = _bitwise("bitwise_left_shift", "left_shift", "`x << y`")
bitwise_right_shift = _bitwise("bitwise_right_shift", "right_shift", "`x >> y`")
left_shift = _bitwise("left_shift", "left_shift", "`x << y`")
right_shift = _bitwise("right_shift", "right_shift", "`x >> y`")


@keras_op
def gcd(x1: Any, x2: Any) -> Tensor:
    """The greatest common divisor, elementwise, of integers."""
    return _gcd(x1, x2)[0]


def _gcd(x1: Any, x2: Any) -> tuple[Tensor, Tensor, Tensor]:
    """The divisor, and the operands' absolute values."""
    (x1, x2), dtype = promoted(x1, x2)
    if dtype in FLOATS or dtype == "bool":
        raise TypeError(f"gcd: expected integers. Received: dtype {dtype}")
    if not dtype.startswith("u"):
        x1, x2 = call("abs", [x1]), call("abs", [x2])
    # Both of the shape that they broadcast to, since the loop carries them.
    a, b = (
        binary("bitwise_or", x1, binary("mul", x2, 0)),
        binary("bitwise_or", x2, binary("mul", x1, 0)),
    )

    def unfinished(state: list[Tensor]) -> list[Tensor]:
        left = binary("ne", state[1], 0)
        return [call("reduce_max", [left], {"axes": list(range(left.ndim)), "keepdims": False})]

    def step(state: list[Tensor]) -> list[Tensor]:
        a, b = state
        done = binary("eq", b, 0)
        remainder = binary("mod", a, call("where", [done, tensor(1, dtype), b]))
        return [call("where", [done, a, b]), call("where", [done, b, remainder])]

    return _core.while_loop(unfinished, step, [a, b])[0], x1, x2


@keras_op
def lcm(x1: Any, x2: Any) -> Tensor:
    """The least common multiple, elementwise, of integers."""
    divisor, x1, x2 = _gcd(x1, x2)
    safe = binary("maximum", divisor, 1)
    return binary("mul", binary("floordiv", x1, safe), x2)


@keras_op
def isclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Whether `abs(x1 - x2) <= atol + rtol * abs(x2)`, elementwise.

    Args:
        x1: a tensor.
        x2: a tensor.
        rtol: the tolerance relative to `x2`.
        atol: the absolute tolerance.
        equal_nan: whether two NaNs are close.
    """
    (x1, x2), dtype = promoted(x1, x2)
    if dtype not in FLOATS:
        x1, x2 = as_float(x1), as_float(x2)
    gap = call("abs", [binary("sub", x1, x2)])
    bound = binary("add", binary("mul", call("abs", [x2]), float(rtol)), float(atol))
    finite = call("logical_and", [call("isfinite", [x1]), call("isfinite", [x2])])
    near = call("logical_and", [binary("le", gap, bound), finite])
    close = call("logical_or", [near, binary("eq", x1, x2)])
    if equal_nan:
        both = call("logical_and", [call("isnan", [x1]), call("isnan", [x2])])
        close = call("logical_or", [close, both])
    return close


@keras_op
def allclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Whether all elements are close in the sense of `isclose`."""
    from nacre.ops.reduce import all

    return all(isclose(x1, x2, rtol, atol, equal_nan))


@keras_op
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """`x1` where the condition holds and `x2` elsewhere, with broadcasting.

    Args:
        condition: a boolean tensor.
        x1: a tensor or number; without `x1` and `x2` the result is `nonzero(condition)`.
        x2: a tensor or number.
    """
    if x1 is None and x2 is None:
        from nacre.ops.sorting import nonzero

        return nonzero(condition)
    if x1 is None or x2 is None:
        raise ValueError("where: expected both x1 and x2, or neither")
    (x1, x2), _ = promoted(x1, x2)
    return call("where", [tensor(condition, "bool"), x1, x2])


@keras_op
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Tensor:
    """Of several choices, the one whose condition holds first, elementwise.

    Args:
        condlist: boolean tensors.
        choicelist: as many tensors.
        default: what stands where no condition holds.
    """
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(
            "select: expected as many choices as conditions, at least one. "
            f"Received: {len(condlist)} conditions, {len(choicelist)} choices"
        )
    choices, _ = promoted(*choicelist, default)
    result = choices[-1]
    for condition, choice in zip(reversed(condlist), reversed(choices[:-1]), strict=True):
        result = call("where", [tensor(condition, "bool"), choice, result])
    return result
