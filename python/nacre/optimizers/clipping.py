"""Limits on the norms of gradients."""

from __future__ import annotations

from functools import reduce
from typing import Any

from nacre import ops


def clip_by_norm(gradient: Any, limit: float) -> Any:
    """Scale a gradient down to a norm.

    Args:
        gradient: The gradient.
        limit: The largest norm.

    Returns:
        The gradient, shorter if it was longer.
    """
    squares = ops.sum(ops.square(gradient))
    norm = ops.sqrt(squares)
    return ops.divide(ops.multiply(gradient, limit), ops.maximum(norm, limit))


def global_norm(gradients: list) -> Any:
    """Return the norm of all gradients together.

    Args:
        gradients: The gradients.

    Returns:
        A scalar.
    """
    squares = [ops.sum(ops.square(gradient)) for gradient in gradients]
    dtype = squares[0].dtype
    return ops.sqrt(reduce(ops.add, [ops.cast(square, dtype) for square in squares]))


def clip_by_global_norm(gradients: list, limit: float) -> list:
    """Scale gradients down, all by one factor, to a norm of all together.

    Args:
        gradients: The gradients.
        limit: The largest norm.

    Returns:
        The gradients.
    """
    norm = global_norm(gradients)
    scale = ops.multiply(ops.minimum(ops.divide(1.0, norm), 1.0 / limit), limit)
    return [ops.multiply(gradient, ops.cast(scale, gradient.dtype)) for gradient in gradients]
