"""Handwritten digits, 8x8 pixels, shipped with the package: no download."""

from __future__ import annotations

from importlib import resources

import numpy as np

_Arrays = tuple[np.ndarray, np.ndarray]


def load_data() -> tuple[_Arrays, _Arrays]:
    """Load the UCI optical digits: 1,797 pictures of the ten digits.

    This is the test set of "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak,
    UCI Machine Learning Repository, CC BY 4.0). It comes here in one fixed division: a fifth of
    every class, drawn at random once, is the test part. The same people wrote pictures of both
    parts.

    Returns:
        `(x_train, y_train), (x_test, y_test)`. The pictures are uint8 arrays of shape `(n, 8, 8)`
        with values 0 (paper) to 16 (ink), 1,438 for training and 359 for testing; the labels are
        uint8 arrays of shape `(n,)` with values 0 to 9.
    """
    file = resources.files("nacre.datasets").joinpath("digits.npz")
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return (
            (arrays["x_train"], arrays["y_train"]),
            (arrays["x_test"], arrays["y_test"]),
        )
