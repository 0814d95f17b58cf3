"""The best of one rate where another is high enough."""

from __future__ import annotations

from typing import Any

from nacre import ops
from nacre.losses.reduction import squeeze_or_expand, to_float, to_tensor
from nacre.metrics.counting import check_num_thresholds, confusion_counts, pick_class
from nacre.metrics.metric import Metric


class _AtLeast(Metric):
    """The largest of one rate over the thresholds at which another is at least a given one."""

    _direction = "up"
    _argument = ""

    def __init__(
        self,
        value: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        owner = type(self).__name__
        if not 0 <= value <= 1:
            raise ValueError(
                f"{owner}: expected `{self._argument}` between 0 and 1. Received: {value!r}"
            )
        self.value = value
        self.num_thresholds = check_num_thresholds(num_thresholds, 1, owner)
        self.class_id = class_id
        last = self.num_thresholds - 1
        self.thresholds = [i / last for i in range(last + 1)] if last else [0.5]
        shape = (self.num_thresholds,)
        self.true_positives = self.add_variable(shape, name="true_positives")
        self.false_positives = self.add_variable(shape, name="false_positives")
        self.true_negatives = self.add_variable(shape, name="true_negatives")
        self.false_negatives = self.add_variable(shape, name="false_negatives")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = squeeze_or_expand(to_tensor(y_true), to_float(y_pred, self.dtype))
        if self.class_id is not None:
            y_true, y_pred = pick_class(y_true, y_pred, self.class_id, type(self).__name__)
        counts = confusion_counts(y_true, y_pred, self.thresholds, sample_weight, self.dtype)
        variables = (
            self.true_positives,
            self.false_positives,
            self.true_negatives,
            self.false_negatives,
        )
        for variable, count in zip(variables, counts, strict=True):
            variable.assign(ops.add(variable, count))

    def _recalls(self) -> Any:
        positives = ops.add(self.true_positives, self.false_negatives)
        return ops.divide_no_nan(self.true_positives, positives)

    def _specificities(self) -> Any:
        negatives = ops.add(self.true_negatives, self.false_positives)
        return ops.divide_no_nan(self.true_negatives, negatives)

    def _precisions(self) -> Any:
        found = ops.add(self.true_positives, self.false_positives)
        return ops.divide_no_nan(self.true_positives, found)

    def _best(self, constrained: Any, wanted: Any) -> Any:
        enough = ops.greater_equal(constrained, float(self.value))
        return ops.max(ops.where(enough, wanted, ops.zeros_like(wanted)))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_thresholds": self.num_thresholds,
            self._argument: self.value,
            "class_id": self.class_id,
        }


class SensitivityAtSpecificity(_AtLeast):
    """The best share of labels 1 found where at least a share of labels 0 is told apart.

    Args:
        specificity: The least share of labels 0 with outputs not above the threshold.
        num_thresholds: How many thresholds, evenly spaced.
        class_id: Only this class counts.
        name: The name.
        dtype: The dtype.
    """

    _argument = "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)
        self.specificity = specificity

    def result(self) -> Any:
        return self._best(self._specificities(), self._recalls())


class SpecificityAtSensitivity(_AtLeast):
    """The best share of labels 0 told apart where at least a share of labels 1 is found.

    Args:
        sensitivity: The least share of labels 1 with outputs above the threshold.
        num_thresholds: How many thresholds, evenly spaced.
        class_id: Only this class counts.
        name: The name.
        dtype: The dtype.
    """

    _argument = "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)
        self.sensitivity = sensitivity

    def result(self) -> Any:
        return self._best(self._recalls(), self._specificities())


class PrecisionAtRecall(_AtLeast):
    """The best precision where recall is at least a given one.

    Args:
        recall: The least recall.
        num_thresholds: How many thresholds, evenly spaced.
        class_id: Only this class counts.
        name: The name.
        dtype: The dtype.
    """

    _argument = "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(recall, num_thresholds, class_id, name, dtype)
        self.recall = recall

    def result(self) -> Any:
        return self._best(self._recalls(), self._precisions())


class RecallAtPrecision(_AtLeast):
    """The best recall where precision is at least a given one; 0 where it never is.

    Args:
        precision: The least precision.
        num_thresholds: How many thresholds, evenly spaced.
        class_id: Only this class counts.
        name: The name.
        dtype: The dtype.
    """

    _argument = "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(precision, num_thresholds, class_id, name, dtype)
        self.precision = precision

    def result(self) -> Any:
        return self._best(self._precisions(), self._recalls())
