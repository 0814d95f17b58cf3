"""Mistakes with images: each is a clear error that names the layer."""

import numpy as np
import pytest

import nacre
from nacre import layers, ops


def images(*shape, dtype="float32"):
    return np.zeros(shape, dtype)


# A layer's constructor, its arguments, and what the message must mention besides the layer.
ARGUMENTS = [
    ("Conv2D", {"filters": 2, "kernel_size": (5,)}, "kernel_size.*2 integers.*(5,)"),
    ("Conv2D", {"filters": 2, "kernel_size": 0}, "kernel_size"),
    ("Conv2D", {"filters": 2, "kernel_size": 2.5}, "kernel_size"),
    ("Conv2D", {"filters": 0, "kernel_size": 2}, "filters"),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "strides": 0}, "strides"),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "strides": 2**40}, "strides"),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "padding": "full"}, "padding.*'valid', 'same'"),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "padding": "causal"}, "padding"),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "groups": 2}, "filters=3, groups=2"),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "groups": 0}, "groups"),
    (
        "Conv2D",
        {"filters": 3, "kernel_size": 3, "strides": 2, "dilation_rate": (1, 2)},
        "strides.*dilation_rate",
    ),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "lora_rank": 4}, "lora_rank.*not available"),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "size": 4}, "unknown.*`size`"),
    (
        "Conv2DTranspose",
        {"filters": 3, "kernel_size": 3, "strides": 2, "output_padding": 2},
        "output_padding=2, strides=2",
    ),
    ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 0}, "depth_multiplier"),
    ("MaxPooling2D", {"pool_size": (2, 2, 2)}, "pool_size"),
    ("MaxPooling2D", {"strides": 0}, "strides"),
    ("AveragePooling1D", {"pool_size": 2, "padding": "causal"}, "padding"),
    ("AdaptiveMaxPooling2D", {"output_size": (1, 2, 3)}, "output_size"),
    ("ZeroPadding2D", {"padding": (1, 2, 3)}, "padding"),
    ("ZeroPadding2D", {"padding": -1}, "padding"),
    ("Cropping2D", {"cropping": ((1, 1), -1)}, "cropping"),
    ("UpSampling2D", {"size": 0}, "size"),
    ("UpSampling2D", {"interpolation": "cubic"}, "interpolation.*'bicubic'"),
    ("Resizing", {"height": 0, "width": 3}, "height"),
    (
        "Resizing",
        {"height": 2, "width": 3, "crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True},
        "crop_to_aspect_ratio",
    ),
    ("Resizing", {"height": 2, "width": 3, "fill_mode": "wrap"}, "fill_mode"),
    ("SpectralNormalization", {"layer": 3}, "a layer"),
    ("BatchNormalization", {"synchronized": True}, "synchronized.*not available"),
]


@pytest.mark.parametrize(("name", "arguments", "mentions"), ARGUMENTS)
def test_arguments(name, arguments, mentions):
    with pytest.raises(ValueError, match=f"(?s){name}.*{mentions}"):
        getattr(layers, name)(**arguments)


