"""Running one batch at a time, compiled or eagerly, and naming what comes out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nacre import _core, config, ops, tree
from nacre.training.arrays import ArrayData
from nacre.training.compile_utils import CompileMetrics
from nacre.training.step_function import StepFunction, input_dtype, trace_lock

__all__ = ["BatchRunner", "ResetPlan", "metric_result_names", "ordered_names", "reset_plan"]


class ResetPlan(NamedTuple):
    """How to set metrics back: Variables to zero, and metrics that have a method of their own."""

    variables: list
    others: list


def reset_plan(model: Any) -> ResetPlan:
    """Sorts a model's metrics by how they are set back."""
    variables: list = []
    others: list = []
    for metric in model.metrics:
        for inner in getattr(metric, "metrics", None) or [metric]:
            if not hasattr(inner, "variables") or not hasattr(inner, "reset_state"):
                continue
            if getattr(inner, "_native_reset", False):
                variables += [v for v in inner.variables if not any(v is o for o in variables)]
            elif inner.variables:
                others.append(inner)
    return ResetPlan(variables, others)


class BatchRunner:
    """Runs the steps of one kind.

    Args:
        model: The model.
        mode: `"train"` or `"test"`.
        eager: Whether to run operation by operation.
    """

    def __init__(self, model: Any, mode: str, eager: bool) -> None:
        self._model = model
        self._mode = mode
        self._eager = eager
        self._function: StepFunction | None = None
        self._names: list[str] = []

    def prepare(self, data: ArrayData) -> StepFunction:
        """Traces the step for data of this form, unless that was done before."""
        model = self._model
        if self._mode == "train" and model.built and model.optimizer is not None:
            if not model.optimizer.built and model.trainable_variables:
                with trace_lock, model._compiled_trainable_state():
                    model.optimizer.build(model.trainable_variables)
        self._function = model._steps.get(self._mode, data.data, data.leaves)
        return self._function

    def run(self, batch: ArrayData) -> list:
        """Runs the step on a batch and gives its logs."""
        if self._eager:
            return self._run_eagerly(batch)
        function = self.prepare(batch)
        if self._mode == "train" and config.nonfinite_policy() == "raise":
            # Every result is looked at, so that the error names a layer and no weight changes.
            rows = len(batch.leaves[0])
            return _core.run_phase(_core.Phase(function.exe, batch.leaves, rows, check_finite=True))
        return [float(value) for value in function.exe(*batch.leaves)]

    def _run_eagerly(self, batch: ArrayData) -> list:
        step = getattr(self._model, f"{self._mode}_step")
        data = tree.map_structure(
            lambda leaf: (
                None if leaf is None else ops.convert_to_tensor(leaf, dtype=input_dtype(leaf.dtype))
            ),
            batch.data,
        )
        with self._model._compiled_trainable_state():
            logs = step(data)
        if not isinstance(logs, dict):
            raise ValueError(
                f"`{self._mode}_step` must return a dictionary from names to values. "
                f"Received: {logs!r}"
            )
        self._names = list(logs)
        return [_to_python(value) for value in logs.values()]

    def logs_of(self, values: Any) -> dict[str, Any]:
        """Names the logs: a dictionary sorted by name."""
        if self._function is not None:
            return self._function.logs_of(values)
        return dict(sorted(zip(self._names, values, strict=True)))

    def loss_index(self) -> int | None:
        """The place of the loss among the logs."""
        if self._function is not None:
            index = self._function.loss_index()
            return None if index < 0 else index
        return self._names.index("loss") if "loss" in self._names else None


def _to_python(value: Any) -> Any:
    array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    return float(array) if array.ndim == 0 else array


def metric_result_names(model: Any) -> list[str]:
    """Names of all metric results, in the order of `model.metrics`."""
    names: list[str] = []
    for metric in model.metrics:
        names += metric.result_names() if isinstance(metric, CompileMetrics) else [metric.name]
    return names


def ordered_names(model: Any, present: Any) -> list[str]:
    """Names in the order in which `evaluate` returns them: metrics as compiled, then the rest."""
    names: list[str] = []
    for metric in model.metrics:
        inner = metric.metrics if isinstance(metric, CompileMetrics) else [metric]
        names += [m.name for m in inner]
    listed = [name for name in names if name in present]
    return listed + sorted(name for name in present if name not in names)
