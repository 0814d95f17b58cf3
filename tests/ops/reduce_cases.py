"""Reductions with what NumPy makes of them."""

import numpy as np

from nacre import ops
from tests.ops.case import Case


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
