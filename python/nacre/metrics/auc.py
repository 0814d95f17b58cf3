"""The area under a curve over thresholds."""

from __future__ import annotations

from typing import Any

from nacre import config, ops
from nacre.losses.reduction import to_float
from nacre.metrics.counting import check_num_thresholds, confusion_counts
from nacre.metrics.metric import Metric

_COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


def _choice(value: Any, allowed: tuple[str, ...], name: str) -> str:
    for known in allowed:
        if str(value).lower() == known.lower():
            return known
    raise ValueError(f"AUC: expected `{name}` to be one of {allowed}. Received: {value!r}")


class AUC(Metric):
    """The area under the ROC or the precision-recall curve, from counts at thresholds.

    Args:
        num_thresholds: How many thresholds, evenly spaced.
        curve: `ROC` or `PR`.
        summation_method: `interpolation`, `minoring` or `majoring`.
        name: The name.
        dtype: The dtype.
        thresholds: Thresholds between 0 and 1 in place of even ones.
        multi_label: Whether the last axis holds labels with an area each, which are averaged.
        num_labels: How many labels, with `multi_label`; seen from the first batch if None.
        label_weights: Weights of the labels: in the average with `multi_label`, else of all that is
            counted.
        from_logits: Whether outputs are logits.
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ):
        super().__init__(name=name, dtype=dtype)
        self.curve = _choice(curve, ("ROC", "PR"), "curve")
        self.summation_method = _choice(
            summation_method, ("interpolation", "minoring", "majoring"), "summation_method"
        )
        self._given = sorted(float(t) for t in thresholds) if thresholds is not None else None
        inner = self._given
        if inner is None:
            check_num_thresholds(num_thresholds, 2, "AUC")
            inner = [(i + 1) / (num_thresholds - 1) for i in range(num_thresholds - 2)]
        self.num_thresholds = len(inner) + 2
        self.thresholds = [-config.epsilon(), *inner, 1.0 + config.epsilon()]
        if num_labels is not None and not multi_label:
            raise ValueError("AUC: expected `num_labels` only with `multi_label`.")
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = list(label_weights) if label_weights is not None else None
        self.from_logits = from_logits
        self._built = False
        if not multi_label or num_labels is not None:
            self._build(num_labels)

    def _build(self, num_labels: int | None) -> None:
        shape = (self.num_thresholds,) + ((num_labels,) if self.multi_label else ())
        for count in _COUNTS:
            setattr(self, count, self.add_variable(shape, name=count))
        self._built = True

    def _check_labels(self, y_pred: Any) -> None:
        """Make or check the axis of labels."""
        shape = tuple(y_pred.shape)
        if len(shape) != 2 or shape[1] is None:
            raise ValueError(
                "AUC: with `multi_label` expected outputs of shape (samples, labels). "
                f"Received shape {shape}."
            )
        if not self._built:
            self._build(shape[1])
        if self.true_positives.shape[1] != shape[1]:
            raise ValueError(
                f"AUC: expected {self.true_positives.shape[1]} labels. Received shape {shape}."
            )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_pred = to_float(y_pred, self.dtype)
        if self.multi_label:
            self._check_labels(y_pred)
        if self.from_logits:
            y_pred = ops.sigmoid(y_pred)
        counts = confusion_counts(
            y_true,
            y_pred,
            self.thresholds,
            sample_weight,
            self.dtype,
            self.multi_label,
            None if self.multi_label else self.label_weights,
        )
        for name, count in zip(_COUNTS, counts, strict=True):
            variable = getattr(self, name)
            variable.assign(ops.add(variable, count))

    def _average(self, areas: Any) -> Any:
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return ops.mean(areas)
        weights = ops.convert_to_tensor(self.label_weights, dtype=self.dtype)
        return ops.divide_no_nan(ops.sum(ops.multiply(areas, weights)), ops.sum(weights))

    def result(self) -> Any:
        if not self._built:
            return ops.zeros((), dtype=self.dtype)
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._interpolated_precision()
        tp, fp, tn, fn = (getattr(self, name).value for name in _COUNTS)
        recall = ops.divide_no_nan(tp, ops.add(tp, fn))
        if self.curve == "ROC":
            x, y = ops.divide_no_nan(fp, ops.add(fp, tn)), recall
        else:
            x, y = recall, ops.divide_no_nan(tp, ops.add(tp, fp))
        if self.summation_method == "interpolation":
            heights = ops.multiply(ops.add(y[:-1], y[1:]), 0.5)
        elif self.summation_method == "minoring":
            heights = ops.minimum(y[:-1], y[1:])
        else:
            heights = ops.maximum(y[:-1], y[1:])
        return self._average(ops.sum(ops.multiply(ops.subtract(x[:-1], x[1:]), heights), axis=0))

    def _interpolated_precision(self) -> Any:
        """Integrate precision over recall with true positives linear between thresholds."""
        tp, fp, _, fn = (getattr(self, name).value for name in _COUNTS)
        positives = ops.add(tp, fp)
        d_tp = ops.subtract(tp[:-1], tp[1:])
        d_p = ops.subtract(positives[:-1], positives[1:])
        slope = ops.divide_no_nan(d_tp, ops.maximum(d_p, 0.0))
        intercept = ops.subtract(tp[1:], ops.multiply(slope, positives[1:]))
        both = ops.logical_and(ops.greater(positives[:-1], 0.0), ops.greater(positives[1:], 0.0))
        ratio = ops.divide_no_nan(positives[:-1], ops.maximum(positives[1:], 0.0))
        ratio = ops.where(both, ratio, ops.ones_like(ratio))
        area = ops.multiply(slope, ops.add(d_tp, ops.multiply(intercept, ops.log(ratio))))
        area = ops.divide_no_nan(area, ops.maximum(ops.add(tp[1:], fn[1:]), 0.0))
        return self._average(ops.sum(area, axis=0))

    def get_config(self) -> dict:
        config = {
            **super().get_config(),
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": self.label_weights,
            "from_logits": self.from_logits,
        }
        if self._given is not None:
            config["thresholds"] = list(self._given)
        return config
