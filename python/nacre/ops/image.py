"""Ops of images: `nacre.ops.image`, with the names, signatures and rules of `keras.ops.image`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nacre import config
from nacre.ops._common import (
    Dim,
    Tensor,
    as_float,
    binary,
    call,
    cast,
    dim_tensor,
    reshape_to,
    tensor,
)
from nacre.ops._dispatch import keras_op
from nacre.ops._window import per_axis
from nacre.ops.binary_ops import maximum
from nacre.ops.convolution import conv
from nacre.ops.core import saturate_cast
from nacre.ops.creation import arange
from nacre.ops.image_transforms import (
    affine_transform,
    hsv_to_rgb,
    rgb_to_grayscale,
    rgb_to_hsv,
)
from nacre.ops.indexing import take
from nacre.ops.joining import pad
from nacre.ops.pooling import along_axis
from nacre.ops.reduce import sum as sum_over
from nacre.ops.shaping import slice_along

__all__ = [
    "affine_transform",
    "extract_patches",
    "hsv_to_rgb",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
]

# Where the kernel's mass at an output pixel is below this, the pixel is 0.
_LEAST_MASS = 1000 * 2.0**-23


def _where(condition: Any, x: Any, y: Any) -> Any:
    if isinstance(condition, Tensor):
        return call("where", [condition, *(tensor(v, "float32") for v in (x, y))])
    return np.where(condition, x, y)


def _triangle(x: Any) -> Any:
    return maximum(1.0 - x, 0.0) if isinstance(x, Tensor) else np.maximum(1.0 - x, 0.0)


def _cubic(x: Any) -> Any:
    """Keys's cubic kernel with a = -1/2."""
    near = ((1.5 * x - 2.5) * x) * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return _where(x >= 2.0, 0.0 * x, _where(x >= 1.0, far, near))


def _lanczos(radius: float) -> Callable[[Any], Any]:
    def kernel(x: Any) -> Any:
        def sin(v: Any) -> Any:
            return call("sin", [v]) if isinstance(v, Tensor) else np.sin(v)

        angle = math.pi * x
        wave = radius * sin(angle) * sin(angle / radius)
        inside = wave / _where(x > 1e-3, angle * angle, 0.0 * x + 1.0)
        return _where(x > radius, 0.0 * x, _where(x > 1e-3, inside, 0.0 * x + 1.0))

    return kernel


_KERNELS: dict[str, Callable[[Any], Any] | None] = {
    "nearest": None,
    "bilinear": _triangle,
    "bicubic": _cubic,
    "lanczos3": _lanczos(3.0),
    "lanczos5": _lanczos(5.0),
}


def _centres(size: Any, target: Any) -> Any:
    """The positions in the input of the centres of the output's pixels, counted from its edge."""
    if not isinstance(size, Dim) and not isinstance(target, Dim):
        steps = np.arange(target, dtype=np.float32) + np.float32(0.5)
        return steps * np.float32(size) / np.float32(target)
    steps = binary("add", cast(arange(target), "float32"), 0.5)
    sizes = (dim_tensor(n, "float32") for n in (size, target))
    return binary("div", binary("mul", steps, next(sizes)), next(sizes))


def _weights(size: Any, target: Any, kernel: Callable[[Any], Any], antialias: bool) -> Any:
    """The matrix (target, size) that resamples an axis; an array when both sizes are known."""
    symbolic = isinstance(size, Dim) or isinstance(target, Dim)
    centres = _centres(size, target) - 0.5
    if symbolic:
        places = cast(arange(size), "float32")
        gaps = binary("sub", reshape_to(centres, [target, 1]), reshape_to(places, [1, size]))
        x = call("abs", [gaps])
    else:
        x = np.abs(centres.astype(np.float64)[:, None] - np.arange(size))
    if antialias:
        if symbolic:
            raise ValueError("resize: antialias needs an image of known size")
        x = x / max(size / target, 1.0)
    weights = kernel(x)
    if symbolic:
        total = sum_over(weights, axis=1, keepdims=True)
        heavy = binary("gt", call("abs", [total]), _LEAST_MASS)
        return _where(heavy, weights / _where(heavy, total, 1.0), 0.0)
    total = weights.sum(axis=1, keepdims=True)
    heavy = np.abs(total) > _LEAST_MASS
    return np.where(heavy, weights / np.where(heavy, total, 1.0), 0.0)


def resize_axis(
    x: Tensor, axis: int, target: Any, interpolation: str, antialias: bool = False
) -> Tensor:
    """Resample one axis.

    Args:
        x: A tensor.
        axis: The axis.
        target: The new size; it and the old one may be symbolic.
        interpolation: One of `nearest`, `bilinear`, `bicubic`, `lanczos3` and `lanczos5`.
        antialias: Whether a smaller result averages over all pixels it stands for.

    Returns:
        The tensor with the axis resampled.
    """
    size = x.dims[axis]
    if size == target:
        return x
    kernel = _KERNELS[interpolation]
    if kernel is None:
        places = _centres(size, target)
        if isinstance(places, Tensor):
            return take(x, cast(call("floor", [places]), "int32"), axis=axis)
        return take(x, np.floor(places).astype(np.int32), axis=axis)
    return along_axis(x, _weights(size, target, kernel, antialias), axis)


