"""The options of all optimizers, in the places where Keras's constructors have them."""

from __future__ import annotations

import functools
import inspect
from typing import Any, TypeVar

from nacre.optimizers.optimizer import Optimizer

_Class = TypeVar("_Class", bound=type[Optimizer])


def with_base_options(cls: _Class) -> _Class:
    """Let a constructor that ends in `**kwargs` take the options of `Optimizer` by place too.

    Args:
        cls: The class; its own arguments come first.

    Returns:
        The class.
    """
    init = cls.__init__
    *own, rest = inspect.signature(init).parameters.values()
    known = {parameter.name for parameter in own}
    added = [
        parameter
        for parameter in inspect.signature(Optimizer.__init__).parameters.values()
        if parameter.name not in known and parameter.kind is not parameter.VAR_KEYWORD
    ]
    names = [parameter.name for parameter in added]
    count = len(own) - 1  # without `self`

    @functools.wraps(init)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        beyond = args[count:]
        if len(beyond) > len(names):
            raise TypeError(
                f"{cls.__name__}: expected at most {count + len(names)} arguments without names. "
                f"Received: {len(args)}"
            )
        for name, value in zip(names, beyond, strict=False):
            if name in kwargs:
                raise TypeError(f"{cls.__name__}: got several values for `{name}`.")
            kwargs[name] = value
        init(self, *args[:count], **kwargs)

    __init__.__signature__ = inspect.Signature([*own, *added, rest])  # type: ignore[attr-defined]
    cls.__init__ = __init__  # type: ignore[misc]
    return cls
