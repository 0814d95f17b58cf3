"""`CenterCrop`: the middle of images."""

from __future__ import annotations

from typing import Any

from nacre import config, ops
from nacre.layers.dense import check_units
from nacre.layers.input_spec import InputSpec
from nacre.layers.layer import Layer
from nacre.ops.image import resize


class CenterCrop(Layer):
    """Cut the middle out of images; smaller images are resized, without distortion.

    Args:
        height: The new height.
        width: The new width.
        data_format: `channels_last` or `channels_first`.
        **kwargs: As for `Layer`.
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.height = check_units(height, self._label(), "height")
        self.width = check_units(width, self._label(), "width")
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=3, max_ndim=4)

    def call(self, data: Any, training: Any = True) -> Any:
        inputs = ops.cast(data, self.compute_dtype)
        first = len(inputs.shape) - (3 if self.data_format == "channels_last" else 2)
        where = [slice(None)] * len(inputs.shape)
        for axis, size in ((first, self.height), (first + 1, self.width)):
            have = inputs.shape[axis]
            if have is None:
                raise ValueError(
                    f"{self._label()}: the size of images must be known. "
                    f"Received shape {tuple(inputs.shape)}."
                )
            if have < size:
                return resize(
                    inputs,
                    (self.height, self.width),
                    crop_to_aspect_ratio=True,
                    data_format=self.data_format,
                )
            start = (have - size) // 2
            where[axis] = slice(start, start + size)
        return inputs[tuple(where)]

    def compute_output_shape(self, input_shape: Any) -> tuple:
        size = (self.height, self.width)
        if self.data_format == "channels_last":
            return (*input_shape[:-3], *size, input_shape[-1])
        return (*input_shape[:-2], *size)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("height", "width", "data_format")}
