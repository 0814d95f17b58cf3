"""Matrix products of the shapes in shapes_matmul.txt."""

import numpy as np
import pytest

import nacre
from benchmarks.kernels.common import check, read_shapes


def _numpy(a, b, out):
    return lambda: np.matmul(a, b, out=out), lambda: out


def _nacre(a, b, out):
    result = nacre.Variable(out)
    a, b = nacre.ops.convert_to_tensor(a), nacre.ops.convert_to_tensor(b)

    @nacre.function
    def product(a, b):
        result.assign(nacre.ops.matmul(a, b))

    return lambda: product(a, b), result.numpy


@pytest.mark.parametrize("shape", read_shapes("matmul"), ids=lambda s: "x".join(map(str, s)))
def test_matmul(measure, library, shape):
    m, k, n = shape
    rng = np.random.default_rng(0)
    a = rng.uniform(-1, 1, (m, k)).astype(np.float32)
    b = rng.uniform(-1, 1, (k, n)).astype(np.float32)
    make = {"numpy": _numpy, "nacre": _nacre}[library]
    work, result = make(a, b, np.zeros((m, n), np.float32))
    work()
    rows = slice(None) if m * k * n < 1e9 else slice(0, 64)
    check("matmul", result()[rows], a[rows].astype(np.float64) @ b.astype(np.float64), k)
    measure(f"matmul {m} x {k} x {n}", work, 2.0 * m * k * n)
