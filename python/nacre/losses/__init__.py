"""Losses: classes, functions and the names that `compile` understands."""

from __future__ import annotations

from typing import Any

from nacre.losses.classification_losses import (
    CTC,
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    Circle,
    Dice,
    KLDivergence,
    SparseCategoricalCrossentropy,
    Tversky,
)
from nacre.losses.loss import Loss
from nacre.losses.loss import LossFunctionWrapper as LossFunctionWrapper
from nacre.losses.overlap import circle, dice, tversky
from nacre.losses.probabilistic import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    ctc,
    kl_divergence,
    sparse_categorical_crossentropy,
)
from nacre.losses.regression import (
    categorical_hinge,
    cosine_similarity,
    hinge,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    squared_hinge,
)
from nacre.losses.regression_losses import (
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SquaredHinge,
)

__all__ = [
    "CTC",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "CosineSimilarity",
    "Dice",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "circle",
    "cosine_similarity",
    "ctc",
    "deserialize",
    "dice",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]

_TABLE = {
    name: globals()[name]
    for name in __all__
    if name not in ("Loss", "deserialize", "get", "serialize")
}
for _short, _fn in (
    ("bce", binary_crossentropy),
    ("kld", kl_divergence),
    ("mae", mean_absolute_error),
    ("mape", mean_absolute_percentage_error),
    ("mse", mean_squared_error),
    ("msle", mean_squared_logarithmic_error),
):
    _TABLE[_short] = _TABLE[_short.upper()] = _fn
# Spellings of Keras 2.
_TABLE.update(
    logcosh=log_cosh,
    huber_loss=huber,
    kullback_leibler_divergence=kl_divergence,
    cosine_proximity=cosine_similarity,
)


def serialize(loss: Any) -> Any:
    """Return the configuration of a loss.

    Args:
        loss: A `Loss` or a function.

    Returns:
        What `deserialize` takes.
    """
    from nacre.saving import serialize_keras_object

    return serialize_keras_object(loss)


def deserialize(name: Any, custom_objects: dict | None = None) -> Any:
    """Make a loss from its name or configuration.

    Args:
        name: What `serialize` returned, or a name.
        custom_objects: Names and the classes or functions that they mean.

    Returns:
        A `Loss` or a function.
    """
    from nacre.saving import CustomObjectScope

    with CustomObjectScope(custom_objects):
        return get(name)


def get(identifier: Any) -> Any:
    """Resolve a loss.

    Args:
        identifier: None, a name such as `mse`, a configuration, a class, an instance or a
            function `f(y_true, y_pred)`.

    Returns:
        None, a `Loss` or a function.
    """
    from nacre.saving.serialization import get_by_identifier

    return get_by_identifier(identifier, _TABLE, "loss", "keras.losses", Loss)


def resolve(identifier: Any, y_true_shape: tuple, y_pred_shape: tuple) -> Any:
    """Resolve a loss whose name leaves the kind of labels open (`crossentropy`, `ce`).

    Args:
        identifier: As for `get`.
        y_true_shape: The shape of the targets.
        y_pred_shape: The shape of the outputs.

    Returns:
        None, a `Loss` or a function.
    """
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        kind = label_kind(y_true_shape, y_pred_shape)
        if kind == "binary":
            return binary_crossentropy
        return sparse_categorical_crossentropy if kind == "sparse" else categorical_crossentropy
    return get(identifier)


def label_kind(y_true_shape: tuple, y_pred_shape: tuple) -> str:
    """Say what kind of labels a pair of shapes means.

    Args:
        y_true_shape: The shape of the targets.
        y_pred_shape: The shape of the outputs.

    Returns:
        `binary`, `sparse` or `categorical`.
    """
    y_true_shape, y_pred_shape = tuple(y_true_shape), tuple(y_pred_shape)
    if y_pred_shape and y_pred_shape[-1] == 1:
        return "binary"
    if len(y_true_shape) < len(y_pred_shape) or (y_true_shape and y_true_shape[-1] == 1):
        return "sparse"
    return "categorical"
