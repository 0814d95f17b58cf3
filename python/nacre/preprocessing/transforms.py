"""Transformations of one picture: warps, shifts of channels and brightness."""

from __future__ import annotations

from typing import Any

import numpy as np

from nacre import _core, config
from nacre.preprocessing import draws

__all__ = [
    "apply_affine_transform",
    "apply_brightness_shift",
    "apply_channel_shift",
    "random_brightness",
    "random_channel_shift",
    "random_rotation",
    "random_shear",
    "random_shift",
    "random_zoom",
]

NOTHING = (0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, np.nan, np.nan)
"""Numbers that change nothing: theta, tx, ty, shear, zx, zy, flips, channel shift, brightness."""

_FILL_MODES = ("constant", "nearest", "reflect", "wrap")


def check_fill_mode(fill_mode: Any, name: str = "fill_mode") -> str:
    """Returns the mode; raises `ValueError` when it is not one."""
    if fill_mode not in _FILL_MODES:
        raise ValueError(f"`{name}` is one of {', '.join(_FILL_MODES)}. Received: {fill_mode!r}")
    return fill_mode


def check_order(order: Any, name: str = "interpolation_order") -> int:
    """Returns the order as an integer; raises `ValueError` when it is neither 0 nor 1."""
    if isinstance(order, bool) or order not in (0, 1):
        raise ValueError(
            f"`{name}` is 0 (nearest pixel) or 1 (linear); splines of a higher order are not "
            f"offered by Nacre. Received: {order!r}"
        )
    return int(order)


def change_batch(
    pictures: np.ndarray,
    numbers: Any,
    channels_first: bool,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
    swap_axes: bool = True,
) -> np.ndarray:
    """Transforms each picture of a batch by numbers of its own, in the core.

    Args:
        pictures: A batch of rank 4, of `float32` or `float64`.
        numbers: A row for each picture, as `NOTHING` lists them.
        channels_first: Whether the channels stand before rows and columns.
        fill_mode: What lies outside of a picture.
        cval: The value for `"constant"`.
        order: 0 or 1.
        swap_axes: Whether rows come before columns.

    Returns:
        A new array.
    """
    pictures = np.ascontiguousarray(pictures)
    target = np.empty_like(pictures)
    _core.change_pictures(
        pictures, target, numbers, channels_first, fill_mode, float(cval), order, swap_axes
    )
    return target


def _as_floats(x: np.ndarray) -> np.ndarray:
    if x.dtype == np.float32 or x.dtype == np.float64:
        return x
    if x.dtype.kind in "iu":
        return x.astype(np.float64)
    raise TypeError(f"Expected a picture of integers, float32 or float64. Received: {x.dtype}")


def _back_to(dtype: np.dtype, values: np.ndarray) -> np.ndarray:
    """Rounds to integers, halves away from zero, where the picture was of integers."""
    if dtype.kind not in "iu":
        return values
    limits = np.iinfo(dtype)
    rounded = np.trunc(values + np.copysign(0.5, values))
    return np.clip(rounded, limits.min, limits.max).astype(dtype)


