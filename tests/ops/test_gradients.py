"""Gradients against central differences in float64, first and second order, on both backends."""

import numpy as np
import pytest

import nacre
from nacre import ops
from tests.ops.cases import ALL
from tests.ops.engines import ENGINES, engine

BACKENDS = ["reference", "cpu"]
DIFFERENTIABLE = [c for c in ALL if c.grad]


def weighted(case, sources, arrays):
    """A scalar function of the float arguments: the op's result, weighted with fixed numbers."""

    def scalar(*values):
        given = list(arrays)
        for i, value in zip(sources, values, strict=True):
            given[i] = value
        result = case.op(*given)
        weights = np.cos(np.arange(1.0, 1.0 + int(np.prod(result.shape)))).reshape(result.shape)
        return ops.sum(result * weights)

    return scalar


def numeric(function, arrays, index, step):
    base = arrays[index]
    result = np.empty_like(base)
    for at in np.ndindex(base.shape):
        values = []
        for sign in (1, -1):
            moved = base.copy()
            moved[at] += sign * step
            changed = list(arrays)
            changed[index] = moved
            values.append(float(function(*changed)))
        result[at] = (values[0] - values[1]) / (2 * step)
    return result


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", [c for c in DIFFERENTIABLE if not c.large], ids=repr)
def test_gradient(case, backend):
    arrays = case.draw("float64")
    sources = [i for i, a in enumerate(arrays) if a.dtype == np.float64]
    values = [arrays[i] for i in sources]
    function = nacre.function(weighted(case, sources, arrays))
    numbers = tuple(range(len(sources)))
    with engine(backend):
        gradients = nacre.grad(function, numbers)(*values)
        for i, found in enumerate(gradients):
            expected = numeric(function, values, i, 1e-6)
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)
        if case.grad < 2:
            return

        def directional(*xs):
            total = 0.0
            for found in nacre.grad(function, numbers)(*xs):
                size = int(np.prod(found.shape))
                weights = np.sin(np.arange(1.0, 1.0 + size)).reshape(found.shape)
                total = total + ops.sum(found * weights)
            return total

        slope = nacre.function(directional)
        for i, found in enumerate(nacre.grad(directional, numbers)(*values)):
            expected = numeric(slope, values, i, 1e-5)
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=repr)
def test_float32_gradients_agree_with_the_reference(case):
    arrays = case.draw("float64")
    sources = [i for i, a in enumerate(arrays) if a.dtype == np.float64]
    numbers = tuple(range(len(sources)))
    expected = None
    for name in ENGINES:
        dtype = "float64" if name == "reference" else "float32"
        given = [arrays[i].astype(dtype) for i in sources]
        others = [a.astype(dtype) if a.dtype == np.float64 else a for a in arrays]
        with engine(name):
            found = nacre.grad(weighted(case, sources, others), numbers)(*given)
        found = [g.numpy() for g in found]
        if expected is None:
            expected = found
            continue
        for g, e in zip(found, expected, strict=True):
            assert g.dtype == dtype
            scale = np.max(np.abs(e), initial=1e-3)
            np.testing.assert_allclose(g, e, rtol=2e-4, atol=2e-5 * scale, err_msg=name)