# A layer, what it is built with if anything, what it is then called on, and what is mentioned.
INPUTS = [
    (lambda: layers.Conv2D(2, 5), None, (2, 4, 9, 3), r"\(5, 5\).*\(2, 4, 9, 3\)"),
    (lambda: layers.Conv2D(2, 5), (2, 9, 9, 3), (2, 4, 9, 3), r"\(5, 5\).*\(2, 4, 9, 3\)"),
    (lambda: layers.Conv2D(2, 3, dilation_rate=4), None, (2, 8, 9, 3), r"dilation_rate=\(4, 4\)"),
    (lambda: layers.Conv2D(2, 3, padding="same"), None, (2, 0, 9, 3), r"\(2, 0, 9, 3\)"),
    (lambda: layers.Conv2D(2, 3), (2, 9, 9, 3), (2, 9, 9, 4), "last axis 3"),
    (
        lambda: layers.Conv2D(2, 3, data_format="channels_first"),
        (2, 3, 9, 9),
        (2, 9, 9, 3),
        "axis 1 of size 3",
    ),
    (lambda: layers.Conv2D(2, 3), None, (2, 9, 9), "rank 4"),
    (lambda: layers.Conv1D(2, 3), None, (2, 9, 9, 3), "rank 3"),
    (lambda: layers.Conv3D(2, 3), None, (9, 9, 9, 3), "rank 5"),
    (lambda: layers.Conv2D(2, 3), None, (2, 9, 9, 0), "with channels"),
    (lambda: layers.Conv2D(4, 3, groups=2), None, (2, 9, 9, 3), "groups=2"),
    (lambda: layers.SeparableConv2D(2, 3), None, (2, 2, 9, 3), r"\(3, 3\)"),
    (lambda: layers.DepthwiseConv2D(3), None, (2, 9, 2, 3), r"\(3, 3\)"),
    (lambda: layers.Conv2DTranspose(2, 3), (2, 4, 4, 3), (2, 4, 4, 2), "last axis 3"),
    (lambda: layers.MaxPooling2D(5), None, (2, 4, 9, 3), r"\(5, 5\).*\(2, 4, 9, 3\)"),
    (lambda: layers.MaxPooling2D(5), (2, 9, 9, 3), (2, 4, 9, 3), r"\(5, 5\).*\(2, 4, 9, 3\)"),
    (lambda: layers.MaxPooling2D(), None, (2, 9, 9), "rank 4"),
    (lambda: layers.GlobalMaxPooling2D(), None, (2, 9, 9), "rank 4"),
    (lambda: layers.Cropping2D(4), None, (2, 8, 9, 3), r"\(2, 8, 9, 3\)"),
    (lambda: layers.UpSampling2D(), None, (2, 9, 9), "rank 4"),
    (lambda: layers.Resizing(3, 3), None, (2, 9), "rank at least 3"),
    (lambda: layers.SpectralNormalization(layers.ReLU()), None, (2, 9), "`kernel`"),
]


@pytest.mark.parametrize(("make", "first", "then", "mentions"), INPUTS)
def test_inputs(make, first, then, mentions):
    layer = make()
    if first is not None:
        layer(images(*first))
    with pytest.raises(ValueError, match=f"(?s){type(layer).__name__}.*{mentions}"):
        layer(images(*then))


def test_unknown_channels():
    with pytest.raises(ValueError, match=r"Conv2D.*known number of channels.*\(None, 9, 9, None\)"):
        layers.Conv2D(2, 5)(nacre.Input((9, 9, None)))


def test_images_that_turn_out_too_small():
    inputs = nacre.Input((None, None, 3))
    model = nacre.Model(inputs, layers.Conv2D(2, 5, name="wide")(inputs))
    assert model.predict(images(2, 5, 6, 3), verbose=0).shape == (2, 1, 2, 2)
    with pytest.raises(ValueError, match=r'Conv2D "wide".*\(5, 5\)'):
        model.predict(images(2, 4, 9, 3), verbose=0)
    with pytest.raises(ValueError, match=r'Conv2D "wide".*\(5, 5\)'):
        model(images(2, 4, 9, 3))


def test_no_images():
    model = nacre.Sequential([nacre.Input((8, 8, 3)), layers.Conv2D(2, 3), layers.MaxPooling2D()])
    assert tuple(model(images(0, 8, 8, 3)).shape) == (0, 3, 3, 2)
    with pytest.raises(ValueError, match="holds no samples"):
        model.predict(images(0, 8, 8, 3), verbose=0)


def test_kernels_of_ops():
    with pytest.raises(ValueError, match=r"conv: .*multiple of the kernel's 2"):
        ops.conv(images(2, 9, 9, 3), images(3, 3, 2, 4))
    with pytest.raises(ValueError, match=r"conv: .*rank 4"):
        ops.conv(images(2, 9, 9, 3), images(3, 3, 4))
    with pytest.raises(ValueError, match=r"conv: .*\(3, 3\) does not fit.*\(2, 2, 9, 3\)"):
        ops.conv(images(2, 2, 9, 3), images(3, 3, 3, 4))
    with pytest.raises(ValueError, match="multiple of groups=3"):
        ops.conv(images(2, 9, 9, 3), images(3, 3, 1, 4))
    with pytest.raises(ValueError, match="conv: expected a tensor of rank 3, 4 or 5"):
        ops.conv(images(2, 9), images(3, 3, 3, 4))
    with pytest.raises(ValueError, match=r"conv_transpose: .*\(taps..., filters, 3\)"):
        ops.conv_transpose(images(2, 9, 9, 3), images(3, 3, 3, 4))
    with pytest.raises(ValueError, match="depthwise_conv: expected a kernel of shape"):
        ops.depthwise_conv(images(2, 9, 9, 3), images(3, 3, 2, 4))
