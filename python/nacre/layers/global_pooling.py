"""Pooling over whole images, and into a fixed number of parts."""

from __future__ import annotations

from typing import Any

from nacre import config, ops
from nacre.layers.input_spec import InputSpec
from nacre.layers.layer import Layer
from nacre.ops._window import per_axis


class _GlobalPooling(Layer):
    """Pooling over all spatial axes, of any rank."""

    rank = 0
    _reduce: Any = None

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.keepdims = bool(keepdims)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _spatial_axes(self) -> tuple[int, ...]:
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self.rank))

    def call(self, inputs: Any) -> Any:
        return self._reduce(inputs, axis=self._spatial_axes, keepdims=self.keepdims)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        axes = self._spatial_axes
        if self.keepdims:
            return tuple(1 if i in axes else size for i, size in enumerate(input_shape))
        return tuple(size for i, size in enumerate(input_shape) if i not in axes)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("data_format", "keepdims")}


class _GlobalMaxPooling(_GlobalPooling):
    _reduce = staticmethod(ops.max)


class _GlobalAveragePooling(_GlobalPooling):
    _reduce = staticmethod(ops.mean)


class GlobalMaxPooling2D(_GlobalMaxPooling):
    """Take the maximum of each channel of an image.

    Args:
        data_format: `channels_last` or `channels_first`.
        keepdims: Whether the spatial axes stay, with size 1.
        **kwargs: As for `Layer`.
    """

    rank = 2


class GlobalMaxPooling1D(_GlobalMaxPooling):
    """Take the maximum of each channel of a sequence: see `GlobalMaxPooling2D`."""

    rank = 1


class GlobalMaxPooling3D(_GlobalMaxPooling):
    """Take the maximum of each channel of a volume: see `GlobalMaxPooling2D`."""

    rank = 3


class GlobalAveragePooling2D(_GlobalAveragePooling):
    """Take the mean of each channel of an image.

    Args:
        data_format: `channels_last` or `channels_first`.
        keepdims: Whether the spatial axes stay, with size 1.
        **kwargs: As for `Layer`.
    """

    rank = 2


class GlobalAveragePooling1D(_GlobalAveragePooling):
    """Take the mean of each channel of a sequence, over the steps that are not masked.

    The arguments are those of `GlobalAveragePooling2D`.
    """

    rank = 1

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return super().call(inputs)
        (steps,) = self._spatial_axes
        mask = ops.cast(ops.expand_dims(mask, 3 - steps), "bool")
        kept = ops.where(mask, inputs, ops.zeros_like(inputs))
        count = ops.sum(ops.cast(mask, inputs.dtype), axis=steps, keepdims=self.keepdims)
        return ops.divide(ops.sum(kept, axis=steps, keepdims=self.keepdims), count)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        return None


class GlobalAveragePooling3D(_GlobalAveragePooling):
    """Take the mean of each channel of a volume: see `GlobalAveragePooling2D`."""

    rank = 3


class _AdaptivePooling(Layer):
    """Pooling of parts, as many as asked for, of any rank."""

    rank = 0
    _op: Any = None

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.output_size = per_axis(output_size, self.rank, f"{self._label()}: output_size")
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def build(self, input_shape: Any) -> None:
        spatial = input_shape[1:-1] if self.data_format == "channels_last" else input_shape[2:]
        if None in spatial:
            raise ValueError(
                f"{self._label()}: expected an input of known spatial sizes. "
                f"Received shape {tuple(input_shape)}."
            )

    def call(self, inputs: Any) -> Any:
        return self._op(inputs, self.output_size, self.data_format)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        if self.data_format == "channels_last":
            return (input_shape[0], *self.output_size, input_shape[-1])
        return (input_shape[0], input_shape[1], *self.output_size)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("output_size", "data_format")}


class _AdaptiveMaxPooling(_AdaptivePooling):
    _op = staticmethod(ops.adaptive_max_pool)


class _AdaptiveAveragePooling(_AdaptivePooling):
    _op = staticmethod(ops.adaptive_average_pool)


class AdaptiveMaxPooling2D(_AdaptiveMaxPooling):
    """Take the maxima of parts of an image, as many as asked for.

    Args:
        output_size: How many parts there are along each axis, or along all axes.
        data_format: `channels_last` or `channels_first`.
        **kwargs: As for `Layer`.
    """

    rank = 2


class AdaptiveMaxPooling1D(_AdaptiveMaxPooling):
    """Take the maxima of parts of a sequence: see `AdaptiveMaxPooling2D`."""

    rank = 1


class AdaptiveMaxPooling3D(_AdaptiveMaxPooling):
    """Take the maxima of parts of a volume: see `AdaptiveMaxPooling2D`."""

    rank = 3


class AdaptiveAveragePooling2D(_AdaptiveAveragePooling):
    """Take the means of parts of an image, as many as asked for.

    The arguments are those of `AdaptiveMaxPooling2D`.
    """

    rank = 2


class AdaptiveAveragePooling1D(_AdaptiveAveragePooling):
    """Take the means of parts of a sequence: see `AdaptiveAveragePooling2D`."""

    rank = 1


class AdaptiveAveragePooling3D(_AdaptiveAveragePooling):
    """Take the means of parts of a volume: see `AdaptiveAveragePooling2D`."""

    rank = 3
