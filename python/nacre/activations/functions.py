"""Activation functions; each is a call of `nacre.ops`."""

from __future__ import annotations

from typing import Any

from nacre import ops


def relu(
    x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Any:
    """Rectify: `max(x, 0)`, with a slope below, a threshold and a ceiling if asked for.

    Args:
        x: The input.
        negative_slope: The slope below the threshold.
        max_value: The ceiling, or None.
        threshold: Where the positive part begins.

    Returns:
        A tensor of the same shape.
    """
    if not negative_slope and not threshold:
        if max_value is None:
            return ops.relu(x)
        if max_value == 6:
            return ops.relu6(x)
        return ops.minimum(ops.relu(x), float(max_value))
    if threshold:
        above = ops.where(ops.greater(x, threshold), x, ops.zeros_like(x))
    else:
        above = ops.relu(x)
    if max_value is not None:
        above = ops.clip(above, 0.0, float(max_value))
    if not negative_slope:
        return above
    below = ops.relu(ops.subtract(threshold, x))
    return ops.subtract(above, ops.multiply(below, negative_slope))


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """Rectify with a slope below zero.

    Args:
        x: The input.
        negative_slope: The slope below zero.

    Returns:
        A tensor of the same shape.
    """
    return ops.leaky_relu(x, negative_slope=negative_slope)


def relu6(x: Any) -> Any:
    """Compute `min(max(x, 0), 6)`."""
    return ops.relu6(x)


def softmax(x: Any, axis: Any = -1) -> Any:
    """Turn logits into probabilities that sum to 1.

    Args:
        x: The logits.
        axis: The axis, or axes, of the classes.

    Returns:
        A tensor of the same shape.
    """
    return ops.softmax(x, axis=axis)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """Compute the logarithm of the softmax.

    Args:
        x: The logits.
        axis: The axis of the classes.

    Returns:
        A tensor of the same shape.
    """
    return ops.log_softmax(x, axis=axis)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """Compute x above zero, `alpha * (exp(x) - 1)` below.

    Args:
        x: The input.
        alpha: The scale of the negative part.

    Returns:
        A tensor of the same shape.
    """
    return ops.elu(x, alpha=alpha)


def celu(x: Any, alpha: float = 1.0) -> Any:
    """Compute `max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))`.

    Args:
        x: The input.
        alpha: The scale of the negative part.

    Returns:
        A tensor of the same shape.
    """
    return ops.celu(x, alpha=alpha)


def selu(x: Any) -> Any:
    """Compute the scaled exponential linear unit."""
    return ops.selu(x)


def softplus(x: Any) -> Any:
    """Compute `log(exp(x) + 1)`."""
    return ops.softplus(x)


def softsign(x: Any) -> Any:
    """Compute `x / (abs(x) + 1)`."""
    return ops.softsign(x)


def squareplus(x: Any, b: float = 4) -> Any:
    """Compute `(x + sqrt(x * x + b)) / 2`.

    Args:
        x: The input.
        b: How smooth the bend is.

    Returns:
        A tensor of the same shape.
    """
    return ops.squareplus(x, b=b)


def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """Move values towards zero by the threshold, and to zero within it.

    Args:
        x: The input.
        threshold: The distance.

    Returns:
        A tensor of the same shape.
    """
    return ops.soft_shrink(x, threshold=threshold)


def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """Set values within the threshold to zero.

    Args:
        x: The input.
        threshold: The largest absolute value set to zero.

    Returns:
        A tensor of the same shape.
    """
    return ops.hard_shrink(x, threshold=threshold)


def tanh_shrink(x: Any) -> Any:
    """Compute `x - tanh(x)`."""
    return ops.tanh_shrink(x)


def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """Replace values that are not above the threshold.

    Args:
        x: The input.
        threshold: Values above it are kept.
        default_value: What the others become.

    Returns:
        A tensor of the same shape.
    """
    return ops.threshold(x, threshold, default_value)


def sparse_plus(x: Any) -> Any:
    """Compute 0 below -1, `(x + 1)^2 / 4` up to 1, x above."""
    return ops.sparse_plus(x)


def sparse_sigmoid(x: Any) -> Any:
    """Compute 0 below -1, `(x + 1) / 2` up to 1, 1 above."""
    return ops.sparse_sigmoid(x)


def sparsemax(x: Any, axis: int = -1) -> Any:
    """Project logits onto the probability simplex.

    Args:
        x: The logits.
        axis: The axis of the classes.

    Returns:
        A tensor of the same shape.
    """
    return ops.sparsemax(x, axis=axis)


def sigmoid(x: Any) -> Any:
    """Compute `1 / (1 + exp(-x))`."""
    return ops.sigmoid(x)


def log_sigmoid(x: Any) -> Any:
    """Compute the logarithm of the sigmoid."""
    return ops.log_sigmoid(x)


def hard_sigmoid(x: Any) -> Any:
    """Compute `relu6(x + 3) / 6`."""
    return ops.hard_sigmoid(x)


def tanh(x: Any) -> Any:
    """Compute the hyperbolic tangent."""
    return ops.tanh(x)


def hard_tanh(x: Any) -> Any:
    """Clip to [-1, 1]."""
    return ops.hard_tanh(x)


def gelu(x: Any, approximate: bool = False) -> Any:
    """Compute `x * P(X <= x)` for a standard normal X.

    Args:
        x: The input.
        approximate: Whether to use the approximation by tanh.

    Returns:
        A tensor of the same shape.
    """
    return ops.gelu(x, approximate=approximate)


def glu(x: Any, axis: int = -1) -> Any:
    """Split in two halves and compute `a * sigmoid(b)`.

    Args:
        x: The input.
        axis: The axis to split.

    Returns:
        A tensor with that axis half as long.
    """
    return ops.glu(x, axis=axis)


def silu(x: Any) -> Any:
    """Compute `x * sigmoid(x)`, also called swish."""
    return ops.silu(x)


def hard_silu(x: Any) -> Any:
    """Compute `x * hard_sigmoid(x)`, also called hard swish."""
    return ops.hard_silu(x)


def mish(x: Any) -> Any:
    """Compute `x * tanh(softplus(x))`."""
    return ops.mish(x)


def exponential(x: Any) -> Any:
    """Compute `exp(x)`."""
    return ops.exp(x)


def linear(x: Any) -> Any:
    """Return the input."""
    return x
