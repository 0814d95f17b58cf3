"""Layers that change the size of images."""

from __future__ import annotations

from typing import Any

from nacre import config, ops
from nacre.layers.dense import check_units
from nacre.layers.input_spec import InputSpec
from nacre.layers.layer import Layer
from nacre.ops._window import per_axis
from nacre.ops.image import resize

_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


def _interpolation(value: Any, owner: str) -> str:
    if isinstance(value, str) and value.lower() in _INTERPOLATIONS:
        return value.lower()
    raise ValueError(
        f"{owner}: expected `interpolation` to be one of {_INTERPOLATIONS}. Received: {value!r}"
    )


class UpSampling1D(Layer):
    """Repeat each element of a sequence.

    Args:
        size: How often.
        **kwargs: As for `Layer`.
    """

    def __init__(self, size: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = check_units(size, self._label(), "size")
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs: Any) -> Any:
        return ops.repeat(inputs, self.size, axis=1)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        batch, steps, channels = input_shape
        return (batch, None if steps is None else steps * self.size, channels)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("size")}


class _UpSampling(Layer):
    """Every spatial axis some times as long, of any rank."""

    rank = 0

    def __init__(self, size: Any, data_format: str | None, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = per_axis(size, self.rank, f"{self._label()}: size")
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _first_axis(self) -> int:
        return 1 if self.data_format == "channels_last" else 2

    def call(self, inputs: Any) -> Any:
        for axis, factor in enumerate(self.size, start=self._first_axis):
            if factor > 1:
                inputs = ops.repeat(inputs, factor, axis=axis)
        return inputs

    def compute_output_shape(self, input_shape: Any) -> tuple:
        shape = list(input_shape)
        for axis, factor in enumerate(self.size, start=self._first_axis):
            shape[axis] = None if shape[axis] is None else shape[axis] * factor
        return tuple(shape)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("size", "data_format")}


class UpSampling2D(_UpSampling):
    """Make images some times as large.

    Args:
        size: How many times: one number, or (height, width).
        data_format: `channels_last` or `channels_first`.
        interpolation: `nearest`, which repeats pixels, `bilinear`, `bicubic`, `lanczos3` or
            `lanczos5`.
        **kwargs: As for `Layer`.
    """

    rank = 2

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ):
        super().__init__(size, data_format, **kwargs)
        self.interpolation = _interpolation(interpolation, self._label())

    def call(self, inputs: Any) -> Any:
        if self.interpolation == "nearest":
            return super().call(inputs)
        first = self._first_axis
        height, width = inputs.dims[first : first + 2]
        target = (height * self.size[0], width * self.size[1])
        return resize(inputs, target, self.interpolation, data_format=self.data_format)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("interpolation")}


class UpSampling3D(_UpSampling):
    """Make volumes some times as large by repeating elements.

    Args:
        size: How many times: one number, or one for each axis.
        data_format: `channels_last` or `channels_first`.
        **kwargs: As for `Layer`.
    """

    rank = 3

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any):
        super().__init__(size, data_format, **kwargs)


class Resizing(Layer):
    """Bring images to a size.

    Args:
        height: The new height.
        width: The new width.
        interpolation: `nearest`, `bilinear`, `bicubic`, `lanczos3` or `lanczos5`.
        crop_to_aspect_ratio: Whether borders are cut off first so that nothing is distorted.
        pad_to_aspect_ratio: Whether borders are added first so that nothing is distorted.
        fill_mode: Only `constant`.
        fill_value: What stands in added borders.
        antialias: Whether a smaller image averages over all pixels it stands for.
        data_format: `channels_last` or `channels_first`.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        label = self._label()
        self.height = check_units(height, label, "height")
        self.width = check_units(width, label, "width")
        self.interpolation = _interpolation(interpolation, label)
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError(
                f"{label}: only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` can be True"
            )
        if fill_mode != "constant":
            raise ValueError(
                f"{label}: expected `fill_mode` to be 'constant'. Received: {fill_mode!r}"
            )
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.antialias = bool(antialias)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=3, max_ndim=4)

    def call(self, data: Any, training: Any = True) -> Any:
        return resize(
            data,
            (self.height, self.width),
            self.interpolation,
            self.antialias,
            self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio,
            self.fill_mode,
            self.fill_value,
            self.data_format,
        )

    def compute_output_shape(self, input_shape: Any) -> tuple:
        size = (self.height, self.width)
        if self.data_format == "channels_last":
            return (*input_shape[:-3], *size, input_shape[-1])
        return (*input_shape[:-2], *size)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            **self._arguments(
                "height",
                "width",
                "interpolation",
                "crop_to_aspect_ratio",
                "pad_to_aspect_ratio",
                "fill_mode",
                "fill_value",
                "antialias",
                "data_format",
            ),
        }