def _known_size(images: Tensor, axis: int, what: str) -> int:
    size = images.dims[axis]
    if not isinstance(size, int):
        raise ValueError(
            f"resize: {what} needs images of known height and width. Received: shape {images.shape}"
        )
    return size


def _crop_to_aspect_ratio(images: Tensor, axes: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Cut off borders so that height and width relate as those wanted."""
    height, width = (_known_size(images, axis, "crop_to_aspect_ratio") for axis in axes)
    wanted = (
        max(min(height, int(float(width * size[0]) / size[1])), 1),
        max(min(width, int(float(height * size[1]) / size[0])), 1),
    )
    for axis, old, new in zip(axes, (height, width), wanted, strict=True):
        images = slice_along(images, axis, int((old - new) / 2), new)
    return images


def _pad_to_aspect_ratio(
    images: Tensor, axes: tuple[int, int], size: tuple[int, int], fill_value: float
) -> Tensor:
    """Put borders around so that height and width relate as those wanted."""
    height, width = (_known_size(images, axis, "pad_to_aspect_ratio") for axis in axes)
    top = int((max(height, int(float(width * size[0]) / size[1])) - height) / 2)
    left = int((max(width, int(float(height * size[1]) / size[0])) - width) / 2)
    border = [(0, 0)] * images.ndim
    if top > 0:
        border[axes[0]] = (top, top)
    elif left > 0:
        border[axes[1]] = (left, left)
    return pad(images, border, constant_values=fill_value)


@keras_op
def resize(
    images: Any,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Resample images, taking pixels for squares with a value at their centre.

    Args:
        images: (batch, height, width, channels), or one image without the batch axis.
        size: (height, width) of the result.
        interpolation: `"nearest"`, `"bilinear"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        antialias: whether a smaller result averages over all pixels it stands for.
        crop_to_aspect_ratio: whether borders are cut off first so that nothing is distorted.
        pad_to_aspect_ratio: whether borders are added first so that nothing is distorted.
        fill_mode: only `"constant"`.
        fill_value: what stands in added borders.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        The resized images, of the same dtype: integers are rounded.
    """
    data_format = config.standardize_data_format(data_format)
    if interpolation not in _KERNELS:
        raise ValueError(
            f"resize: expected interpolation to be one of {sorted(_KERNELS)}. "
            f"Received: {interpolation!r}"
        )
    if fill_mode != "constant":
        raise ValueError(f"resize: expected fill_mode='constant'. Received: {fill_mode!r}")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("resize: only one of crop_to_aspect_ratio and pad_to_aspect_ratio can be")
    if not isinstance(size, (list, tuple)) or len(size) != 2:
        raise ValueError(f"resize: expected size to be (height, width). Received: {size!r}")
    x = tensor(images)
    if x.ndim not in (3, 4):
        raise ValueError(
            f"resize: expected one image of rank 3 or several of rank 4. Received: shape {x.shape}"
        )
    if not any(isinstance(n, Dim) for n in size):
        size = per_axis(size, 2, "resize: size")
    dtype = x.dtype
    if interpolation != "nearest":
        x = as_float(x)
    axes = (x.ndim - 3, x.ndim - 2)
    if data_format == "channels_first":
        axes = (x.ndim - 2, x.ndim - 1)
    if crop_to_aspect_ratio:
        x = _crop_to_aspect_ratio(x, axes, size)
    elif pad_to_aspect_ratio:
        x = _pad_to_aspect_ratio(x, axes, size, fill_value)
    for axis, target in zip(axes, size, strict=True):
        x = resize_axis(x, axis, target, interpolation, antialias)
    if x.dtype == dtype:
        return x
    return saturate_cast(call("round", [x]), dtype)


@keras_op
def extract_patches(
    images: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The windows of images, each as one vector.

    Args:
        images: (batch, height, width, channels), or one image without the batch axis.
        size: the sizes of a window, one for both axes or (height, width).
        strides: the steps between windows; the window's sizes if None.
        dilation_rate: the distances between a window's pixels.
        padding: `"valid"`, or `"same"` with zeros around.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        Images whose channels are all values of a window, pixel by pixel.
    """
    x = as_float(images)
    if x.ndim not in (3, 4):
        raise ValueError(
            "extract_patches: expected one image of rank 3 or several of rank 4. "
            f"Received: shape {x.shape}"
        )
    height, width = per_axis(size, 2, "extract_patches: size")
    data_format = config.standardize_data_format(data_format)
    channels = x.shape[-1 if data_format == "channels_last" else -3]
    count = height * width * channels
    kernel = tensor(np.eye(count).reshape(height, width, channels, count), x.dtype)
    batch = x if x.ndim == 4 else reshape_to(x, [1, *x.dims])
    strides = (height, width) if strides is None else strides
    patches = conv(batch, kernel, strides, padding, data_format, dilation_rate)
    return patches if x.ndim == 4 else reshape_to(patches, patches.dims[1:])
