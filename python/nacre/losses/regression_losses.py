"""The losses on real-valued targets, as classes."""

from __future__ import annotations

from typing import Any

from nacre.losses import regression
from nacre.losses.loss import FunctionLoss


class MeanSquaredError(FunctionLoss):
    """The mean of squared errors.

    Args:
        reduction: How per-sample losses are reduced.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self,
        reduction: Any = "sum_over_batch_size",
        name: str = "mean_squared_error",
        dtype: Any = None,
    ):
        super().__init__(regression.mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(FunctionLoss):
    """The mean of absolute errors.

    Args:
        reduction: How per-sample losses are reduced.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self,
        reduction: Any = "sum_over_batch_size",
        name: str = "mean_absolute_error",
        dtype: Any = None,
    ):
        super().__init__(regression.mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(FunctionLoss):
    """The mean of absolute errors as percentages of the targets.

    Args:
        reduction: How per-sample losses are reduced.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self,
        reduction: Any = "sum_over_batch_size",
        name: str = "mean_absolute_percentage_error",
        dtype: Any = None,
    ):
        super().__init__(regression.mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(FunctionLoss):
    """The mean of squared differences of `log(1 + x)`.

    Args:
        reduction: How per-sample losses are reduced.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self,
        reduction: Any = "sum_over_batch_size",
        name: str = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ):
        super().__init__(regression.mean_squared_logarithmic_error, reduction, name, dtype)


class LogCosh(FunctionLoss):
    """The mean of the logarithm of the hyperbolic cosine of the errors.

    Args:
        reduction: How per-sample losses are reduced.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self, reduction: Any = "sum_over_batch_size", name: str = "log_cosh", dtype: Any = None
    ):
        super().__init__(regression.log_cosh, reduction, name, dtype)


class Poisson(FunctionLoss):
    """The negative log-likelihood of counts under predicted rates.

    Args:
        reduction: How per-sample losses are reduced.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self, reduction: Any = "sum_over_batch_size", name: str = "poisson", dtype: Any = None
    ):
        super().__init__(regression.poisson, reduction, name, dtype)


class Hinge(FunctionLoss):
    """The mean of `max(1 - y_true * y_pred, 0)`.

    Args:
        reduction: How per-sample losses are reduced.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self, reduction: Any = "sum_over_batch_size", name: str = "hinge", dtype: Any = None
    ):
        super().__init__(regression.hinge, reduction, name, dtype)


class SquaredHinge(FunctionLoss):
    """The mean of the squares of `max(1 - y_true * y_pred, 0)`.

    Args:
        reduction: How per-sample losses are reduced.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self, reduction: Any = "sum_over_batch_size", name: str = "squared_hinge", dtype: Any = None
    ):
        super().__init__(regression.squared_hinge, reduction, name, dtype)


class CategoricalHinge(FunctionLoss):
    """The margin between the right and the best wrong class.

    Args:
        reduction: How per-sample losses are reduced.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self,
        reduction: Any = "sum_over_batch_size",
        name: str = "categorical_hinge",
        dtype: Any = None,
    ):
        super().__init__(regression.categorical_hinge, reduction, name, dtype)


class Huber(FunctionLoss):
    """Quadratic for small errors, linear for large ones.

    Args:
        delta: Where the one turns into the other.
        reduction: How per-sample losses are reduced.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: Any = "sum_over_batch_size",
        name: str = "huber_loss",
        dtype: Any = None,
    ):
        super().__init__(regression.huber, reduction, name, dtype, delta=delta)
        self.delta = delta


class CosineSimilarity(FunctionLoss):
    """Minus the cosine between targets and outputs.

    Args:
        axis: The axis of the vectors.
        reduction: How per-sample losses are reduced.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: Any = "sum_over_batch_size",
        name: str = "cosine_similarity",
        dtype: Any = None,
    ):
        super().__init__(regression.cosine_similarity, reduction, name, dtype, axis=axis)
        self.axis = axis
