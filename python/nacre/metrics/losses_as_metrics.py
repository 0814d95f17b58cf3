"""Losses as metrics, and errors that need more than a mean."""

from __future__ import annotations

from typing import Any

from nacre import losses, ops
from nacre.losses.reduction import align
from nacre.losses.regression import cosine_similarity as negative_cosine
from nacre.metrics.reduction import FunctionMetric, Mean


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Compute the cosine of the angle between targets and outputs.

    Args:
        y_true: The targets.
        y_pred: The outputs, of the same shape.
        axis: The axis of the vectors.

    Returns:
        One value per sample.
    """
    return ops.negative(negative_cosine(y_true, y_pred, axis=axis))


class MeanSquaredError(FunctionMetric):
    """The mean of squared errors.

    Args:
        name: The name.
        dtype: The dtype.
    """

    _direction = "down"

    def __init__(self, name: str = "mean_squared_error", dtype: Any = None):
        super().__init__(losses.mean_squared_error, name, dtype)


class MeanAbsoluteError(FunctionMetric):
    """The mean of absolute errors.

    Args:
        name: The name.
        dtype: The dtype.
    """

    _direction = "down"

    def __init__(self, name: str = "mean_absolute_error", dtype: Any = None):
        super().__init__(losses.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(FunctionMetric):
    """The mean of absolute errors as percentages of the targets.

    Args:
        name: The name.
        dtype: The dtype.
    """

    _direction = "down"

    def __init__(self, name: str = "mean_absolute_percentage_error", dtype: Any = None):
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(FunctionMetric):
    """The mean of squared differences of `log(1 + x)`.

    Args:
        name: The name.
        dtype: The dtype.
    """

    _direction = "down"

    def __init__(self, name: str = "mean_squared_logarithmic_error", dtype: Any = None):
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


class RootMeanSquaredError(Mean):
    """The root of the mean of squared errors over all batches.

    Args:
        name: The name.
        dtype: The dtype.
    """

    _direction = "down"

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = align(y_true, y_pred, "root_mean_squared_error")
        squares = ops.square(ops.subtract(y_pred, y_true))
        super().update_state(squares, sample_weight=sample_weight)

    def result(self) -> Any:
        return ops.sqrt(super().result())


class CosineSimilarity(FunctionMetric):
    """The mean cosine between targets and outputs.

    Args:
        name: The name.
        dtype: The dtype.
        axis: The axis of the vectors.
    """

    _direction = "up"

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1):
        super().__init__(cosine_similarity, name, dtype, axis=axis)
        self.axis = axis


class LogCoshError(FunctionMetric):
    """The mean of the logarithm of the hyperbolic cosine of the errors.

    Args:
        name: The name.
        dtype: The dtype.
    """

    _direction = "down"

    def __init__(self, name: str = "logcosh", dtype: Any = None):
        super().__init__(losses.log_cosh, name, dtype)


class Hinge(FunctionMetric):
    """The mean of `max(1 - y_true * y_pred, 0)`.

    Args:
        name: The name.
        dtype: The dtype.
    """

    _direction = "down"

    def __init__(self, name: str = "hinge", dtype: Any = None):
        super().__init__(losses.hinge, name, dtype)


class SquaredHinge(FunctionMetric):
    """The mean of the squares of `max(1 - y_true * y_pred, 0)`.

    Args:
        name: The name.
        dtype: The dtype.
    """

    _direction = "down"

    def __init__(self, name: str = "squared_hinge", dtype: Any = None):
        super().__init__(losses.squared_hinge, name, dtype)


class CategoricalHinge(FunctionMetric):
    """The margin between the right and the best wrong class.

    Args:
        name: The name.
        dtype: The dtype.
    """

    _direction = "down"

    def __init__(self, name: str = "categorical_hinge", dtype: Any = None):
        super().__init__(losses.categorical_hinge, name, dtype)


class KLDivergence(FunctionMetric):
    """The Kullback-Leibler divergence of outputs from targets.

    Args:
        name: The name.
        dtype: The dtype.
    """

    _direction = "down"

    def __init__(self, name: str = "kl_divergence", dtype: Any = None):
        super().__init__(losses.kl_divergence, name, dtype)


class Poisson(FunctionMetric):
    """The negative log-likelihood of counts under predicted rates.

    Args:
        name: The name.
        dtype: The dtype.
    """

    _direction = "down"

    def __init__(self, name: str = "poisson", dtype: Any = None):
        super().__init__(losses.poisson, name, dtype)


class BinaryCrossentropy(FunctionMetric):
    """The cross-entropy of yes-or-no labels.

    Args:
        name: The name.
        dtype: The dtype.
        from_logits: Whether the outputs are logits.
        label_smoothing: Moves labels towards 1/2 by this share.
    """

    _direction = "down"

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ):
        super().__init__(
            losses.binary_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing


class CategoricalCrossentropy(FunctionMetric):
    """The cross-entropy between distributions over classes.

    Args:
        name: The name.
        dtype: The dtype.
        from_logits: Whether the outputs are logits.
        label_smoothing: Moves labels towards the uniform distribution by this share.
        axis: The axis of the classes.
    """

    _direction = "down"

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ):
        super().__init__(
            losses.categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class SparseCategoricalCrossentropy(FunctionMetric):
    """The cross-entropy of integer labels.

    Args:
        name: The name.
        dtype: The dtype.
        from_logits: Whether the outputs are logits.
        ignore_class: A label whose samples are left out.
        axis: The axis of the classes.
    """

    _direction = "down"

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ):
        super().__init__(
            losses.sparse_categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis
