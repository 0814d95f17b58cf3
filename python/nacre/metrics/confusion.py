"""Metrics made of true and false positives and negatives at thresholds."""

from __future__ import annotations

from typing import Any

from nacre import ops
from nacre.losses.reduction import squeeze_or_expand, to_float, to_tensor
from nacre.metrics.counting import check_thresholds, confusion_counts, pick_class
from nacre.metrics.metric import Metric

# What outputs outside of the k largest become: below any threshold.
_NEVER = -1e10


class _Count(Metric):
    """One of the four counts."""

    _index = 0

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.thresholds = check_thresholds(thresholds, 0.5, type(self).__name__)
        self.accumulator = self.add_variable((len(self.thresholds),), name="accumulator")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        counts = confusion_counts(y_true, y_pred, self.thresholds, sample_weight, self.dtype)
        self.accumulator.assign(ops.add(self.accumulator, counts[self._index]))

    def result(self) -> Any:
        value = self.accumulator.value
        return value[0] if len(self.thresholds) == 1 else value

    def get_config(self) -> dict:
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_Count):
    """How many labels 1 have outputs above the threshold.

    Args:
        thresholds: One or several; 0.5 if None.
        name: The name.
        dtype: The dtype.
    """

    _direction = "up"
    _index = 0


class FalsePositives(_Count):
    """How many labels 0 have outputs above the threshold.

    Args:
        thresholds: One or several; 0.5 if None.
        name: The name.
        dtype: The dtype.
    """

    _direction = "down"
    _index = 1


class TrueNegatives(_Count):
    """How many labels 0 have outputs not above the threshold.

    Args:
        thresholds: One or several; 0.5 if None.
        name: The name.
        dtype: The dtype.
    """

    _direction = "up"
    _index = 2


class FalseNegatives(_Count):
    """How many labels 1 have outputs not above the threshold.

    Args:
        thresholds: One or several; 0.5 if None.
        name: The name.
        dtype: The dtype.
    """

    _direction = "down"
    _index = 3


class _Share(Metric):
    """True positives over true positives and one kind of mistakes."""

    _direction = "up"
    _mistakes = ("false_positives", 1)

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        default = 0.5 if top_k is None else _NEVER / 2
        self.thresholds = check_thresholds(thresholds, default, type(self).__name__)
        shape = (len(self.thresholds),)
        self.true_positives = self.add_variable(shape, name="true_positives")
        self.mistakes = self.add_variable(shape, name=self._mistakes[0])

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = squeeze_or_expand(to_tensor(y_true), to_float(y_pred, self.dtype))
        if self.top_k is not None:
            classes = y_pred.shape[-1]
            _, indices = ops.top_k(y_pred, self.top_k)
            kept = ops.sum(ops.one_hot(indices, classes, dtype=self.dtype), axis=-2)
            y_pred = ops.where(ops.greater(kept, 0.0), y_pred, ops.full_like(y_pred, _NEVER))
        if self.class_id is not None:
            y_true, y_pred = pick_class(y_true, y_pred, self.class_id, type(self).__name__)
        counts = confusion_counts(y_true, y_pred, self.thresholds, sample_weight, self.dtype)
        self.true_positives.assign(ops.add(self.true_positives, counts[0]))
        self.mistakes.assign(ops.add(self.mistakes, counts[self._mistakes[1]]))

    def result(self) -> Any:
        share = ops.divide_no_nan(self.true_positives, ops.add(self.true_positives, self.mistakes))
        return share[0] if len(self.thresholds) == 1 else share

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "thresholds": self.init_thresholds,
            "top_k": self.top_k,
            "class_id": self.class_id,
        }


class Precision(_Share):
    """The share of labels 1 among outputs above the threshold.

    Args:
        thresholds: One or several; 0.5 if None.
        top_k: Only the k largest outputs of a sample count.
        class_id: Only this class counts.
        name: The name.
        dtype: The dtype.
    """

    _mistakes = ("false_positives", 1)


class Recall(_Share):
    """The share of outputs above the threshold among labels 1.

    Args:
        thresholds: One or several; 0.5 if None.
        top_k: Only the k largest outputs of a sample count.
        class_id: Only this class counts.
        name: The name.
        dtype: The dtype.
    """

    _mistakes = ("false_negatives", 3)
