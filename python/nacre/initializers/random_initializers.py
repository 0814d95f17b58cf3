"""Initializers that draw from a distribution.

An instance draws the same values at every call, as Keras's do: it holds a seed, not a generator.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nacre import ops
from nacre import random as draws
from nacre.config import floatx
from nacre.initializers.initializer import Initializer, check_shape

# Standard deviation of a standard normal variable truncated to [-2, 2].
_TRUNCATED_STDDEV = 0.87962566103423978


def _default_seed() -> int:
    import random

    return random.randint(1, 10**9)


class RandomInitializer(Initializer):
    """The base of random initializers.

    Args:
        seed: An int, a `SeedGenerator`, or None for a seed drawn from Python's generator.
    """

    def __init__(self, seed: Any = None):
        self._init_seed = seed
        if seed is None:
            seed = _default_seed()
        elif isinstance(seed, dict):
            from nacre.saving import deserialize_keras_object

            seed = deserialize_keras_object(seed)
        elif isinstance(seed, (bool, str)) or not (
            isinstance(seed, (int, np.integer)) or hasattr(seed, "next")
        ):
            raise ValueError(
                f"{type(self).__name__}: `seed` should be an int or a SeedGenerator. "
                f"Received: seed={seed!r}"
            )
        self.seed = seed

    def get_config(self) -> dict:
        from nacre.saving import serialize_keras_object

        return {"seed": serialize_keras_object(self._init_seed)}


class RandomNormal(RandomInitializer):
    """Draw from a normal distribution.

    Args:
        mean: Its mean.
        stddev: Its standard deviation.
        seed: An int or a `SeedGenerator`.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: tuple, dtype: str | None = None) -> Any:
        shape = check_shape(shape, type(self).__name__)
        dtype = dtype or floatx()
        return draws.normal(shape, self.mean, self.stddev, dtype=dtype, seed=self.seed)

    def get_config(self) -> dict:
        return {"mean": self.mean, "stddev": self.stddev, **super().get_config()}


class TruncatedNormal(RandomNormal):
    """Draw from a normal distribution, without values beyond two standard deviations.

    Args:
        mean: The mean of the distribution before truncation.
        stddev: Its standard deviation before truncation.
        seed: An int or a `SeedGenerator`.
    """

    def __call__(self, shape: tuple, dtype: str | None = None) -> Any:
        shape = check_shape(shape, type(self).__name__)
        dtype = dtype or floatx()
        return draws.truncated_normal(shape, self.mean, self.stddev, dtype=dtype, seed=self.seed)


class RandomUniform(RandomInitializer):
    """Draw from a uniform distribution.

    Args:
        minval: The least value.
        maxval: The bound above, itself left out.
        seed: An int or a `SeedGenerator`.
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None):
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def __call__(self, shape: tuple, dtype: str | None = None) -> Any:
        shape = check_shape(shape, type(self).__name__)
        dtype = dtype or floatx()
        return draws.uniform(shape, self.minval, self.maxval, dtype=dtype, seed=self.seed)

    def get_config(self) -> dict:
        return {"minval": self.minval, "maxval": self.maxval, **super().get_config()}


def compute_fans(shape: tuple, input_axes: Any = None, output_axes: Any = None) -> tuple[int, int]:
    """Count the inputs and outputs that a weight of this shape connects.

    Args:
        shape: The shape; all but the last two axes are taken as a receptive field.
        input_axes: The axes of the inputs, if not that rule's.
        output_axes: The axes of the outputs, if not that rule's.

    Returns:
        The pair (fan_in, fan_out).
    """
    if input_axes is not None and output_axes is not None:
        fan_in = math.prod(shape[axis] for axis in input_axes)
        return int(fan_in), int(math.prod(shape[axis] for axis in output_axes))
    if len(shape) < 2:
        fan = int(shape[0]) if shape else 1
        return fan, fan
    receptive_field = math.prod(shape[:-2])
    return int(shape[-2] * receptive_field), int(shape[-1] * receptive_field)


class VarianceScaling(RandomInitializer):
    """Draw with a variance that follows the number of connections.

    Args:
        scale: The variance is `scale / n`.
        mode: What n counts: `fan_in`, `fan_out` or `fan_avg`.
        distribution: `truncated_normal`, `untruncated_normal` or `uniform`.
        seed: An int or a `SeedGenerator`.
        input_axes: The axes of the inputs, if not the last but one and the receptive field.
        output_axes: The axes of the outputs, if not the last and the receptive field.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Any = None,
        output_axes: Any = None,
    ):
        if scale <= 0:
            raise ValueError(f"`scale` must be positive. Received: scale={scale}")
        modes = ("fan_in", "fan_out", "fan_avg")
        if mode not in modes:
            raise ValueError(f"`mode` should be one of {modes}. Received: mode={mode!r}")
        name = str(distribution).lower()
        name = "truncated_normal" if name == "normal" else name
        if name not in ("uniform", "truncated_normal", "untruncated_normal"):
            raise ValueError(
                "`distribution` should be 'uniform', 'truncated_normal' or 'untruncated_normal'. "
                f"Received: distribution={distribution!r}"
            )
        if (input_axes is None) != (output_axes is None):
            raise ValueError(
                "`input_axes` and `output_axes` should be given together. Received: "
                f"input_axes={input_axes}, output_axes={output_axes}"
            )
        super().__init__(seed)
        self.scale = scale
        self.mode = mode
        self.distribution = name
        self.input_axes = input_axes
        self.output_axes = output_axes

    def __call__(self, shape: tuple, dtype: str | None = None) -> Any:
        shape = check_shape(shape, type(self).__name__)
        dtype = dtype or floatx()
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return draws.uniform(shape, -limit, limit, dtype=dtype, seed=self.seed)
        stddev = math.sqrt(variance)
        if self.distribution == "untruncated_normal":
            return draws.normal(shape, 0.0, stddev, dtype=dtype, seed=self.seed)
        stddev /= _TRUNCATED_STDDEV
        return draws.truncated_normal(shape, 0.0, stddev, dtype=dtype, seed=self.seed)

    def get_config(self) -> dict:
        return {
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
            **super().get_config(),
        }


