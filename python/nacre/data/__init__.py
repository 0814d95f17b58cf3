"""Data sets: where elements come from, and what is done with them before a model sees them."""

from __future__ import annotations

from typing import Any

AUTOTUNE = -1
INFINITE_CARDINALITY = -1
UNKNOWN_CARDINALITY = -2

_HOMES = {
    "Dataset": "nacre.data.dataset",
    "DatasetIterator": "nacre.data.dataset",
    "StringTensor": "nacre.data.structure",
    "TensorSpec": "nacre.data.structure",
}
__all__ = sorted([*_HOMES, "AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY"])


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"nacre.data.{name} is not offered by Nacre.")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
