"""Metrics: classes, functions and the names that `compile` understands."""

from __future__ import annotations

from typing import Any

from nacre.losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    label_kind,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from nacre.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from nacre.metrics.auc import AUC
from nacre.metrics.confusion import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from nacre.metrics.correlation import (
    ConcordanceCorrelation,
    PearsonCorrelation,
    R2Score,
    concordance_correlation,
    pearson_correlation,
)
from nacre.metrics.f_score import F1Score, FBetaScore
from nacre.metrics.iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from nacre.metrics.losses_as_metrics import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from nacre.metrics.metric import Metric
from nacre.metrics.operating_points import (
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from nacre.metrics.reduction import Mean, MeanMetricWrapper, Sum

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "pearson_correlation",
    "poisson",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]

_TABLE = {
    name: globals()[name]
    for name in __all__
    if name not in ("Metric", "MeanMetricWrapper", "deserialize", "get", "serialize")
}
for _short, _cls in (
    ("bce", BinaryCrossentropy),
    ("kld", KLDivergence),
    ("mae", MeanAbsoluteError),
    ("mape", MeanAbsolutePercentageError),
    ("mse", MeanSquaredError),
    ("msle", MeanSquaredLogarithmicError),
):
    _TABLE[_short] = _TABLE[_short.upper()] = _cls
# A metric named by its snake-case name; the class wins where there is a function too.
for _name in __all__:
    _cls = globals().get(_name)
    if isinstance(_cls, type) and issubclass(_cls, Metric) and _name in _TABLE:
        from nacre.naming import to_snake_case as _to_snake_case

        _TABLE[_to_snake_case(_name)] = _cls
_TABLE.update(rmse=RootMeanSquaredError, RMSE=RootMeanSquaredError, logcosh=LogCoshError)
_TABLE.update(
    concordance_correlation=ConcordanceCorrelation,
    pearson_correlation=PearsonCorrelation,
    top_k_categorical_accuracy=TopKCategoricalAccuracy,
    sparse_top_k_categorical_accuracy=SparseTopKCategoricalAccuracy,
)

_ACCURACIES = {
    "binary": BinaryAccuracy,
    "sparse": SparseCategoricalAccuracy,
    "categorical": CategoricalAccuracy,
}
_CROSSENTROPIES = {
    "binary": BinaryCrossentropy,
    "sparse": SparseCategoricalCrossentropy,
    "categorical": CategoricalCrossentropy,
}


def serialize(metric: Any) -> Any:
    """Return the configuration of a metric.

    Args:
        metric: A `Metric` or a function.

    Returns:
        What `deserialize` takes.
    """
    from nacre.saving import serialize_keras_object

    return serialize_keras_object(metric)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """Make a metric from its name or configuration.

    Args:
        config: What `serialize` returned, or a name.
        custom_objects: Names and the classes or functions that they mean.

    Returns:
        A `Metric` or a function.
    """
    from nacre.saving import CustomObjectScope

    with CustomObjectScope(custom_objects):
        return get(config)


def get(identifier: Any) -> Any:
    """Resolve a metric.

    Args:
        identifier: None, a name such as `mse`, a configuration, a class, an instance or a
            function `f(y_true, y_pred)`.

    Returns:
        None, a `Metric` or a function.
    """
    from nacre.saving.serialization import get_by_identifier

    return get_by_identifier(identifier, _TABLE, "metric", "keras.metrics", Metric)


def resolve(identifier: Any, y_true_shape: tuple, y_pred_shape: tuple) -> Any:
    """Make the metric that `compile` means by an identifier.

    `accuracy` and `crossentropy` leave the kind of labels open: it follows from the shapes. A
    string's metric is named as the user spelt it, a function's by its own name.

    Args:
        identifier: As for `get`.
        y_true_shape: The shape of the targets.
        y_pred_shape: The shape of the outputs.

    Returns:
        None or a `Metric`.
    """
    if identifier is None or isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        metric: Any = _ACCURACIES[label_kind(y_true_shape, y_pred_shape)](name=identifier)
    elif isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        metric = _CROSSENTROPIES[label_kind(y_true_shape, y_pred_shape)](name=identifier)
    else:
        metric = get(identifier)
        if not isinstance(metric, Metric):
            from nacre.naming import object_name

            metric = MeanMetricWrapper(metric, name=object_name(metric))
        if isinstance(identifier, str):
            metric.name = identifier
    return metric
