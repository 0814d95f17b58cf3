import numpy as np
import pytest

import nacre
from tests.keras_parity.compare import OUTPUTS, assert_close

# Not sparsemax, which in Keras 3.15 does not sum to 1 when several values stay positive.
ACTIVATIONS = [
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "swish",
    "mish",
    "sigmoid",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "log_sigmoid",
    "tanh",
    "tanh_shrink",
    "soft_shrink",
    "hard_shrink",
    "softplus",
    "softsign",
    "sparse_plus",
    "squareplus",
    "exponential",
    "linear",
    "softmax",
    "log_softmax",
    "threshold",
    "glu",
]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(keras, name):
    rng = np.random.default_rng(0)
    x = (3 * rng.standard_normal((5, 6))).astype(np.float32)
    arguments = {"threshold": (0.5, -1.0)}.get(name, ())
    ours, theirs = (getattr(lib.activations, name)(x, *arguments) for lib in (nacre, keras))
    assert_close(np.asarray(ours), np.asarray(theirs), OUTPUTS, name)


# Class, arguments, shapes of the inputs.
LAYERS = [
    ("Dense", {"units": 4, "activation": "tanh"}, [(6, 5)]),
    ("Dense", {"units": 4, "use_bias": False}, [(6, 3, 5)]),
    ("Dense", {"units": 4, "kernel_regularizer": "l2", "bias_initializer": "ones"}, [(6, 5)]),
    ("Activation", {"activation": "softmax"}, [(6, 5)]),
    ("Flatten", {}, [(6, 3, 5)]),
    ("Flatten", {}, [(6,)]),
    ("Reshape", {"target_shape": (5, -1)}, [(6, 3, 5)]),
    ("Dropout", {"rate": 0.5}, [(6, 5)]),
    ("BatchNormalization", {}, [(6, 5)]),
    ("BatchNormalization", {"axis": 1, "scale": False}, [(6, 3, 5)]),
    ("BatchNormalization", {"momentum": 0.5, "epsilon": 0.1, "center": False}, [(6, 3, 5)]),
    ("LayerNormalization", {}, [(6, 5)]),
    ("LayerNormalization", {"axis": [1, 2], "epsilon": 0.1}, [(6, 3, 5)]),
    ("LayerNormalization", {"axis": 1, "center": False}, [(6, 3, 5)]),
    ("Rescaling", {"scale": 0.5, "offset": -1.0}, [(6, 5)]),
    ("Add", {}, [(6, 5), (6, 5), (6, 5)]),
    ("Add", {}, [(6, 1, 5), (6, 4, 1)]),
    ("Subtract", {}, [(6, 5), (6, 5)]),
    ("Multiply", {}, [(6, 5), (6, 5), (6, 1)]),
    ("Average", {}, [(6, 5), (6, 5), (6, 5)]),
    ("Maximum", {}, [(6, 5), (6, 5), (6, 5)]),
    ("Minimum", {}, [(6, 5), (6, 5)]),
    ("Concatenate", {}, [(6, 5), (6, 2)]),
    ("Concatenate", {"axis": 1}, [(6, 5, 2), (6, 3, 2)]),
    ("Dot", {"axes": 1}, [(6, 5), (6, 5)]),
    ("Dot", {"axes": -1, "normalize": True}, [(6, 3, 5), (6, 2, 5)]),
    ("Dot", {"axes": (2, 1)}, [(6, 3, 5), (6, 5, 2)]),
    ("ReLU", {}, [(6, 5)]),
    ("ReLU", {"max_value": 0.8, "negative_slope": 0.1, "threshold": 0.2}, [(6, 5)]),
    ("LeakyReLU", {}, [(6, 5)]),
    ("LeakyReLU", {"negative_slope": 0.05}, [(6, 3, 5)]),
    ("ELU", {}, [(6, 5)]),
    ("ELU", {"alpha": 0.4}, [(6, 5)]),
    ("PReLU", {}, [(6, 5)]),
    ("PReLU", {"shared_axes": [1], "alpha_regularizer": "l2"}, [(6, 3, 5)]),
    ("PReLU", {"alpha_initializer": "ones", "alpha_constraint": "non_neg"}, [(6, 3, 5)]),
    ("Softmax", {}, [(6, 5)]),
    ("Softmax", {"axis": 1}, [(6, 3, 5)]),
    ("Softmax", {"axis": [1, 2]}, [(6, 3, 5)]),
    ("Identity", {}, [(6, 5)]),
    ("Masking", {"mask_value": 0.5}, [(6, 3, 5)]),
    ("Permute", {"dims": (2, 1)}, [(6, 3, 5)]),
    ("Permute", {"dims": (3, 1, 2)}, [(6, 3, 5, 2)]),
    ("RepeatVector", {"n": 3}, [(6, 5)]),
    ("GaussianNoise", {"stddev": 0.5, "seed": 3}, [(6, 5)]),
    ("GaussianDropout", {"rate": 0.5, "seed": 3}, [(6, 5)]),
    ("AlphaDropout", {"rate": 0.5, "noise_shape": (6, 1)}, [(6, 5)]),
    ("Dropout", {"rate": 0.5, "noise_shape": (None, 1, 5), "seed": 3}, [(6, 3, 5)]),
    ("SpatialDropout1D", {"rate": 0.5}, [(6, 3, 5)]),
    ("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, [(6, 5)]),
    ("UnitNormalization", {}, [(6, 5)]),
    # Without given numbers, Keras's sees its weights in `adapt` only: test_data_sources compares.
    ("Normalization", {"mean": 0.5, "variance": 2.0}, [(6, 5)]),
    (
        "Normalization",
        {"axis": [1, 3], "mean": [[1.0] * 5] * 3, "variance": [[2.0] * 5] * 3},
        [(6, 3, 2, 5)],
    ),
    ("CenterCrop", {"height": 3, "width": 2}, [(2, 6, 5, 3)]),
    ("CenterCrop", {"height": 3, "width": 7, "data_format": "channels_first"}, [(2, 3, 6, 5)]),
    ("UnitNormalization", {"axis": [1, 2]}, [(6, 3, 5)]),
    ("RMSNormalization", {}, [(6, 5)]),
    ("RMSNormalization", {"axis": [1, 2], "epsilon": 0.1}, [(6, 3, 5)]),
    ("GroupNormalization", {"groups": 2}, [(6, 4)]),
    ("GroupNormalization", {"groups": -1, "center": False}, [(6, 3, 4)]),
    ("GroupNormalization", {"groups": 1, "axis": 1, "scale": False}, [(6, 3, 4)]),
    ("GroupNormalization", {"groups": 2, "epsilon": 0.1}, [(6, 3, 2, 4)]),
    ("BatchNormalization", {"beta_regularizer": "l1", "gamma_constraint": "non_neg"}, [(6, 5)]),
    ("Dense", {"units": 4, "kernel_constraint": "unit_norm", "bias_regularizer": "l1"}, [(6, 5)]),
    (
        "Dense",
        {"units": 3, "activity_regularizer": "l2", "kernel_initializer": "he_normal"},
        [(6, 5)],
    ),
]


@pytest.mark.parametrize(("name", "arguments", "shapes"), LAYERS)
def test_layer(keras, name, arguments, shapes):
    check_layer(keras, name, arguments, shapes, training=False)


@pytest.mark.parametrize(
    ("name", "arguments", "shapes"), [row for row in LAYERS if row[0] == "BatchNormalization"]
)
def test_layer_in_training(keras, name, arguments, shapes):
    check_layer(keras, name, arguments, shapes, training=True)


def check_layer(keras, name, arguments, shapes, training):
    rng = np.random.default_rng(1)
    x = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    x = x[0] if len(x) == 1 else x
    theirs, ours = (getattr(lib.layers, name)(**arguments) for lib in (keras, nacre))
    theirs.build(_shapes(x))
    ours.build(_shapes(x))
    weights = [rng.uniform(0.5, 1.5, w.shape).astype(np.float32) for w in theirs.get_weights()]
    for layer in (theirs, ours):
        layer.set_weights(weights)
    options = {"training": training} if name == "BatchNormalization" else {}
    outputs = [np.asarray(layer(x, **options)) for layer in (ours, theirs)]
    assert_close(*outputs, OUTPUTS, name)
    assert ours.compute_output_shape(_shapes(x)) == tuple(theirs.compute_output_shape(_shapes(x)))
    assert ours.name == theirs.name
    assert ours.supports_masking == theirs.supports_masking
    assert [w.path for w in ours.weights] == [w.path for w in theirs.weights]
    assert [w.trainable for w in ours.weights] == [w.trainable for w in theirs.weights]
    # Also what the call wrote: moving statistics.
    assert_close(ours.get_weights(), theirs.get_weights(), OUTPUTS, f"{name}'s weights")
    losses = ([float(loss) for loss in layer.losses] for layer in (ours, theirs))
    assert_close(*losses, OUTPUTS, f"{name}'s losses")


def _shapes(x):
    return [array.shape for array in x] if isinstance(x, list) else x.shape


def test_embedding(keras):
    ids = np.array([[0, 3, 3], [6, 0, 1]])
    theirs, ours = (lib.layers.Embedding(7, 4, mask_zero=True) for lib in (keras, nacre))
    outputs = [theirs(ids)]
    ours.build(ids.shape)
    ours.set_weights(theirs.get_weights())
    outputs.append(ours(ids))
    assert np.array_equal(*(np.asarray(output) for output in outputs))
    masks = [np.asarray(layer.compute_mask(ids)) for layer in (theirs, ours)]
    assert np.array_equal(*masks)


@pytest.mark.parametrize(("name", "arguments", "shapes"), LAYERS)
def test_configuration(keras, name, arguments, shapes):
    check_configuration(keras, name, arguments)


def check_configuration(keras, name, arguments):
    """What Keras's configuration says, ours says too, or a model file could not travel."""
    theirs, ours = (getattr(lib.layers, name)(**arguments) for lib in (keras, nacre))
    theirs, ours = theirs.get_config(), ours.get_config()
    assert set(ours) == set(theirs)
    for key, value in theirs.items():
        if isinstance(value, bool | int | float | str | list | tuple | None):
            assert ours[key] == value, key
