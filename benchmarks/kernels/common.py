"""The lists of shapes, and how close to float64 a kernel has to come."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def read_shapes(name: str) -> list[tuple[int, ...]]:
    """Read a list of shapes: one a line, `#` begins a comment."""
    lines = (Path(__file__).parent / f"shapes_{name}.txt").read_text().splitlines()
    rows = (line.partition("#")[0].split() for line in lines)
    return [tuple(int(word) for word in row) for row in rows if row]


def check(name: str, got: np.ndarray, expected: np.ndarray, terms: int) -> None:
    """Compare float32 with float64: the error of a sum grows with the number of its terms."""
    error = np.abs(got - expected).max()
    bound = 2e-6 * np.sqrt(terms) * max(np.abs(expected).max(), 1e-3)
    assert error <= bound, f"{name}: off by {error:.3g}, allowed is {bound:.3g}"
