"""Preparing data. Each module is imported when it is first named."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_MODULES = ("image", "sequence")
# Functions that stand in `utils` and, for Keras, here too.
_FUNCTIONS = (
    "image_dataset_from_directory",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
)
__all__ = [*_MODULES, *_FUNCTIONS]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _FUNCTIONS:
        return getattr(import_module("nacre.utils"), name)
    raise AttributeError(f"nacre.preprocessing.{name} is not offered by Nacre.")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
