"""Penalties on weights and activities."""

from __future__ import annotations

import math
from typing import Any

from nacre import ops


class Regularizer:
    """A function of a tensor that is added to the loss.

    A subclass defines `__call__(x)`, returning a scalar, and `get_config()`.
    """

    def __call__(self, x: Any) -> Any:
        """Compute the penalty.

        Args:
            x: A weight or an activity.

        Returns:
            A scalar tensor.
        """
        return 0.0

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        raise TypeError(f"{type(self).__name__} should define `get_config()`.")

    @classmethod
    def from_config(cls, config: dict) -> Regularizer:
        """Make a regularizer from what `get_config` returned.

        Args:
            config: The arguments of the constructor.

        Returns:
            The regularizer.
        """
        return cls(**config)


def _factor(value: Any, name: str, default: float) -> float:
    if value is None:
        return default
    if (
        isinstance(value, bool)
        or not hasattr(value, "__float__")
        or not math.isfinite(value)
        or value < 0
    ):
        raise ValueError(
            f"Invalid value for argument `{name}`: expected a non-negative float. "
            f"Received: {name}={value!r}"
        )
    return float(value)


class L1L2(Regularizer):
    """The penalty `l1 * sum(abs(x)) + l2 * sum(square(x))`.

    Args:
        l1: The factor of the absolute values.
        l2: The factor of the squares.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0):
        self.l1 = _factor(l1, "l1", 0.0)
        self.l2 = _factor(l2, "l2", 0.0)

    def __call__(self, x: Any) -> Any:
        penalty = None
        if self.l1:
            penalty = ops.multiply(ops.sum(ops.absolute(x)), self.l1)
        if self.l2:
            squares = ops.multiply(ops.sum(ops.square(x)), self.l2)
            penalty = squares if penalty is None else ops.add(penalty, squares)
        return ops.zeros((), dtype=x.dtype) if penalty is None else penalty

    def get_config(self) -> dict:
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """The penalty `l1 * sum(abs(x))`.

    Args:
        l1: The factor.
    """

    def __init__(self, l1: float = 0.01):
        self.l1 = _factor(l1, "l1", 0.01)

    def __call__(self, x: Any) -> Any:
        return ops.multiply(ops.sum(ops.absolute(x)), self.l1)

    def get_config(self) -> dict:
        return {"l1": self.l1}


class L2(Regularizer):
    """The penalty `l2 * sum(square(x))`.

    Args:
        l2: The factor.
    """

    def __init__(self, l2: float = 0.01):
        self.l2 = _factor(l2, "l2", 0.01)

    def __call__(self, x: Any) -> Any:
        return ops.multiply(ops.sum(ops.square(x)), self.l2)

    def get_config(self) -> dict:
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """Push the rows or the columns of a matrix towards being orthogonal.

    Args:
        factor: The factor of the mean absolute cosine between different rows (or columns).
        mode: `rows` or `columns`.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        self.factor = _factor(factor, "factor", 0.01)
        if mode not in ("rows", "columns"):
            raise ValueError(f"`mode` should be 'rows' or 'columns'. Received: mode={mode!r}")
        self.mode = mode

    def __call__(self, x: Any) -> Any:
        if len(x.shape) != 2:
            raise ValueError(
                f"OrthogonalRegularizer: expected a matrix. Received shape {tuple(x.shape)}"
            )
        if self.mode == "columns":
            x = ops.transpose(x)
        size = x.shape[0]
        norms = ops.sqrt(ops.sum(ops.square(x), axis=1, keepdims=True))
        x = ops.divide(x, ops.maximum(norms, 1e-12))
        products = ops.matmul(x, ops.transpose(x))
        others = ops.multiply(products, ops.subtract(1.0, ops.eye(size, dtype=x.dtype)))
        pairs = size * (size - 1.0) / 2.0
        return ops.multiply(ops.sum(ops.absolute(others)), 0.5 * self.factor / pairs)

    def get_config(self) -> dict:
        return {"factor": self.factor, "mode": self.mode}
