"""Shapes and structures of shapes, and the sizes of tensors as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np


def is_shape(value: Any) -> bool:
    """Say whether a value is one shape, rather than a structure of shapes."""
    return isinstance(value, (list, tuple)) and all(
        dim is None or isinstance(dim, (int, np.integer)) for dim in value
    )


def map_shapes(func: Any, shapes: Any) -> Any:
    """Apply a function to each shape of a structure.

    Args:
        func: Called with one shape.
        shapes: A shape or a list, tuple or dict of shapes.

    Returns:
        The structure of results.
    """
    if shapes is None or is_shape(shapes):
        return None if shapes is None else func(tuple(shapes))
    if isinstance(shapes, dict):
        return {key: map_shapes(func, shape) for key, shape in shapes.items()}
    if isinstance(shapes, (list, tuple)):
        return type(shapes)([map_shapes(func, shape) for shape in shapes])
    return func(tuple(shapes))


def batch_size_of(x: Any, dtype: str) -> Any:
    """Return the size of the first axis as a number of the graph.

    Args:
        x: A tensor.
        dtype: The dtype of the result.

    Returns:
        A Python float when the size is known, else a scalar tensor.
    """
    from nacre.ops._common import dim_tensor

    size = x.dims[0]
    return float(size) if isinstance(size, int) else dim_tensor(size, dtype)
