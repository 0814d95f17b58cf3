"""Automatic names (`dense`, `dense_1`, ...) and the scopes that make up variable paths."""

from __future__ import annotations

import re
import threading

_NON_WORD = re.compile(r"\W+")
_WORD_START = re.compile("(.)([A-Z][a-z]+)")
_CASE_CHANGE = re.compile("([a-z])([A-Z])")

_counters: dict[str, int] = {}
_lock = threading.Lock()
_local = threading.local()


def to_snake_case(name: str) -> str:
    """Turn a class name into the form used for automatic names: `MaxPooling2D` -> `max_pooling2d`.

    Args:
        name: A class or function name.

    Returns:
        The name in lower case, words joined by underscores.
    """
    name = _NON_WORD.sub("", name)
    name = _WORD_START.sub(r"\1_\2", name)
    return _CASE_CHANGE.sub(r"\1_\2", name).lower()


def uniquify(name: str) -> str:
    """Return `name` the first time it is asked for, then `name_1`, `name_2`, ...

    Args:
        name: The wanted name.

    Returns:
        A name not handed out before in this process (or since `reset_names`).
    """
    with _lock:
        count = _counters.get(name, 0)
        _counters[name] = count + 1
    return f"{name}_{count}" if count else name


def auto_name(prefix: str) -> str:
    """Return a unique name made from a class name.

    Args:
        prefix: The class name.

    Returns:
        For instance `dense`, then `dense_1`.
    """
    return uniquify(to_snake_case(prefix))


def get_uid(prefix: str = "") -> int:
    """Count the uses of a prefix.

    Args:
        prefix: The string to count.

    Returns:
        1 the first time, then 2, 3, ...
    """
    with _lock:
        _counters[prefix] = _counters.get(prefix, 0) + 1
        return _counters[prefix]


def reset_names() -> None:
    """Start the automatic names again from the beginning."""
    with _lock:
        _counters.clear()


def object_name(obj: object) -> str:
    """Return the name that logs and errors use for a metric, a loss or a function.

    Args:
        obj: An object with a `name`, a function, or anything else.

    Returns:
        Its name, in snake case unless the object chose it itself.
    """
    name = getattr(obj, "name", None)
    if isinstance(name, str):
        return name
    name = getattr(obj, "__name__", None)
    return to_snake_case(name if isinstance(name, str) else type(obj).__name__)


def _scopes() -> list[tuple[str, object]]:
    stack = getattr(_local, "scopes", None)
    if stack is None:
        stack = _local.scopes = []
    return stack


def push_scope(name: str, caller: object = None) -> None:
    """Open a name scope by hand; `pop_scope` closes it.

    Args:
        name: One component of the path.
        caller: Whose scope it is: within its own scope, an object adds no second component.
    """
    stack = _scopes()
    repeated = caller is not None and bool(stack) and stack[-1][1] is caller
    stack.append(("" if repeated else name, caller))


def pop_scope() -> None:
    """Close the innermost name scope."""
    _scopes().pop()


class name_scope:
    """Prefix the paths of the variables made inside: `with name_scope("encoder"): ...`.

    Args:
        name: One component of the path.
        caller: Whose scope it is: within its own scope, an object adds no second component.
    """

    __slots__ = ("caller", "name")

    def __init__(self, name: str, caller: object = None):
        if not isinstance(name, str) or not name:
            raise ValueError(f"A name scope needs a non-empty string. Received: {name!r}")
        self.name = name
        self.caller = caller

    def __enter__(self) -> name_scope:
        push_scope(self.name, self.caller)
        return self

    def __exit__(self, *exc_info: object) -> None:
        pop_scope()


def current_path() -> str:
    """Return the open name scopes joined by `/`; empty outside of any."""
    return "/".join(name for name, _ in _scopes() if name)
