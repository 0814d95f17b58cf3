"""Projections applied to weights after each update."""

from __future__ import annotations

from typing import Any

from nacre import ops
from nacre.config import epsilon


class Constraint:
    """Maps a weight to the nearest allowed one.

    A subclass defines `__call__(w)`, returning the projected weight, and `get_config()`.
    """

    def __call__(self, w: Any) -> Any:
        """Project a weight.

        Args:
            w: The weight.

        Returns:
            A tensor of the same shape.
        """
        raise TypeError(f"{type(self).__name__} should define `__call__(self, w)`.")

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config: dict) -> Constraint:
        """Make a constraint from what `get_config` returned.

        Args:
            config: The arguments of the constructor.

        Returns:
            The constraint.
        """
        return cls(**config)


def _norms(w: Any, axis: Any) -> Any:
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


class MaxNorm(Constraint):
    """Scale down the incoming weights of a unit when their norm is too large.

    Args:
        max_value: The largest allowed norm.
        axis: The axis, or axes, along which norms are taken.
    """

    def __init__(self, max_value: float = 2, axis: Any = 0):
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        w = ops.convert_to_tensor(w)
        norms = _norms(w, self.axis)
        desired = ops.clip(norms, 0.0, float(self.max_value))
        return ops.multiply(w, ops.divide(desired, ops.add(norms, epsilon())))

    def get_config(self) -> dict:
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """Replace negative weights by zero."""

    def __call__(self, w: Any) -> Any:
        return ops.maximum(ops.convert_to_tensor(w), 0.0)


class UnitNorm(Constraint):
    """Scale the incoming weights of each unit to norm 1.

    Args:
        axis: The axis, or axes, along which norms are taken.
    """

    def __init__(self, axis: Any = 0):
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        w = ops.convert_to_tensor(w)
        return ops.divide(w, ops.add(_norms(w, self.axis), epsilon()))

    def get_config(self) -> dict:
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Keep the norms of the incoming weights between two bounds.

    Args:
        min_value: The smallest allowed norm.
        max_value: The largest allowed norm.
        rate: 1 enforces the bounds at once, less moves towards them.
        axis: The axis, or axes, along which norms are taken.
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0
    ):
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        w = ops.convert_to_tensor(w)
        norms = _norms(w, self.axis)
        clipped = ops.clip(norms, float(self.min_value), float(self.max_value))
        desired = ops.add(
            ops.multiply(clipped, float(self.rate)), ops.multiply(norms, 1.0 - self.rate)
        )
        return ops.multiply(w, ops.divide(desired, ops.add(norms, epsilon())))

    def get_config(self) -> dict:
        return {
            "min_value": self.min_value,
            "max_value": self.max_value,
            "rate": self.rate,
            "axis": self.axis,
        }
