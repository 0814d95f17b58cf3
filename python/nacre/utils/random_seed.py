"""Seeding everything at once, and forgetting global state."""

from __future__ import annotations

from typing import Any

__all__ = ["clear_session", "set_random_seed"]


def set_random_seed(seed: int) -> None:
    """Seeds Python's, NumPy's and Nacre's generators.

    Args:
        seed: The seed.

    Raises:
        ValueError: It is no integer, or is negative.
    """
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise ValueError(f"set_random_seed: `seed` must be an integer. Received: {seed!r}")
    seed = int(seed)
    if not 0 <= seed < 2**32:
        raise ValueError(f"set_random_seed: `seed` must lie in [0, 2**32). Received: {seed}")
    import random

    import numpy as np

    from nacre.random import set_global_seed

    random.seed(seed)
    np.random.seed(seed)
    set_global_seed(seed)


def clear_session(free_memory: bool = True) -> None:
    """Starts automatic names anew.

    Args:
        free_memory: Whether to run the garbage collector as well.
    """
    from nacre import naming

    naming.reset_names()
    if free_memory:
        import gc

        gc.collect()


def get_source_inputs(tensor: Any) -> list:
    """Lists the placeholders of `Input` that a placeholder depends on.

    Args:
        tensor: The placeholder.
    """
    from nacre.layers.input_layer import InputLayer
    from nacre.models.node import node_of

    found: list = []
    seen: set[int] = set()
    pending = [tensor]
    while pending:
        current = pending.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        node = node_of(current)
        if isinstance(node.operation, InputLayer):
            found.append(current)
        pending.extend(reversed(node.inputs))
    return found
