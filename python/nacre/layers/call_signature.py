"""The parameters of `call` and `build` methods, read once per function."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

# Flags of code objects.
_VARARGS, _VARKEYWORDS = 0x04, 0x08


class Signature:
    """The parameters of a method, without `self`.

    Args:
        function: The function that the class holds.
    """

    __slots__ = ("defaults", "has_varargs", "has_varkw", "masks", "names", "positional", "training")

    def __init__(self, function: Callable):
        while hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        code = getattr(function, "__code__", None)
        if code is None:
            self._from_inspect(function)
        else:
            count = code.co_argcount
            self.positional = code.co_varnames[1:count]
            keyword_only = code.co_varnames[count : count + code.co_kwonlyargcount]
            self.names = self.positional + keyword_only
            defaults = function.__defaults__ or ()
            self.defaults = dict(zip(self.positional[::-1], defaults[::-1], strict=False))
            self.defaults.update(function.__kwdefaults__ or {})
            self.has_varargs = bool(code.co_flags & _VARARGS)
            self.has_varkw = bool(code.co_flags & _VARKEYWORDS)
        self.training = "training" in self.names
        self.masks = tuple(name for name in self.names if name == "mask" or name.endswith("_mask"))

    def _from_inspect(self, function: Callable) -> None:
        import inspect

        parameters = list(inspect.signature(function).parameters.values())
        if parameters and parameters[0].name == "self":
            parameters = parameters[1:]
        ordinary = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        self.positional = tuple(p.name for p in parameters if p.kind in ordinary)
        keyword_only = tuple(p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY)
        self.names = self.positional + keyword_only
        self.defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        self.has_varargs = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
        self.has_varkw = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)

    def accepts(self, name: str) -> bool:
        """Say whether there is a parameter for a keyword argument.

        Args:
            name: The keyword.

        Returns:
            True also when the method takes any keyword.
        """
        return self.has_varkw or name in self.names

    def bind(self, args: tuple, kwargs: dict, owner: str) -> dict[str, Any]:
        """Match arguments with parameters.

        Args:
            args: Positional arguments.
            kwargs: Keyword arguments.
            owner: Whose method it is, for errors.

        Returns:
            The arguments that were given, by name, in the order of the parameters.

        Raises:
            TypeError: If there is an argument too many, too few, or unknown.
        """
        if len(args) > len(self.positional) and not self.has_varargs:
            raise TypeError(
                f"{owner}: expected at most {len(self.positional)} positional arguments "
                f"({', '.join(self.positional)}). Received: {len(args)}"
            )
        given = dict(zip(self.positional, args, strict=False))
        for position in range(len(self.positional), len(args)):
            given[f"*{position}"] = args[position]
        for name, value in kwargs.items():
            if name in given:
                raise TypeError(f"{owner}: received two values for argument `{name}`.")
            if not self.accepts(name):
                raise TypeError(
                    f"{owner}: unknown argument `{name}`. Expected: {', '.join(self.names)}"
                )
            given[name] = value
        for name in self.positional:
            if name not in given and name not in self.defaults:
                raise TypeError(f"{owner}: missing argument `{name}`.")
        return given


def signature_of(function: Callable) -> Signature:
    """Return the signature of a method of a class, which is read once.

    Args:
        function: The function that the class holds.

    Returns:
        Its signature.
    """
    cached = getattr(function, "_nacre_signature", None)
    if cached is None:
        cached = Signature(function)
        with contextlib.suppress(AttributeError):  # of callables that take no attributes
            function._nacre_signature = cached  # type: ignore[attr-defined]
    return cached
