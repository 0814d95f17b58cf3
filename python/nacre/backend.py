"""Names of `keras.backend` that scripts still use."""

from __future__ import annotations

from typing import Any

from nacre import _core
from nacre.config import (
    FLOAT_DTYPES,
    INT_DTYPES,
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
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
]


def backend() -> str:
    """The name of the library that computes."""
    return "nacre"


def is_float_dtype(dtype: Any) -> bool:
    """Whether a dtype is a floating-point one."""
    return standardize_dtype(dtype) in FLOAT_DTYPES


def is_int_dtype(dtype: Any) -> bool:
    """Whether a dtype is an integer one; `bool` is not."""
    return standardize_dtype(dtype) in INT_DTYPES


def result_type(*dtypes: Any) -> str:
    """The dtype of a computation on values of these dtypes.

    Args:
        *dtypes: Dtypes; `int` and `float`, the Python types, give way to any other.
    """
    return _core.result_type(*(_example(dtype) for dtype in dtypes)) if dtypes else floatx()


def _example(dtype: Any) -> Any:
    if dtype in (int, float) or dtype in ("int", "float"):
        return 1 if dtype in (int, "int") else 1.0
    return _core.cast(_core.convert(0.0), standardize_dtype(dtype))


def __getattr__(name: str) -> object:
    raise AttributeError(f"nacre.backend.{name} is not offered by Nacre.")
