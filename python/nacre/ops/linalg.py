"""Linear algebra: `nacre.ops.linalg`."""

from __future__ import annotations

from typing import Any

from nacre import ops

_NAMES = """
    norm
"""

__all__ = _NAMES.split()


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(ops, name)
    raise AttributeError(f"module {__name__!r} has no op {name!r}")
