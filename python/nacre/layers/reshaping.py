"""Layers that change the shape only."""

from __future__ import annotations

import math
from typing import Any

from nacre import config, ops
from nacre.layers.dense import check_units
from nacre.layers.input_spec import InputSpec
from nacre.layers.layer import Layer


class Flatten(Layer):
    """Join all axes but the first.

    Args:
        data_format: `channels_last`, or `channels_first` to put the channels last beforehand.
        **kwargs: As for `Layer`.
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Any:
        rank = len(inputs.shape)
        if self.data_format == "channels_first" and rank > 2:
            inputs = ops.transpose(inputs, (0, *range(2, rank), 1))
        size: Any = 1
        for dim in inputs.dims[1:]:
            size = size * dim
        return ops.reshape(inputs, (inputs.dims[0], size))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        sizes = input_shape[1:]
        return (input_shape[0], None if None in sizes else math.prod(sizes))

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("data_format")}


class Reshape(Layer):
    """Give the axes after the first another shape.

    Args:
        target_shape: The shape without the batch axis; one -1 is inferred.
        **kwargs: As for `Layer`.
    """

    def __init__(self, target_shape: Any, **kwargs: Any):
        super().__init__(**kwargs)
        if isinstance(target_shape, int):
            target_shape = (target_shape,)
        target_shape = tuple(target_shape)
        if any(not isinstance(dim, int) or dim < -1 for dim in target_shape):
            raise ValueError(
                f"{self._label()}: expected `target_shape` of integers. Received: {target_shape}"
            )
        if target_shape.count(-1) > 1:
            raise ValueError(
                f"{self._label()}: expected at most one -1 in `target_shape`. "
                f"Received: {target_shape}"
            )
        self.target_shape = target_shape

    def _resolve(self, sizes: tuple) -> tuple:
        """Return the target with its -1 replaced where the input's sizes are known."""
        if None in sizes:
            return self.target_shape
        total = math.prod(sizes)
        known = math.prod(dim for dim in self.target_shape if dim != -1)
        inferred = -1 in self.target_shape
        if (inferred and (known == 0 or total % known)) or (not inferred and total != known):
            raise ValueError(
                f"{self._label()}: expected an input with as many values as "
                f"target_shape={self.target_shape}. Received shape {(None, *sizes)}."
            )
        return tuple(total // known if dim == -1 else dim for dim in self.target_shape)

    def call(self, inputs: Any) -> Any:
        target = self._resolve(tuple(inputs.shape[1:]))
        return ops.reshape(inputs, (inputs.dims[0], *target))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        target = self._resolve(tuple(input_shape[1:]))
        return (input_shape[0], *(None if dim == -1 else dim for dim in target))

    def get_config(self) -> dict:
        return {**super().get_config(), "target_shape": self.target_shape}


class Permute(Layer):
    """Reorder the axes after the first.

    Args:
        dims: The old position, from 1, of each new axis.
        **kwargs: As for `Layer`.
    """

    def __init__(self, dims: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                f"{self._label()}: expected `dims` to be a permutation of the axes from 1. "
                f"Received: dims={dims}"
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        return ops.transpose(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (input_shape[0], *(input_shape[dim] for dim in self.dims))

    def get_config(self) -> dict:
        return {**super().get_config(), "dims": self.dims}


class RepeatVector(Layer):
    """Repeat each row: (batch, features) becomes (batch, n, features).

    Args:
        n: How many times.
        **kwargs: As for `Layer`.
    """

    def __init__(self, n: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.n = check_units(n, self._label(), "n")
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        batch, features = inputs.dims
        return ops.broadcast_to(ops.expand_dims(inputs, 1), (batch, self.n, features))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (input_shape[0], self.n, input_shape[1])

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("n")}
