"""Linear algebra: `nacre.ops.linalg`."""

from __future__ import annotations

from nacre.ops.normalization import (
    norm,
)

__all__ = [
    "norm",
]
