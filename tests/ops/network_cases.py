"""Products, activations over axes, losses and normalisations, with what NumPy makes of them."""

import numpy as np

from nacre import ops
from tests.ops.case import E33, E332, Case
from tests.ops.elementwise_cases import sigmoid


def _softmax(x, axis=-1):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


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
    Case("glu", ops.glu, lambda x: x[:, :2] * sigmoid(x[:, 2:])),
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
        lambda x, t: _bce(sigmoid(x), t),
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