def apply_affine_transform(
    x: Any,
    theta: float = 0,
    tx: float = 0,
    ty: float = 0,
    shear: float = 0,
    zx: float = 1,
    zy: float = 1,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> np.ndarray:
    """Rotates, shifts, shears and zooms a picture about its middle, in this order.

    Args:
        x: A picture, of rank 3.
        theta: Degrees to rotate by.
        tx: Pixels to shift the rows by.
        ty: Pixels to shift the columns by.
        shear: Degrees to shear by.
        zx: Zoom of the rows; below 1 magnifies.
        zy: Zoom of the columns.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns.
        channel_axis: Axis of the channels: 0 or 2.
        fill_mode: `"constant"`, `"nearest"`, `"reflect"` or `"wrap"`, as scipy.ndimage means them.
        cval: Value outside of the picture for `"constant"`.
        order: 0 takes the nearest pixel, 1 interpolates linearly.

    Returns:
        A picture of the same shape and dtype; `x` itself where nothing is to be done.

    Raises:
        ValueError: The axes are not 0, 1 and 2, or an option is not one of the above.
    """
    x = np.asarray(x)
    if sorted((row_axis, col_axis, channel_axis)) != [0, 1, 2] or channel_axis == 1:
        raise ValueError(
            "`row_axis`, `col_axis` and `channel_axis` must be 0, 1 and 2 in some order, and the "
            f"channels stand first or last. Received: {row_axis}, {col_axis} and {channel_axis}"
        )
    if x.ndim != 3:
        raise ValueError(f"Expected a picture, an array of rank 3. Received: shape {x.shape}")
    check_fill_mode(fill_mode)
    order = check_order(order, "order")
    if theta == tx == ty == shear == 0 and zx == zy == 1:
        return x
    if not x.size:
        return x.copy()
    numbers = [[theta, tx, ty, shear, zx, zy, *NOTHING[6:]]]
    pictures = _as_floats(x)[None]
    swap_axes = row_axis < col_axis
    result = change_batch(pictures, numbers, channel_axis == 0, fill_mode, cval, order, swap_axes)
    return _back_to(x.dtype, result[0])


def apply_channel_shift(x: Any, intensity: float, channel_axis: int = 0) -> np.ndarray:
    """Adds a number to all channels and cuts what leaves the picture's own range.

    Args:
        x: A picture, of rank 3.
        intensity: The number.
        channel_axis: Axis of the channels.
    """
    x = np.asarray(x)
    return np.clip(x + float(intensity), x.min(), x.max())


def apply_brightness_shift(x: Any, brightness: float, scale: bool = True) -> np.ndarray:
    """Makes a picture brighter or darker, in whole numbers from 0 to 255.

    Args:
        x: A picture, of rank 3, with 1, 3 or 4 channels in the configured data format.
        brightness: 0 is black, 1 as it was.
        scale: Whether to stretch the values to 0..255. If not, only values that leave this range
            are stretched, and stretched back afterwards.

    Returns:
        A picture of floats.

    Raises:
        ValueError: The picture has another rank or another number of channels.
    """
    channels_first = config.image_data_format() == "channels_first"
    return brighten(np.asarray(x), brightness, scale, channels_first)


def brighten(x: np.ndarray, brightness: float, scale: bool, channels_first: bool) -> np.ndarray:
    """Does what `apply_brightness_shift` does, in a data format."""
    channels = x.shape[0 if channels_first else -1] if x.ndim == 3 else 0
    if channels not in (1, 3, 4) or not x.size:
        raise ValueError(
            "Brightness needs a picture of rank 3 with 1, 3 or 4 channels. "
            f"Received: shape {x.shape}, channels {'first' if channels_first else 'last'}"
        )
    pictures = _as_floats(x)[None]
    if scale:
        pictures = pictures.astype(config.floatx())
        pictures -= pictures.min()
        pictures /= pictures.max() or 1
        pictures *= 255
    elif pictures.dtype != config.floatx() and not _exceeds_bytes(pictures):
        pictures = pictures.astype(config.floatx())
    return change_batch(pictures, [[*NOTHING[:9], brightness]], channels_first)[0]


def _exceeds_bytes(values: np.ndarray) -> bool:
    return bool(values.min() < 0 or values.max() > 255)


def random_rotation(
    x: Any,
    rg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """Rotates a picture by a random angle.

    Args:
        x: A picture, of rank 3.
        rg: Most degrees, either way.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns.
        channel_axis: Axis of the channels.
        fill_mode: As for `apply_affine_transform`.
        cval: As for `apply_affine_transform`.
        interpolation_order: 0 or 1.
    """
    theta = draws.current().uniform(-rg, rg)
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, theta, 0, 0, 0, 1, 1, *axes)


def random_shift(
    x: Any,
    wrg: float,
    hrg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """Shifts a picture by random parts of its size.

    Args:
        x: A picture, of rank 3.
        wrg: Largest part of its width.
        hrg: Largest part of its height.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns.
        channel_axis: Axis of the channels.
        fill_mode: As for `apply_affine_transform`.
        cval: As for `apply_affine_transform`.
        interpolation_order: 0 or 1.
    """
    x = np.asarray(x)
    generator = draws.current()
    tx = generator.uniform(-hrg, hrg) * x.shape[row_axis]
    ty = generator.uniform(-wrg, wrg) * x.shape[col_axis]
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, tx, ty, 0, 1, 1, *axes)


def random_shear(
    x: Any,
    intensity: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """Shears a picture by a random angle.

    Args:
        x: A picture, of rank 3.
        intensity: Most degrees, either way.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns.
        channel_axis: Axis of the channels.
        fill_mode: As for `apply_affine_transform`.
        cval: As for `apply_affine_transform`.
        interpolation_order: 0 or 1.
    """
    shear = draws.current().uniform(-intensity, intensity)
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, 0, 0, shear, 1, 1, *axes)


def random_zoom(
    x: Any,
    zoom_range: Any,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """Zooms the rows and the columns of a picture by random factors.

    Args:
        x: A picture, of rank 3.
        zoom_range: Least and greatest factor; below 1 magnifies.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns.
        channel_axis: Axis of the channels.
        fill_mode: As for `apply_affine_transform`.
        cval: As for `apply_affine_transform`.
        interpolation_order: 0 or 1.

    Raises:
        ValueError: The range is not two numbers.
    """
    low, high = two_numbers(zoom_range, "zoom_range")
    zx, zy = (1, 1) if low == high == 1 else draws.current().uniform(low, high, 2)
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, 0, 0, 0, zx, zy, *axes)


def random_channel_shift(x: Any, intensity_range: float, channel_axis: int = 0) -> np.ndarray:
    """Shifts the channels of a picture by a random number.

    Args:
        x: A picture, of rank 3.
        intensity_range: The most that is added or taken away.
        channel_axis: Axis of the channels.
    """
    intensity = draws.current().uniform(-intensity_range, intensity_range)
    return apply_channel_shift(x, intensity, channel_axis)


def random_brightness(x: Any, brightness_range: Any, scale: bool = True) -> np.ndarray:
    """Makes a picture brighter or darker by a random factor.

    Args:
        x: A picture, of rank 3.
        brightness_range: Least and greatest factor.
        scale: As for `apply_brightness_shift`.

    Raises:
        ValueError: The range is not two numbers.
    """
    low, high = two_numbers(brightness_range, "brightness_range")
    return apply_brightness_shift(x, draws.current().uniform(low, high), scale)


def two_numbers(value: Any, name: str) -> tuple[float, float]:
    """Returns the two ends of a range; raises `ValueError` when it is not two numbers."""
    try:
        low, high = value
        float(low), float(high)
    except (TypeError, ValueError):
        raise ValueError(f"`{name}` must be two numbers. Received: {value!r}") from None
    return low, high
