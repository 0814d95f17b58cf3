"""Ops traced once with an unknown batch size, and run with several."""

import numpy as np
import pytest

import nacre
from nacre import _core, ops
from nacre._core import Dim
from tests.ops.cases import ALL

SIZES = (3, 1, 8)
CASES = [c for c in ALL if c.batch and len(c.draw("float32")[0].shape) > 0]


def resized(array, size):
    return np.resize(array, (size, *array.shape[1:]))


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_batch(case):
    arrays = case.draw("float32")
    trace = _core.Trace()
    with trace:
        batch = Dim.symbol("batch")
        inputs = [trace.input("float32", (batch, *a.shape[1:]), "x") for a in arrays]
        result = case.op(*inputs)
        executable = _core.compile(trace.finish([result]))
    for size in SIZES:
        given = [resized(a, size) for a in arrays]
        (found,) = executable(*given)
        expected = case.numpy(*[a.astype("float64") for a in given])
        assert found.shape == expected.shape
        if expected.dtype.kind == "f":
            scale = np.max(np.abs(expected), initial=1e-3)
            np.testing.assert_allclose(found, expected, rtol=case.tol * 4, atol=case.tol * scale)
        else:
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_in_a_functional_model(case):
    arrays = case.draw("float32")
    inputs = [nacre.Input(a.shape[1:]) for a in arrays]
    output = case.op(*inputs)
    found = nacre.Model(inputs, output)(arrays)
    expected = case.numpy(*[a.astype("float64") for a in arrays])
    assert found.shape == expected.shape
    assert all(o in (None, e) for o, e in zip(output.shape, expected.shape, strict=True))
    np.testing.assert_allclose(np.asarray(found).astype("float64"), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("op", "numpy"),
    [
        (lambda x: ops.reshape(x, (-1, 2)), lambda x: x.reshape(-1, 2)),
        (lambda x: ops.reshape(x, (ops.shape(x)[0], -1)), lambda x: x.reshape(x.shape[0], -1)),
        (lambda x: ops.reshape(x, (2, -1, 4)), lambda x: x.reshape(2, -1, 4)),
        (lambda x: ops.mean(x), np.mean),
        (lambda x: ops.mean(x, 0), lambda x: np.mean(x, 0)),
        (lambda x: ops.var(x, (0, 1)), lambda x: np.var(x, (0, 1))),
        (lambda x: ops.sum(x, 0), lambda x: np.sum(x, 0)),
        (lambda x: ops.max(x, 0), lambda x: np.max(x, 0)),
        (lambda x: ops.argmax(x, 0), lambda x: np.argmax(x, 0)),
        (lambda x: x[1:], lambda x: x[1:]),
        (lambda x: x[:-1], lambda x: x[:-1]),
        (lambda x: x[-1], lambda x: x[-1]),
        (lambda x: x[::2], lambda x: x[::2]),
        (lambda x: x[::-1], lambda x: x[::-1]),
        (lambda x: x[:3], lambda x: x[:3]),
        (lambda x: x[1:, 0], lambda x: x[1:, 0]),
        (lambda x: x[-2:], lambda x: x[-2:]),
        (lambda x: ops.flip(x, 0), lambda x: np.flip(x, 0)),
        (lambda x: ops.roll(x, 1, 0), lambda x: np.roll(x, 1, 0)),
        (lambda x: ops.repeat(x, 3, 0), lambda x: np.repeat(x, 3, 0)),
        (lambda x: ops.tile(x, (2, 1, 1)), lambda x: np.tile(x, (2, 1, 1))),
        (lambda x: ops.concatenate([x, x], 0), lambda x: np.concatenate([x, x], 0)),
        (lambda x: ops.split(x, 2, 0)[1], lambda x: np.split(x, 2, 0)[1]),
        (
            lambda x: ops.pad(x, ((1, 2), (0, 0), (0, 0))),
            lambda x: np.pad(x, ((1, 2), (0, 0), (0, 0))),
        ),
        (
            lambda x: ops.pad(x, ((1, 1), (0, 0), (0, 0)), "reflect"),
            lambda x: np.pad(x, ((1, 1), (0, 0), (0, 0)), "reflect"),
        ),
        (lambda x: ops.diff(x, axis=0), lambda x: np.diff(x, axis=0)),
        (lambda x: ops.cumsum(x, 0), lambda x: np.cumsum(x, 0)),
        (lambda x: ops.arange(ops.shape(x)[0]), lambda x: np.arange(len(x))),
        (lambda x: ops.ones(ops.shape(x)[:2]), lambda x: np.ones(x.shape[:2])),
        (lambda x: ops.eye(ops.shape(x)[0]), lambda x: np.eye(len(x))),
        (lambda x: ops.matmul(x[:, 0], ops.transpose(x[:, 1])), lambda x: x[:, 0] @ x[:, 1].T),
        (lambda x: ops.einsum("bij,bkj->bik", x, x), lambda x: np.einsum("bij,bkj->bik", x, x)),
        (lambda x: ops.einsum("bij,cij->bc", x, x), lambda x: np.einsum("bij,cij->bc", x, x)),
        (lambda x: ops.take(x, [0, -1], 0), lambda x: np.take(x, [0, -1], 0)),
        (
            lambda x: ops.tril(ops.matmul(x[:, 0], ops.transpose(x[:, 1]))),
            lambda x: np.tril(x[:, 0] @ x[:, 1].T),
        ),
        (lambda x: ops.softmax(x, 0), lambda x: np.exp(x) / np.exp(x).sum(0)),
        (
            lambda x: ops.scan(lambda c, t: (c + t, c), ops.zeros((3, 4)), x)[1],
            lambda x: np.cumsum(x, 0) - x,
        ),
    ],
)
def test_unknown_size(op, numpy):
    trace = _core.Trace()
    with trace:
        x = trace.input("float32", (Dim.symbol("n"), 3, 4), "x")
        executable = _core.compile(trace.finish([op(x)]))
    for size in (4, 6, 10):
        array = np.random.default_rng(size).normal(size=(size, 3, 4)).astype("float32")
        (found,) = executable(array)
        expected = numpy(array)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-5)
