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
    norm = ops.sqrt(_square_sum(gradient))
    # The factor is one number: dividing each element by the norm would cost more than the update.
    return ops.multiply(gradient, ops.divide(limit, ops.maximum(norm, limit)))


def _square_sum(gradient: Any) -> Any:
    """Return the sum of squares, as a product of the gradient with itself: no squares are kept."""
    return ops.vdot(gradient, gradient)


def global_norm(gradients: list) -> Any:
    """Return the norm of all gradients together.

    Args:
        gradients: The gradients.

    Returns:
        A scalar.
    """
    squares = [_square_sum(gradient) for gradient in gradients]
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
