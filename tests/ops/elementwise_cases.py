"""Elementwise ops with what NumPy makes of them, and where they are differentiable."""

import math

import numpy as np

from nacre import ops
from tests.ops.case import Case

# Shapes that meet tails, single elements, no elements, and several blocks of a kernel.
SHAPES = [(), (0,), (1,), (7,), (3, 5), (2, 3, 17), (4, 0, 3), (1031,)]


def _vector(function):
    return np.vectorize(function, otypes=[np.float64])


_erf = _vector(math.erf)


def _erfinv(y):
    """Newton's method from a rough start; enough for a test."""
    y = np.asarray(y, np.float64)
    x = np.sign(y) * np.sqrt(np.maximum(-np.log1p(-(y**2)), 0)) * 0.9
    for _ in range(60):
        x = x - (_erf(x) - y) * np.sqrt(np.pi) / 2 * np.exp(np.minimum(x**2, 50))
    return x


def sigmoid(x):
    return np.exp(-np.logaddexp(0, -np.asarray(x)))


UNARY = [
    Case("abs", ops.abs, np.abs, ["apart"], ints=True, grad=1),
    Case("negative", ops.negative, np.negative, ints=True),
    Case("sign", ops.sign, np.sign, ints=True, grad=0),
    Case("square", ops.square, np.square, ints=True),
    Case("exp", ops.exp, np.exp),
    Case("expm1", ops.expm1, np.expm1),
    Case("exp2", ops.exp2, np.exp2),
    Case("log", ops.log, np.log, ["positive"]),
    Case("log2", ops.log2, np.log2, ["positive"]),
    Case("log10", ops.log10, np.log10, ["positive"]),
    Case("log1p", ops.log1p, np.log1p, ["unit"]),
    Case("sqrt", ops.sqrt, np.sqrt, ["positive"]),
    Case("rsqrt", ops.rsqrt, lambda x: 1 / np.sqrt(x), ["positive"]),
    Case("cbrt", ops.cbrt, np.cbrt, ["apart"]),
    Case("reciprocal", ops.reciprocal, lambda x: 1 / x, ["positive"]),
    Case("sin", ops.sin, np.sin),
    Case("cos", ops.cos, np.cos),
    Case("tan", ops.tan, np.tan, ["unit"]),
    Case("arcsin", ops.arcsin, np.arcsin, ["unit"]),
    Case("arccos", ops.arccos, np.arccos, ["unit"]),
    Case("arctan", ops.arctan, np.arctan),
    Case("sinh", ops.sinh, np.sinh),
    Case("cosh", ops.cosh, np.cosh),
    Case("tanh", ops.tanh, np.tanh),
    Case("arcsinh", ops.arcsinh, np.arcsinh),
    Case("arccosh", ops.arccosh, np.arccosh, ["above1"], tol=5e-6),
    Case("arctanh", ops.arctanh, np.arctanh, ["unit"]),
    Case("erf", ops.erf, _erf),
    Case("erfc", ops.erfc, lambda x: 1 - _erf(x), tol=2e-5),
    Case("erfinv", ops.erfinv, _erfinv, ["unit"], tol=5e-6),
    Case("lgamma", ops.lgamma, _vector(math.lgamma), ["positive"], grad=1, tol=1e-5),
    Case("sinc", ops.sinc, np.sinc, ["apart"], tol=1e-5),
    Case("deg2rad", ops.deg2rad, np.deg2rad),
    Case("rad2deg", ops.rad2deg, np.rad2deg),
    Case("floor", ops.floor, np.floor, ["apart"], grad=0),
    Case("ceil", ops.ceil, np.ceil, ["apart"], grad=0),
    Case("trunc", ops.trunc, np.trunc, ["apart"], grad=0),
    Case("round", ops.round, np.round, ["apart"], ints=True, grad=0),
    Case("round2", lambda x: ops.round(x, 2), lambda x: np.round(x, 2), grad=0, tol=1e-2),
    Case("clip", lambda x: ops.clip(x, -1, 2), lambda x: np.clip(x, -1, 2), ["apart"], ints=True),
    Case("isfinite", ops.isfinite, np.isfinite, grad=0),
    Case("isnan", ops.isnan, np.isnan, grad=0),
    Case("isinf", ops.isinf, np.isinf, grad=0),
    Case("signbit", ops.signbit, np.signbit, grad=0),
    Case("logical_not", ops.logical_not, np.logical_not, ints=True, grad=0),
    # activations
    Case("relu", ops.relu, lambda x: np.maximum(x, 0), ["apart"], ints=True),
    Case("relu6", ops.relu6, lambda x: np.clip(x, 0, 6), ["apart"], ints=True),
    Case("sigmoid", ops.sigmoid, sigmoid),
    Case("log_sigmoid", ops.log_sigmoid, lambda x: -np.logaddexp(0, -x)),
    Case("softplus", ops.softplus, lambda x: np.logaddexp(0, x)),
    Case("softsign", ops.softsign, lambda x: x / (1 + np.abs(x)), ["apart"]),
    Case("silu", ops.silu, lambda x: x * sigmoid(x)),
    Case("mish", ops.mish, lambda x: x * np.tanh(np.logaddexp(0, x))),
    Case("elu", ops.elu, lambda x: np.where(x > 0, x, np.expm1(x)), ["apart"]),
    Case(
        "celu",
        lambda x: ops.celu(x, 0.7),
        lambda x: np.where(x > 0, x, 0.7 * np.expm1(x / 0.7)),
        ["apart"],
    ),
    Case(
        "selu",
        ops.selu,
        lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
        ["apart"],
    ),
    Case(
        "gelu",
        ops.gelu,
        lambda x: 0.5 * x * (1 + np.tanh(0.7978845608028654 * (x + 0.044715 * x**3))),
        tol=1e-5,
    ),
    Case(
        "gelu_erf",
        lambda x: ops.gelu(x, approximate=False),
        lambda x: x * (1 + _erf(x / 2**0.5)) / 2,
        tol=1e-5,
    ),
    Case("leaky_relu", ops.leaky_relu, lambda x: np.where(x > 0, x, 0.2 * x), ["apart"]),
    Case("hard_sigmoid", ops.hard_sigmoid, lambda x: np.clip(x + 3, 0, 6) / 6, ["apart"]),
    Case("hard_silu", ops.hard_silu, lambda x: x * np.clip(x + 3, 0, 6) / 6, ["apart"]),
    Case("hard_tanh", ops.hard_tanh, lambda x: np.clip(x, -1, 1), ["apart"]),
    Case("tanh_shrink", ops.tanh_shrink, lambda x: x - np.tanh(x), tol=1e-5),
    Case(
        "soft_shrink",
        ops.soft_shrink,
        lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
        ["apart"],
    ),
    Case("hard_shrink", ops.hard_shrink, lambda x: np.where(np.abs(x) > 0.5, x, 0), ["apart"]),
    Case(
        "threshold",
        lambda x: ops.threshold(x, 0.4, 7.0),
        lambda x: np.where(x > 0.4, x, 7.0),
        ["apart"],
    ),
    Case("squareplus", ops.squareplus, lambda x: (x + np.sqrt(x * x + 4)) / 2),
    Case(
        "sparse_plus",
        ops.sparse_plus,
        lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
        ["apart"],
        grad=1,
    ),
    Case("sparse_sigmoid", ops.sparse_sigmoid, lambda x: np.clip((x + 1) / 2, 0, 1), ["apart"]),
]

