"""What `compile` was given: losses and metrics, in the order of a model's outputs."""

from __future__ import annotations

from typing import Any

from nacre import _core, ops, tree
from nacre import losses as losses_module
from nacre import metrics as metrics_module
from nacre.ops._common import dim_tensor
from nacre.training.output_layout import (
    OutputLayout,
    align_sample_weight,
    resolve_loss,
    resolve_metric,
)

__all__ = ["CompileLoss", "CompileMetrics", "batch_size_of", "check_loss"]


def batch_size_of(structure: Any) -> Any:
    """The number of samples in a batch, as a scalar float tensor."""
    leaf = tree.flatten(structure)[0]
    return dim_tensor(ops.convert_to_tensor(leaf).dims[0], "float32")


class CompileLoss:
    """The losses of all outputs, their weights and, for several, a running mean of each.

    Args:
        loss: What `compile` was given.
        loss_weights: What `compile` was given.
        output_names: The names of the outputs, where the model knows them.
    """

    name = "compile_loss"

    def __init__(self, loss: Any, loss_weights: Any, output_names: list[str] | None) -> None:
        check_loss(loss)
        if loss_weights is not None and not isinstance(
            loss_weights, (list, tuple, dict, float, int)
        ):
            raise ValueError(
                "`loss_weights` must be a number, a list or a dictionary. "
                f"Received: {loss_weights!r}"
            )
        self._user_loss = loss
        self._user_weights = loss_weights
        self._output_names = output_names
        self.metrics: list = []
        self._layout: OutputLayout | None = None
        self._terms: list[list[tuple[Any, Any]]] = []  # for each output: (loss, weight) pairs

    @property
    def built(self) -> bool:
        return self._layout is not None

    @property
    def variables(self) -> list:
        return [variable for metric in self.metrics for variable in metric.variables]

    def _build(self, y_true: Any, y_pred: Any) -> None:
        layout = OutputLayout(y_pred, self._output_names)
        entries, weights = self._entries(layout)
        targets = self._targets(layout, y_true, entries)
        outputs = layout.outputs(y_pred)
        self._terms = []
        trackers: list = []
        for index, (entry, weight) in enumerate(zip(entries, weights, strict=True)):
            pairs = []
            for loss, factor in zip(entry, weight, strict=True):
                resolved = resolve_loss(loss, targets[index], outputs[index])
                pairs.append((resolved, factor))
                several = layout.count > 1 and layout.names
                name = layout.names[index] if several else resolved.name
                trackers.append(f"{name}_loss")
            self._terms.append(pairs)
        if len(trackers) > 1:
            with _core.init_scope():
                self.metrics = [metrics_module.Mean(name=name) for name in _unique(trackers)]
        self._layout = layout

    def _entries(self, layout: OutputLayout) -> tuple[list, list]:
        """For each output the list of its losses and of their weights."""
        loss = self._user_loss
        if not tree.is_nested(loss):
            entries = [[loss] for _ in range(layout.count)]
        elif layout.count == 1 and isinstance(loss, (list, tuple)):
            entries = [tree.flatten(loss)]
        else:
            entries = [[entry] for entry in layout.align(loss, "loss")]
        weights = self._user_weights
        if weights is None:
            factors: list = [[None] * len(entry) for entry in entries]
        elif not tree.is_nested(weights):
            if layout.count > 1:
                raise ValueError(
                    f"`loss_weights` must have one entry for each of the {layout.count} outputs. "
                    f"Received: {weights!r}"
                )
            factors = [[weights] * len(entries[0])]
        elif layout.count == 1 and not isinstance(weights, dict):
            factors = [list(weights)]
            if len(factors[0]) != len(entries[0]):
                raise ValueError(
                    f"`loss_weights` must have {len(entries[0])} entries, one for each loss. "
                    f"Received: {weights!r}"
                )
        else:
            factors = [[factor] for factor in layout.align(weights, "loss_weights")]
        kept = [
            [(loss, factor) for loss, factor in zip(e, f, strict=True) if loss is not None]
            for e, f in zip(entries, factors, strict=True)
        ]
        return [[p[0] for p in pairs] for pairs in kept], [[p[1] for p in pairs] for pairs in kept]

    def _targets(self, layout: OutputLayout, y_true: Any, terms: list) -> list:
        if y_true is None:
            raise ValueError("The compiled loss needs targets, but `y` was not given.")
        wanted = [bool(pairs) for pairs in terms]
        targets = layout.align(y_true, "y", wanted)
        for index, want in enumerate(wanted):
            if want and targets[index] is None:
                name = layout.names[index] if layout.names else index
                raise ValueError(f"Output {name!r} has a loss but no targets in `y`.")
        return targets

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The weighted sum of all losses, a scalar tensor; `None` when no output has a loss."""
        if self._layout is None:
            self._build(y_true, y_pred)
        layout = self._layout
        targets = self._targets(layout, y_true, self._terms)
        outputs = layout.outputs(y_pred)
        weights = align_sample_weight(layout, sample_weight)
        trackers = iter(self.metrics)
        total = None
        for terms, target, output, weight in zip(
            self._terms, targets, outputs, weights, strict=True
        ):
            for loss, factor in terms:
                value = loss(target, output, sample_weight=weight)
                tracker = next(trackers, None)
                if tracker is not None:
                    tracker.update_state(value, sample_weight=batch_size_of(output))
                if factor is not None:
                    value = ops.multiply(value, factor)
                total = value if total is None else ops.add(total, value)
        return total


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    result = []
    for name in names:
        count = seen.get(name, 0)
        seen[name] = count + 1
        result.append(f"{name}_{count}" if count else name)
    return result


def check_loss(loss: Any) -> None:
    """Raises at once when a loss is an unknown string or no loss at all."""
    for entry in tree.flatten(loss):
        if isinstance(entry, str):
            if entry.lower() not in ("crossentropy", "ce"):
                losses_module.get(entry)
        elif entry is not None and not callable(entry):
            raise ValueError(
                "`loss` must be a name, a function or a Loss, or a list or dictionary of them. "
                f"Received: {entry!r}"
            )


class CompileMetrics:
    """The metrics of all outputs, those without and those with sample weights.

    Args:
        metrics: What `compile` was given as `metrics`.
        weighted_metrics: What `compile` was given as `weighted_metrics`.
        output_names: The names of the outputs, where the model knows them.
    """

    name = "compile_metrics"

    def __init__(self, metrics: Any, weighted_metrics: Any, output_names: list[str] | None) -> None:
        for name, value in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if value and not isinstance(value, (list, tuple, dict)):
                raise ValueError(
                    f"`{name}` must be a list, a tuple or a dictionary. Received: {value!r}"
                )
            _check_metrics(value, name)
        self._user = (metrics, weighted_metrics)
        self._output_names = output_names
        self._layout: OutputLayout | None = None
        self._plain: list[list] = []  # for each output its metrics
        self._weighted: list[list] = []

    @property
    def built(self) -> bool:
        return self._layout is not None

    @property
    def metrics(self) -> list:
        """All metric objects, in the order of the outputs; empty before the first batch."""
        flat: list = []
        for metric in tree.flatten([self._plain, self._weighted]):
            if not any(metric is other for other in flat):
                flat.append(metric)
        return flat

    @property
    def variables(self) -> list:
        return [variable for metric in self.metrics for variable in metric.variables]

    def _build(self, y_true: Any, y_pred: Any) -> None:
        layout = OutputLayout(y_pred, self._output_names)
        names = ("metrics", "weighted_metrics")
        entries = [
            self._entries(layout, given, name)
            for given, name in zip(self._user, names, strict=True)
        ]
        wanted = [bool(a or b) for a, b in zip(*entries, strict=True)]
        targets = _metric_targets(layout, y_true, wanted)
        outputs = layout.outputs(y_pred)
        with _core.init_scope():
            self._plain, self._weighted = (
                [
                    [resolve_metric(m, target, output) for m in entry]
                    for entry, target, output in zip(per_output, targets, outputs, strict=True)
                ]
                for per_output in entries
            )
        self._layout = layout

    @staticmethod
    def _entries(layout: OutputLayout, metrics: Any, name: str) -> list[list]:
        if not metrics:
            return [[] for _ in range(layout.count)]
        if layout.count == 1:
            return [[m for m in tree.flatten(metrics) if m is not None]]
        aligned = layout.align(metrics, name)
        return [[m for m in tree.flatten(entry) if m is not None] for entry in aligned]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        if self._layout is None:
            self._build(y_true, y_pred)
        layout = self._layout
        wanted = [bool(a or b) for a, b in zip(self._plain, self._weighted, strict=True)]
        if not any(wanted):
            return
        targets = _metric_targets(layout, y_true, wanted)
        weights = align_sample_weight(layout, sample_weight)
        for index, output in enumerate(layout.outputs(y_pred)):
            for metric in self._plain[index]:
                metric.update_state(targets[index], output)
            for metric in self._weighted[index]:
                metric.update_state(targets[index], output, sample_weight=weights[index])

    def reset_state(self) -> None:
        for metric in self.metrics:
            metric.reset_state()

    def result(self) -> dict[str, Any]:
        """The results by name, each name used once."""
        return {name: metric.result() for name, metric in self._unique_names()}

    def result_names(self) -> list[str]:
        """The names in `result`."""
        return [name for name, _ in self._unique_names()]

    def _unique_names(self) -> list[tuple[str, Any]]:
        pairs = []
        counts: dict[str, int] = {}
        for store, prefix in ((self._plain, ""), (self._weighted, "weighted_")):
            for output_name, metric in self._named(store):
                name = output_name + metric.name
                if name in counts and prefix and output_name + prefix + metric.name not in counts:
                    name = output_name + prefix + metric.name
                count = counts.get(name, 0)
                counts[name] = count + 1
                pairs.append((f"{name}_{count}" if count else name, metric))
        return pairs

    def _named(self, store: list[list]) -> list[tuple[str, Any]]:
        layout = self._layout
        pairs = []
        for index, metrics in enumerate(store):
            several = layout is not None and layout.count > 1 and layout.names
            pairs += [(f"{layout.names[index]}_" if several else "", m) for m in metrics]
        return pairs


def _metric_targets(layout: OutputLayout, y_true: Any, wanted: list[bool]) -> list:
    if y_true is None:
        if any(wanted):
            raise ValueError("The compiled metrics need targets, but `y` was not given.")
        return [None] * layout.count
    return layout.align(y_true, "y", wanted)


def _check_metrics(metrics: Any, name: str) -> None:
    for entry in tree.flatten(metrics) if metrics else ():
        if isinstance(entry, str):
            if entry.lower() not in ("accuracy", "acc", "crossentropy", "ce"):
                metrics_module.get(entry)
        elif entry is not None and not callable(entry):
            raise ValueError(f"`{name}` must hold names, functions or Metrics. Received: {entry!r}")
