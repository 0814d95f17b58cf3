"""California housing: prices of houses in districts of California."""

from __future__ import annotations

from typing import Any

from nacre.datasets.npz import read_npz, split
from nacre.datasets.sources import fetch


def load_data(
    version: str = "large",
    path: Any = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> Any:
    """Load the California housing prices of 1990 (R. K. Pace and R. Barry, 1997).

    The eight columns are median income, age of the houses, rooms and bedrooms per household,
    population, people per household, latitude and longitude. See
    https://keras.io/api/datasets/california_housing/.

    Args:
        version: `"large"` for all 20,640 districts, `"small"` for the first 600.
        path: Name of the file in the cache folder.
        test_split: Fraction of the districts for testing.
        seed: Seed of the shuffling.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays of shape `(n, 8)`, and prices in dollars of
        shape `(n,)`.

    Raises:
        ValueError: `test_split` is not in [0, 1), or the version is another one.
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"test_split: expected a number in [0, 1). Received: {test_split}")
    if version not in ("small", "large"):
        raise ValueError(f"version: expected 'small' or 'large'. Received: {version!r}")
    x, y = read_npz(fetch("california_housing.npz", path), ("x", "y"))
    if version == "small":
        x, y = x[:600], y[:600]
    return split(x, y, test_split, seed)
