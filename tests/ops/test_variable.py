"""Variables: creation, assignment, use in ops and in traced functions."""

import copy

import numpy as np
import pytest

import nacre
from nacre import Variable, ops


def test_creation():
    v = Variable(np.ones((2, 3), "float32"), name="kernel")
    assert (v.shape, v.dtype, v.name, v.path, v.ndim) == ((2, 3), "float32", "kernel", "kernel", 2)
    assert v.trainable
    assert Variable([1, 2]).dtype == "int32"
    assert Variable(1.5).dtype == "float32"
    assert Variable([1, 2], dtype="float32").dtype == "float32"
    with nacre.name_scope("layer"):
        assert Variable(0.0, name="bias").path == "layer/bias"


def test_initializer_function():
    v = Variable(lambda shape, dtype: ops.ones(shape, dtype) * 2, shape=(2, 2), dtype="float64")
    assert v.dtype == "float64"
    np.testing.assert_array_equal(v, np.full((2, 2), 2.0))


def test_made_inside_a_traced_function():
    made = []

    @nacre.function
    def step(x):
        if not made:
            made.append(Variable(lambda shape, dtype: ops.ones(shape, dtype), shape=(3,)))
        return x + made[0]

    np.testing.assert_array_equal(step(np.zeros(3, "float32")), [1, 1, 1])
    made[0].assign([5.0, 5, 5])
    np.testing.assert_array_equal(step(np.zeros(3, "float32")), [5, 5, 5])


@pytest.mark.parametrize(
    "arguments",
    [
        {"initializer": lambda shape, dtype: 0.0},
        {"initializer": [1.0], "name": "a/b"},
        {"initializer": [1.0], "shape": (2,)},
        {"initializer": [1.0], "aggregation": "median"},
        {"initializer": [1.0], "synchronization": "often"},
        {"initializer": [1.0], "dtype": "float33"},
        {"initializer": [[1.0], [1.0, 2.0]]},
        {"initializer": None},
    ],
)
def test_bad_arguments(arguments):
    with pytest.raises((ValueError, TypeError)):
        Variable(**arguments)


def test_unknown_argument():
    with pytest.raises(TypeError, match="speed"):
        Variable([1.0], speed=3)


def test_assignment():
    v = Variable([1.0, 2.0])
    v.assign([3, 4])
    np.testing.assert_array_equal(v.numpy(), [3, 4])
    v.assign_add(1)
    v.assign_sub(np.array([1.0, 0.5]))
    np.testing.assert_array_equal(v.numpy(), [3, 4.5])
    assert v.dtype == "float32"
    before = v.value
    v.assign([0.0, 0.0])
    np.testing.assert_array_equal(before, [3, 4.5])
    with pytest.raises(ValueError, match="shape"):
        v.assign([1.0, 2.0, 3.0])


def test_operators_and_ops():
    v = Variable([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(v * 2 + v, [3, 6, 9])
    np.testing.assert_array_equal(1 - v, [0, -1, -2])
    np.testing.assert_array_equal(np.ones(3, "float32") + v, [2, 3, 4])
    np.testing.assert_array_equal(v[1:], [2, 3])
    np.testing.assert_array_equal(v > 1, [False, True, True])
    np.testing.assert_array_equal(ops.square(v), [1, 4, 9])
    np.testing.assert_array_equal(np.asarray(v), [1, 2, 3])
    assert len({v, v}) == 1
    assert float(Variable(2.0)) == 2.0
    assert "path=" in repr(v)


def test_properties():
    v = Variable([1.0])
    v.trainable = False
    assert not v.trainable
    v.constraint = abs
    v.regularizer = abs
    assert v.constraint is abs
    with pytest.raises(ValueError):
        v.constraint = 3
    with pytest.raises(ValueError):
        v.regularizer = "l2"


def test_deepcopy_is_independent():
    v = Variable([1.0, 2.0], name="w", trainable=False)
    other = copy.deepcopy(v)
    other.assign([5.0, 6.0])
    np.testing.assert_array_equal(v, [1, 2])
    assert other.name == "w"
    assert not other.trainable


def test_reads_and_writes_in_a_traced_function():
    v = Variable(1.0)

    @nacre.function
    def step(x):
        before = v + 0.0
        v.assign_add(x)
        after = v * 1.0
        v.assign(v * 10)
        return before, after

    before, after = step(np.float32(2))
    assert (float(before), float(after), float(v)) == (1.0, 3.0, 30.0)
    step(np.float32(1))
    assert float(v) == 310.0
    assert step.num_traces == 1
