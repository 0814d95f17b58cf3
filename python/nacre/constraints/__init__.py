"""Projections applied to weights after each update."""

from __future__ import annotations

from typing import Any

from nacre.constraints.constraints import (
    Constraint,
    MaxNorm,
    MinMaxNorm,
    NonNeg,
    UnitNorm,
)

max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]

_TABLE = {
    name: globals()[name] for name in __all__ if name not in ("deserialize", "get", "serialize")
}
_TABLE.update(maxnorm=MaxNorm, nonneg=NonNeg, unitnorm=UnitNorm)


def serialize(constraint: Constraint) -> dict:
    """Return the configuration of a constraint.

    Args:
        constraint: The constraint.

    Returns:
        A configuration that `deserialize` takes.
    """
    from nacre.saving import serialize_keras_object

    return serialize_keras_object(constraint)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """Make a constraint from its configuration.

    Args:
        config: What `serialize` returned.
        custom_objects: Names and the classes that they mean.

    Returns:
        The constraint.
    """
    from nacre.saving import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects, module="keras.constraints")


def get(identifier: Any) -> Any:
    """Resolve a constraint.

    Args:
        identifier: None, a name such as `non_neg`, a configuration, a class, an instance
            or a callable.

    Returns:
        None or a callable `f(w)`.
    """
    from nacre.saving.serialization import get_by_identifier

    return get_by_identifier(identifier, _TABLE, "constraint", "keras.constraints", Constraint)
