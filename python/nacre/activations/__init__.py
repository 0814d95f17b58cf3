"""Activation functions."""

from __future__ import annotations

from typing import Any

from nacre.activations.functions import (
    celu,
    elu,
    exponential,
    gelu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    linear,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
)

hard_swish = hard_silu
swish = silu

__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]

_TABLE = {
    name: globals()[name] for name in __all__ if name not in ("deserialize", "get", "serialize")
}


def serialize(activation: Any) -> Any:
    """Return the name of an activation, or the configuration of a user's own.

    Args:
        activation: A function, or a layer used as an activation.

    Returns:
        What `deserialize` takes.
    """
    from nacre.saving import serialize_keras_object

    name = getattr(activation, "__name__", None)
    if name is not None and _TABLE.get(name) is activation:
        return name
    return serialize_keras_object(activation)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """Make an activation from its name or configuration.

    Args:
        config: What `serialize` returned.
        custom_objects: Names and the functions that they mean.

    Returns:
        The function.
    """
    from nacre.saving import CustomObjectScope

    with CustomObjectScope(custom_objects):
        return get(config)


def get(identifier: Any) -> Any:
    """Resolve an activation.

    Args:
        identifier: None (linear), a name such as `relu`, a configuration, or a callable.

    Returns:
        The function.
    """
    from nacre.saving.serialization import deserialize_keras_object, get_by_identifier

    if identifier is None:
        return linear
    if isinstance(identifier, dict):
        # The configuration of a layer is allowed too: layers can be used as activations.
        return deserialize_keras_object(identifier, module=_module_of(identifier))
    return get_by_identifier(identifier, _TABLE, "activation", "keras.activations")


def _module_of(config: dict) -> str:
    name = config.get("class_name")
    return "keras.activations" if name == "function" else "keras.layers"
