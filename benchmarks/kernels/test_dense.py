"""A dense layer with ReLU: forward, and forward with all three gradients."""

import numpy as np
import pytest

import nacre
from benchmarks.kernels.common import check, read_shapes

SHAPES = read_shapes("dense")


def _arrays(shape):
    batch, inputs, units = shape
    rng = np.random.default_rng(0)
    sizes = {"x": (batch, inputs), "kernel": (inputs, units), "bias": (units,)}
    sizes["upstream"] = (batch, units)
    return {key: rng.uniform(-1, 1, size).astype(np.float32) for key, size in sizes.items()}


def _reference(arrays):
    x, kernel, bias, upstream = (value.astype(np.float64) for value in arrays.values())
    y = np.maximum(x @ kernel + bias, 0)
    inner = upstream * (y > 0)
    return y, inner @ kernel.T, x.T @ inner, inner.sum(axis=0)


def _numpy_forward(arrays):
    x, kernel, bias, _ = arrays.values()
    y = np.zeros((len(x), len(bias)), np.float32)

    def work():
        np.matmul(x, kernel, out=y)
        np.add(y, bias, out=y)
        np.maximum(y, 0, out=y)

    return work, lambda: [y]


def _numpy_backward(arrays):
    x, kernel, bias, upstream = arrays.values()
    forward, (y,) = (made := _numpy_forward(arrays))[0], made[1]()
    inner = np.zeros_like(y)
    mask = np.zeros(y.shape, bool)
    gradients = [np.zeros_like(array) for array in (x, kernel, bias)]

    def work():
        forward()
        np.greater(y, 0, out=mask)
        np.multiply(upstream, mask, out=inner)
        np.matmul(inner, kernel.T, out=gradients[0])
        np.matmul(x.T, inner, out=gradients[1])
        np.sum(inner, axis=0, out=gradients[2])

    return work, lambda: [y, *gradients]


def _layer(x, kernel, bias):
    return nacre.ops.relu(nacre.ops.add(nacre.ops.matmul(x, kernel), bias))


def _nacre_forward(arrays):
    x, kernel, bias, _ = map(nacre.ops.convert_to_tensor, arrays.values())
    y = nacre.Variable(np.zeros((x.shape[0], bias.shape[0]), np.float32))

    @nacre.function
    def forward(x, kernel, bias):
        y.assign(_layer(x, kernel, bias))

    return lambda: forward(x, kernel, bias), lambda: [y.numpy()]


def _nacre_backward(arrays):
    tensors = [nacre.ops.convert_to_tensor(array) for array in arrays.values()]
    x, _, bias, _ = arrays.values()
    y = nacre.Variable(np.zeros((len(x), len(bias)), np.float32))
    gradients = [nacre.Variable(np.zeros_like(array)) for array in list(arrays.values())[:3]]

    @nacre.function
    def backward(x, kernel, bias, upstream):
        with nacre.GradientTape() as tape:
            value = _layer(x, kernel, bias)
        y.assign(value)
        found = tape.gradient(value, [x, kernel, bias], upstream)
        for variable, gradient in zip(gradients, found, strict=True):
            variable.assign(gradient)

    return lambda: backward(*tensors), lambda: [v.numpy() for v in (y, *gradients)]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: "x".join(map(str, s)))
def test_dense_forward(measure, library, shape):
    arrays = _arrays(shape)
    work, results = {"numpy": _numpy_forward, "nacre": _nacre_forward}[library](arrays)
    work()
    check("y", results()[0], _reference(arrays)[0], shape[1])
    batch, inputs, units = shape
    measure(f"dense forward {batch} x {inputs} x {units}", work, 2.0 * batch * inputs * units)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: "x".join(map(str, s)))
def test_dense_forward_and_backward(measure, library, shape):
    arrays = _arrays(shape)
    work, results = {"numpy": _numpy_backward, "nacre": _nacre_backward}[library](arrays)
    work()
    names = ("y", "gradient of x", "gradient of kernel", "gradient of bias")
    for name, got, expected in zip(names, results(), _reference(arrays), strict=True):
        check(name, got, expected, max(shape))
    batch, inputs, units = shape
    measure(f"dense + gradients {batch} x {inputs} x {units}", work, 6.0 * batch * inputs * units)