class _NamedScaling(VarianceScaling):
    """A variance scaling with its scale, mode and distribution fixed by the class."""

    _settings: tuple[float, str, str] = (1.0, "fan_in", "truncated_normal")

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None):
        super().__init__(*self._settings, seed, input_axes, output_axes)

    def get_config(self) -> dict:
        return {
            "seed": RandomInitializer.get_config(self)["seed"],
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


class GlorotUniform(_NamedScaling):
    """Draw uniformly from +-sqrt(6 / (fan_in + fan_out)), also called Xavier uniform."""

    _settings = (1.0, "fan_avg", "uniform")


class GlorotNormal(_NamedScaling):
    """Draw from a truncated normal with standard deviation sqrt(2 / (fan_in + fan_out))."""

    _settings = (1.0, "fan_avg", "truncated_normal")


class LecunUniform(_NamedScaling):
    """Draw uniformly from +-sqrt(3 / fan_in)."""

    _settings = (1.0, "fan_in", "uniform")


class LecunNormal(_NamedScaling):
    """Draw from a truncated normal with standard deviation sqrt(1 / fan_in)."""

    _settings = (1.0, "fan_in", "truncated_normal")


class HeUniform(_NamedScaling):
    """Draw uniformly from +-sqrt(6 / fan_in)."""

    _settings = (2.0, "fan_in", "uniform")


class HeNormal(_NamedScaling):
    """Draw from a truncated normal with standard deviation sqrt(2 / fan_in)."""

    _settings = (2.0, "fan_in", "truncated_normal")


class Orthogonal(RandomInitializer):
    """Make a matrix with orthonormal rows or columns.

    Args:
        gain: A factor on the matrix.
        seed: An int or a `SeedGenerator`.
    """

    def __init__(self, gain: float = 1.0, seed: Any = None):
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: tuple, dtype: str | None = None) -> Any:
        shape = check_shape(shape, type(self).__name__)
        if len(shape) < 2:
            raise ValueError(f"Orthogonal: expected a rank of at least 2. Received shape={shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        flat = (max(rows, columns), min(rows, columns))
        # Initial values are concrete, and a decomposition is no op of the graph.
        normal = np.asarray(draws.normal(flat, dtype="float32", seed=self.seed), dtype=np.float64)
        q, r = np.linalg.qr(normal)
        q = q * np.sign(np.diag(r))
        if rows < columns:
            q = q.T
        return ops.convert_to_tensor(
            np.ascontiguousarray(self.gain * q).reshape(shape), dtype=dtype or floatx()
        )

    def get_config(self) -> dict:
        return {"gain": self.gain, **super().get_config()}
