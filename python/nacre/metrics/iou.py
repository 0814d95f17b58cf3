"""Intersection over union, from a confusion matrix of classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nacre import config, ops
from nacre.losses.reduction import check_weights, is_float, to_float, to_tensor
from nacre.metrics.metric import Metric
from nacre.utils.warnings_utils import warn


class IoU(Metric):
    """The mean, over some classes, of intersection over union of labels and outputs.

    Samples whose label or output is no class are left out; so are classes that never occur.

    Args:
        num_classes: How many classes there are.
        target_class_ids: The classes that count.
        name: The name.
        dtype: The dtype of the counts, integers by default: weights lose their fractions then.
        ignore_class: Labels of this class are left out.
        sparse_y_true: Whether labels are class numbers; if not, the largest of `axis` counts.
        sparse_y_pred: Whether outputs are class numbers; if not, the largest of `axis` counts.
        axis: The axis of the classes.
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Iterable[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(name=name, dtype=dtype or "int32")
        self.num_classes = int(num_classes)
        self.target_class_ids = [int(index) for index in target_class_ids]
        if not all(0 <= index < self.num_classes for index in self.target_class_ids):
            raise ValueError(
                f"{type(self).__name__}: expected `target_class_ids` between 0 and "
                f"{self.num_classes - 1}. Received: {self.target_class_ids}"
            )
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_cm = self.add_variable(
            (self.num_classes, self.num_classes), name="total_confusion_matrix"
        )

    def _classes(self, x: Any, sparse: bool) -> Any:
        """Return class numbers as a vector."""
        x = to_tensor(x)
        x = x if sparse else ops.argmax(x, axis=self.axis)
        return ops.reshape(ops.cast(x, "int32"), (-1,))

    def _weights(self, sample_weight: Any, y_true: Any) -> Any:
        if sample_weight is None:
            return None
        weights = to_tensor(sample_weight)
        if is_float(weights.dtype) and not is_float(self.dtype):
            warn(
                f"{type(self).__name__} counts in {self.dtype}: weights lose their fractions. "
                "Pass dtype='float32' to keep them."
            )
        weights = ops.cast(weights, self.dtype)
        if len(weights.shape) > 1:
            weights = ops.reshape(weights, (-1,))
        check_weights(y_true, weights)
        return ops.broadcast_to(weights, y_true.dims)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true = self._classes(y_true, self.sparse_y_true)
        y_pred = self._classes(y_pred, self.sparse_y_pred)
        weights = self._weights(sample_weight, y_true)
        size = self.num_classes
        valid = [ops.greater_equal(x, 0) for x in (y_true, y_pred)]
        valid += [ops.less(x, size) for x in (y_true, y_pred)]
        if self.ignore_class is not None:
            valid.append(ops.not_equal(y_true, int(self.ignore_class)))
        all_valid = valid[0]
        for condition in valid[1:]:
            all_valid = ops.logical_and(all_valid, condition)
        # One more place takes up what does not count.
        place = ops.add(ops.multiply(y_true, size), y_pred)
        place = ops.where(all_valid, place, size * size)
        counts = ops.bincount(place, weights=weights, minlength=size * size + 1)
        matrix = ops.reshape(counts[: size * size], (size, size))
        self.total_cm.assign(ops.add(self.total_cm, ops.cast(matrix, self.dtype)))

    def result(self) -> Any:
        matrix = ops.cast(self.total_cm, "float32")
        hits = ops.diagonal(matrix)
        union = ops.subtract(ops.add(ops.sum(matrix, axis=0), ops.sum(matrix, axis=1)), hits)
        if self.target_class_ids != list(range(self.num_classes)):
            chosen = ops.convert_to_tensor(self.target_class_ids, dtype="int32")
            hits, union = ops.take(hits, chosen), ops.take(union, chosen)
        present = ops.cast(ops.greater(union, 1e-9), "float32")
        shares = ops.multiply(ops.divide(hits, ops.add(union, config.epsilon())), present)
        return ops.divide(ops.sum(shares), ops.add(ops.sum(present), config.epsilon()))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }


def _without(config: dict, *names: str) -> dict:
    return {name: value for name, value in config.items() if name not in names}


class BinaryIoU(IoU):
    """Intersection over union of labels 0 and 1 and outputs on either side of a threshold.

    Args:
        target_class_ids: `[0]`, `[1]` or `[0, 1]`: the classes that count.
        threshold: Outputs from here on mean class 1.
        name: The name.
        dtype: The dtype of the counts.
    """

    def __init__(
        self,
        target_class_ids: Iterable[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(2, target_class_ids, name=name, dtype=dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        above = ops.greater_equal(to_float(y_pred, "float32"), float(self.threshold))
        super().update_state(y_true, ops.cast(above, "int32"), sample_weight)

    def get_config(self) -> dict:
        return {
            "name": self.name,
            "dtype": self.dtype,
            "target_class_ids": self.target_class_ids,
            "threshold": self.threshold,
        }


class MeanIoU(IoU):
    """The mean of intersection over union over all classes.

    Args:
        num_classes: How many classes there are.
        name: The name.
        dtype: The dtype of the counts.
        ignore_class: Labels of this class are left out.
        sparse_y_true: Whether labels are class numbers; if not, the largest of `axis` counts.
        sparse_y_pred: Whether outputs are class numbers; if not, the largest of `axis` counts.
        axis: The axis of the classes.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(
            num_classes,
            range(num_classes),
            name,
            dtype,
            ignore_class,
            sparse_y_true,
            sparse_y_pred,
            axis,
        )

    def get_config(self) -> dict:
        return _without(super().get_config(), "target_class_ids")


class OneHotIoU(IoU):
    """Intersection over union for one-hot labels.

    Args:
        num_classes: How many classes there are.
        target_class_ids: The classes that count.
        name: The name.
        dtype: The dtype of the counts.
        ignore_class: Labels of this class are left out.
        sparse_y_pred: Whether outputs are class numbers; if not, the largest of `axis` counts.
        axis: The axis of the classes.
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Iterable[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis
        )

    def get_config(self) -> dict:
        return _without(super().get_config(), "sparse_y_true")


class OneHotMeanIoU(MeanIoU):
    """The mean of intersection over union over all classes, for one-hot labels.

    Args:
        num_classes: How many classes there are.
        name: The name.
        dtype: The dtype of the counts.
        ignore_class: Labels of this class are left out.
        sparse_y_pred: Whether outputs are class numbers; if not, the largest of `axis` counts.
        axis: The axis of the classes.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict:
        return _without(super().get_config(), "sparse_y_true")
