"""Watching one metric: what `EarlyStopping` and its kin share."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from nacre.callbacks.callback import Callback
from nacre.utils.warnings_utils import warn

__all__ = ["MonitorCallback"]


class MonitorCallback(Callback):
    """Base class of callbacks that compare a metric with its best value so far.

    Args:
        monitor: Name of the metric in the logs.
        mode: `"min"`, `"max"`, or `"auto"` to ask the metric.
        min_delta: Changes smaller than this do not count.
        best: Value to start from.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        min_delta: float = 0.0,
        best: float | None = None,
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise ValueError(
                f"{type(self).__name__}: `mode` must be 'auto', 'min' or 'max'. Received: {mode!r}"
            )
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self.best = best
        self.monitor_op: Callable | None = None

    def _set_monitor_op(self) -> None:
        mode = self.mode if self.mode != "auto" else self._guess_mode()
        self.monitor_op = operator.lt if mode == "min" else operator.gt

    def _guess_mode(self) -> str:
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return "min"
        for metric in _all_metrics(self.model):
            if metric.name == name and getattr(metric, "_direction", None) in ("up", "down"):
                return "max" if metric._direction == "up" else "min"
        if name.endswith(("acc", "accuracy", "auc")):
            return "max"
        if name.endswith("_loss"):
            return "min"
        raise ValueError(
            f"{type(self).__name__}: it is not known whether '{self.monitor}' should become small "
            "or large. Pass mode='min' or mode='max'."
        )

    def _is_improvement(self, value: float, reference: float | None) -> bool:
        if reference is None:
            return True
        if self.monitor_op is None:
            self._set_monitor_op()
        delta = self.min_delta if self.monitor_op is operator.gt else -self.min_delta
        return bool(self.monitor_op(value - delta, reference))

    def get_monitor_value(self, logs: dict | None) -> float | None:
        """The monitored value in `logs`; warns and gives `None` when it is not there."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warn(
                f"{type(self).__name__} watches '{self.monitor}', which is not among the metrics: "
                f"{','.join(logs or {})}"
            )
        return value


def _all_metrics(model: Any) -> list:
    metrics: list = []
    for metric in getattr(model, "metrics", []):
        metrics.append(metric)
        metrics.extend(getattr(metric, "metrics", []))
    return metrics
