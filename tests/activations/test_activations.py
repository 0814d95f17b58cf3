"""Activation functions against formulas, and how they are named."""

import math

import numpy as np
import pytest

from nacre import activations

X = np.linspace(-4, 4, 41, dtype="float32").reshape(1, 41)
ERF = np.vectorize(math.erf)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


FORMULAS = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "celu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "sigmoid": _sigmoid,
    "log_sigmoid": lambda x: np.log(_sigmoid(x)),
    "hard_sigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "tanh": np.tanh,
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "hard_shrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "gelu": lambda x: 0.5 * x * (1 + ERF(x / np.sqrt(2))),
    "silu": lambda x: x * _sigmoid(x),
    "swish": lambda x: x * _sigmoid(x),
    "hard_silu": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "exponential": np.exp,
    "linear": lambda x: x,
    "squareplus": lambda x: (x + np.sqrt(x * x + 4)) / 2,
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    "log_softmax": lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_values(name):
    fn = activations.get(name)
    np.testing.assert_allclose(
        np.asarray(fn(X)), FORMULAS[name](X.astype("f8")), rtol=2e-5, atol=2e-6
    )
    assert activations.get(activations.serialize(fn)) is fn


@pytest.mark.parametrize("slope", [0.0, 0.3])
@pytest.mark.parametrize("ceiling", [None, 2.0, 6.0])
@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_relu_options(slope, ceiling, threshold):
    outputs = activations.relu(X, slope, ceiling, threshold)
    expected = np.where(threshold < X, X, slope * (X - threshold))
    if ceiling is not None:
        expected = np.minimum(expected, ceiling)
    np.testing.assert_allclose(np.asarray(outputs), expected, rtol=1e-6, atol=1e-6)


def test_options():
    gelu = 0.5 * X * (1 + np.tanh(np.sqrt(2 / np.pi) * (X + 0.044715 * X**3)))
    np.testing.assert_allclose(activations.gelu(X, approximate=True), gelu, atol=1e-5)
    half = X[:, :40]
    np.testing.assert_allclose(
        activations.glu(half), half[:, :20] * _sigmoid(half[:, 20:]), atol=1e-5
    )
    np.testing.assert_allclose(
        activations.threshold(X, 0.5, -1.0), np.where(X > 0.5, X, -1.0), atol=1e-6
    )


def test_names():
    assert activations.get(None) is activations.linear
    fn = lambda x: x  # noqa: E731
    assert activations.get(fn) is fn
    with pytest.raises(ValueError, match=r"Unknown activation: 'rely'.*relu"):
        activations.get("rely")
    with pytest.raises(ValueError, match="activation"):
        activations.get(3)
