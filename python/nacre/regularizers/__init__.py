"""Penalties on weights and activities."""

from __future__ import annotations

from typing import Any

from nacre.regularizers.regularizers import L1, L1L2, L2, OrthogonalRegularizer, Regularizer

l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]

_TABLE = {
    name: globals()[name] for name in __all__ if name not in ("deserialize", "get", "serialize")
}
_TABLE["l1l2"] = L1L2  # Keras 3's spelling; `l1_l2` is that of Keras 2


def serialize(regularizer: Regularizer) -> dict:
    """Return the configuration of a regularizer.

    Args:
        regularizer: The regularizer.

    Returns:
        A configuration that `deserialize` takes.
    """
    from nacre.saving import serialize_keras_object

    return serialize_keras_object(regularizer)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """Make a regularizer from its configuration.

    Args:
        config: What `serialize` returned.
        custom_objects: Names and the classes that they mean.

    Returns:
        The regularizer.
    """
    from nacre.saving import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects, module="keras.regularizers")


def get(identifier: Any) -> Any:
    """Resolve a regularizer.

    Args:
        identifier: None, a name such as `l2`, a configuration, a class, an instance or a callable.

    Returns:
        None or a callable `f(x)`.
    """
    from nacre.saving.serialization import get_by_identifier

    # The string has always meant a penalty of 0.01 each.
    if isinstance(identifier, str) and identifier == "l1_l2":
        return L1L2(0.01, 0.01)
    return get_by_identifier(identifier, _TABLE, "regularizer", "keras.regularizers", Regularizer)
