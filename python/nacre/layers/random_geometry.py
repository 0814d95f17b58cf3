"""Layers that flip, turn, move, stretch and cut images at random."""

from __future__ import annotations

import math
from typing import Any

from nacre import ops, random
from nacre.layers.augmentation import AffineLayer, RandomImageLayer
from nacre.layers.dense import check_units

_MODES = ("horizontal", "vertical", "horizontal_and_vertical")


class RandomFlip(RandomImageLayer):
    """Mirror every other image, on average; in both directions at once where both are asked for.

    Args:
        mode: `horizontal`, `vertical` or `horizontal_and_vertical`.
        seed: An int for repeatable changes.
        data_format: `channels_last` or `channels_first`.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed, data_format, **kwargs)
        if mode not in _MODES:
            raise ValueError(f"{self._label()}: `mode` must be one of {_MODES}. Received: {mode!r}")
        self.mode = mode

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        return {"flips": self._uniform(data, 0.0, 1.0, 1, 1, 1) <= 0.5}

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        rows, columns = self._axes
        for word, axis in (("horizontal", columns), ("vertical", rows)):
            if word in self.mode:
                flipped = ops.flip(images, axis=axis)
                images = ops.where(transformation["flips"], flipped, images)
        return images

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("mode")}


class RandomRotation(AffineLayer):
    """Turn images about their centre.

    Args:
        factor: The largest turn, as a share of a full one, or the limits; positive turns go against
            the clock.
        fill_mode: What stands outside of images: `reflect`, `wrap`, `constant` or `nearest`.
        interpolation: `nearest` or `bilinear`.
        seed: An int for repeatable changes.
        fill_value: The value for `constant`.
        data_format: `channels_last` or `channels_first`.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.factor = self._range(factor, "factor", -1, 1, least=-1)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        low, high = self.factor
        return {"angle": self._uniform(data, low * 360.0, high * 360.0)}

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        angle = ops.cast(transformation["angle"], "float32") * (math.pi / 180.0)
        angle = ops.expand_dims(angle, 1)
        cos, sin = ops.cos(angle), ops.sin(angle)
        height, width = self._sizes(images)
        x, y = 0.5 * (width - 1), 0.5 * (height - 1)  # the centre stays where it is
        matrix = self._matrix(cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos)
        return self._move(images, matrix)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("factor")}


class _TwoFactors(AffineLayer):
    """A layer with a factor for rows and one for columns."""

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("height_factor", "width_factor")}


class RandomZoom(_TwoFactors):
    """Show images nearer or from farther away.

    Args:
        height_factor: The largest change of the part that is seen, or its limits: 0.2 shows up to a
            fifth more or less; positive values look from farther away.
        width_factor: The same for columns; without it, both directions change alike.
        fill_mode: What stands outside of images: `reflect`, `wrap`, `constant` or `nearest`.
        interpolation: `nearest` or `bilinear`.
        seed: An int for repeatable changes.
        fill_value: The value for `constant`.
        data_format: `channels_last` or `channels_first`.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._height = self._zoom(height_factor, "height_factor")
        self._width = None if width_factor is None else self._zoom(width_factor, "width_factor")

    def _zoom(self, factor: Any, name: str) -> tuple:
        limits = self._range(factor, name, -1, 1)
        if -1 in (factor if isinstance(factor, (list, tuple)) else (factor,)):
            raise ValueError(f"{self._label()}: `{name}` must be above -1. Received: {factor!r}")
        return limits

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        height = self._uniform(data, 1.0 + self._height[0], 1.0 + self._height[1], 1)
        width = height
        if self._width is not None:
            width = self._uniform(data, 1.0 + self._width[0], 1.0 + self._width[1], 1)
        return {"height_zoom": height, "width_zoom": width}

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        rows, columns = (
            ops.cast(transformation[name], "float32") for name in ("height_zoom", "width_zoom")
        )
        height, width = self._sizes(images)
        zero = ops.zeros_like(rows)
        x = (width - 1.0) / 2.0 * (1.0 - columns)
        y = (height - 1.0) / 2.0 * (1.0 - rows)
        return self._move(images, self._matrix(columns, zero, x, zero, rows, y))


class RandomTranslation(_TwoFactors):
    """Move images up, down and sideways.

    Args:
        height_factor: The largest move, as a share of the height, or its limits; positive values
            move down.
        width_factor: The same for the width; positive values move to the right.
        fill_mode: What stands outside of images: `reflect`, `wrap`, `constant` or `nearest`.
        interpolation: `nearest` or `bilinear`.
        seed: An int for repeatable changes.
        fill_value: The value for `constant`.
        data_format: `channels_last` or `channels_first`.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._height = self._range(height_factor, "height_factor", -1, 1)
        self._width = self._range(width_factor, "width_factor", -1, 1)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        height, width = self._sizes(data)
        down = ops.cast(self._uniform(data, *self._height, 1), "float32") * height
        right = ops.cast(self._uniform(data, *self._width, 1), "float32") * width
        return {"translations": ops.concatenate([right, down], axis=1)}

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        right, down = ops.split(transformation["translations"], 2, axis=1)
        one, zero = ops.ones_like(right), ops.zeros_like(right)
        return self._move(images, self._matrix(one, zero, -right, zero, one, -down))


