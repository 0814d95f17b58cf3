"""Convolution and pooling layers against Keras, over random arguments and sizes."""

import numpy as np
import pytest

from tests.keras_parity.compare import OUTPUTS, make_pair

FEW = range(30)
MANY = range(1000, 1500)

CONVOLUTIONS = ["Conv1D", "Conv2D", "Conv2D", "Conv3D"]
TRANSPOSED = ["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"]
SEPARATE = ["DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"]
POOLING = [f"{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3)]


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
            "activation": self.choose([None, "relu", "tanh", "softmax"]),
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
    import nacre

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
