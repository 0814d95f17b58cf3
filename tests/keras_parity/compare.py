"""Builds the same model in Keras and in Nacre and compares what they compute."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np

import nacre

OUTPUTS = 1e-5
WEIGHTS = 1e-4


def assert_close(ours: Any, theirs: Any, tolerance: float, what: str, scale: float = 0.0) -> None:
    """Compare arrays, or lists or dictionaries of them.

    The error is relative to the largest magnitude, or to `scale` where that is larger.
    """
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), what
        for key in theirs:
            assert_close(ours[key], theirs[key], tolerance, f"{what}, {key}", scale)
    elif isinstance(theirs, list | tuple):
        assert len(ours) == len(theirs), what
        for index, pair in enumerate(zip(ours, theirs, strict=True)):
            assert_close(*pair, tolerance, f"{what} {index}", scale)
    else:
        ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
        assert ours.shape == theirs.shape, what
        undefined = np.isnan(theirs)  # a correlation of equal values, say
        assert np.array_equal(np.isnan(ours), undefined), f"{what}: {ours} and {theirs}"
        ours, theirs = np.where(undefined, 0, ours), np.where(undefined, 0, theirs)
        size = max(np.abs(theirs).max(initial=0.0), scale)
        error = np.abs(ours - theirs).max(initial=0.0)
        assert error <= tolerance * size, (
            f"{what}: off by {error:.3g} where values reach {size:.3g}"
        )


@dataclass
class Pair:
    """One model in both libraries, with the same weights."""

    ours: Any
    theirs: Any

    def compare_outputs(self, x: Any, tolerance: float = OUTPUTS, **options: Any) -> None:
        ours, theirs = (m.predict(x, verbose=0, **options) for m in (self.ours, self.theirs))
        # Inside a model values are near one: where the outputs are far smaller, they are what is
        # left of such values, with their rounding.
        assert_close(ours, theirs, tolerance, "predict", scale=1e-2)

    def compare_evaluate(self, x: Any, y: Any, tolerance: float = OUTPUTS, **options: Any) -> None:
        options = {"verbose": 0, **options}
        ours = self.ours.evaluate(x, y, return_dict=True, **options)
        theirs = self.theirs.evaluate(x, y, return_dict=True, **options)
        assert_close(ours, theirs, tolerance, "evaluate", scale=1.0)
        ours, theirs = (m.evaluate(x, y, **options) for m in (self.ours, self.theirs))
        assert_close(ours, theirs, tolerance, "evaluate's list", scale=1.0)

    def compare_fit(
        self,
        x: Any,
        y: Any,
        tolerance: float = WEIGHTS,
        history_tolerance: float = WEIGHTS,
        **options: Any,
    ) -> None:
        options = {"shuffle": False, "verbose": 0, **options}
        ours = self.ours.fit(x, y, **options).history
        theirs = self.theirs.fit(x, y, **options).history
        assert_close(ours, theirs, history_tolerance, "history", scale=1.0)
        self.compare_weights(tolerance)

    def compare_weights(self, tolerance: float = WEIGHTS) -> None:
        ours, theirs = self.ours.get_weights(), self.theirs.get_weights()
        scale = max((float(np.abs(w).max(initial=0.0)) for w in theirs), default=0.0)
        # Weights start at about 0.3, and what an update leaves of them is as exact as that.
        assert_close(ours, theirs, tolerance, "weight", scale=min(max(scale, 0.3), 1.0))

    def compare_gradients(self, x: Any, y: Any, tolerance: float = OUTPUTS) -> None:
        """One step of plain gradient descent moves each weight by its gradient."""
        before = self.theirs.get_weights()
        self.ours.train_on_batch(x, y)
        self.theirs.train_on_batch(x, y)
        ours = [a - b for a, b in zip(self.ours.get_weights(), before, strict=True)]
        theirs = [a - b for a, b in zip(self.theirs.get_weights(), before, strict=True)]
        scale = max(float(np.abs(g).max(initial=0.0)) for g in theirs)
        assert scale > 0, "no weight moved"
        assert_close(ours, theirs, tolerance, "gradient of weight", scale=scale)


@contextlib.contextmanager
def _initial_values_from_numpy(keras: Any, seed: int) -> Iterator[None]:
    """Make Keras's initial values with NumPy: JAX would compile a program for every shape."""
    rng = np.random.default_rng(seed)
    constants = {keras.initializers.Zeros: 0.0, keras.initializers.Ones: 1.0}
    names = ("GlorotUniform", "HeNormal", "LecunUniform", "RandomNormal", "RandomUniform")

    def drawn(self: Any, shape: Any, dtype: Any = None, **options: Any) -> np.ndarray:
        return rng.normal(0, 0.3, shape).astype(dtype or "float32")

    def constant(self: Any, shape: Any, dtype: Any = None, **options: Any) -> np.ndarray:
        return np.full(shape, constants[type(self)], dtype or "float32")

    with contextlib.ExitStack() as stack:
        for cls in constants:
            stack.enter_context(mock.patch.object(cls, "__call__", constant))
        for name in names:
            cls = getattr(keras.initializers, name)
            stack.enter_context(mock.patch.object(cls, "__call__", drawn))
        yield


def make_pair(keras: Any, build: Callable[[Any], Any], seed: int = 0) -> Pair:
    """Build a model with both libraries and give ours the weights of theirs.

    Args:
        keras: The Keras module.
        build: Makes the model with the library that it is given.
        seed: For Keras's initial weights.

    Returns:
        The pair. Weights agree in number, order and shape.
    """
    keras.utils.set_random_seed(seed)
    with _initial_values_from_numpy(keras, seed):
        theirs = build(keras)
    ours = build(nacre)
    weights = theirs.get_weights()
    # Biases, scales and moving statistics start at 0 or 1, where mistakes would not show.
    rng = np.random.default_rng(seed)
    weights = [w * rng.uniform(0.8, 1.2, w.shape) + 0.05 * rng.random(w.shape) for w in weights]
    theirs.set_weights(weights)
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in weights]
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    ours.set_weights(weights)
    return Pair(ours, theirs)
