"""Correlations of targets and outputs, and the share of variance that outputs explain."""

from __future__ import annotations

from typing import Any

from nacre import config, ops
from nacre.layers.shape_utils import batch_size_of
from nacre.losses.reduction import (
    align,
    check_same_shape,
    check_weights,
    squeeze_or_expand,
    to_float,
)
from nacre.metrics.metric import Metric
from nacre.metrics.reduction import FunctionMetric
from nacre.utils.warnings_utils import warn


def pearson_correlation(y_true: Any, y_pred: Any, axis: Any = -1) -> Any:
    """Compute Pearson's coefficient of correlation.

    Args:
        y_true: The targets.
        y_pred: The outputs, of the same shape.
        axis: The axes along which values correlate.

    Returns:
        One value per sample, between -1 and 1.
    """
    y_true, y_pred = align(y_true, y_pred, "pearson_correlation")
    scaled = []
    for x in (y_true, y_pred):
        centred = ops.subtract(x, ops.mean(x, axis=axis, keepdims=True))
        scaled.append(ops.divide(centred, ops.std(centred, axis=axis, keepdims=True)))
    return ops.mean(ops.multiply(*scaled), axis=axis)


def concordance_correlation(y_true: Any, y_pred: Any, axis: Any = -1) -> Any:
    """Compute Lin's coefficient of concordance: correlation, less what means and spreads differ.

    Args:
        y_true: The targets.
        y_pred: The outputs, of the same shape.
        axis: The axes along which values are compared.

    Returns:
        One value per sample, between -1 and 1.
    """
    y_true, y_pred = align(y_true, y_pred, "concordance_correlation")
    means = [ops.mean(x, axis=axis, keepdims=True) for x in (y_true, y_pred)]
    variances = [
        ops.var(ops.subtract(x, mean), axis=axis, keepdims=True)
        for x, mean in zip((y_true, y_pred), means, strict=True)
    ]
    # Centring one factor is enough for a covariance; Keras takes the outputs' mean off both.
    products = ops.multiply(ops.subtract(y_true, means[1]), ops.subtract(y_pred, means[1]))
    total = ops.add(ops.add(*variances), ops.square(ops.subtract(*means)))
    shares = ops.divide(ops.multiply(products, 2.0), ops.add(total, config.epsilon()))
    return ops.mean(shares, axis=axis)


class _Correlation(FunctionMetric):
    """The mean of a correlation over samples."""

    _direction = "up"

    def __init__(self, fn: Any, name: str, dtype: Any, axis: Any):
        super().__init__(fn, name, dtype, axis=axis)
        self.axis = axis


class PearsonCorrelation(_Correlation):
    """The mean over samples of Pearson's coefficient of correlation.

    Args:
        name: The name.
        dtype: The dtype.
        axis: The axes along which values correlate.
    """

    def __init__(self, name: str = "pearson_correlation", dtype: Any = None, axis: Any = -1):
        super().__init__(pearson_correlation, name, dtype, axis)


class ConcordanceCorrelation(_Correlation):
    """The mean over samples of Lin's coefficient of concordance.

    Args:
        name: The name.
        dtype: The dtype.
        axis: The axes along which values are compared.
    """

    def __init__(self, name: str = "concordance_correlation", dtype: Any = None, axis: Any = -1):
        super().__init__(concordance_correlation, name, dtype, axis)


class R2Score(Metric):
    """The coefficient of determination: 1 minus the share of variance that is left.

    Args:
        class_aggregation: How the scores of several outputs become one: `uniform_average`,
            `variance_weighted_average`, or None for one score each.
        num_regressors: How many inputs explain the outputs, for the adjusted score; 0 for the
            plain one.
        name: The name.
        dtype: The dtype.
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str = "r2_score",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise ValueError(
                "R2Score: expected `class_aggregation` to be None, 'uniform_average' or "
                f"'variance_weighted_average'. Received: {class_aggregation!r}"
            )
        if num_regressors < 0:
            raise ValueError(f"R2Score: expected `num_regressors` >= 0. Received: {num_regressors}")
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), name="num_samples")
        self._built = False

    def _build(self, shape: tuple) -> None:
        if len(shape) != 2 or shape[1] is None:
            raise ValueError(
                "R2Score: expected targets and outputs of shape (samples, outputs). "
                f"Received shape {shape}."
            )
        self.squared_sum = self.add_variable(shape[1:], name="squared_sum")
        self.sum = self.add_variable(shape[1:], name="sum")
        self.total_mse = self.add_variable(shape[1:], name="residual")
        self.count = self.add_variable(shape[1:], name="count")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = to_float(y_true, self.dtype), to_float(y_pred, self.dtype)
        y_true, y_pred = squeeze_or_expand(y_true, y_pred)
        check_same_shape(y_true, y_pred, "R2Score")
        if not self._built:
            self._build(tuple(y_pred.shape))
        weights = to_float(1.0 if sample_weight is None else sample_weight, self.dtype)
        if len(weights.shape) == 1:
            weights = ops.expand_dims(weights, 1)
        check_weights(y_true, weights)
        weights = ops.broadcast_to(weights, y_true.dims)
        weighted = ops.multiply(y_true, weights)
        error = ops.square(ops.subtract(y_true, y_pred))
        for variable, values in (
            (self.sum, weighted),
            (self.squared_sum, ops.multiply(y_true, weighted)),
            (self.total_mse, ops.multiply(error, weights)),
            (self.count, weights),
        ):
            variable.assign(ops.add(variable, ops.sum(values, axis=0)))
        size = ops.multiply(batch_size_of(y_true, self.dtype), y_true.shape[1])
        self.num_samples.assign(ops.add(self.num_samples, size))

    def result(self) -> Any:
        if not self._built:
            return ops.zeros((), dtype=self.dtype)
        mean = ops.divide(self.sum, self.count)
        total = ops.subtract(self.squared_sum, ops.multiply(self.sum, mean))
        scores = ops.subtract(1.0, ops.divide(self.total_mse, total))
        score = ops.where(ops.isinf(scores), ops.zeros_like(scores), scores)
        if self.class_aggregation == "uniform_average":
            score = ops.mean(score)
        elif self.class_aggregation == "variance_weighted_average":
            score = ops.divide(ops.sum(ops.multiply(total, score)), ops.sum(total))
        return self._adjusted(score) if self.num_regressors else score

    def _adjusted(self, score: Any) -> Any:
        """Take into account how many inputs there are, where there are more values than that."""
        last = ops.subtract(self.num_samples, 1.0)
        free = ops.subtract(last, float(self.num_regressors))
        if not free.is_symbolic and float(free) <= 0 <= float(last):
            warn(
                f"R2Score: {self.num_regressors} regressors need more than as many values plus "
                "one for the adjusted score. The plain score is returned."
            )
        enough = ops.greater(free, 0.0)
        divisor = ops.where(enough, free, ops.ones_like(free))
        adjusted = ops.subtract(
            1.0, ops.divide(ops.multiply(ops.subtract(1.0, score), last), divisor)
        )
        return ops.where(enough, adjusted, score)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "class_aggregation": self.class_aggregation,
            "num_regressors": self.num_regressors,
        }
