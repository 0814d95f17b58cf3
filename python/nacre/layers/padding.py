"""Layers that put zeros around images and cut borders off."""

from __future__ import annotations

from typing import Any

from nacre import config, ops
from nacre.layers.input_spec import InputSpec
from nacre.layers.layer import Layer
from nacre.ops._window import per_axis


def _pairs(value: Any, rank: int, name: str) -> tuple[tuple[int, int], ...]:
    """Amounts before and after each axis: from one for all, one for each axis, or pairs."""
    if hasattr(value, "__index__"):
        return (per_axis(value, 2, name, 0),) * rank
    try:
        items = tuple(value)
    except TypeError:
        items = ()
    if len(items) != rank:
        raise ValueError(
            f"{name}: expected an integer, {rank} integers or {rank} pairs of integers. "
            f"Received: {value!r}"
        )
    return tuple(per_axis(item, 2, name, 0) for item in items)


class _Border(Layer):
    """A layer that changes what stands around the spatial axes."""

    rank = 0

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _first_axis(self) -> int:
        return 1 if self.data_format == "channels_last" else 2

    def _amounts(self, amounts: Any) -> tuple[tuple[int, int], ...]:
        """Return the amounts of all axes."""
        pairs = (amounts,) if self.rank == 1 else amounts
        before = ((0, 0),) * self._first_axis
        return (*before, *pairs, *((0, 0),) * (self.rank + 2 - len(before) - len(pairs)))


class _ZeroPadding(_Border):
    """Zeros around the spatial axes, of any rank."""

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        name = f"{self._label()}: padding"
        one = self.rank == 1
        self.padding = per_axis(padding, 2, name, 0) if one else _pairs(padding, self.rank, name)

    def call(self, inputs: Any) -> Any:
        return ops.pad(inputs, self._amounts(self.padding))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return tuple(
            None if size is None else size + low + high
            for size, (low, high) in zip(input_shape, self._amounts(self.padding), strict=True)
        )

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("padding", "data_format")}


class ZeroPadding2D(_ZeroPadding):
    """Put zeros around an image.

    Args:
        padding: How many: one number for all sides, (height, width) for both sides of each axis,
            or ((top, bottom), (left, right)).
        data_format: `channels_last` or `channels_first`.
        **kwargs: As for `Layer`.
    """

    rank = 2


class ZeroPadding1D(_ZeroPadding):
    """Put zeros before and after a sequence.

    Args:
        padding: How many: one number for both ends, or (before, after).
        data_format: `channels_last` or `channels_first`.
        **kwargs: As for `Layer`.
    """

    rank = 1


class ZeroPadding3D(_ZeroPadding):
    """Put zeros around a volume: see `ZeroPadding2D` for the arguments."""

    rank = 3

    def __init__(
        self,
        padding: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(padding, data_format, **kwargs)


class _Cropping(_Border):
    """Borders cut off the spatial axes, of any rank."""

    cropping: Any

    def _kept(self, input_shape: Any) -> tuple:
        """Return the sizes that are left, after checking that something is."""
        sizes = tuple(
            size if low == high == 0 else None if size is None else size - low - high
            for size, (low, high) in zip(input_shape, self._amounts(self.cropping), strict=True)
        )
        spatial = sizes[self._first_axis : self._first_axis + self.rank]
        if any(isinstance(size, int) and size < 1 for size in spatial):
            raise ValueError(
                f"{self._label()}: expected an input larger than cropping={self.cropping}. "
                f"Received shape {tuple(input_shape)}."
            )
        return sizes

    def call(self, inputs: Any) -> Any:
        self._kept(inputs.shape)
        amounts = self._amounts(self.cropping)
        return inputs[tuple(slice(low, -high if high else None) for low, high in amounts)]

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return self._kept(input_shape)


class Cropping1D(_Cropping):
    """Cut elements off both ends of a sequence.

    Args:
        cropping: How many: one number for both ends, or (before, after).
        **kwargs: As for `Layer`.
    """

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any):
        super().__init__("channels_last", **kwargs)
        self.cropping = per_axis(cropping, 2, f"{self._label()}: cropping", 0)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("cropping")}


class Cropping2D(_Cropping):
    """Cut the border off an image.

    Args:
        cropping: How much: one number for all sides, (height, width) for both sides of each axis,
            or ((top, bottom), (left, right)).
        data_format: `channels_last` or `channels_first`.
        **kwargs: As for `Layer`.
    """

    rank = 2

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any
    ):
        super().__init__(data_format, **kwargs)
        self.cropping = _pairs(cropping, self.rank, f"{self._label()}: cropping")

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("cropping", "data_format")}


class Cropping3D(Cropping2D):
    """Cut the border off a volume: see `Cropping2D` for the arguments."""

    rank = 3

    def __init__(
        self,
        cropping: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(cropping, data_format, **kwargs)
