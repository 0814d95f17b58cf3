"""Loops and branches, run at once and inside traced functions."""

import numpy as np
import pytest

import nacre
from nacre import Variable, ops

BOTH = pytest.mark.parametrize("wrap", [lambda f: f, nacre.function], ids=["eager", "traced"])


@BOTH
def test_scan(wrap):
    def run(xs, w):
        return ops.scan(lambda c, x: ({"h": c["h"] * w + x}, (c["h"], x * 2)), {"h": w * 0.0}, xs)

    xs = np.array([1.0, 2.0, 3.0], "float32")
    carry, (before, doubled) = wrap(run)(xs, np.float32(2))
    assert float(carry["h"]) == 11.0
    np.testing.assert_array_equal(before, [0, 1, 4])
    np.testing.assert_array_equal(doubled, [2, 4, 6])


@BOTH
def test_scan_options(wrap):
    step = lambda c, x: (c + 1, c)  # noqa: E731
    _, ys = wrap(lambda c: ops.scan(step, c, None, length=4))(np.int32(0))
    np.testing.assert_array_equal(ys, [0, 1, 2, 3])
    xs = np.array([1.0, 2.0, 3.0], "float32")
    back = wrap(lambda xs: ops.scan(lambda c, x: (c + x, c + x), xs[0] * 0, xs, reverse=True)[1])
    np.testing.assert_array_equal(back(xs), [6, 5, 3])
    with pytest.raises(ValueError, match="length"):
        ops.scan(step, 0, None)
    with pytest.raises(ValueError, match="steps"):
        ops.scan(step, 0, xs, length=7)


@BOTH
def test_while_loop_and_fori_loop(wrap):
    run = wrap(
        lambda n: ops.while_loop(lambda i, s: i < n, lambda i, s: (i + 1, s + i), (n * 0, n * 0))
    )
    assert [int(v) for v in run(np.int32(5))] == [5, 10]
    limited = wrap(
        lambda x: ops.while_loop(lambda x: x > 0, lambda x: x + 1, x, maximum_iterations=3)
    )
    assert float(limited(np.float32(1))) == 4.0
    total = wrap(lambda x: ops.fori_loop(0, 4, lambda i, s: s + x * ops.cast(i, "float32"), x * 0))
    assert float(total(np.float32(2))) == 12.0


@BOTH
def test_cond_and_switch(wrap):
    f = wrap(
        lambda x: ops.cond(
            ops.sum(x) > 0, lambda: {"y": x * 2, "n": None}, lambda: {"y": -x, "n": None}
        )
    )
    out = f(np.array([1.0, -3.0], "float32"))
    np.testing.assert_array_equal(out["y"], [-1, 3])
    assert out["n"] is None
    np.testing.assert_array_equal(f(np.array([1.0, 3.0], "float32"))["y"], [2, 6])
    g = wrap(lambda i, x: ops.switch(i, [lambda x: x, lambda x: x * 10, lambda x: x * 100], x))
    for i, expected in ((0, 3), (1, 30), (2, 300), (9, 300), (-4, 3)):
        assert float(g(np.int32(i), np.float32(3))) == expected


def test_branches_must_agree():
    f = nacre.function(lambda x: ops.cond(x > 0, lambda: (x, x), lambda: x))
    with pytest.raises(ValueError):
        f(np.float32(1))
    g = nacre.function(lambda x: ops.cond(x > 0, lambda: x, lambda: ops.stack([x, x])))
    with pytest.raises((ValueError, TypeError)):
        g(np.float32(1))


def test_variables_inside_regions():
    v = Variable(0.0)

    @nacre.function
    def run(xs):
        def step(carry, x):
            v.assign_add(x)
            return carry + v, v.read()

        return ops.scan(step, xs[0] * 0, xs)

    carry, ys = run(np.array([1.0, 2.0, 3.0], "float32"))
    np.testing.assert_array_equal(ys, [1, 3, 6])
    assert (float(carry), float(v)) == (10.0, 6.0)

    @nacre.function
    def maybe(x):
        ops.cond(x > 0, lambda: v.assign(x), lambda: v.assign(v - 1.0))
        return v.read()

    assert float(maybe(np.float32(5))) == 5.0
    assert float(maybe(np.float32(-5))) == 4.0
    assert float(v) == 4.0


def test_gradients_through_loops():
    def loss(w, xs):
        carry, ys = ops.scan(lambda c, x: (ops.tanh(c * w + x), c * x), ops.zeros_like(w), xs)
        return ops.sum(carry) + ops.sum(ys**2)

    w, xs = np.array([0.3, -0.7]), np.array([[0.1, 0.2], [0.5, -0.3], [0.9, 0.4]])
    dw, dx = nacre.grad(loss, (0, 1))(w, xs)
    run = nacre.function(loss)
    for array, found in ((w, dw.numpy()), (xs, dx.numpy())):
        for at in np.ndindex(array.shape):
            values = []
            for sign in (1, -1):
                moved = array.copy()
                moved[at] += sign * 1e-6
                values.append(float(run(moved, xs) if array is w else run(w, moved)))
            np.testing.assert_allclose(
                found[at], (values[0] - values[1]) / 2e-6, rtol=1e-5, atol=1e-8
            )


@BOTH
def test_map_and_associative_scan(wrap):
    xs = np.arange(6.0, dtype="float32").reshape(3, 2)
    np.testing.assert_array_equal(
        wrap(lambda x: ops.map(lambda r: ops.sum(r) * 2, x))(xs), xs.sum(1) * 2
    )
    np.testing.assert_array_equal(
        wrap(lambda x: ops.vectorized_map(lambda r: r + 1, x))(xs), xs + 1
    )
    f = wrap(lambda x: ops.associative_scan(lambda a, b: a + b, x))
    np.testing.assert_array_equal(f(xs), np.cumsum(xs, 0))
    f = wrap(lambda x: ops.associative_scan(lambda a, b: a * b, x, reverse=True, axis=1))
    np.testing.assert_array_equal(f(xs + 1), np.cumprod((xs + 1)[:, ::-1], 1)[:, ::-1])
    f = wrap(ops.vectorize(lambda a, b: ops.maximum(a, b) * 2))
    np.testing.assert_array_equal(f(xs, np.float32(2)), np.maximum(xs, 2) * 2)
