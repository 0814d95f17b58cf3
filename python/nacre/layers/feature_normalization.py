"""`Normalization`: features brought to mean 0 and variance 1 by what the data were seen to have."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

from nacre import config, ops
from nacre.layers.layer import Layer

_ROWS = 4096  # rows of an array that are looked at together


class Normalization(Layer):
    """Compute `(inputs - mean) / sqrt(variance)`, with one mean and variance for each feature.

    They are given, or found in data by `adapt`, which goes before training.

    Args:
        axis: The axis of the features, or several; `None` for one mean of all values.
        mean: The mean, a number or one for each feature.
        variance: The variance, given together with `mean`.
        invert: Whether to compute `inputs * sqrt(variance) + mean` instead.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if axis is None:
            axis = ()
        self.axis = (axis,) if hasattr(axis, "__index__") else tuple(axis)
        self.input_mean = mean
        self.input_variance = variance
        self.invert = invert
        self.supports_masking = True
        self._built_shape: tuple | None = None
        self._check_numbers()

    def _check_numbers(self) -> None:
        mean, variance = self.input_mean, self.input_variance
        if (mean is None) != (variance is None):
            raise ValueError(
                f"{self._label()}: give both `mean` and `variance`, or neither. "
                f"Received: mean={mean!r}, variance={variance!r}"
            )
        if mean is None:
            return
        if np.shape(mean) != np.shape(variance):
            raise ValueError(
                f"{self._label()}: `mean` and `variance` must have the same shape. "
                f"Received: {np.shape(mean)} and {np.shape(variance)}"
            )
        if len(np.shape(mean)) > len(self.axis):
            raise ValueError(
                f"{self._label()}: `mean` may have an axis for each entry of `axis`, which is "
                f"{self.axis}. Received: shape {np.shape(mean)}"
            )

    def build(self, input_shape: Any) -> None:
        shape = tuple(input_shape)
        rank = len(shape)
        if any(not -rank <= axis < rank for axis in self.axis):
            raise ValueError(
                f"{self._label()}: `axis` must lie in [{-rank}, {rank}) for inputs of shape "
                f"{shape}. Received: {self.axis}"
            )
        self._kept = tuple(sorted(axis % rank for axis in self.axis))
        if any(shape[axis] is None for axis in self._kept):
            raise ValueError(
                f"{self._label()}: the sizes of the axes {self.axis} must be known. "
                f"Received shape {shape}."
            )
        self._built_shape = shape
        self._broadcast = tuple(shape[axis] if axis in self._kept else 1 for axis in range(rank))
        if self.input_mean is not None:
            self._given = tuple(map(self._expand, (self.input_mean, self.input_variance)))
            return
        sizes = tuple(shape[axis] for axis in self._kept)
        for name, initializer in (("mean", "zeros"), ("variance", "ones")):
            variable = self.add_weight(
                name=name, shape=sizes, initializer=initializer, trainable=False
            )
            setattr(self, f"adapt_{name}", variable)
        # Nothing reads it, but it is in the files of Keras.
        self.count = self.add_weight(
            name="count", shape=(), dtype="int32", initializer="zeros", trainable=False
        )

    def _expand(self, numbers: Any) -> np.ndarray:
        """Given numbers with an axis for each axis of the inputs."""
        numbers = np.asarray(numbers, np.float64)
        shape = [1] * len(self._broadcast)
        for place, size in enumerate(reversed(numbers.shape), 1):
            shape[self._kept[-place]] = size
        return np.broadcast_to(numbers.reshape(shape), self._broadcast)

    def adapt(self, data: Any) -> None:
        """Find mean and variance in data; what was found before is forgotten.

        Args:
            data: An array, or batches: a `Dataset` (of inputs, or of tuples whose first part they
                are), a `PyDataset`, a list of arrays or a generator.

        Raises:
            ValueError: Mean and variance were given, or a batch does not fit the layer's inputs.
        """
        if self.input_mean is not None:
            raise ValueError(
                f"{self._label()}: `mean` and `variance` were given, so there is nothing to adapt."
            )
        batches, shape = self._batches(data)
        if not self.built:
            self.build(shape)
        reduced = tuple(axis for axis in range(len(shape)) if axis not in self._kept)
        count, mean, variance = 0, np.zeros(()), np.zeros(())
        for batch in batches:
            self._check_shape(batch.shape)
            values = batch.astype(np.float64)
            size = math.prod(batch.shape[axis] for axis in reduced)
            batch_mean = values.mean(axis=reduced)
            batch_variance = values.var(axis=reduced)
            # Two samples joined: the difference of their means adds to the variance.
            share = size / (count + size)
            between = (batch_mean - mean) * (batch_mean - mean) * share * (1 - share)
            mean = mean + (batch_mean - mean) * share
            variance = variance * (1 - share) + batch_variance * share + between
            count += size
        self.adapt_mean.assign(mean.astype(self.adapt_mean.dtype))
        self.adapt_variance.assign(variance.astype(self.adapt_variance.dtype))

    def _check_shape(self, shape: tuple) -> None:
        built = self._built_shape
        if len(shape) != len(built) or any(shape[a] != built[a] for a in self._kept):
            raise ValueError(
                f"{self._label()}: adapt expected data of shape {built}. Received shape {shape}."
            )

    def _batches(self, data: Any) -> tuple[Iterator, tuple]:
        """Arrays, one after the other, and the shape of the first."""
        if hasattr(data, "__array__") or hasattr(data, "numpy"):
            array = np.asarray(data)
            self._need_numbers(array)
            rank = array.ndim
            kept = (range(rank)[axis] for axis in self.axis if -rank <= axis < rank)
            if not rank or 0 in kept:
                return iter([array]), array.shape
            parts = (array[i : i + _ROWS] for i in range(0, len(array), _ROWS))
            return parts, array.shape
        if hasattr(data, "_data_node"):
            spec = data.element_spec
            spec = spec[0] if isinstance(spec, tuple) else spec
            if len(spec.shape) == 1:  # samples rather than batches
                data = data.batch(128)
            data = data.as_numpy_iterator()
        if not hasattr(data, "__iter__"):
            raise TypeError(
                f"{self._label()}: adapt expected an array or batches. "
                f"Received: {type(data).__name__}"
            )
        arrays = (self._array(batch) for batch in data)
        first = next(arrays, None)
        if first is None:
            raise ValueError(f"{self._label()}: adapt received no batches.")
        return chain([first], arrays), first.shape

    def _array(self, batch: Any) -> np.ndarray:
        array = np.asarray(batch[0] if isinstance(batch, (tuple, list)) else batch)
        self._need_numbers(array)
        return array

    def _need_numbers(self, array: np.ndarray) -> None:
        if array.dtype.kind not in "fiub" or not array.size:
            raise ValueError(
                f"{self._label()}: adapt expected numbers. "
                f"Received: dtype {array.dtype}, shape {array.shape}"
            )

    def call(self, inputs: Any) -> Any:
        inputs = ops.cast(inputs, self.compute_dtype)
        mean, variance = self._numbers()
        deviation = ops.maximum(ops.sqrt(variance), config.epsilon())
        if self.invert:
            return ops.add(mean, ops.multiply(inputs, deviation))
        return ops.divide(ops.subtract(inputs, mean), deviation)

    def _numbers(self) -> tuple[Any, Any]:
        if self.input_mean is not None:
            numbers: Any = self._given
        else:
            numbers = (self.adapt_mean, self.adapt_variance)
            numbers = (ops.reshape(number, self._broadcast) for number in numbers)
        mean, variance = (ops.cast(number, self.compute_dtype) for number in numbers)
        return mean, variance

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return tuple(input_shape)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "axis": self.axis,
            "invert": self.invert,
            "mean": np.array(self.input_mean).tolist(),
            "variance": np.array(self.input_variance).tolist(),
        }
