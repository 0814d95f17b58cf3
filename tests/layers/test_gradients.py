"""Gradients of the layers by weights and inputs against central differences, in float64."""

import numpy as np
import pytest

import nacre
from nacre import layers, ops
from tests.layers.window_rows import GRADIENTS

CASES = [
    ("Dense", {"units": 3, "activation": "tanh"}, [(4, 5)]),
    ("Dense", {"units": 3, "activation": "softmax"}, [(2, 3, 5)]),
    ("PReLU", {}, [(4, 5)]),
    ("BatchNormalization", {}, [(6, 3)]),
    ("BatchNormalization", {"axis": 1}, [(4, 3, 2)]),
    ("LayerNormalization", {}, [(4, 5)]),
    ("LayerNormalization", {"axis": [1, 2]}, [(3, 4, 2)]),
    ("RMSNormalization", {}, [(4, 5)]),
    ("GroupNormalization", {"groups": 2}, [(3, 2, 4)]),
    ("UnitNormalization", {}, [(4, 5)]),
    ("Softmax", {"axis": 1}, [(3, 4, 2)]),
    ("Multiply", {}, [(3, 4), (3, 4)]),
    ("Maximum", {}, [(3, 4), (3, 4)]),
    ("Concatenate", {"axis": 1}, [(3, 2, 4), (3, 1, 4)]),
    ("Dot", {"axes": (1, 2), "normalize": True}, [(2, 4, 3), (2, 5, 4)]),
    ("Rescaling", {"scale": [1.0, 2.0, 3.0], "offset": 1.0}, [(2, 3)]),
    *GRADIENTS,
]


def _numeric(f, array, step=1e-6):
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + step
        above = f()
        array[index] = kept - step
        gradient[index] = (above - f()) / (2 * step)
        array[index] = kept
    return gradient


@pytest.mark.parametrize(("name", "arguments", "shapes"), CASES)
@pytest.mark.parametrize("training", [False, True])
def test_gradients(name, arguments, shapes, training, each_backend):
    rng = np.random.default_rng(1)
    layer = getattr(layers, name)(**arguments, dtype="float64")
    arrays = [rng.standard_normal(shape) for shape in shapes]
    layer.build(shapes if len(shapes) > 1 else shapes[0])
    layer.set_weights([rng.standard_normal(w.shape) ** 2 + 0.3 for w in layer.weights])
    state = layer.get_weights()
    target = None

    def loss(inputs):
        nonlocal target
        outputs = layer(inputs if len(inputs) > 1 else inputs[0], training=training)
        if target is None:
            target = rng.standard_normal(outputs.shape)
        return ops.sum(ops.multiply(outputs, target))

    def value():
        result = float(loss([ops.convert_to_tensor(a) for a in arrays]))
        for variable, kept in zip(layer.non_trainable_variables, fixed, strict=True):
            variable.assign(kept)
        return result

    fixed = [v.numpy() for v in layer.non_trainable_variables]
    variables = layer.trainable_variables
    inputs = [nacre.Variable(a, name="x") for a in arrays]
    with nacre.GradientTape() as tape:
        total = loss([variable.value for variable in inputs])
    gradients = tape.gradient(total, [*inputs, *variables])
    layer.set_weights(state)
    for gradient, array in zip(gradients, arrays, strict=False):
        np.testing.assert_allclose(gradient, _numeric(value, array), rtol=1e-5, atol=1e-6)
    for gradient, variable in zip(gradients[len(arrays) :], variables, strict=True):
        array = variable.numpy()

        def shifted(variable=variable, array=array):
            variable.assign(array)
            return value()

        np.testing.assert_allclose(gradient, _numeric(shifted, array), rtol=1e-5, atol=1e-6)


def test_embedding_gradient_sums_repeated_rows(each_backend):
    layer = layers.Embedding(4, 2)
    ids = np.array([[0, 2, 2]])
    layer(ids)
    with nacre.GradientTape() as tape:
        total = ops.sum(layer(ids) * np.array([[[1.0, 2], [3, 4], [5, 6]]], "float32"))
    (gradient,) = tape.gradient(total, layer.trainable_variables)
    np.testing.assert_allclose(gradient, [[1, 2], [0, 0], [8, 10], [0, 0]])
