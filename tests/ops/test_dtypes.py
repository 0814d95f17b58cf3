"""Dtype rules: promotion, weak Python numbers, and what reductions return."""

import numpy as np
import pytest

from nacre import config, ops


def i32():
    return np.array([1, 2, 3], "int32")


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        (lambda: ops.add(i32(), 1), "int32"),
        (lambda: ops.add(i32(), 1.5), "float32"),
        (lambda: ops.array([1.0, 2.0], "float16") + 2, "float16"),
        (lambda: ops.array([1.0, 2.0], "float64") * 2.5, "float64"),
        (lambda: ops.array([1, 2], "int64") + ops.array([1, 2], "int32"), "int64"),
        (lambda: ops.array([1, 2], "int64") + ops.array([1.0, 2.0], "float32"), "float32"),
        (lambda: ops.array([1, 2], "uint8") + ops.array([1, 2], "int8"), "int16"),
        (lambda: ops.divide(i32(), 2), "float32"),
        (lambda: ops.divide(3, 2), "float32"),
        (lambda: ops.exp(i32()), "float32"),
        (lambda: ops.sqrt(np.array([1, 4], "int64")), "float32"),
        (lambda: ops.mean(i32()), "float32"),
        (lambda: ops.var(i32()), "float32"),
        (lambda: ops.sum(np.array([True, False])), "int32"),
        (lambda: ops.sum(np.array([1, 2], "int8")), "int32"),
        (lambda: ops.sum(np.array([1, 2], "uint8")), "uint32"),
        (lambda: ops.sum(np.array([1, 2], "int64")), "int64"),
        (lambda: ops.prod(np.array([True, False])), "int32"),
        (lambda: ops.max(np.array([True, False])), "bool"),
        (lambda: ops.cumsum(np.array([True, False])), "int32"),
        (lambda: ops.argmax(i32()), "int32"),
        (lambda: ops.argsort(np.array([3.0, 1.0])), "int32"),
        (lambda: ops.equal(i32(), 2), "bool"),
        (lambda: ops.one_hot([1, 2], 3), "float32"),
        (lambda: ops.one_hot([1, 2], 3, dtype="int32"), "int32"),
        (lambda: ops.convert_to_tensor([1, 2]), "int32"),
        (lambda: ops.convert_to_tensor([1.0, 2]), "float32"),
        (lambda: ops.convert_to_tensor(True), "bool"),
        (lambda: ops.convert_to_tensor(np.ones(2)), "float64"),
        (lambda: ops.zeros((2,)), "float32"),
        (lambda: ops.arange(3), "int32"),
        (lambda: ops.arange(0.0, 1.0, 0.5), "float32"),
        (lambda: ops.linspace(0, 1, 3), "float32"),
        (lambda: ops.relu(i32()), "int32"),
        (lambda: ops.sigmoid(i32()), "float32"),
        (lambda: ops.floor(i32()), "float32"),
        (lambda: ops.matmul(np.ones((2, 2), "int8"), np.ones((2, 2), "int8")), "int32"),
        (lambda: ops.where(np.array([True, False]), 1, 2.0), "float32"),
        (lambda: ops.median(i32()), "float32"),
        (lambda: ops.concatenate([i32(), np.ones(2, "float32")]), "float32"),
        (lambda: ops.bitwise_not(np.array([True])), "bool"),
    ],
)
def test_result_dtype(op, expected):
    assert op().dtype == expected


def test_floatx_rules_what_has_no_dtype():
    config.set_floatx("float64")
    try:
        assert ops.zeros(2).dtype == "float64"
        assert ops.exp([1, 2]).dtype == "float64"
        assert ops.convert_to_tensor(1.5).dtype == "float64"
        assert ops.add(ops.array([1, 2]), 1.5).dtype == "float64"
    finally:
        config.set_floatx("float32")


@pytest.mark.parametrize("source", ["float32", "float64", "int32", "uint8", "bool", "float16"])
@pytest.mark.parametrize(
    "target", ["float32", "float64", "int32", "int64", "uint8", "bool", "float16"]
)
def test_cast(source, target):
    array = np.array([0, 1, 2, 100, 127]).astype(source)
    np.testing.assert_array_equal(ops.cast(array, target), array.astype(target))


def test_cast_truncates():
    np.testing.assert_array_equal(ops.cast([-1.7, 1.7, 0.4], "int32"), [-1, 1, 0])
    np.testing.assert_array_equal(ops.cast([-1.7, 0.0, 0.4], "bool"), [True, False, True])


def test_saturate_cast():
    np.testing.assert_array_equal(ops.saturate_cast([-5.0, 300.0, 7.9], "uint8"), [0, 255, 7])
    np.testing.assert_array_equal(
        ops.saturate_cast(np.array([2**40, -3]), "int32"), [2**31 - 1, -3]
    )
    assert ops.saturate_cast([1e20], "int32").numpy()[0] == 2**31 - 128


def test_bfloat16():
    x = ops.cast([1.0, 2.5, -3.0], "bfloat16")
    assert x.dtype == "bfloat16"
    np.testing.assert_array_equal(ops.cast(x * 2, "float32"), [2.0, 5.0, -6.0])
    assert "2.5" in repr(x)


@pytest.mark.parametrize("name", ["float33", "complex64", "str", 3])
def test_unknown_dtype(name):
    with pytest.raises((ValueError, TypeError)):
        ops.cast([1.0], name)
