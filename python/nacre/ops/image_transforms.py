"""Ops on images that move pixels (`affine_transform`) or change colours; see `nacre.ops.image`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nacre import config
from nacre.ops._common import (
    Tensor,
    cast,
    dim_tensor,
    is_float,
    reshape_to,
    tensor,
    transpose_to,
)
from nacre.ops._dispatch import keras_op
from nacre.ops.binary_ops import floor_divide, maximum, minimum, mod, where
from nacre.ops.creation import arange
from nacre.ops.elementwise import abs as absolute
from nacre.ops.elementwise import clip, floor, round, sign
from nacre.ops.indexing import take
from nacre.ops.joining import stack, unstack

__all__ = ["affine_transform", "hsv_to_rgb", "rgb_to_grayscale", "rgb_to_hsv"]

_FAR = 2.0**28  # pixels; what lies farther outside is taken to lie there
_SMALLEST = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}


def _mirrored(index: Tensor, size: Any) -> Tensor:
    """Indices reflected about the centres of the first and last pixel."""
    span = size - 1
    return absolute(mod(index + span, maximum(2 * span, 1)) - span)


# Mode -> an index inside of the image for one that may lie outside.
_INSIDE: dict[str, Callable[[Tensor, Any], Tensor]] = {
    "constant": lambda index, size: clip(index, 0, size - 1),
    "nearest": lambda index, size: clip(index, 0, size - 1),
    "wrap": mod,
    "mirror": _mirrored,
    "reflect": lambda index, size: floor_divide(_mirrored(2 * index + 1, 2 * size + 1) - 1, 2),
}


def _check_rank(images: Tensor, name: str) -> None:
    if images.ndim not in (3, 4):
        raise ValueError(
            f"{name}: expected one image of rank 3 or several of rank 4. "
            f"Received: shape {images.shape}"
        )


class _Pixels:
    """The pixels of images at integer places, also outside of them.

    Args:
        images: (batch, height, width, channels).
        fill_mode: What stands outside.
        fill_value: The value for the mode `constant`.
    """

    def __init__(self, images: Tensor, fill_mode: str, fill_value: Any) -> None:
        batch, height, width, channels = images.dims
        self._rows = reshape_to(images, [batch * height * width, channels])
        rows_before = arange(batch, dtype="int32") * dim_tensor(height, "int32")
        self._first = reshape_to(rows_before, [batch, 1, 1])
        self._sizes = (dim_tensor(height, "int32"), dim_tensor(width, "int32"))
        self._mode = fill_mode
        self._value = fill_value

    def at(self, y: Tensor, x: Tensor) -> Tensor:
        """The pixels at rows `y` and columns `x`, both (batch, height, width)."""
        height, width = self._sizes
        inside = _INSIDE[self._mode]
        place = (self._first + inside(y, height)) * width + inside(x, width)
        pixels = take(self._rows, place, axis=0)
        if self._mode != "constant":
            return pixels
        known = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        return where(known[..., None], pixels, cast(tensor(self._value), pixels.dtype))


@keras_op
def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: Any = 0,
    data_format: str | None = None,
) -> Tensor:
    """Move the pixels of images: each pixel of the result is looked up where the transform says.

    Args:
        images: (batch, height, width, channels), or one image without the batch axis.
        transform: eight numbers `a0, a1, a2, b0, b1, b2, c0, c1`, for all images or for each one:
            the pixel at `(x, y)` of the result comes from
            `((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k)`, `k` being `c0 x + c1 y + 1`.
        interpolation: `"nearest"` or `"bilinear"`.
        fill_mode: what stands outside of an image: `"constant"`, `"nearest"`, `"wrap"`, `"mirror"`
            or `"reflect"`.
        fill_value: the value for `"constant"`.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        Images of the same shape and dtype.
    """
    data_format = config.standardize_data_format(data_format)
    if interpolation not in ("nearest", "bilinear"):
        raise ValueError(
            "affine_transform: expected interpolation to be 'nearest' or 'bilinear'. "
            f"Received: {interpolation!r}"
        )
    if fill_mode not in _INSIDE:
        raise ValueError(
            f"affine_transform: expected fill_mode to be one of {sorted(_INSIDE)}. "
            f"Received: {fill_mode!r}"
        )
    x = tensor(images)
    _check_rank(x, "affine_transform")
    numbers = cast(tensor(transform), "float32")
    if numbers.ndim not in (1, 2) or numbers.shape[-1] != 8:
        raise ValueError(
            "affine_transform: expected a transform of 8 numbers, or one for each image. "
            f"Received: shape {numbers.shape}"
        )
    if numbers.ndim == 1:
        numbers = reshape_to(numbers, [1, 8])
    batch = x if x.ndim == 4 else reshape_to(x, [1, *x.dims])
    if data_format == "channels_first":
        batch = transpose_to(batch, [0, 2, 3, 1])
    moved = _look_up(batch, numbers, interpolation, fill_mode, fill_value)
    if data_format == "channels_first":
        moved = transpose_to(moved, [0, 3, 1, 2])
    if not is_float(x.dtype):
        moved = round(moved)
    return reshape_to(cast(moved, x.dtype), x.dims)


def _look_up(
    images: Tensor, numbers: Tensor, interpolation: str, fill_mode: str, fill_value: Any
) -> Tensor:
    count = numbers.dims[0]
    a0, a1, a2, b0, b1, b2, c0, c1 = (
        reshape_to(number, [count, 1, 1]) for number in unstack(numbers, 8, axis=1)
    )
    batch, height, width, _ = images.dims
    x = reshape_to(arange(width, dtype="float32"), [1, 1, width])
    y = reshape_to(arange(height, dtype="float32"), [1, height, 1])
    k = c0 * x + c1 * y + 1.0
    shift = reshape_to(arange(batch, dtype="float32") * 0.0, [batch, 1, 1])  # a row for each image
    from_x = clip((a0 * x + a1 * y + a2) / k + shift, -_FAR, _FAR)
    from_y = clip((b0 * x + b1 * y + b2) / k + shift, -_FAR, _FAR)
    if not is_float(images.dtype):
        images = cast(images, "float32")
    pixels = _Pixels(images, fill_mode, fill_value)
    if interpolation == "nearest":
        return pixels.at(*(_nearest(place) for place in (from_y, from_x)))
    low_y, low_x = floor(from_y), floor(from_x)
    part_y, part_x = (
        cast(part, images.dtype)[..., None] for part in (from_y - low_y, from_x - low_x)
    )
    y0, x0 = cast(low_y, "int32"), cast(low_x, "int32")
    above = pixels.at(y0, x0) * (1.0 - part_x) + pixels.at(y0, x0 + 1) * part_x
    below = pixels.at(y0 + 1, x0) * (1.0 - part_x) + pixels.at(y0 + 1, x0 + 1) * part_x
    return above * (1.0 - part_y) + below * part_y


def _nearest(place: Tensor) -> Tensor:
    """The nearest integer, halves away from zero."""
    return cast(sign(place) * floor(absolute(place) + 0.5), "int32")


def _channels(images: Any, data_format: str | None, name: str) -> tuple[list[Tensor], int]:
    """The three channels of float images, and their axis."""
    x = tensor(images)
    _check_rank(x, name)
    axis = x.ndim - (1 if config.standardize_data_format(data_format) == "channels_last" else 3)
    if not is_float(x.dtype):
        raise ValueError(f"{name}: expected images of a float dtype. Received: dtype {x.dtype}")
    if x.shape[axis] != 3:
        raise ValueError(f"{name}: expected three channels. Received: shape {x.shape}")
    return unstack(x, 3, axis=axis), axis


@keras_op
def rgb_to_hsv(images: Any, data_format: str | None = None) -> Tensor:
    """Hue, saturation and value of images of red, green and blue.

    Args:
        images: float images, (batch, height, width, 3), or one image without the batch axis.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        Images of the same shape. Hue and saturation lie in [0, 1], the value is the largest colour.
    """
    colours, axis = _channels(images, data_format, "rgb_to_hsv")
    tiny = _SMALLEST[colours[0].dtype]
    red, green, blue = (where(absolute(c) < tiny, 0.0, c) for c in colours)
    value = maximum(maximum(red, green), blue)
    spread = value - minimum(minimum(red, green), blue)
    saturation = where(value > 0, spread / where(value > 0, value, 1.0), 0.0)
    sixth = 1.0 / (6.0 * where(spread > 0, spread, 1.0))
    hue = where(value == green, sixth * (blue - red) + 2.0 / 6.0, sixth * (red - green) + 4.0 / 6.0)
    hue = where(value == red, sixth * (green - blue), hue)
    hue = where(spread > 0, where(hue < 0, hue + 1.0, hue), 0.0)
    return stack([cast(part, value.dtype) for part in (hue, saturation, value)], axis=axis)


@keras_op
def hsv_to_rgb(images: Any, data_format: str | None = None) -> Tensor:
    """Red, green and blue of images of hue, saturation and value.

    Args:
        images: float images, (batch, height, width, 3), or one image without the batch axis.
        data_format: `"channels_last"` or `"channels_first"`.
    """
    (hue, saturation, value), axis = _channels(images, data_format, "hsv_to_rgb")
    turn = hue * 6.0
    pure = (
        absolute(turn - 3.0) - 1.0,
        2.0 - absolute(turn - 2.0),
        2.0 - absolute(turn - 4.0),
    )
    grey = 1.0 - saturation
    return stack([value * (grey + saturation * clip(p, 0.0, 1.0)) for p in pure], axis=axis)


@keras_op
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Tensor:
    """The brightness of images of red, green and blue, as images of one channel.

    Args:
        images: (batch, height, width, 3), or one image without the batch axis.
        data_format: `"channels_last"` or `"channels_first"`.
    """
    x = tensor(images)
    floats = x if is_float(x.dtype) else cast(x, "float32")
    (red, green, blue), axis = _channels(floats, data_format, "rgb_to_grayscale")
    grey = red * 0.2989 + green * 0.587 + blue * 0.114
    dims = list(x.dims)
    dims[axis] = 1
    return cast(reshape_to(grey, dims), x.dtype)
