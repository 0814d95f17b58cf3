"""Preparing data. Each module is imported when it is first named."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["image", "sequence"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"nacre.preprocessing.{name} is not offered by Nacre.")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
