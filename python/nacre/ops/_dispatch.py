"""What every public op shares: placeholders of the functional API become operation nodes."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, TypeVar

from nacre.keras_tensor import KerasTensor

F = TypeVar("F", bound=Callable[..., Any])


def _has_placeholder(items: Any) -> bool:
    return any(isinstance(item, KerasTensor) for item in items)


def keras_op(function: F) -> F:
    """Lets a function of tensors take placeholders of the functional API too.

    With a placeholder among the arguments, or one level down in a list or tuple, the call is
    recorded as a node of the functional graph, and is replayed on tensors later.
    """

    def op(*args: Any, **kwargs: Any) -> Any:
        for arg in args:
            if isinstance(arg, KerasTensor) or (
                (arg.__class__ is list or arg.__class__ is tuple) and _has_placeholder(arg)
            ):
                return _record(op, args, kwargs)
        if kwargs:
            for arg in kwargs.values():
                if isinstance(arg, KerasTensor) or (
                    (arg.__class__ is list or arg.__class__ is tuple) and _has_placeholder(arg)
                ):
                    return _record(op, args, kwargs)
        return function(*args, **kwargs)

    return update_wrapper(op, function)  # type: ignore[return-value]


def _record(op: Callable[..., Any], args: tuple, kwargs: dict[str, Any]) -> Any:
    from nacre.models.node import record_op

    return record_op(op, args, kwargs)
