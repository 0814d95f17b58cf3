"""Names for the user's own classes and functions, so that configurations can mention them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

_custom_objects: dict[str, Any] = {}
_custom_names: dict[Any, str] = {}
_local = threading.local()


def _scope_objects() -> dict[str, Any]:
    scopes = getattr(_local, "scopes", None)
    return scopes[-1] if scopes else {}


class CustomObjectScope:
    """Make custom objects known by name inside a `with` block.

    Args:
        custom_objects: Names and the classes or functions that they mean.
    """

    def __init__(self, custom_objects: dict[str, Any] | None):
        if custom_objects is not None and not isinstance(custom_objects, dict):
            raise TypeError(
                "`custom_objects` should be a dict of names and classes or functions. "
                f"Received: {custom_objects!r}"
            )
        self.custom_objects = custom_objects or {}

    def __enter__(self) -> CustomObjectScope:
        scopes = getattr(_local, "scopes", None)
        if scopes is None:
            scopes = _local.scopes = []
        scopes.append({**_scope_objects(), **self.custom_objects})
        return self

    def __exit__(self, *exc_info: object) -> None:
        _local.scopes.pop()


custom_object_scope = CustomObjectScope


def get_custom_objects() -> dict[str, Any]:
    """Return the process-wide table of custom objects, which may be changed in place."""
    return _custom_objects


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[Any], Any]:
    """Register a class or function under `package>name` (a decorator).

    Args:
        package: The first half of the name.
        name: The second half. Defaults to the name of what is decorated.

    Returns:
        A decorator that returns its argument unchanged.
    """

    def decorator(obj: Any) -> Any:
        if isinstance(obj, type) and not hasattr(obj, "get_config"):
            raise ValueError(
                f"Cannot register {obj.__name__}: a serializable class needs a `get_config()` "
                "method."
            )
        registered_name = f"{package}>{name or obj.__name__}"
        _custom_objects[registered_name] = obj
        _custom_names[obj] = registered_name
        return obj

    return decorator


def get_registered_name(obj: Any) -> str:
    """Return the name that a class or function was registered under.

    Args:
        obj: A class or function.

    Returns:
        `package>name`, or its own name if it was not registered.
    """
    try:
        return _custom_names.get(obj) or obj.__name__
    except TypeError:  # unhashable callables
        return type(obj).__name__


def is_registered(obj: Any) -> bool:
    """Say whether a class or function was registered.

    Args:
        obj: A class or function.

    Returns:
        True after `register_keras_serializable`.
    """
    try:
        return obj in _custom_names
    except TypeError:
        return False


def get_registered_object(
    name: str,
    custom_objects: dict[str, Any] | None = None,
    module_objects: dict[str, Any] | None = None,
) -> Any | None:
    """Find a custom object by name.

    Args:
        name: The name.
        custom_objects: Looked at after the open scopes.
        module_objects: Looked at last.

    Returns:
        The class or function, or None. A name without its package finds a registered object too
        when it is the only one of that name.
    """
    found = find_exactly(name, custom_objects)
    if found is None and module_objects:
        found = module_objects.get(name)
    return find_without_package(name) if found is None else found


def find_exactly(name: str, custom_objects: dict[str, Any] | None = None) -> Any | None:
    """Find a custom object by its full name.

    Args:
        name: The name.
        custom_objects: Looked at after the open scopes.

    Returns:
        The class or function, or None.
    """
    for table in (_scope_objects(), custom_objects or {}, _custom_objects):
        if name in table:
            return table[name]
    return None


def find_without_package(name: str) -> Any | None:
    """Find a registered object by its name without the package, if it is the only one.

    Args:
        name: The name.

    Returns:
        The class or function, or None.
    """
    if not isinstance(name, str) or ">" in name:
        return None
    matches = [obj for key, obj in _custom_objects.items() if key.rpartition(">")[2] == name]
    return matches[0] if len(matches) == 1 else None
