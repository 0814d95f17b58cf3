"""Statistics of a data set for `ImageDataGenerator`, and what is done with them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nacre import _core
from nacre.preprocessing import draws
from nacre.utils.warnings_utils import warn

__all__ = ["GeneratorFit"]


class GeneratorFit:
    """The methods of `ImageDataGenerator` that normalize."""

    def fit(self: Any, x: Any, augment: bool = False, rounds: int = 1, seed: Any = None) -> None:
        """Finds the statistics that `featurewise_*` and `zca_whitening` need.

        Args:
            x: Pictures, of rank 4.
            augment: Whether to look at randomly transformed pictures.
            rounds: How often each picture is transformed, if so.
            seed: Seed of these transformations.

        Raises:
            ValueError: The pictures are not of rank 4.
        """
        x = np.array(x, dtype=self.dtype)
        if x.ndim != 4:
            raise ValueError(f"Expected pictures, an array of rank 4. Received: shape {x.shape}")
        channels = x.shape[self.channel_axis]
        if channels not in (1, 3, 4):
            warn(
                f"Pictures have 1, 3 or 4 channels, in {self.data_format} on axis "
                f"{self.channel_axis}. Received: shape {x.shape}, {channels} channels"
            )
        if self.rescale:
            x *= self.rescale
        if augment:
            generator = None if seed is None else np.random.RandomState(seed)
            with draws.drawing_from(generator):
                x = np.stack([self.random_transform(x[i % len(x)]) for i in range(rounds * len(x))])
            x = x.astype(self.dtype, copy=False)
        axes = (0, self.row_axis, self.col_axis)
        shape = [1, 1, 1]
        shape[self.channel_axis - 1] = channels
        if self.featurewise_center:
            self.mean = np.mean(x, axis=axes).reshape(shape)
            x -= self.mean
        if self.featurewise_std_normalization:
            self.std = np.std(x, axis=axes).reshape(shape)
            x /= self.std + 1e-6
        if self.zca_whitening:
            flat = x.reshape(len(x), -1)
            vectors, values, _ = np.linalg.svd(flat.T, full_matrices=False)
            scaled = vectors * (np.sqrt(len(x)) / (values + self.zca_epsilon))
            self.zca_whitening_matrix = scaled @ vectors.T

    def standardize(self: Any, x: np.ndarray) -> np.ndarray:
        """Normalizes a picture, or a batch as if it were one, where it lies.

        Args:
            x: The picture, which is overwritten.

        Returns:
            The result.
        """
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
        if self.rescale:
            x *= self.rescale
        if self.samplewise_center:
            x -= np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, keepdims=True) + 1e-6
        mean, std = self._statistics()
        if mean is not None:
            x -= mean
        if std is not None:
            x /= std + 1e-6
        return self._whiten(x)

    def _standardize_batch(self: Any, pictures: np.ndarray) -> np.ndarray:
        """Normalizes each picture of a batch where it lies, in the core."""
        mean, std = self._statistics()
        scale = None if std is None else std + 1e-6
        in_core = all(self._is_per_channel(part, pictures.shape) for part in (mean, scale))
        _core.standardize_pictures(
            pictures,
            self.data_format == "channels_first",
            self.rescale or None,
            bool(self.samplewise_center),
            bool(self.samplewise_std_normalization),
            np.ravel(mean) if in_core and mean is not None else None,
            np.ravel(scale) if in_core and scale is not None else None,
        )
        if not in_core:
            if mean is not None:
                pictures -= mean
            if scale is not None:
                pictures /= scale
        return self._whiten(pictures)

    def _is_per_channel(self: Any, statistic: Any, shape: tuple[int, ...]) -> bool:
        """Says whether the core can apply it: a number for each channel, or nothing."""
        if statistic is None:
            return True
        expected = [1, 1, 1]
        expected[self.channel_axis - 1] = shape[self.channel_axis]
        given = np.shape(statistic)
        return len(given) <= 3 and [1] * (3 - len(given)) + list(given) == expected

    def _statistics(self: Any) -> tuple[Any, Any]:
        """The mean and the deviation of the data, where they are wanted and there."""
        center, scale = "featurewise_center", "featurewise_std_normalization"
        mean = self.mean if self.featurewise_center and self._has("mean", center) else None
        wants_std = self.featurewise_std_normalization
        return mean, self.std if wants_std and self._has("std", scale) else None

    def _whiten(self: Any, x: np.ndarray) -> np.ndarray:
        if self.zca_whitening and self._has("zca_whitening_matrix", "zca_whitening"):
            flat = x.reshape(-1, math.prod(x.shape[-3:]))
            x = (flat @ self.zca_whitening_matrix).reshape(x.shape)
        return x

    def _has(self, statistic: str, option: str) -> bool:
        if getattr(self, statistic) is not None:
            return True
        warn(
            f"ImageDataGenerator: `{option}` needs statistics of the data. "
            "Call `fit(pictures)` first."
        )
        return False
