"""Every op against NumPy: dtypes, awkward shapes, broadcasting, memory layouts, every engine."""

import numpy as np
import pytest

from tests.ops.cases import BINARY, FIXED, UNARY
from tests.ops.elementwise_cases import SHAPES
from tests.ops.engines import ENGINES, engine

DTYPES = ["float32", "float64"]


def check(case, arrays, dtype):
    result = np.asarray(case.op(*[_tensor(a) for a in arrays]))
    with np.errstate(all="ignore"):
        wide = [a.astype("float64") if a.dtype.kind == "f" else a for a in arrays]
        expected = np.asarray(case.numpy(*wide))
    assert result.shape == expected.shape, (result.shape, expected.shape)
    if np.dtype(dtype).kind == "f":
        if expected.dtype.kind == "f":
            assert result.dtype == dtype
        rtol = case.tol if dtype == "float32" else 1e-11
        scale = np.max(np.abs(expected), initial=0) if expected.dtype.kind == "f" else 0
        np.testing.assert_allclose(result, expected, rtol=rtol * 4, atol=rtol * max(scale, 1e-3))
    else:
        np.testing.assert_array_equal(result, expected)


def _tensor(array):
    from nacre import ops

    return ops.array(array)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("case", UNARY, ids=repr)
def test_unary(case, name):
    with engine(name):
        for dtype in DTYPES + (["int32"] if case.ints else []):
            for shape in SHAPES:
                check(case, case.draw(dtype, shape), dtype)
            strided = [a[::2].T for a in case.draw(dtype, (9, 6))]
            check(case, strided, dtype)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("case", BINARY, ids=repr)
def test_binary(case, name):
    pairs = [
        ((), ()),
        ((3, 5), (5,)),
        ((5,), (2, 3, 5)),
        ((4, 1, 3), (7, 1)),
        ((0, 3), (3,)),
        ((1031,), ()),
        ((67,), (67,)),
        ((6, 19), (6, 1)),
    ]
    with engine(name):
        for dtype in DTYPES + (["int32", "int64"] if case.ints else []):
            for left, right in pairs:
                a = case.draw(dtype, left)[0]
                b = case.draw(dtype, right, seed=1)[1]
                check(case, [a, b], dtype)
            a, b = case.draw(dtype, (9, 6))
            check(case, [a[:, ::-1], b[::-1]], dtype)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("case", FIXED, ids=repr)
def test_fixed(case, name):
    with engine(name):
        for dtype in DTYPES + (["int32"] if case.ints else []):
            check(case, case.draw(dtype), dtype)