BINARY = [
    Case("add", ops.add, np.add, ["any", "any"], ints=True),
    Case("subtract", ops.subtract, np.subtract, ["any", "any"], ints=True),
    Case("multiply", ops.multiply, np.multiply, ["any", "any"], ints=True),
    Case("divide", ops.divide, np.divide, ["any", "positive"]),
    Case("maximum", ops.maximum, np.maximum, ["apart", "any"], ints=True),
    Case("minimum", ops.minimum, np.minimum, ["apart", "any"], ints=True),
    Case("power", ops.power, np.power, ["positive", "any"], tol=1e-5),
    Case("floor_divide", ops.floor_divide, np.floor_divide, ["any", "positive"], ints=True, grad=0),
    Case("mod", ops.mod, np.mod, ["any", "positive"], ints=True, grad=0, tol=1e-5),
    Case("fmod", ops.fmod, np.fmod, ["any", "positive"], ints=True, grad=0, tol=1e-5),
    Case("arctan2", ops.arctan2, np.arctan2, ["any", "positive"]),
    Case("hypot", ops.hypot, np.hypot, ["apart", "positive"]),
    Case("logaddexp", ops.logaddexp, np.logaddexp, ["any", "any"]),
    Case("logaddexp2", ops.logaddexp2, np.logaddexp2, ["any", "any"]),
    Case("fmax", ops.fmax, np.fmax, ["apart", "any"], ints=True),
    Case("fmin", ops.fmin, np.fmin, ["apart", "any"], ints=True),
    Case("heaviside", ops.heaviside, np.heaviside, ["apart", "any"], grad=0),
    Case("divide_no_nan", ops.divide_no_nan, np.divide, ["any", "positive"]),
    Case("equal", ops.equal, np.equal, ["any", "any"], ints=True, grad=0),
    Case("not_equal", ops.not_equal, np.not_equal, ["any", "any"], ints=True, grad=0),
    Case("less", ops.less, np.less, ["any", "any"], ints=True, grad=0),
    Case("less_equal", ops.less_equal, np.less_equal, ["any", "any"], ints=True, grad=0),
    Case("greater", ops.greater, np.greater, ["any", "any"], ints=True, grad=0),
    Case("greater_equal", ops.greater_equal, np.greater_equal, ["any", "any"], ints=True, grad=0),
    Case("logical_and", ops.logical_and, np.logical_and, ["any", "any"], ints=True, grad=0),
    Case("logical_or", ops.logical_or, np.logical_or, ["any", "any"], ints=True, grad=0),
    Case("logical_xor", ops.logical_xor, np.logical_xor, ["any", "any"], ints=True, grad=0),
    Case(
        "where",
        lambda a, b: ops.where(ops.greater(a, 0), a, b),
        lambda a, b: np.where(a > 0, a, b),
        ["apart", "any"],
        ints=True,
    ),
    Case("isclose", ops.isclose, np.isclose, ["any", "any"], grad=0),
]
