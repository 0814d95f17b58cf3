"""Convolution and pooling over random geometries: every engine against the reference backend."""

import numpy as np
import pytest

from nacre import _core, config
from nacre._core import Shape
from tests.ops.engines import ENGINES, engine


class Drawing:
    """Sizes of one case, perhaps unlike any that padding by name would give."""

    def __init__(self, seed):
        rng = self.rng = np.random.default_rng(seed)
        rank = int(rng.integers(1, 4))
        draw = lambda low, high: [int(n) for n in rng.integers(low, high, rank)]  # noqa: E731
        self.groups, share = int(rng.integers(1, 4)), int(rng.integers(1, 6))
        filters = int(rng.choice([1, 2, 3, 5, 17, 40, 70]))
        if rng.random() < 0.25:
            self.groups, share, filters = int(rng.integers(1, 80)), 1, 1
        self.spatial, self.taps, self.out = draw(1, 8), draw(1, 4), draw(1, 6)
        self.strides, self.dilation, self.low = draw(1, 4), draw(1, 3), draw(0, 3)
        self.batch = int(rng.integers(0, 4))
        self.channels, self.filters = share * self.groups, filters * self.groups
        self.kernel = (*self.taps, share, self.filters)
        self.dtype = str(rng.choice(["float32", "float64"]))

    def array(self, *shape, whole=False):
        values = self.rng.normal(size=shape)
        return _core.convert((np.round(values) if whole else values).astype(self.dtype))

    def convolution(self, size):
        return {
            "strides": self.strides,
            "dilation": self.dilation,
            "low": Shape(self.low),
            "size": Shape(size),
            "groups": self.groups,
        }

    def pooling(self, size):
        return {
            "window": self.taps,
            "strides": self.strides,
            "low": Shape(self.low),
            "size": Shape(size),
        }

    def calls(self):
        """Every op with its operands and attributes."""
        x = self.array(self.batch, *self.spatial, self.channels)
        dy = self.array(self.batch, *self.out, self.filters)
        kernel = self.array(*self.kernel)
        yield "conv", [x, kernel], self.convolution(self.out)
        yield "conv_input_gradient", [dy, kernel], self.convolution(self.spatial)
        yield "conv_kernel_gradient", [x, dy], self.convolution(self.taps)
        ties = self.array(self.batch, *self.spatial, self.channels, whole=True)
        dy = self.array(self.batch, *self.out, self.channels)
        index = _core.call("max_pool", [ties], self.pooling(self.out))[1]
        yield "max_pool", [ties], self.pooling(self.out)
        yield "max_pool_gradient", [dy, index], self.pooling(self.spatial)
        yield "max_pool_gather", [x, index], self.pooling(self.out)
        yield "average_pool", [x], self.pooling(self.out)
        yield "average_pool_gradient", [dy], self.pooling(self.spatial)


def results(op, operands, attributes):
    # Tensors belong to the backend that made them: arrays travel.
    found = _core.call(op, [_core.convert(a) for a in operands], attributes)
    return [np.asarray(r) for r in (found if isinstance(found, (list, tuple)) else [found])]


@pytest.mark.parametrize("seed", range(60))
def test_random_geometry(seed):
    drawing = Drawing(seed)
    with engine("reference"):
        cases = [(op, [np.asarray(a) for a in xs], at) for op, xs, at in drawing.calls()]
        expected = [results(*case) for case in cases]
    for name in ENGINES[1:]:
        with engine(name):
            for case, wanted in zip(cases, expected, strict=True):
                for a, b in zip(results(*case), wanted, strict=True):
                    assert a.dtype == b.dtype
                    tolerance = 4e-6 if a.dtype == np.float32 else 1e-13
                    scale = np.max(np.abs(b), initial=1e-3, where=np.isfinite(b))
                    np.testing.assert_allclose(
                        a, b, rtol=tolerance, atol=tolerance * scale, err_msg=f"{name} {case[0]}"
                    )


@pytest.mark.parametrize("name", ENGINES[1:])
def test_thread_count_does_not_change_the_bits(name):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 19, 17, 21)).astype("float32")
    kernel = rng.normal(size=(3, 3, 21, 37)).astype("float32")
    dy = rng.normal(size=(4, 10, 9, 37)).astype("float32")
    attributes = {
        "strides": [2, 2],
        "dilation": [1, 1],
        "low": Shape([1, 1]),
        "groups": 1,
    }
    cases = [
        ("conv", [x, kernel], {**attributes, "size": Shape([10, 9])}),
        ("conv_input_gradient", [dy, kernel], {**attributes, "size": Shape([19, 17])}),
        ("conv_kernel_gradient", [x, dy], {**attributes, "size": Shape([3, 3])}),
    ]
    before = config.get_num_threads()
    try:
        with engine(name):
            for case in cases:
                found = []
                for threads in (1, 2, 3, 5):
                    config.set_num_threads(threads)
                    found.append(results(*case)[0].tobytes())
                assert len(set(found)) == 1, case[0]
    finally:
        config.set_num_threads(before)


@pytest.mark.parametrize("name", ENGINES)
def test_maxima_that_are_not_numbers(name):
    nan, inf = np.nan, np.inf
    x = np.array([1, nan, 3, nan, -inf, -inf, 2, 2], "float32").reshape(1, 8, 1)
    attributes = {"window": [2], "strides": [2], "low": Shape([0]), "size": Shape([4])}
    with engine(name):
        y, index = results("max_pool", [x], attributes)
    np.testing.assert_array_equal(y.ravel(), [nan, nan, -inf, 2])
    np.testing.assert_array_equal(index.ravel(), [1, 1, 0, 0])


@pytest.mark.parametrize("name", ENGINES)
def test_the_first_of_equal_maxima_gets_the_gradient(name):
    import nacre
    from nacre import ops

    x = np.array([[5, 5, 1], [5, 5, 2], [0, 2, 2]], "float32").reshape(1, 3, 3, 1)
    with engine(name):
        slope = nacre.grad(
            lambda v: ops.sum(
                ops.max_pool(v, 2, 1) * np.arange(1.0, 5.0, dtype="f").reshape(1, 2, 2, 1)
            )
        )(x)
    expected = [[1, 2, 0], [3, 4, 0], [0, 0, 0]]
    np.testing.assert_array_equal(np.asarray(slope).reshape(3, 3), expected)


@pytest.mark.parametrize("name", ENGINES[1:])
def test_windows_far_larger_than_the_input(name):
    """What lies outside of the image takes no time; the reference backend walks over it."""
    from nacre import ops

    x = np.arange(12, dtype="float32").reshape(1, 3, 4, 1)
    with engine(name):
        assert np.asarray(ops.max_pool(x, (30000, 40000), (1, 1), "same")).max() == 11
        found = np.asarray(ops.average_pool(x, (30000, 40000), (1, 1), "same"))
    np.testing.assert_allclose(found, np.full_like(x, 5.5), rtol=1e-6)


def test_windows_of_too_many_places():
    from nacre import ops

    with pytest.raises(ValueError, match="too many places"):
        ops.max_pool(np.zeros((1, 3, 3, 1), "float32"), 2**17, 1, "same")
