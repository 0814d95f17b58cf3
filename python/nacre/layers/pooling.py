"""Pooling layers: windows that move over the spatial axes."""

from __future__ import annotations

from typing import Any

from nacre import config, ops
from nacre.layers.input_spec import InputSpec
from nacre.layers.layer import Layer
from nacre.ops._window import output_size, padding_name, per_axis


class _Pooling(Layer):
    """Pooling of any rank."""

    rank = 0
    _op: Any = None

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        label = self._label()
        self.pool_size = per_axis(pool_size, self.rank, f"{label}: pool_size")
        self.strides = per_axis(
            self.pool_size if strides is None else strides, self.rank, f"{label}: strides"
        )
        self.padding = padding_name(padding, f"{label}: padding")
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        return self._op(inputs, self.pool_size, self.strides, self.padding, self.data_format)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        shape = tuple(input_shape)
        if len(shape) != self.rank + 2:
            raise ValueError(
                f"{self._label()}: expected an input of rank {self.rank + 2}. "
                f"Received shape {shape}."
            )
        first = 1 if self.data_format == "channels_last" else 2
        sizes = tuple(
            None if size is None else output_size(size, window, stride, 1, self.padding)
            for size, window, stride in zip(
                shape[first : first + self.rank], self.pool_size, self.strides, strict=True
            )
        )
        if any(size is not None and size < 1 for size in sizes):
            raise ValueError(
                f"{self._label()}: expected an input at least as large as "
                f"pool_size={self.pool_size}. Received shape {shape}."
            )
        return (*shape[:first], *sizes, *shape[first + self.rank :])

    def build(self, input_shape: Any) -> None:
        self.compute_output_shape(input_shape)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            **self._arguments("pool_size", "padding", "strides", "data_format"),
        }


class _MaxPooling(_Pooling):
    _op = staticmethod(ops.max_pool)

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class _AveragePooling(_Pooling):
    _op = staticmethod(ops.average_pool)


class MaxPooling2D(_MaxPooling):
    """Take the maximum of every window of an image, per channel.

    Args:
        pool_size: The sizes of a window, one for all axes or one for each.
        strides: The steps between windows; the window's sizes if None.
        padding: `valid`; or `same` for as many outputs as inputs over strides. Padding does not
            count.
        data_format: `channels_last` or `channels_first`.
        name: The name.
        **kwargs: As for `Layer`.
    """

    rank = 2


class MaxPooling1D(_MaxPooling):
    """Take the maximum of every window of a sequence: see `MaxPooling2D`."""

    rank = 1


class MaxPooling3D(_MaxPooling):
    """Take the maximum of every window of a volume: see `MaxPooling2D`."""

    rank = 3


class AveragePooling2D(_AveragePooling):
    """Take the mean of every window of an image, per channel.

    The arguments are those of `MaxPooling2D`.
    """

    rank = 2


class AveragePooling1D(_AveragePooling):
    """Take the mean of every window of a sequence: see `AveragePooling2D`."""

    rank = 1


class AveragePooling3D(_AveragePooling):
    """Take the mean of every window of a volume: see `AveragePooling2D`."""

    rank = 3
