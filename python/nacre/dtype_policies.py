"""Which dtype a layer computes in, and which its variables have."""

from __future__ import annotations

from typing import Any

from nacre import config

__all__ = ["DTypePolicy", "FloatDTypePolicy", "deserialize", "get", "serialize"]

_MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


class DTypePolicy:
    """A layer's compute dtype and variable dtype.

    Args:
        name: a dtype's name, which is then both. `None` means the global policy.
    """

    def __init__(self, name: str | None = None) -> None:
        if name is None:
            name = config.dtype_policy().name
        if not isinstance(name, str):
            raise TypeError(
                "DTypePolicy: expected a name such as 'float32'. "
                f"Received: name={name!r} of type {type(name).__name__}"
            )
        if name in _MIXED:
            raise ValueError(
                f"DTypePolicy: mixed precision is not supported by this version. Received: "
                f"name={name!r}. Use 'float32', or 'float64' for both dtypes."
            )
        try:
            self._dtype = config.standardize_dtype(name)
        except ValueError:
            raise ValueError(
                f"DTypePolicy: expected the name of a dtype, such as 'float32'. "
                f"Received: name={name!r}"
            ) from None
        self._name = name

    @property
    def name(self) -> str:
        """The name that the policy was made from."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The dtype that a layer casts its floating-point inputs to and computes in."""
        return self._dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of a layer's variables."""
        return self._dtype

    @property
    def quantization_mode(self) -> None:
        """Always `None`: these policies do not quantize."""
        return None

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """A policy from the result of `get_config`."""
        return cls(**config)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and self._name == other._name

    def __hash__(self) -> int:
        return hash(("DTypePolicy", self._name))


FloatDTypePolicy = DTypePolicy


def get(identifier: Any) -> DTypePolicy:
    """A policy from its name, its configuration, a dtype, or itself.

    Args:
        identifier: `None` means the global policy.
    """
    if identifier is None:
        return config.dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    try:
        return DTypePolicy(config.standardize_dtype(identifier))
    except (ValueError, TypeError):
        raise ValueError(
            "dtype: expected a dtype's name, a DTypePolicy or its configuration. "
            f"Received: {identifier!r} of type {type(identifier).__name__}"
        ) from None


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """The configuration of a policy, as it stands in files."""
    return {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": dtype_policy.get_config(),
        "registered_name": None,
    }


def deserialize(
    config: dict[str, Any], custom_objects: dict[str, Any] | None = None
) -> DTypePolicy:
    """A policy from the result of `serialize`."""
    name = config.get("class_name")
    if name in ("DTypePolicy", "FloatDTypePolicy"):
        return DTypePolicy(**config["config"])
    if custom_objects and name in custom_objects:
        return custom_objects[name](**config["config"])
    raise ValueError(
        f"dtype policy: expected class_name 'DTypePolicy'. Received: class_name={name!r}"
    )
