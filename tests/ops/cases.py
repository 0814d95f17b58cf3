"""The op table: each op with what NumPy makes of it, and where it is differentiable."""

import math

import numpy as np

from nacre import ops
from tests.ops.case import Case
from tests.ops.window_cases import WINDOWS

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


def _sigmoid(x):
    return np.exp(-np.logaddexp(0, -np.asarray(x)))


def _softmax(x, axis=-1):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


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
    Case("sigmoid", ops.sigmoid, _sigmoid),
    Case("log_sigmoid", ops.log_sigmoid, lambda x: -np.logaddexp(0, -x)),
    Case("softplus", ops.softplus, lambda x: np.logaddexp(0, x)),
    Case("softsign", ops.softsign, lambda x: x / (1 + np.abs(x)), ["apart"]),
    Case("silu", ops.silu, lambda x: x * _sigmoid(x)),
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


def _axes(op, numpy, **kwargs):
    """One reduction over several axes; (name suffix, op, numpy)."""
    for axis, keep in (
        (None, False),
        (0, True),
        (-1, False),
        ((0, 2), False),
        ((0, 1, 2), True),
        ((1,), True),
    ):
        yield (
            f"{axis}-{keep}",
            lambda x, a=axis, k=keep: op(x, axis=a, keepdims=k, **kwargs),
            lambda x, a=axis, k=keep: numpy(x, axis=a, keepdims=k),
        )


def _logsumexp(x, axis=None, keepdims=False):
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


REDUCE = [
    Case(
        f"{name}-{suffix}",
        op,
        ref,
        [(domain, (3, 4, 5))],
        ints=ints,
        grad=grad,
        batch=False,
        tol=1e-5,
    )
    for name, function, numpy, domain, ints, grad in [
        ("sum", ops.sum, np.sum, "any", True, 1),
        ("mean", ops.mean, np.mean, "any", False, 2),
        ("prod", ops.prod, np.prod, "unit", False, 2),
        ("max", ops.max, np.max, "apart", True, 1),
        ("min", ops.min, np.min, "apart", True, 1),
        ("var", ops.var, np.var, "any", False, 2),
        ("std", ops.std, np.std, "any", False, 1),
        ("logsumexp", ops.logsumexp, _logsumexp, "any", False, 2),
        ("all", ops.all, np.all, "any", True, 0),
        ("any", ops.any, np.any, "any", True, 0),
    ]
    for suffix, op, ref in _axes(function, numpy)
] + [
    Case(
        "argmax",
        lambda x: ops.argmax(x, 1),
        lambda x: np.argmax(x, 1).astype("int32"),
        [("any", (3, 9, 5))],
        ints=True,
        grad=0,
        batch=False,
    ),
    Case(
        "argmin",
        lambda x: ops.argmin(x),
        lambda x: np.argmin(x).astype("int32"),
        [("any", (3, 9))],
        ints=True,
        grad=0,
        batch=False,
    ),
    Case(
        "argmax-last",
        lambda x: ops.argmax(x, -1, keepdims=True),
        lambda x: np.argmax(x, -1, keepdims=True).astype("int32"),
        [("any", (3, 19))],
        ints=True,
        grad=0,
        batch=False,
    ),
    Case(
        "cumsum",
        lambda x: ops.cumsum(x, 1),
        lambda x: np.cumsum(x, 1),
        [("any", (3, 9, 2))],
        ints=True,
        batch=False,
        tol=1e-5,
    ),
    Case(
        "cumsum-flat",
        lambda x: ops.cumsum(x),
        lambda x: np.cumsum(x),
        [("any", (3, 4))],
        batch=False,
        tol=1e-5,
    ),
    Case(
        "cumprod",
        lambda x: ops.cumprod(x, -1),
        lambda x: np.cumprod(x, -1),
        [("above1", (3, 5))],
        batch=False,
        grad=1,
        tol=1e-5,
    ),
    Case("ptp", lambda x: ops.ptp(x, 1), lambda x: np.ptp(x, 1), ["apart"], batch=False, grad=1),
    Case(
        "average",
        lambda x, w: ops.average(x, 1, w),
        lambda x, w: np.average(x, 1, w),
        [("any", (3, 4)), ("positive", (4,))],
        batch=False,
        tol=1e-5,
    ),
    Case(
        "count_nonzero",
        lambda x: ops.count_nonzero(x, 0),
        lambda x: np.count_nonzero(x, 0).astype("int32"),
        ints=True,
        grad=0,
        batch=False,
    ),
    Case(
        "median",
        lambda x: ops.median(x, 1),
        lambda x: np.median(x, 1),
        [("apart", (3, 4))],
        grad=1,
        batch=False,
    ),
    Case(
        "quantile",
        lambda x: ops.quantile(x, [0.1, 0.6], 0),
        lambda x: np.quantile(x, [0.1, 0.6], 0),
        [("apart", (5, 3))],
        grad=1,
        batch=False,
        tol=1e-5,
    ),
]

