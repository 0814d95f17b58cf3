"""Learning rate schedules."""

from __future__ import annotations

from typing import Any

from nacre.optimizers.schedules.schedules import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    LearningRateSchedule,
    PiecewiseConstantDecay,
    PolynomialDecay,
)

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict:
    """Return the configuration of a schedule.

    Args:
        learning_rate_schedule: The schedule.

    Returns:
        What `deserialize` takes.
    """
    from nacre.saving import serialize_keras_object

    return serialize_keras_object(learning_rate_schedule)


def deserialize(config: Any, custom_objects: dict | None = None) -> LearningRateSchedule:
    """Make a schedule from its configuration.

    Args:
        config: What `serialize` returned.
        custom_objects: Names and the classes that they mean.

    Returns:
        The schedule.
    """
    from nacre.saving import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects, module="keras.optimizers.schedules")
