"""Looking through the arguments of a layer call."""

from __future__ import annotations

from typing import Any

from nacre import _core, tree
from nacre.keras_tensor import KerasTensor


def holds_keras_tensor(items: Any) -> bool:
    """Say whether a structure has a placeholder of the functional API in it."""
    if isinstance(items, dict):
        items = items.values()
    for item in items:
        if isinstance(item, KerasTensor):
            return True
        if isinstance(item, (list, tuple, dict)) and holds_keras_tensor(item):
            return True
    return False


def is_tensors(x: Any) -> bool:
    """Say whether a value is a tensor, or a structure of nothing but tensors."""
    if isinstance(x, _core.Tensor):
        return True
    if isinstance(x, dict):
        return bool(x) and all(is_tensors(item) for item in x.values())
    return isinstance(x, (list, tuple)) and bool(x) and all(is_tensors(item) for item in x)


def shapes_of(x: Any) -> Any:
    """Return the shape of a tensor, or the shapes of a structure of them."""
    if isinstance(x, _core.Tensor):
        return tuple(x.shape)
    return tree.map_structure(lambda item: tuple(item.shape), x)


def masks_of(x: Any) -> Any:
    """Return the mask of a tensor, or the masks of a structure of them."""
    if isinstance(x, (list, tuple, dict)):
        return tree.map_structure(lambda item: getattr(item, "_keras_mask", None), x)
    return getattr(x, "_keras_mask", None)


def trace_token() -> Any:
    """Return an identity of the trace that is open, or None outside of any."""
    return _core.trace_id() if _core.is_tracing() else None
