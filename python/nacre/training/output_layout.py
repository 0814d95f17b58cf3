"""Lining up what belongs to a model's outputs: targets, losses, weights, metrics.

Each of these may be one thing, a list or a dictionary. An `OutputLayout` knows the outputs' order
and names and turns any of them into a flat list.
"""

from __future__ import annotations

from typing import Any

from nacre import losses as losses_module
from nacre import metrics as metrics_module
from nacre import naming, tree

__all__ = ["OutputLayout", "align_sample_weight", "resolve_loss", "resolve_metric"]


class OutputLayout:
    """The order and the names of a model's outputs.

    Args:
        y_pred: The outputs.
        output_names: Their names, where the model knows them.
    """

    def __init__(self, y_pred: Any, output_names: list[str] | None) -> None:
        self.structure = tree.map_structure(lambda _: None, y_pred)
        if isinstance(y_pred, dict) and not any(map(tree.is_nested, y_pred.values())):
            # The model's own order where it has one, else that of the sorted keys.
            known = output_names and set(output_names) == set(y_pred)
            self.keys: list | None = list(output_names) if known else sorted(y_pred)
            self.names: list | None = [str(key) for key in self.keys]
        else:
            self.keys = None
            count = len(tree.flatten(y_pred))
            self.names = output_names if output_names and len(output_names) == count else None
        self.count = len(tree.flatten(y_pred))

    def outputs(self, y_pred: Any) -> list:
        """The outputs as a flat list."""
        if self.keys is not None and isinstance(y_pred, dict):
            return [y_pred[key] for key in self.keys]
        return tree.flatten(y_pred)

    def align(self, value: Any, what: str, wanted: list[bool] | None = None) -> list:
        """Lists what belongs to each output, `None` where there is nothing.

        Args:
            value: One thing, a list, a dictionary, or a structure like the outputs'.
            what: What these are, for messages.
            wanted: Outputs that need an entry; fewer entries than outputs go to those.

        Raises:
            ValueError: The entries do not fit the outputs.
        """
        if isinstance(value, dict):
            return self._align_dict(value, what)
        if not tree.is_nested(value):
            if self.count == 1:
                return [value]
            if wanted is not None and sum(wanted) == 1:
                return [value if want else None for want in wanted]
            raise ValueError(self._mismatch(what, 1))
        leaves = list(value) if len(value) == self.count else tree.flatten(value)
        if len(leaves) == self.count:
            return leaves
        if wanted is not None and len(leaves) == sum(wanted):
            remaining = iter(leaves)
            return [next(remaining) if want else None for want in wanted]
        raise ValueError(self._mismatch(what, len(leaves)))

    def _align_dict(self, value: dict, what: str) -> list:
        names = self.keys if self.keys is not None else self.names
        if names is None:
            if self.count == 1 and len(value) == 1:
                return list(value.values())
            leaves = tree.flatten(value)
            if len(leaves) == self.count:
                return leaves
            raise ValueError(
                f"`{what}` is a dictionary, but the model's outputs have no names. "
                f"Received the keys {sorted(map(str, value))}."
            )
        unknown = [key for key in value if key not in names]
        if unknown:
            raise ValueError(
                f"`{what}` names the outputs {sorted(map(str, unknown))}, which the model does "
                f"not have. Its outputs are {names}."
            )
        return [value.get(name) for name in names]

    def _mismatch(self, what: str, received: int) -> str:
        names = f" ({', '.join(self.names)})" if self.names else ""
        return (
            f"`{what}` must have one entry for each of the model's {self.count} outputs{names}. "
            f"Received {received}."
        )


def _resolve_by_shape(y_true: Any, y_pred: Any) -> str:
    """Which kind of classification the shapes speak of."""
    true_shape, pred_shape = tuple(y_true.shape), tuple(y_pred.shape)
    if pred_shape and pred_shape[-1] == 1:
        return "binary"
    if len(true_shape) < len(pred_shape):
        return "sparse"
    if true_shape and true_shape[-1] == 1 and (pred_shape[-1] is None or pred_shape[-1] > 1):
        return "sparse"
    return "categorical"


def resolve_metric(identifier: Any, y_true: Any, y_pred: Any) -> Any:
    """Makes the metric that a string, a function or an object stands for.

    Args:
        identifier: What the user gave.
        y_true: Targets, whose shape decides what `"accuracy"` means.
        y_pred: Outputs.
    """
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        kind = {
            "binary": metrics_module.BinaryAccuracy,
            "sparse": metrics_module.SparseCategoricalAccuracy,
            "categorical": metrics_module.CategoricalAccuracy,
        }[_resolve_by_shape(y_true, y_pred)]
        return kind(name=identifier)
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        kind = {
            "binary": metrics_module.BinaryCrossentropy,
            "sparse": metrics_module.SparseCategoricalCrossentropy,
            "categorical": metrics_module.CategoricalCrossentropy,
        }[_resolve_by_shape(y_true, y_pred)]
        return kind(name=identifier)
    metric = metrics_module.get(identifier)
    if metric is None:
        raise ValueError("A metric must not be None.")
    name = identifier if isinstance(identifier, str) else naming.object_name(metric)
    if not isinstance(metric, metrics_module.Metric):
        return metrics_module.MeanMetricWrapper(metric, name=name)
    if isinstance(identifier, str):
        metric.name = name
    return metric


def resolve_loss(identifier: Any, y_true: Any, y_pred: Any) -> Any:
    """Makes the loss that a string, a function or an object stands for.

    Args:
        identifier: What the user gave.
        y_true: Targets, whose shape decides what `"crossentropy"` means.
        y_pred: Outputs.
    """
    loss = identifier
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        kind = _resolve_by_shape(y_true, y_pred)
        prefix = "" if kind == "binary" else "categorical_"
        loss = {"binary": "binary_", "sparse": "sparse_"}.get(kind, "") + prefix + "crossentropy"
    loss = losses_module.get(loss)
    if not isinstance(loss, losses_module.Loss):
        name = identifier if isinstance(identifier, str) else naming.object_name(loss)
        loss = losses_module.LossFunctionWrapper(loss, name=name)
    return loss


def align_sample_weight(layout: OutputLayout, sample_weight: Any) -> list:
    """One weight tensor, or `None`, for each output; a single one serves all."""
    if sample_weight is None:
        return [None] * layout.count
    if not tree.is_nested(sample_weight):
        return [sample_weight] * layout.count
    if isinstance(sample_weight, (list, tuple)) and len(sample_weight) == 1:
        return [sample_weight[0]] * layout.count
    return layout.align(sample_weight, "sample_weight")
