"""Convolutional networks, written once for every library that has Keras's interface.

Each builder takes that library (`nacre`, or `keras` on any backend) and returns a new model, not
compiled. The defaults are the networks that are timed; tests ask for smaller ones. Nothing here
imports a library.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

Shape = tuple[int, int, int]  # height, width, channels


def cifar(lib: ModuleType, shape: Shape = (32, 32, 3), filters: int = 32) -> Any:
    """The small convolutional network of many tutorials: three convolutions, two max-pools."""
    layers = lib.layers
    return lib.Sequential(
        [
            layers.Input(shape),
            layers.Conv2D(filters, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(2 * filters, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(2 * filters, (3, 3), activation="relu"),
            layers.Flatten(),
            layers.Dense(2 * filters, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def cats_and_dogs(
    lib: ModuleType, shape: Shape = (150, 150, 3), filters: int = 32, dropout: float = 0.5
) -> Any:
    """Two classes of large pictures: three convolutions, and a dense layer that has the weights."""
    layers = lib.layers
    return lib.Sequential(
        [
            layers.Input(shape),
            layers.Conv2D(filters, (3, 3), activation="relu"),
            layers.MaxPooling2D(2, 2),
            layers.Conv2D(2 * filters, (3, 3), activation="relu"),
            layers.MaxPooling2D(2, 2),
            layers.Conv2D(4 * filters, (3, 3), activation="relu"),
            layers.MaxPooling2D(2, 2),
            layers.Flatten(),
            layers.Dense(16 * filters, activation="relu"),
            layers.Dropout(dropout),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def lenet5(lib: ModuleType, shape: Shape = (32, 32, 3), filters: int = 6) -> Any:
    """LeNet-5: 5x5 convolutions, tanh, average pooling (LeCun et al. 1998)."""
    layers = lib.layers
    return lib.Sequential(
        [
            layers.Input(shape),
            layers.Conv2D(filters, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="tanh"),
            layers.Dense(84, activation="tanh"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def _residual_block(lib: ModuleType, x: Any, filters: int, strides: int) -> Any:
    layers = lib.layers
    shortcut = x
    x = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    if strides != 1 or shortcut.shape[-1] != filters:
        shortcut = layers.Conv2D(filters, 1, strides, padding="same", use_bias=False)(shortcut)
        shortcut = layers.BatchNormalization()(shortcut)
    return layers.ReLU()(layers.Add()([x, shortcut]))


def resnet(
    lib: ModuleType, shape: Shape = (32, 32, 3), filters: int = 16, blocks: tuple = (2, 2, 2)
) -> Any:
    """A residual network for small pictures (He et al. 2015); 14 layers by default."""
    layers = lib.layers
    inputs = lib.Input(shape)
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    for stage, count in enumerate(blocks):
        for block in range(count):
            strides = 2 if stage and not block else 1
            x = _residual_block(lib, x, filters << stage, strides)
    x = layers.GlobalAveragePooling2D()(x)
    return lib.Model(inputs, layers.Dense(10, activation="softmax")(x))


def _depthwise_block(lib: ModuleType, x: Any, filters: int, strides: int) -> Any:
    layers = lib.layers
    x = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU(6.0)(x)
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU(6.0)(x)


def mobilenet(
    lib: ModuleType,
    shape: Shape = (32, 32, 3),
    filters: int = 32,
    blocks: tuple = ((2, 1), (4, 2), (4, 1), (8, 2)),
) -> Any:
    """Depthwise and pointwise convolutions with ReLU6 (Howard et al. 2017).

    Args:
        lib: The library to build with.
        shape: Of one picture.
        filters: Of the first convolution.
        blocks: For each block, its filters as a multiple of `filters`, and its stride.

    Returns:
        The model; its last convolution is a separable one with a bias.
    """
    layers = lib.layers
    inputs = lib.Input(shape)
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU(6.0)(x)
    for multiple, strides in blocks:
        x = _depthwise_block(lib, x, multiple * filters, strides)
    x = layers.SeparableConv2D(x.shape[-1], 3, padding="same", activation="relu6")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return lib.Model(inputs, layers.Dense(10, activation="softmax")(x))


def _two_convolutions(lib: ModuleType, x: Any, filters: int) -> Any:
    for _ in range(2):
        x = lib.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return x


def unet(lib: ModuleType, shape: Shape = (32, 32, 3), filters: int = 16, depth: int = 2) -> Any:
    """A small U-Net (Ronneberger et al. 2015): each pixel gets one of three classes."""
    layers = lib.layers
    inputs = x = lib.Input(shape)
    skipped = []
    for level in range(depth):
        x = _two_convolutions(lib, x, filters << level)
        skipped.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = _two_convolutions(lib, x, filters << depth)
    for level in reversed(range(depth)):
        x = layers.Conv2DTranspose(filters << level, 2, strides=2, padding="same")(x)
        x = layers.Concatenate()([skipped[level], x])
        x = _two_convolutions(lib, x, filters << level)
    return lib.Model(inputs, layers.Conv2D(3, 1, activation="softmax")(x))


BUILDERS: dict[str, Callable[..., Any]] = {
    "cifar": cifar,
    "cats": cats_and_dogs,
    "lenet5": lenet5,
    "resnet": resnet,
    "mobilenet": mobilenet,
    "unet": unet,
}
