"""Layers that act in training only, or add a penalty."""

from __future__ import annotations

import math
from typing import Any

from nacre import config, ops, random, regularizers
from nacre.layers.input_spec import InputSpec
from nacre.layers.layer import Layer

# Constants of the self-normalising activation SELU.
_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805


class _Noise(Layer):
    """A layer with a random generator whose outputs have the shape of its inputs."""

    def __init__(self, seed: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.seed = seed
        self.supports_masking = True

    def _check_rate(self, rate: Any) -> float:
        if isinstance(rate, bool) or not hasattr(rate, "__float__") or not 0 <= rate <= 1:
            raise ValueError(
                f"{self._label()}: expected `rate` between 0 and 1. Received: rate={rate!r}"
            )
        return rate

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return tuple(input_shape)


class Dropout(_Noise):
    """Set a random share of the inputs to zero in training, and scale up the others.

    Args:
        rate: The share.
        noise_shape: The shape of the random mask; where it is 1, the mask is shared.
        seed: An int for repeatable masks.
        **kwargs: As for `Layer`.
    """

    def __init__(self, rate: float, noise_shape: Any = None, seed: Any = None, **kwargs: Any):
        super().__init__(seed, **kwargs)
        self.rate = self._check_rate(rate)
        self.noise_shape = tuple(noise_shape) if noise_shape is not None else None
        if rate > 0:
            self.seed_generator = random.SeedGenerator(seed)

    def _noise_shape(self, inputs: Any) -> Any:
        if self.noise_shape is None:
            return None
        if len(self.noise_shape) != len(inputs.shape):
            raise ValueError(
                f"{self._label()}: expected `noise_shape` of rank {len(inputs.shape)}. "
                f"Received: {self.noise_shape}"
            )
        return tuple(
            actual if wanted is None else wanted
            for wanted, actual in zip(self.noise_shape, inputs.dims, strict=True)
        )

    def call(self, inputs: Any, training: Any = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        return random.dropout(
            inputs, self.rate, noise_shape=self._noise_shape(inputs), seed=self.seed_generator
        )

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("rate", "seed", "noise_shape")}


class _SpatialDropout(Dropout):
    """Dropout of whole channels, of any rank."""

    rank = 0

    def __init__(self, rate: float, data_format: str | None, seed: Any, **kwargs: Any):
        super().__init__(rate, seed=seed, **kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _noise_shape(self, inputs: Any) -> Any:
        batch, *rest = inputs.dims
        ones = (1,) * self.rank
        if self.data_format == "channels_last":
            return (batch, *ones, rest[-1])
        return (batch, rest[0], *ones)

    def get_config(self) -> dict:
        config = {**super().get_config(), **self._arguments("data_format")}
        # As Keras writes it: nothing to train, and a dtype for a policy.
        kept = {key: config[key] for key in ("rate", "seed", "name", "data_format")}
        return {**kept, "dtype": self.dtype}


class SpatialDropout1D(_SpatialDropout):
    """Drop whole channels of sequences.

    Args:
        rate: The share.
        seed: An int for repeatable masks.
        name: The name.
        dtype: The dtype.
        **kwargs: As for `Layer`.
    """

    rank = 1

    def __init__(
        self,
        rate: float,
        seed: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(rate, "channels_last", seed, name=name, dtype=dtype, **kwargs)

    def get_config(self) -> dict:
        config = super().get_config()
        del config["data_format"]
        return config


class SpatialDropout2D(_SpatialDropout):
    """Drop whole channels of images, as neighbouring pixels tell much the same.

    Tompson et al., "Efficient Object Localization Using Convolutional Networks", 2014.

    Args:
        rate: The share.
        data_format: `channels_last` or `channels_first`.
        seed: An int for repeatable masks.
        name: The name.
        dtype: The dtype.
        **kwargs: As for `Layer`.
    """

    rank = 2

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(rate, data_format, seed, name=name, dtype=dtype, **kwargs)


class SpatialDropout3D(SpatialDropout2D):
    """Drop whole channels of volumes: see `SpatialDropout2D` for the arguments."""

    rank = 3


class GaussianNoise(_Noise):
    """Add normal noise in training.

    Args:
        stddev: The standard deviation.
        seed: An int for repeatable noise.
        **kwargs: As for `Layer`.
    """

    def __init__(self, stddev: float, seed: Any = None, **kwargs: Any):
        super().__init__(seed, **kwargs)
        self.stddev = self._check_rate(stddev) if stddev <= 1 else stddev
        if stddev > 0:
            self.seed_generator = random.SeedGenerator(seed)

    def call(self, inputs: Any, training: Any = False) -> Any:
        if not training or self.stddev == 0:
            return inputs
        noise = random.normal(
            inputs.dims, 0.0, self.stddev, dtype=inputs.dtype, seed=self.seed_generator
        )
        return ops.add(inputs, noise)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("stddev", "seed")}


class GaussianDropout(_Noise):
    """Multiply by normal noise of mean 1 in training.

    Args:
        rate: The variance is `rate / (1 - rate)`.
        seed: An int for repeatable noise.
        **kwargs: As for `Layer`.
    """

    def __init__(self, rate: float, seed: Any = None, **kwargs: Any):
        super().__init__(seed, **kwargs)
        self.rate = self._check_rate(rate)
        if rate > 0:
            self.seed_generator = random.SeedGenerator(seed)

    def call(self, inputs: Any, training: Any = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        stddev = math.sqrt(self.rate / (1.0 - self.rate))
        noise = random.normal(
            inputs.dims, 1.0, stddev, dtype=inputs.dtype, seed=self.seed_generator
        )
        return ops.multiply(inputs, noise)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("rate", "seed")}


class AlphaDropout(Dropout):
    """Drop inputs in training so that mean and variance stay, for SELU networks.

    Args:
        rate: The share.
        noise_shape: The shape of the random mask; where it is 1, the mask is shared.
        seed: An int for repeatable masks.
        **kwargs: As for `Layer`.
    """

    def call(self, inputs: Any, training: Any = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        dropped = -_SELU_ALPHA * _SELU_SCALE
        shape = self._noise_shape(inputs) or inputs.dims
        draws = random.uniform(shape, dtype=inputs.dtype, seed=self.seed_generator)
        kept = ops.greater_equal(draws, self.rate)
        scale = ((1.0 - self.rate) * (1.0 + self.rate * dropped**2)) ** -0.5
        shift = -scale * dropped * self.rate
        values = ops.where(kept, inputs, ops.full_like(inputs, dropped))
        return ops.add(ops.multiply(values, scale), shift)


class ActivityRegularization(Layer):
    """Return the inputs and add a penalty on them to the loss.

    Args:
        l1: The factor of the absolute values.
        l2: The factor of the squares.
        **kwargs: As for `Layer`.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any):
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.l1 = l1
        self.l2 = l2
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return tuple(input_shape)

    def get_config(self) -> dict:
        config = super().get_config()
        del config["activity_regularizer"]
        return {**config, **self._arguments("l1", "l2")}
