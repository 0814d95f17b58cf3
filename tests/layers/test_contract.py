"""What every layer owes: shapes, dtypes, weights in order, a configuration that makes it again."""

import numpy as np
import pytest

import nacre
from nacre import layers, saving
from tests.layers.window_rows import ROWS

# Layer, its arguments, the shapes of its inputs, the names of its weights, its output shape.
TABLE = [
    ("Dense", {"units": 4}, [(3, 5)], ["kernel", "bias"], (3, 4)),
    ("Dense", {"units": 4, "activation": "relu"}, [(3, 2, 5)], ["kernel", "bias"], (3, 2, 4)),
    ("Dense", {"units": 4, "use_bias": False}, [(2, 3, 2, 5)], ["kernel"], (2, 3, 2, 4)),
    ("Dense", {"units": 2, "kernel_regularizer": "l2"}, [(3, 5)], ["kernel", "bias"], (3, 2)),
    ("Activation", {"activation": "tanh"}, [(3, 5)], [], (3, 5)),
    ("ReLU", {"max_value": 0.5, "negative_slope": 0.1}, [(3, 5)], [], (3, 5)),
    ("LeakyReLU", {}, [(3, 5)], [], (3, 5)),
    ("ELU", {"alpha": 0.5}, [(3, 5)], [], (3, 5)),
    ("PReLU", {}, [(3, 4, 5)], ["alpha"], (3, 4, 5)),
    ("PReLU", {"shared_axes": [1]}, [(3, 4, 5)], ["alpha"], (3, 4, 5)),
    ("Softmax", {}, [(3, 5)], [], (3, 5)),
    ("Softmax", {"axis": 1}, [(3, 4, 5)], [], (3, 4, 5)),
    ("Flatten", {}, [(3, 4, 5)], [], (3, 20)),
    ("Flatten", {}, [(3,)], [], (3, 1)),
    ("Reshape", {"target_shape": (2, -1)}, [(3, 8)], [], (3, 2, 4)),
    ("Permute", {"dims": (2, 1)}, [(3, 4, 5)], [], (3, 5, 4)),
    ("RepeatVector", {"n": 3}, [(2, 5)], [], (2, 3, 5)),
    ("Dropout", {"rate": 0.5}, [(3, 5)], [], (3, 5)),
    ("SpatialDropout1D", {"rate": 0.5}, [(3, 4, 5)], [], (3, 4, 5)),
    ("GaussianNoise", {"stddev": 0.5}, [(3, 5)], [], (3, 5)),
    ("GaussianDropout", {"rate": 0.5}, [(3, 5)], [], (3, 5)),
    ("AlphaDropout", {"rate": 0.5}, [(3, 5)], [], (3, 5)),
    ("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, [(3, 5)], [], (3, 5)),
    (
        "BatchNormalization",
        {},
        [(3, 5)],
        ["gamma", "beta", "moving_mean", "moving_variance"],
        (3, 5),
    ),
    (
        "BatchNormalization",
        {"axis": 1, "scale": False},
        [(3, 4, 5)],
        ["beta", "moving_mean", "moving_variance"],
        (3, 4, 5),
    ),
    ("LayerNormalization", {}, [(3, 5)], ["gamma", "beta"], (3, 5)),
    ("LayerNormalization", {"axis": [1, 2]}, [(3, 4, 5)], ["gamma", "beta"], (3, 4, 5)),
    ("LayerNormalization", {"axis": 1, "center": False}, [(3, 4, 5)], ["gamma"], (3, 4, 5)),
    ("RMSNormalization", {}, [(3, 5)], ["scale"], (3, 5)),
    ("GroupNormalization", {"groups": 2}, [(3, 4, 6)], ["gamma", "beta"], (3, 4, 6)),
    ("UnitNormalization", {}, [(3, 5)], [], (3, 5)),
    ("Normalization", {}, [(3, 5)], ["mean", "variance", "count"], (3, 5)),
    ("Normalization", {"axis": [1, 2]}, [(3, 4, 5)], ["mean", "variance", "count"], (3, 4, 5)),
    ("Normalization", {"mean": 1, "variance": 4, "invert": True}, [(3, 5)], [], (3, 5)),
    ("Add", {}, [(3, 5), (3, 5), (3, 5)], [], (3, 5)),
    ("Add", {}, [(3, 5), (3, 4, 5)], [], (3, 4, 5)),
    ("Subtract", {}, [(3, 5), (3, 5)], [], (3, 5)),
    ("Multiply", {}, [(3, 5), (3, 1)], [], (3, 5)),
    ("Average", {}, [(3, 5), (3, 5)], [], (3, 5)),
    ("Maximum", {}, [(3, 5), (3, 5)], [], (3, 5)),
    ("Minimum", {}, [(3, 5), (3, 5)], [], (3, 5)),
    ("Concatenate", {}, [(3, 5), (3, 2)], [], (3, 7)),
    ("Concatenate", {"axis": 1}, [(3, 5, 2), (3, 1, 2)], [], (3, 6, 2)),
    ("Dot", {"axes": 1}, [(3, 5), (3, 5)], [], (3, 1)),
    ("Dot", {"axes": (1, 2), "normalize": True}, [(3, 5, 2), (3, 4, 5)], [], (3, 2, 4)),
    ("Identity", {}, [(3, 5)], [], (3, 5)),
    ("Masking", {}, [(3, 4, 5)], [], (3, 4, 5)),
    ("Rescaling", {"scale": 0.5, "offset": -1.0}, [(3, 5)], [], (3, 5)),
    ("Embedding", {"input_dim": 9, "output_dim": 4}, [(3, 5)], ["embeddings"], (3, 5, 4)),
    *ROWS,
]
IDS = [f"{name}-{index}" for index, (name, *_) in enumerate(TABLE)]


def _inputs(name, shapes, dtype="float32"):
    rng = np.random.default_rng(0)
    if name == "Embedding":
        return rng.integers(0, 9, shapes[0])
    arrays = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    return arrays if len(arrays) > 1 else arrays[0]


def _shapes(shapes, batch=None):
    found = [shape if batch is None else (None, *shape[1:]) for shape in shapes]
    return found if len(found) > 1 else found[0]


@pytest.mark.parametrize(("name", "arguments", "shapes", "weights", "expected"), TABLE, ids=IDS)
def test_layer(name, arguments, shapes, weights, expected, each_backend):
    layer = getattr(layers, name)(**arguments)
    inputs = _inputs(name, shapes)
    outputs = layer(inputs)
    assert tuple(outputs.shape) == expected
    assert outputs.dtype == "float32"
    assert layer.built
    assert [weight.name for weight in layer.weights] == weights
    assert [weight.path for weight in layer.weights] == [f"{layer.name}/{w}" for w in weights]
    assert layer.count_params() == sum(np.prod(w.shape, dtype=int) for w in layer.weights)
    assert tuple(layer.compute_output_shape(_shapes(shapes))) == expected

    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    again(inputs)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(np.asarray(again(inputs)), np.asarray(outputs))


@pytest.mark.parametrize(("name", "arguments", "shapes", "weights", "expected"), TABLE, ids=IDS)
def test_float64(name, arguments, shapes, weights, expected):
    layer = getattr(layers, name)(**arguments, dtype="float64")
    outputs = layer(_inputs(name, shapes, "float64"))
    assert outputs.dtype == "float64"
    assert all(w.dtype == "float64" for w in layer.weights if w.name != "count")
    training = layer(_inputs(name, shapes, "float64"), training=True)
    assert training.dtype == "float64"
    assert tuple(training.shape) == expected


@pytest.mark.parametrize(("name", "arguments", "shapes", "weights", "expected"), TABLE, ids=IDS)
def test_placeholders(name, arguments, shapes, weights, expected):
    """With an unknown batch size the functional API finds the same shape."""
    dtype = "int32" if name == "Embedding" else "float32"
    inputs = [layers.Input(shape[1:], dtype=dtype) for shape in shapes]
    layer = getattr(layers, name)(**arguments)
    outputs = layer(inputs if len(inputs) > 1 else inputs[0])
    assert tuple(outputs.shape) == (None, *expected[1:])
    assert tuple(layer.compute_output_shape(_shapes(shapes, None))) == expected
    model = nacre.Model(inputs, outputs)
    values = _inputs(name, shapes)
    np.testing.assert_allclose(
        np.asarray(model(values)), np.asarray(layer(values)), rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize(("name", "arguments", "shapes", "weights", "expected"), TABLE, ids=IDS)
def test_serialization(name, arguments, shapes, weights, expected):
    import json

    layer = getattr(layers, name)(**arguments)
    layer(_inputs(name, shapes))
    config = layers.serialize(layer)
    assert config["module"] == "keras.layers"
    assert config["class_name"] == name
    again = layers.deserialize(json.loads(json.dumps(config)))
    assert type(again) is type(layer)
    assert [w.shape for w in again.weights] == [w.shape for w in layer.weights]
    strip = lambda config: json.loads(json.dumps(saving.serialize_keras_object(config)))  # noqa: E731
    assert strip(again.get_config()) == strip(layer.get_config())


def test_unknown_arguments_are_named():
    with pytest.raises(ValueError, match=r"Dense.*`sizes`"):
        layers.Dense(3, sizes=4)


@pytest.mark.parametrize("units", [0, -1, 2.5, None, "3", True])
def test_units(units):
    with pytest.raises(ValueError, match=r'Dense "dense.*positive integer'):
        layers.Dense(units)


def test_shape_errors_name_layer_and_shapes():
    layer = layers.Dense(3, name="head")
    layer(np.zeros((2, 784), "float32"))
    with pytest.raises(ValueError) as error:
        layer(np.zeros((32, 28, 28), "float32"))
    assert str(error.value) == 'Dense "head": expected last axis 784. Received shape (32, 28, 28).'
    with pytest.raises(ValueError, match=r'Dense "dense.*rank at least 2.*\(5,\)'):
        layers.Dense(3)(np.zeros(5, "float32"))
    with pytest.raises(ValueError, match=r'Reshape "reshape.*\(None, 7\)'):
        layers.Reshape((2, 3))(np.zeros((4, 7), "float32"))
    with pytest.raises(ValueError, match=r'Concatenate "concatenate'):
        layers.Concatenate()([np.zeros((2, 3), "f"), np.zeros((3, 3), "f")])
    with pytest.raises(ValueError, match=r'Add "add.*broadcast'):
        layers.Add()([np.zeros((2, 3), "f"), np.zeros((2, 4), "f")])
    with pytest.raises(ValueError, match=r'Add "add.*list of inputs'):
        layers.Add()(np.zeros((2, 3), "f"))
    for bad in (3.0, "text", [1, 2], [[1, 2], [3]]):
        with pytest.raises(ValueError, match=r'Dense "head": expected a tensor or an array'):
            layer(bad)
    with pytest.raises(ValueError, match=r'Dense "dense.*dtype <U1'):
        layers.Dense(3)(np.array([["a"]]))
