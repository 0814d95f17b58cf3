"""Initial values of weights."""

from __future__ import annotations

from typing import Any

from nacre.initializers.constant import STFT, Constant, Identity, Ones, Zeros
from nacre.initializers.initializer import Initializer
from nacre.initializers.random_initializers import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
)

constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = IdentityInitializer = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
orthogonal = OrthogonalInitializer = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
stft = STFTInitializer = STFT
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros

__all__ = [
    "STFT",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "STFTInitializer",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "stft",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]

_TABLE = {
    name: globals()[name] for name in __all__ if name not in ("deserialize", "get", "serialize")
}
# Old spellings that tutorials still use.
_TABLE.update(uniform=RandomUniform, normal=RandomNormal, one=Ones, zero=Zeros)


def serialize(initializer: Initializer) -> dict:
    """Return the configuration of an initializer.

    Args:
        initializer: The initializer.

    Returns:
        A configuration that `deserialize` takes.
    """
    from nacre.saving import serialize_keras_object

    return serialize_keras_object(initializer)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """Make an initializer from its configuration.

    Args:
        config: What `serialize` returned.
        custom_objects: Names and the classes that they mean.

    Returns:
        The initializer.
    """
    from nacre.saving import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects, module="keras.initializers")


def get(identifier: Any) -> Any:
    """Resolve an initializer.

    Args:
        identifier: None, a name such as `he_normal`, a configuration, a class, an instance, a
            callable `f(shape, dtype)`, or an array to start from.

    Returns:
        None or a callable `f(shape, dtype)`.
    """
    from nacre.saving.serialization import get_by_identifier

    if hasattr(identifier, "__array__") and not callable(identifier):
        return Constant(identifier)
    return get_by_identifier(identifier, _TABLE, "initializer", "keras.initializers", Initializer)