E33, E332 = ("any", (3, 3)), ("any", (3, 4, 2))

SHAPE = [
    Case("reshape", lambda x: ops.reshape(x, (-1, 2)), lambda x: x.reshape(-1, 2), ints=True),
    Case("ravel", ops.ravel, np.ravel, ints=True),
    Case("transpose", ops.transpose, np.transpose, [E332], ints=True),
    Case(
        "transpose-axes",
        lambda x: ops.transpose(x, (1, 2, 0)),
        lambda x: np.transpose(x, (1, 2, 0)),
        [E332],
    ),
    Case("moveaxis", lambda x: ops.moveaxis(x, 0, -1), lambda x: np.moveaxis(x, 0, -1), [E332]),
    Case("swapaxes", lambda x: ops.swapaxes(x, 1, 2), lambda x: np.swapaxes(x, 1, 2), [E332]),
    Case(
        "expand_dims", lambda x: ops.expand_dims(x, (0, -1)), lambda x: np.expand_dims(x, (0, -1))
    ),
    Case("squeeze", lambda x: ops.squeeze(x, 1), lambda x: np.squeeze(x, 1), [("any", (3, 1, 2))]),
    Case(
        "broadcast_to",
        lambda x: ops.broadcast_to(x, (2, 3, 4)),
        lambda x: np.broadcast_to(x, (2, 3, 4)),
        [("any", (3, 1))],
        ints=True,
        batch=False,
    ),
    Case(
        "concatenate",
        lambda a, b: ops.concatenate([a, b], 1),
        lambda a, b: np.concatenate([a, b], 1),
        [("any", (3, 2)), ("any", (3, 5))],
        ints=True,
    ),
    Case(
        "concatenate0",
        lambda a, b: ops.concatenate([a, b], 0),
        lambda a, b: np.concatenate([a, b], 0),
        [("any", (3, 2)), ("any", (2, 2))],
        batch=False,
    ),
    Case(
        "stack",
        lambda a, b: ops.stack([a, b], -1),
        lambda a, b: np.stack([a, b], -1),
        ["any", "any"],
    ),
    Case("append", lambda a, b: ops.append(a, b), lambda a, b: np.append(a, b), ["any", "any"]),
    Case("hstack", lambda a, b: ops.hstack([a, b]), lambda a, b: np.hstack([a, b]), ["any", "any"]),
    Case("vstack", lambda a, b: ops.vstack([a, b]), lambda a, b: np.vstack([a, b]), ["any", "any"]),
    Case("dstack", lambda a, b: ops.dstack([a, b]), lambda a, b: np.dstack([a, b]), ["any", "any"]),
    Case("split", lambda x: ops.split(x, 2, 1)[1], lambda x: np.split(x, 2, 1)[1]),
    Case("split-at", lambda x: ops.split(x, [1, 3], 1)[1], lambda x: np.split(x, [1, 3], 1)[1]),
    Case(
        "array_split", lambda x: ops.array_split(x, 3, 1)[0], lambda x: np.array_split(x, 3, 1)[0]
    ),
    Case("unstack", lambda x: ops.unstack(x, axis=1)[2], lambda x: x[:, 2]),
    Case("tile", lambda x: ops.tile(x, (2, 1, 3)), lambda x: np.tile(x, (2, 1, 3)), ints=True),
    Case("repeat", lambda x: ops.repeat(x, 2, 1), lambda x: np.repeat(x, 2, 1), ints=True),
    Case(
        "repeat-each",
        lambda x: ops.repeat(x, [1, 0, 2, 1], 1),
        lambda x: np.repeat(x, [1, 0, 2, 1], 1),
    ),
    Case("flip", lambda x: ops.flip(x), lambda x: np.flip(x), ints=True),
    Case("flip-1", lambda x: ops.flip(x, 1), lambda x: np.flip(x, 1)),
    Case("roll", lambda x: ops.roll(x, 2, 1), lambda x: np.roll(x, 2, 1)),
    Case("roll-flat", lambda x: ops.roll(x, -3), lambda x: np.roll(x, -3)),
    Case("rot90", lambda x: ops.rot90(x), lambda x: np.rot90(x)),
    Case("rot90-3", lambda x: ops.rot90(x, 3), lambda x: np.rot90(x, 3)),
    Case(
        "pad",
        lambda x: ops.pad(x, ((1, 0), (2, 3)), constant_values=7),
        lambda x: np.pad(x, ((1, 0), (2, 3)), constant_values=7),
        ints=True,
    ),
    Case(
        "pad-reflect",
        lambda x: ops.pad(x, ((0, 0), (2, 3)), "reflect"),
        lambda x: np.pad(x, ((0, 0), (2, 3)), "reflect"),
    ),
    Case(
        "pad-symmetric",
        lambda x: ops.pad(x, ((1, 2), (2, 3)), "symmetric"),
        lambda x: np.pad(x, ((1, 2), (2, 3)), "symmetric"),
        batch=False,
    ),
    Case("pad-edge", lambda x: ops.pad(x, 1, "edge"), lambda x: np.pad(x, 1, "edge")),
    Case("pad-wrap", lambda x: ops.pad(x, 1, "wrap"), lambda x: np.pad(x, 1, "wrap")),
    Case(
        "diagonal",
        lambda x: ops.diagonal(x, 1),
        lambda x: np.diagonal(x, 1),
        [("any", (3, 5))],
        ints=True,
        batch=False,
    ),
    Case(
        "diagonal-3d",
        lambda x: ops.diagonal(x, -1, 2, 1),
        lambda x: np.diagonal(x, -1, 2, 1),
        [E332],
    ),
    Case("diag", lambda x: ops.diag(x, -2), lambda x: np.diag(x, -2), [("any", (4,))], ints=True),
    Case("diag+", lambda x: ops.diag(x, 1), lambda x: np.diag(x, 1), [("any", (4,))]),
    Case("trace", lambda x: ops.trace(x), lambda x: np.trace(x), [E33], batch=False, tol=1e-5),
    Case("tril", lambda x: ops.tril(x, -1), lambda x: np.tril(x, -1), ints=True),
    Case("triu", lambda x: ops.triu(x, 1), lambda x: np.triu(x, 1), ints=True),
    Case("slice", lambda x: ops.slice(x, (0, 1), (-1, 2)), lambda x: x[:, 1:3]),
    Case(
        "slice-dynamic",
        lambda x: ops.slice(x, ops.array([1, 1]), (2, 2)),
        lambda x: x[1:3, 1:3],
        batch=False,
    ),
    Case(
        "slice_update",
        lambda x, u: ops.slice_update(x, (1, 1), u),
        lambda x, u: _updated(x, u),
        ["any", ("any", (2, 2))],
        batch=False,
    ),
    Case("getitem-negative-step", lambda x: x[:, ::-2], lambda x: x[:, ::-2]),
    Case("getitem-arrays", lambda x: x[:, [2, 0, 2]], lambda x: x[:, [2, 0, 2]]),
    Case(
        "getitem-nd",
        lambda x: x[np.array([0, 2]), np.array([1, 1])],
        lambda x: x[np.array([0, 2]), np.array([1, 1])],
        batch=False,
    ),
    Case(
        "take",
        lambda x: ops.take(x, [[0, -1], [2, 2]], 1),
        lambda x: np.take(x, [[0, -1], [2, 2]], 1),
        ints=True,
    ),
    Case("take-flat", lambda x: ops.take(x, [5, 0]), lambda x: np.take(x, [5, 0]), batch=False),
    Case(
        "take_along_axis",
        lambda x: ops.take_along_axis(x, np.array([[1, 1], [0, 3], [2, 2]]), 1),
        lambda x: np.take_along_axis(x, np.array([[1, 1], [0, 3], [2, 2]]), 1),
        batch=False,
    ),
    Case(
        "scatter",
        lambda x: ops.scatter([[1], [1], [4]], x, (5, 4)),
        lambda x: _scatter(x),
        batch=False,
        tol=1e-5,
    ),
    Case(
        "scatter_update",
        lambda x, u: ops.scatter_update(x, [[2], [0]], u),
        lambda x, u: _scattered(x, u),
        ["any", ("any", (2, 4))],
        batch=False,
    ),
    Case("sort", lambda x: ops.sort(x, 1), lambda x: np.sort(x, 1), ["apart"], ints=True),
    Case(
        "argsort",
        lambda x: ops.argsort(x, 0),
        lambda x: np.argsort(x, 0, kind="stable").astype("int32"),
        ["apart"],
        ints=True,
        grad=0,
        batch=False,
    ),
    Case("top_k", lambda x: ops.top_k(x, 2)[0], lambda x: -np.sort(-x, -1)[:, :2], ["apart"]),
    Case(
        "searchsorted",
        lambda x: ops.searchsorted(np.array([-1.0, 0, 1], x.dtype), x),
        lambda x: np.searchsorted([-1, 0, 1], x).astype("int32"),
        grad=0,
    ),
    Case("diff", lambda x: ops.diff(x, 2), lambda x: np.diff(x, 2), ints=True),
    Case(
        "trapezoid",
        lambda x: ops.trapezoid(x, dx=0.5),
        lambda x: np.sum((x[:, 1:] + x[:, :-1]) / 2, -1) * 0.5,
        tol=1e-5,
    ),
    Case(
        "meshgrid",
        lambda a, b: ops.meshgrid(a, b)[1],
        lambda a, b: np.meshgrid(a, b)[1],
        [("any", (3,)), ("any", (4,))],
        batch=False,
    ),
    Case(
        "linspace",
        lambda a, b: ops.linspace(a, b, 5, axis=1),
        lambda a, b: np.linspace(a, b, 5, axis=1),
        ["any", "any"],
        tol=1e-5,
    ),
    Case("vander", lambda x: ops.vander(x, 3), lambda x: np.vander(x, 3), [("positive", (4,))]),
    Case(
        "rearrange",
        lambda x: ops.rearrange(x, "b (h w) c -> b c h w", h=2),
        lambda x: x.reshape(3, 2, 2, 2).transpose(0, 3, 1, 2),
        [E332],
        batch=False,
    ),
]


