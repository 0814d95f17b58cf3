"""Boston housing: prices of houses around Boston."""

from __future__ import annotations

from typing import Any

from nacre.datasets.npz import read_npz, split
from nacre.datasets.sources import fetch


def load_data(path: Any = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> Any:
    """Load the Boston housing prices (D. Harrison and D. Rubinfeld, 1978): 506 districts.

    One of the 13 columns, "B", is a measure of race, which rests on the assumption that
    segregation makes prices; `california_housing` is the better data set to learn with. See
    https://keras.io/api/datasets/boston_housing/.

    Args:
        path: Name of the file in the cache folder.
        test_split: Fraction of the districts for testing.
        seed: Seed of the shuffling.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: float64 arrays of shape `(n, 13)`, and prices in
        thousands of dollars of shape `(n,)`.

    Raises:
        ValueError: `test_split` is not in [0, 1).
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"test_split: expected a number in [0, 1). Received: {test_split}")
    x, y = read_npz(fetch("boston_housing.npz", path), ("x", "y"))
    return split(x, y, test_split, seed)