class RandomShear(AffineLayer):
    """Slant images.

    Args:
        x_factor: The largest slant of columns, or its limits, between 0 and 1.
        y_factor: The same for rows.
        interpolation: `nearest` or `bilinear`.
        fill_mode: What stands outside of images: `reflect`, `wrap`, `constant` or `nearest`.
        fill_value: The value for `constant`.
        data_format: `channels_last` or `channels_first`.
        seed: An int for repeatable changes.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.x_factor = self._slant(x_factor, "x_factor")
        self.y_factor = self._slant(y_factor, "y_factor")

    def _slant(self, factor: Any, name: str) -> tuple:
        # What `get_config` says of a single number are its limits, the lower of them negative.
        if isinstance(factor, (list, tuple)) and len(factor) == 2 and factor[0] == -factor[1]:
            factor = factor[1]
        return self._range(factor, name, 0, 1)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        side = ops.where(self._uniform(data, 0.0, 1.0, 1) > 0.5, -1.0, 1.0)
        rows = self._uniform(data, *self.y_factor, 1)
        columns = self._uniform(data, *self.x_factor, 1)
        return {"shear_factor": ops.concatenate([columns, rows], axis=1) * side}

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        columns, rows = ops.split(transformation["shear_factor"], 2, axis=1)
        one, zero = ops.ones_like(rows), ops.zeros_like(rows)
        return self._move(images, self._matrix(one, columns, zero, rows, one, zero))

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("x_factor", "y_factor")}


class RandomCrop(RandomImageLayer):
    """Cut a part of a size out of images, all of a batch at the same place.

    Images that are not larger in both directions are cut in the middle and resized. Where
    `training` is False, images pass as they are.

    Args:
        height: The new height.
        width: The new width.
        seed: An int for repeatable changes.
        data_format: `channels_last` or `channels_first`.
        name: The name.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed, data_format, name=name, **kwargs)
        self.height = check_units(height, self._label(), "height")
        self.width = check_units(width, self._label(), "width")

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        rows, columns = (data.shape[axis] for axis in self._axes)
        if rows is None or columns is None:
            raise ValueError(
                f"{self._label()}: the size of images must be known. "
                f"Received shape {tuple(data.shape)}."
            )
        if rows > self.height and columns > self.width:
            return tuple(
                random.randint((), 0, have - size + 1, seed=self.generator)
                for have, size in ((rows, self.height), (columns, self.width))
            )
        height = max(min(rows, int(columns * self.height / self.width)), 1)
        width = max(min(columns, int(rows * self.width / self.height)), 1)
        return int((rows - height) / 2), int((columns - width) / 2)

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        sizes = (self.height, self.width)
        for axis, start, size in zip(self._axes, transformation, sizes, strict=True):
            size = min(size, images.shape[axis] - start if isinstance(start, int) else size)
            images = ops.take(images, ops.arange(size, dtype="int32") + start, axis=axis)
        if tuple(images.shape[axis] for axis in self._axes) != sizes:
            images = ops.image.resize(images, sizes, data_format=self.data_format)
        return images

    def compute_output_shape(self, input_shape: Any) -> tuple:
        shape = list(input_shape)
        for axis, size in zip(self._axes, (self.height, self.width), strict=True):
            shape[axis] = size
        return tuple(shape)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("height", "width")}