def _updated(x, u):
    x = x.copy()
    x[1:3, 1:3] = u
    return x


def _scatter(x):
    out = np.zeros((5, 4), x.dtype)
    np.add.at(out, [1, 1, 4], x)
    return out


def _scattered(x, u):
    x = x.copy()
    x[[2, 0]] = u
    return x


def _contract(name, op, numpy, a, b, **kwargs):
    kwargs = {"ints": True, "batch": False, "tol": 1e-5, **kwargs}
    return Case(name, op, numpy, [("any", a), ("any", b)], **kwargs)


CONTRACT = [
    _contract("matmul", ops.matmul, np.matmul, (3, 4), (4, 5), grad=2),
    _contract("matmul-tall", ops.matmul, np.matmul, (67, 33), (33, 19), grad=0),
    _contract("matmul-batch", ops.matmul, np.matmul, (2, 1, 3, 4), (3, 4, 2)),
    _contract("matmul-vector", ops.matmul, np.matmul, (3, 4), (4,)),
    _contract("matmul-row", ops.matmul, np.matmul, (4,), (4, 3)),
    _contract("matmul-inner", ops.matmul, np.matmul, (4,), (4,)),
    _contract("matmul-empty", ops.matmul, np.matmul, (3, 0), (0, 2), grad=0),
    _contract("dot", ops.dot, np.dot, (2, 3, 4), (5, 4, 2)),
    _contract("inner", ops.inner, np.inner, (2, 4), (3, 4)),
    _contract("outer", ops.outer, np.outer, (2, 2), (3,)),
    _contract("vdot", ops.vdot, np.vdot, (2, 3), (3, 2)),
    _contract("kron", ops.kron, np.kron, (2, 3), (2, 2)),
    _contract("cross", ops.cross, np.cross, (2, 3), (2, 3)),
    _contract("tensordot", ops.tensordot, np.tensordot, (2, 3, 4), (3, 4, 2)),
    _contract(
        "tensordot-axes",
        lambda a, b: ops.tensordot(a, b, [[0, 2], [1, 0]]),
        lambda a, b: np.tensordot(a, b, [[0, 2], [1, 0]]),
        (2, 3, 4),
        (4, 2, 3),
    ),
    _contract(
        "correlate",
        lambda a, b: ops.correlate(a, b, "full"),
        lambda a, b: np.correlate(a, b, "full"),
        (6,),
        (3,),
    ),
    _contract(
        "correlate-same",
        lambda a, b: ops.correlate(a, b, "same"),
        lambda a, b: np.correlate(a, b, "same"),
        (3,),
        (6,),
    ),
    *(
        _contract(
            f"einsum {s}",
            lambda a, b, s=s: ops.einsum(s, a, b),
            lambda a, b, s=s: np.einsum(s, a, b),
            a,
            b,
        )
        for s, a, b in [
            ("ij,jk->ik", (3, 4), (4, 2)),
            ("ij,kj->ik", (3, 4), (2, 4)),
            ("ji,jk", (4, 3), (4, 2)),
            ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)),
            ("bthd,bshd->bhts", (2, 3, 2, 4), (2, 5, 2, 4)),
            ("...ij,jk->...ik", (2, 2, 3, 4), (4, 2)),
            ("ij,ij->", (3, 4), (3, 4)),
            ("ij,ij->ij", (3, 4), (3, 4)),
            ("i,j->ji", (3,), (4,)),
            ("ii,ij->j", (3, 3), (3, 4)),
            ("abc,cd->bda", (2, 3, 4), (4, 2)),
            ("ij,k->k", (3, 4), (2,)),
        ]
    ),
    Case(
        "einsum-trace",
        lambda a: ops.einsum("ii", a),
        lambda a: np.einsum("ii", a),
        [E33],
        batch=False,
        tol=1e-5,
    ),
    Case(
        "einsum-three",
        lambda a, b, c: ops.einsum("ij,jk,kl->il", a, b, c),
        lambda a, b, c: a @ b @ c,
        [("any", (2, 3)), ("any", (3, 4)), ("any", (4, 2))],
        batch=False,
        tol=1e-5,
    ),
]


