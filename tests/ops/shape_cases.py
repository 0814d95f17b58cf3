"""Ops that move, join and index elements, with what NumPy makes of them."""

import numpy as np

from nacre import ops
from tests.ops.case import E33, E332, Case

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
