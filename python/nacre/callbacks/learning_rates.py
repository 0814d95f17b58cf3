"""The learning rates of a model's optimizers, for callbacks."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["log_learning_rates", "rate_of", "rated_optimizers"]


def rated_optimizers(optimizer: Any) -> list[tuple[str, Any]]:
    """Return the optimizers that have a learning rate, each with a name.

    Args:
        optimizer: The model's; one of several optimizers gives them all.

    Returns:
        Pairs of name and optimizer; the name is empty where there is one.

    Raises:
        ValueError: If there is no learning rate.
    """
    inner = getattr(optimizer, "optimizers", None)
    if inner is not None:
        return [(one.name, one) for one in inner]
    if not hasattr(optimizer, "learning_rate"):
        raise ValueError(f"The optimizer has no `learning_rate`. Received: {optimizer!r}")
    return [("", optimizer)]


def rate_of(optimizer: Any) -> float:
    """Return the present learning rate of an optimizer.

    Args:
        optimizer: The optimizer.
    """
    return float(np.asarray(optimizer.learning_rate))


def log_learning_rates(optimizer: Any, logs: dict) -> None:
    """Add learning rates to logs.

    Args:
        optimizer: The model's optimizer.
        logs: The logs of an epoch.
    """
    for name, one in rated_optimizers(optimizer):
        logs[f"learning_rate_{name}" if name else "learning_rate"] = rate_of(one)
