"""Sums and means over batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nacre import ops
from nacre.layers.shape_utils import batch_size_of
from nacre.losses.loss import Loss
from nacre.losses.reduction import (
    apply_mask,
    check_weights,
    keras_mask,
    squeeze_or_expand,
    to_tensor,
)
from nacre.metrics.metric import Metric


def reduce_to_samplewise(
    values: Any, sample_weight: Any, reduce_fn: Callable, dtype: str
) -> tuple[Any, Any]:
    """Weigh values and reduce them to one per sample.

    Args:
        values: A tensor.
        sample_weight: Weights or None.
        reduce_fn: `ops.sum` or `ops.mean`, for the axes after the first.
        dtype: The dtype of the results.

    Returns:
        The weighted values, and the weights or None.
    """
    mask = keras_mask(values)
    values = ops.cast(to_tensor(values), dtype)
    if sample_weight is not None:
        sample_weight = ops.cast(to_tensor(sample_weight), dtype)
        if mask is not None:
            sample_weight = apply_mask(sample_weight, mask, dtype, "sum")
        values, sample_weight = squeeze_or_expand(values, sample_weight)
        rank = len(sample_weight.shape)
        if len(values.shape) > rank:
            values = reduce_fn(values, axis=list(range(rank, len(values.shape))))
        check_weights(values, sample_weight)
        if tuple(sample_weight.shape) != tuple(values.shape):
            sample_weight = ops.broadcast_to(sample_weight, values.dims)
        values = ops.multiply(values, sample_weight)
        if rank > 1:
            sample_weight = reduce_fn(sample_weight, axis=list(range(1, rank)))
    if len(values.shape) > 1:
        values = reduce_fn(values, axis=list(range(1, len(values.shape))))
    return values, sample_weight


class Sum(Metric):
    """The weighted sum of values.

    Args:
        name: The name.
        dtype: The dtype.
    """

    def __init__(self, name: str = "sum", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, _ = reduce_to_samplewise(values, sample_weight, ops.sum, self.dtype)
        if len(values.shape):
            values = ops.sum(values)
        self.total.assign(ops.add(self.total, values))

    def result(self) -> Any:
        return self.total.value


class Mean(Metric):
    """The weighted mean of values.

    Args:
        name: The name.
        dtype: The dtype.
    """

    def __init__(self, name: str = "mean", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), name="total")
        self.count = self.add_variable((), name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, weights = reduce_to_samplewise(values, sample_weight, ops.mean, self.dtype)
        if weights is not None:
            count = ops.sum(weights) if len(weights.shape) else weights
        else:
            count = batch_size_of(values, self.dtype) if len(values.shape) else 1.0
        if len(values.shape):
            values = ops.sum(values)
        self.total.assign(ops.add(self.total, values))
        self.count.assign(ops.add(self.count, count))

    def result(self) -> Any:
        return ops.divide_no_nan(self.total, self.count)


class MeanMetricWrapper(Mean):
    """The mean of a function of targets and outputs.

    Args:
        fn: `fn(y_true, y_pred, **kwargs)`, returning one value per sample.
        name: The name.
        dtype: The dtype.
        **kwargs: Passed on to `fn`.
    """

    def __init__(self, fn: Callable, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(name=name, dtype=dtype)
        object.__setattr__(self, "_fn", fn)
        self._fn_kwargs = kwargs
        module = getattr(fn, "__module__", None) or ""
        if isinstance(fn, Loss) or module.startswith("nacre.losses"):
            self._direction = "down"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        mask = keras_mask(y_pred)
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        sample_weight = apply_mask(sample_weight, mask, self.dtype, "sum")
        super().update_state(values, sample_weight=sample_weight)

    def get_config(self) -> dict:
        from nacre.saving import serialize_keras_object

        return {
            **super().get_config(),
            "fn": serialize_keras_object(self._fn),
            **serialize_keras_object(dict(self._fn_kwargs)),
        }

    @classmethod
    def from_config(cls, config: dict) -> Metric:
        from nacre.saving import deserialize_keras_object

        if "fn" in config:
            config = deserialize_keras_object(config)
        return cls(**config)


class FunctionMetric(MeanMetricWrapper):
    """A wrapper whose configuration is its own arguments, not the function."""

    def get_config(self) -> dict:
        return {**Metric.get_config(self), **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict) -> Metric:
        return cls(**config)
