"""Names of `keras.backend` that scripts still use."""

from __future__ import annotations

from nacre.config import (
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
    standardize_dtype,
)
from nacre.keras_tensor import is_keras_tensor
from nacre.naming import get_uid
from nacre.utils.random_seed import clear_session

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "get_uid",
    "image_data_format",
    "is_keras_tensor",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
]


def backend() -> str:
    """The name of the library that computes."""
    return "nacre"


def __getattr__(name: str) -> object:
    raise AttributeError(f"nacre.backend.{name} is not offered by Nacre.")
