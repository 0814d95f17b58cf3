"""Initializers without randomness."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nacre import ops
from nacre.initializers.initializer import Initializer, check_shape


class Constant(Initializer):
    """Fill with a constant, or with an array that broadcasts to the shape.

    Args:
        value: A number or an array.
    """

    def __init__(self, value: Any = 0.0):
        self.value = value

    def __call__(self, shape: tuple, dtype: str | None = None) -> Any:
        return ops.full(check_shape(shape, "Constant"), self.value, dtype=dtype or _floatx())

    def get_config(self) -> dict:
        from nacre.saving import serialize_keras_object

        return {"value": serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config: dict) -> Constant:
        from nacre.saving import deserialize_keras_object

        return cls(deserialize_keras_object(config["value"]))


class Zeros(Initializer):
    """Fill with zeros."""

    def __call__(self, shape: tuple, dtype: str | None = None) -> Any:
        return ops.zeros(check_shape(shape, "Zeros"), dtype=dtype or _floatx())


class Ones(Initializer):
    """Fill with ones."""

    def __call__(self, shape: tuple, dtype: str | None = None) -> Any:
        return ops.ones(check_shape(shape, "Ones"), dtype=dtype or _floatx())


class Identity(Initializer):
    """Make a (scaled) identity matrix; only for shapes of rank 2.

    Args:
        gain: The value on the diagonal.
    """

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: tuple, dtype: str | None = None) -> Any:
        shape = check_shape(shape, "Identity")
        if len(shape) != 2:
            raise ValueError(f"Identity: expected a shape of rank 2. Received shape={shape}")
        return ops.convert_to_tensor(self.gain * np.eye(*shape), dtype=dtype or _floatx())

    def get_config(self) -> dict:
        return {"gain": self.gain}


class STFT(Initializer):
    """Make the kernel of a short-time Fourier transform, shape (frame, 1, frame // 2 + 1).

    Args:
        side: `real` or `imag`: the cosine or the sine part.
        window: `hann`, `hamming`, or None.
        scaling: `density`, `spectrum`, or None.
        periodic: Whether the window is periodic rather than symmetric.
    """

    def __init__(
        self,
        side: str = "real",
        window: str | None = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ):
        for name, value, allowed in (
            ("side", side, ("real", "imag")),
            ("window", window, ("hann", "hamming", None)),
            ("scaling", scaling, ("density", "spectrum", None)),
        ):
            if value not in allowed:
                raise ValueError(
                    f"STFT: expected `{name}` to be one of {allowed}. Received: {value!r}"
                )
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape: tuple, dtype: str | None = None) -> Any:
        shape = check_shape(shape, "STFT")
        if len(shape) != 3 or shape[1] != 1:
            raise ValueError(
                f"STFT: expected a shape (frame_length, 1, fft_length // 2 + 1). Received {shape}"
            )
        frame, _, bins = shape
        fft_length = (bins - 1) * 2
        steps = np.arange(frame)[:, None] * np.arange(bins)[None, :] / fft_length * (2 * math.pi)
        kernel = np.cos(steps) if self.side == "real" else np.sin(steps)
        scale = 1.0
        if self.window is not None:
            window = self._window(frame)
            kernel = kernel * window[:, None]
            scale = np.sum(window**2) if self.scaling == "density" else np.sum(np.abs(window)) ** 2
        if self.scaling is not None:
            kernel = kernel / math.sqrt(scale)
        return ops.convert_to_tensor(kernel.reshape(shape), dtype=dtype or _floatx())

    def _window(self, frame: int) -> np.ndarray:
        length = frame + 1 if self.periodic else frame
        window = np.hanning(length) if self.window == "hann" else np.hamming(length)
        return window[:frame]

    def get_config(self) -> dict:
        return {
            "side": self.side,
            "window": self.window,
            "periodic": self.periodic,
            "scaling": self.scaling,
        }


def _floatx() -> str:
    from nacre.config import floatx

    return floatx()