def _bce(x, z):
    return -(z * np.log(x) + (1 - z) * np.log1p(-x))


def _layer_norm(x, g, b, axes=-1, epsilon=1e-3):
    m, v = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - m) / np.sqrt(v + epsilon) * g + b


LABELS = np.array([1, 3, 0])

NN = [
    Case("softmax", ops.softmax, _softmax, [("any", (3, 7))]),
    Case("softmax-axis", lambda x: ops.softmax(x, 1), lambda x: _softmax(x, 1), [E332]),
    Case(
        "softmax-axes",
        lambda x: ops.softmax(x, (0, 2)),
        lambda x: _softmax(x, (0, 2)),
        [E332],
        batch=False,
    ),
    Case(
        "log_softmax", ops.log_softmax, lambda x: np.log(_softmax(x)), [("any", (3, 7))], tol=1e-5
    ),
    Case("glu", ops.glu, lambda x: x[:, :2] * _sigmoid(x[:, 2:])),
    Case(
        "categorical_crossentropy-logits",
        lambda x, t: ops.categorical_crossentropy(t, x, from_logits=True),
        lambda x, t: -(t * np.log(_softmax(x))).sum(-1),
        ["any", "probability"],
        tol=1e-5,
    ),
    Case(
        "categorical_crossentropy",
        lambda x, t: ops.categorical_crossentropy(t, x),
        lambda x, t: -(t * np.log(x / x.sum(-1, keepdims=True))).sum(-1),
        ["probability", "probability"],
        tol=1e-5,
    ),
    Case(
        "sparse_categorical_crossentropy-logits",
        lambda x: ops.sparse_categorical_crossentropy(LABELS, x, from_logits=True),
        lambda x: -np.log(_softmax(x))[np.arange(3), LABELS],
        batch=False,
        tol=1e-5,
    ),
    Case(
        "sparse_categorical_crossentropy",
        lambda x: ops.sparse_categorical_crossentropy(LABELS, x),
        lambda x: -np.log(x / x.sum(-1, keepdims=True))[np.arange(3), LABELS],
        ["probability"],
        batch=False,
        tol=1e-5,
    ),
    Case(
        "binary_crossentropy-logits",
        lambda x, t: ops.binary_crossentropy(t, x, from_logits=True),
        lambda x, t: _bce(_sigmoid(x), t),
        ["any", "probability"],
        tol=1e-5,
    ),
    Case(
        "binary_crossentropy",
        lambda x, t: ops.binary_crossentropy(t, x),
        _bce,
        ["probability", "probability"],
        tol=1e-5,
    ),
    Case(
        "layer_normalization",
        lambda x, g, b: ops.layer_normalization(x, g, b, epsilon=1e-3),
        _layer_norm,
        [("any", (3, 5)), ("any", (5,)), ("any", (5,))],
        batch=False,
        tol=1e-5,
    ),
    Case(
        "layer_normalization-axes",
        lambda x, g, b: ops.layer_normalization(x, g, b, axis=(1, 2), epsilon=1e-3),
        lambda x, g, b: _layer_norm(x, g, b, (1, 2)),
        [E332, ("any", (4, 2)), ("any", (4, 2))],
        batch=False,
        tol=1e-5,
    ),
    Case(
        "layer_normalization-first",
        lambda x: ops.layer_normalization(x, axis=0, epsilon=1e-3),
        lambda x: _layer_norm(x, 1, 0, 0),
        batch=False,
        tol=1e-5,
    ),
    Case(
        "rms_normalization",
        lambda x, g: ops.rms_normalization(x, g, epsilon=1e-3),
        lambda x, g: x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-3) * g,
        [("any", (3, 5)), ("any", (5,))],
        batch=False,
        tol=1e-5,
    ),
    Case(
        "batch_normalization",
        lambda x, m, v, s: ops.batch_normalization(x, m, v, 1, scale=s),
        lambda x, m, v, s: (x - m) / np.sqrt(v + 1e-3) * s,
        ["any", ("any", (4,)), ("positive", (4,)), ("any", (4,))],
        batch=False,
        tol=1e-5,
    ),
    Case(
        "normalize",
        lambda x: ops.normalize(x, 1),
        lambda x: x / np.linalg.norm(x, axis=1, keepdims=True),
        tol=1e-5,
    ),
    Case(
        "normalize-1",
        lambda x: ops.normalize(x, 1, 1),
        lambda x: x / np.abs(x).sum(1, keepdims=True),
        ["apart"],
        tol=1e-5,
    ),
    Case("norm", lambda x: ops.norm(x, axis=1), lambda x: np.linalg.norm(x, axis=1), tol=1e-5),
    Case(
        "norm-matrix",
        lambda x: ops.norm(x, 1, axis=(0, 1)),
        lambda x: np.linalg.norm(x, 1, axis=(0, 1)),
        ["apart"],
        grad=1,
        batch=False,
        tol=1e-5,
    ),
    Case(
        "norm-3",
        lambda x: ops.norm(x, 3, axis=0),
        lambda x: np.linalg.norm(x, 3, axis=0),
        ["apart"],
        batch=False,
        tol=1e-5,
    ),
    Case("moments", lambda x: ops.moments(x, 0)[1], lambda x: x.var(0), batch=False, tol=1e-5),
    Case("sparsemax", ops.sparsemax, lambda x: _sparsemax(x), ["any"], grad=1, tol=1e-5),
    Case(
        "segment_sum",
        lambda x: ops.segment_sum(x, [0, 2, 0], 4),
        lambda x: np.stack([x[0] + x[2], 0 * x[0], x[1], 0 * x[0]]),
        ints=True,
        batch=False,
    ),
    Case(
        "segment_max",
        lambda x: ops.segment_max(x, [0, 1, 0], 2),
        lambda x: np.stack([np.maximum(x[0], x[2]), x[1]]),
        ["apart"],
        ints=True,
        grad=1,
        batch=False,
    ),
    Case("corrcoef", ops.corrcoef, np.corrcoef, [("any", (3, 6))], batch=False, grad=0, tol=1e-5),
]


def _sparsemax(x):
    out = np.empty_like(x)
    for i, row in enumerate(x):
        z = np.sort(row)[::-1]
        k = np.arange(1, len(z) + 1)
        n = np.count_nonzero(1 + k * z > np.cumsum(z))
        out[i] = np.maximum(row - (z[:n].sum() - 1) / n, 0)
    return out


FIXED = REDUCE + SHAPE + CONTRACT + NN + WINDOWS
ALL = UNARY + BINARY + FIXED
