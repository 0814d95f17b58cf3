"""Convolution and pooling layers against Keras, over random arguments and sizes."""

import numpy as np
import pytest

import nacre
from tests.keras_parity.compare import OUTPUTS, assert_close, make_pair
from tests.keras_parity.test_layers import check_configuration, check_layer
from tests.layers.window_rows import ROWS

IDS = [f"{name}-{index}" for index, (name, *_) in enumerate(ROWS)]
FEW = range(30)
MANY = range(1000, 1500)

CONVOLUTIONS = ["Conv1D", "Conv2D", "Conv2D", "Conv3D"]
TRANSPOSED = ["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"]
SEPARATE = ["DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"]
POOLING = [f"{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3)]


@pytest.fixture(autouse=True)
def _fresh_names(keras):
    """Automatic names start again; what JAX compiled for one layer serves the next."""
    keras.utils.clear_session(free_memory=False)
    nacre.utils.clear_session()


class Drawing:
    """One layer with its arguments and its input, drawn from a seed; some of them do not work."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.name = self.choose(CONVOLUTIONS * 2 + TRANSPOSED + SEPARATE + POOLING)
        self.rank = int(next(c for c in self.name if c.isdigit()))
        self.groups = 1
        self.arguments = self.pooling() if "Pooling" in self.name else self.convolution()
        first = self.chance(0.25)
        self.arguments["data_format"] = "channels_first" if first else "channels_last"
        # The reach of a kernel is up to 7: now and then the input is too small.
        largest = {1: 20, 2: 11, 3: 6}[self.rank]
        spatial = [int(n) for n in self.rng.integers(2, largest, self.rank)]
        channels = self.groups * int(self.rng.integers(1, 5)) + self.chance(0.04)
        self.shape = (channels, *spatial) if first else (*spatial, channels)

    def choose(self, items):
        return items[self.rng.integers(len(items))]

    def chance(self, probability):
        return bool(self.rng.random() < probability)

    def sizes(self, largest):
        """One number for all axes, or one for each."""
        if self.chance(0.4):
            return int(self.rng.integers(1, largest + 1))
        return tuple(int(n) for n in self.rng.integers(1, largest + 1, self.rank))

    def pooling(self):
        return {
            "pool_size": self.sizes(4),
            "strides": None if self.chance(0.4) else self.sizes(3),
            "padding": self.choose(["valid", "same"]),
        }

    def convolution(self):
        arguments = {
            "kernel_size": self.sizes(4),
            "padding": self.choose(["valid", "same"]),
            "activation": self.choose([None, "leaky_relu", "tanh", "softplus"]),
            "use_bias": self.chance(0.8),
        }
        if self.name == "Conv1D" and self.chance(0.3):
            arguments["padding"] = "causal"
        stepping = self.rng.integers(20)
        if stepping < 9:
            arguments["strides"] = self.sizes(3)
        elif stepping < 15:
            arguments["dilation_rate"] = self.sizes(3)
        elif stepping == 15:  # which Keras refuses for most layers, unless both happen to be 1
            arguments["strides"], arguments["dilation_rate"] = self.sizes(2), self.sizes(2)
        if "Depthwise" in self.name or "Separable" in self.name:
            arguments["depth_multiplier"] = int(self.rng.integers(1, 4))
            if isinstance(arguments.get("strides"), tuple):  # Keras's backends want them equal
                arguments["strides"] = arguments["strides"][0]
        if "Depthwise" not in self.name:
            arguments["filters"] = int(self.rng.integers(1, 6))
        if self.name in CONVOLUTIONS and self.chance(0.4):
            self.groups = int(self.rng.integers(2, 4))
            arguments["groups"] = self.groups
            arguments["filters"] = self.groups * int(self.rng.integers(1, 4)) + self.chance(0.04)
        if self.name in TRANSPOSED and self.chance(0.4):
            strides = arguments.get("strides", 1)
            least = strides if isinstance(strides, int) else min(strides)
            arguments["output_padding"] = int(self.rng.integers(0, least + self.chance(0.1)))
        return arguments

    def build(self, lib):
        class Shift(lib.layers.Layer):
            """Adds a weight to each input: its gradient is that of the layer above by its input."""

            def build(self, input_shape):
                self.shift = self.add_weight(name="shift", shape=input_shape[1:])

            def call(self, inputs):
                return inputs + self.shift

        layer = getattr(lib.layers, self.name)(**self.arguments)
        return lib.Sequential([lib.Input(self.shape), Shift(), layer, lib.layers.Flatten()])

    def batch(self, ties):
        x = self.rng.standard_normal((3, *self.shape)).astype(np.float32)
        return np.round(x) if ties else x


def _check(keras, seed):
    drawing = Drawing(seed)
    try:
        pair = make_pair(keras, drawing.build, seed)
    except ValueError:
        with pytest.raises(ValueError, match=drawing.name):
            drawing.build(nacre)
        return
    assert tuple(pair.ours.output_shape) == tuple(pair.theirs.output_shape)
    assert [layer.name for layer in pair.ours.layers] == [y.name for y in pair.theirs.layers]
    for model in (pair.ours, pair.theirs):  # equal values stay equal
        model.layers[0].set_weights([np.zeros(drawing.shape, np.float32)])
    x = drawing.batch(ties="Pooling" in drawing.name)
    pair.compare_outputs(x)
    for model in (pair.ours, pair.theirs):
        model.compile("sgd", "mse")
        model.optimizer.learning_rate.assign(1.0)
    y = drawing.rng.standard_normal((3, pair.theirs.output_shape[-1])).astype(np.float32)
    pair.compare_gradients(x, y, tolerance=3 * OUTPUTS)


@pytest.mark.parametrize("seed", FEW)
def test_drawn_layer(keras, seed):
    _check(keras, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MANY)
def test_many_drawn_layers(keras, seed):
    _check(keras, seed)


@pytest.mark.parametrize(("name", "arguments", "shapes"), [row[:3] for row in ROWS], ids=IDS)
def test_layer(keras, name, arguments, shapes):
    check_layer(keras, name, arguments, shapes, training=False)
    check_configuration(keras, name, arguments)


@pytest.mark.parametrize("axis", [-1, 1])
def test_batch_normalization_of_images(keras, axis):
    check_layer(keras, "BatchNormalization", {"axis": axis}, [(4, 5, 3, 2)], training=True)


def test_average_over_unmasked_steps(keras):
    x = np.random.default_rng(0).standard_normal((3, 5, 2)).astype(np.float32)
    mask = np.arange(5) < np.array([[1], [3], [5]])
    for keepdims in (False, True):
        outputs = [
            np.asarray(lib.layers.GlobalAveragePooling1D(keepdims=keepdims)(x, mask=mask))
            for lib in (nacre, keras)
        ]
        assert_close(*outputs, OUTPUTS, "average")


@pytest.mark.parametrize("name", ["Conv2D", "Dense"])
def test_spectral_normalization(keras, name):
    rng = np.random.default_rng(0)
    arguments = {"Conv2D": {"filters": 4, "kernel_size": 3}, "Dense": {"units": 4}}[name]
    x = rng.standard_normal((2, 5, 5, 3)).astype(np.float32)
    theirs, ours = (
        lib.layers.SpectralNormalization(getattr(lib.layers, name)(**arguments), power_iterations=2)
        for lib in (keras, nacre)
    )
    theirs.build(x.shape)
    ours.build(x.shape)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    assert [w.trainable for w in ours.weights] == [w.trainable for w in theirs.weights]
    ours.set_weights(theirs.get_weights())
    for training in (False, True, True, False):
        outputs = [np.asarray(layer(x, training=training)) for layer in (ours, theirs)]
        assert_close(*outputs, OUTPUTS, name)
        assert_close(ours.get_weights(), theirs.get_weights(), OUTPUTS, "weights")


@pytest.mark.parametrize(
    "interpolation", ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"]
)
def test_resize(keras, interpolation):
    rng = np.random.default_rng(0)
    for size, options in [
        ((3, 11), {}),
        ((3, 11), {"antialias": True}),
        ((8, 5), {"crop_to_aspect_ratio": True, "data_format": "channels_first"}),
        ((8, 5), {"pad_to_aspect_ratio": True, "fill_value": 2.0}),
    ]:
        x = rng.standard_normal((2, 9, 7, 6)).astype(np.float32)
        outputs = [
            np.asarray(lib.ops.image.resize(x, size, interpolation, **options))
            for lib in (nacre, keras)
        ]
        assert_close(*outputs, OUTPUTS, f"{interpolation} {options}")
    pixels = rng.integers(0, 256, (2, 4, 4, 3)).astype(np.uint8)
    outputs = [
        np.asarray(lib.ops.image.resize(pixels, (8, 8), interpolation)) for lib in (nacre, keras)
    ]
    assert outputs[0].dtype == outputs[1].dtype == np.uint8
    assert np.abs(outputs[0].astype(int) - outputs[1]).max() <= 1  # halves may round either way


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_blocks_and_patches(keras, data_format):
    x = np.random.default_rng(0).standard_normal((2, 4, 8, 12)).astype(np.float32)
    calls = [
        ("depth_to_space", lambda ops: ops.depth_to_space(x, 2, data_format)),
        ("space_to_depth", lambda ops: ops.space_to_depth(x, 2, data_format)),
        (
            "extract_patches",
            lambda ops: ops.image.extract_patches(x, (2, 3), data_format=data_format),
        ),
        (
            "overlapping patches",
            lambda ops: ops.image.extract_patches(
                x[0], 3, strides=2, padding="same", data_format=data_format
            ),
        ),
    ]
    for name, call in calls:
        assert_close(np.asarray(call(nacre.ops)), np.asarray(call(keras.ops)), OUTPUTS, name)
