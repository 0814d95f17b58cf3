"""Harmonic means of precision and recall."""

from __future__ import annotations

from typing import Any

from nacre import config, ops
from nacre.losses.reduction import check_same_shape, to_float
from nacre.metrics.metric import Metric


class FBetaScore(Metric):
    """The harmonic mean of precision and recall, with recall counting beta times as much.

    Args:
        average: `micro`, `macro`, `weighted`, or None for one score per class.
        beta: The weight of recall.
        threshold: Outputs above it count as positive; by default only the largest of a sample.
        name: The name.
        dtype: The dtype.
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str = "fbeta_score",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        owner = type(self).__name__
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(
                f"{owner}: expected `average` to be None, 'micro', 'macro' or 'weighted'. "
                f"Received: {average!r}"
            )
        if not beta > 0:
            raise ValueError(f"{owner}: expected `beta` to be positive. Received: {beta!r}")
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError(
                f"{owner}: expected `threshold` above 0 and at most 1. Received: {threshold!r}"
            )
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self._built = False

    def _build(self, shape: tuple) -> None:
        if len(shape) != 2 or shape[1] is None:
            raise ValueError(
                f"{type(self).__name__}: expected outputs of shape (batch, classes). "
                f"Received shape {tuple(shape)}."
            )
        size = () if self.average == "micro" else (shape[1],)
        self.true_positives = self.add_variable(size, name="true_positives")
        self.false_positives = self.add_variable(size, name="false_positives")
        self.false_negatives = self.add_variable(size, name="false_negatives")
        self.intermediate_weights = self.add_variable(size, name="intermediate_weights")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_pred = to_float(y_pred, self.dtype)
        y_true = to_float(y_true, self.dtype)
        check_same_shape(y_true, y_pred, type(self).__name__)
        if not self._built:
            self._build(tuple(y_pred.shape))
        if self.threshold is None:
            largest = ops.max(y_pred, axis=-1, keepdims=True)
            chosen = ops.logical_and(
                ops.greater_equal(y_pred, largest), ops.greater(ops.absolute(y_pred), 1e-9)
            )
        else:
            chosen = ops.greater(y_pred, self.threshold)
        chosen = ops.cast(chosen, self.dtype)
        axis = None if self.average == "micro" else 0
        weights = None
        if sample_weight is not None:
            weights = ops.expand_dims(to_float(sample_weight, self.dtype), 1)

        def add(variable: Any, values: Any) -> None:
            if weights is not None:
                values = ops.multiply(values, weights)
            variable.assign(ops.add(variable, ops.sum(values, axis=axis)))

        add(self.true_positives, ops.multiply(chosen, y_true))
        add(self.false_positives, ops.multiply(chosen, ops.subtract(1.0, y_true)))
        add(self.false_negatives, ops.multiply(ops.subtract(1.0, chosen), y_true))
        add(self.intermediate_weights, y_true)

    def result(self) -> Any:
        if not self._built:
            return ops.zeros((), dtype=self.dtype)
        epsilon = config.epsilon()
        tp = self.true_positives.value
        precision = ops.divide(tp, ops.add(ops.add(tp, self.false_positives), epsilon))
        recall = ops.divide(tp, ops.add(ops.add(tp, self.false_negatives), epsilon))
        squared = float(self.beta) ** 2
        total = ops.add(ops.add(ops.multiply(precision, squared), recall), epsilon)
        score = ops.multiply(ops.divide(ops.multiply(precision, recall), total), 1.0 + squared)
        if self.average == "weighted":
            weights = self.intermediate_weights.value
            weights = ops.divide(weights, ops.add(ops.sum(weights), epsilon))
            return ops.sum(ops.multiply(score, weights))
        return score if self.average is None else ops.mean(score)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "average": self.average,
            "beta": self.beta,
            "threshold": self.threshold,
        }


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall.

    Args:
        average: `micro`, `macro`, `weighted`, or None for one score per class.
        threshold: Outputs above it count as positive; by default only the largest of a sample.
        name: The name.
        dtype: The dtype.
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str = "f1_score",
        dtype: Any = None,
    ):
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict:
        config = super().get_config()
        del config["beta"]
        return config
