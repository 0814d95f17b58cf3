"""The closed table of names that a configuration may use.

A name is that of a public class of this package that describes a part of a model, of one of its
functions of tensors, or of what the user registered or passed. No module is imported because a
configuration names it, and nothing that reads files, loads models or runs code has a place here.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any
from weakref import WeakValueDictionary

from nacre.saving import registration, scopes

# Public module of a configuration -> module of this package. Only `__all__` of these is visible,
# and of that only classes with `from_config`.
_MODULES = {
    "keras.layers": "nacre.layers",
    "keras.models": "nacre.models",
    "keras": "nacre.models",
    "keras.losses": "nacre.losses",
    "keras.metrics": "nacre.metrics",
    "keras.optimizers": "nacre.optimizers",
    "keras.optimizers.schedules": "nacre.optimizers.schedules",
    "keras.initializers": "nacre.initializers",
    "keras.regularizers": "nacre.regularizers",
    "keras.constraints": "nacre.constraints",
    "keras.activations": "nacre.activations",
    "keras.random": "nacre.random",
}
# Those whose functions are visible too: they take tensors and return tensors.
_OF_FUNCTIONS = ("keras.activations", "keras.losses", "keras.metrics")
_NOT_OF_TENSORS = ("get", "deserialize", "serialize")
_POLICIES = ("DTypePolicy", "FloatDTypePolicy", "Policy")

# The user's own classes and functions that this process has written into a configuration: it can
# read that configuration, unless it is in a file, without their being registered.
_seen: WeakValueDictionary = WeakValueDictionary()


def note_seen(obj: Any) -> None:
    """Note a class or function of the user's that was written into a configuration."""
    _seen[obj.__module__, obj.__name__] = obj


def public_home(obj: Any) -> tuple[str, str] | None:
    """Find the public module and name of one of this package's own classes or functions.

    Args:
        obj: A class or function.

    Returns:
        For instance `("keras.layers", "Dense")`; None for what is not public.
    """
    module = getattr(obj, "__module__", None) or ""
    if not module.startswith("nacre."):
        return None
    name = obj.__name__
    parts = module.split(".")
    for depth in (3, 2):
        home = ".".join(parts[:depth])
        public = "keras" + home[len("nacre") :]
        if public in _MODULES and len(parts) >= depth:
            table = sys.modules.get(home)
            if table is not None and getattr(table, name, None) is obj:
                return public, name
    return None


def find_public(module: str | None, name: str) -> Any | None:
    """Find a class or function of this package.

    Args:
        module: The public module, or one of those in which Keras defines it.
        name: The name.

    Returns:
        It, or None when a configuration may not use it.
    """
    if not isinstance(module, str) or not isinstance(name, str):
        return None
    if name in _POLICIES:
        from nacre.dtype_policies import DTypePolicy

        return DTypePolicy
    if module.startswith("nacre."):
        module = "keras" + module[len("nacre") :]
    if module.startswith(("keras.src.", "keras.engine.")):
        if name == "Functional":
            module = "keras.models"
        else:
            module = _internal_home(module)
    home = _MODULES.get(module)
    if home is None:
        return None
    table = importlib.import_module(home)  # one of the fixed list above
    if name == "Functional" and home == "nacre.models":
        return table.Functional
    if name not in table.__all__ or name in _NOT_OF_TENSORS:
        return None
    found = getattr(table, name)
    if isinstance(found, type):
        return found if hasattr(found, "from_config") else None
    return found if module in _OF_FUNCTIONS and isinstance(found, types.FunctionType) else None


def _internal_home(module: str) -> str:
    """`keras.src.layers.core.dense` -> `keras.layers`; backends have optimizers of their own."""
    parts = module.split(".")
    if "schedules" in parts:
        return "keras.optimizers.schedules"
    return "keras.optimizers" if "optimizers" in parts else "keras." + parts[2]


def find_class(module: str | None, name: str, registered: Any, custom: dict | None) -> Any | None:
    """Find the class that a configuration names.

    Args:
        module: The module that it names.
        name: The name of the class.
        registered: The name under which the user registered it; None for a class of Keras.
        custom: Names and the classes that they mean.

    Returns:
        The class, or None.
    """
    found = registration.find_exactly(registered, custom) if registered else None
    if found is None:
        found = find_public(module, name)
    if found is None:
        found = registration.find_exactly(name, custom)
    return _find_loosely(module, name) if found is None else found


def _find_loosely(module: str | None, name: str) -> Any | None:
    found = registration.find_without_package(name)
    if found is None and not scopes.reading_a_file():
        found = _seen.get((module or "__main__", name))
    return found


def find_function(module: str | None, name: Any, registered: Any, custom: dict | None) -> Any:
    """Find the function that a configuration names.

    Args:
        module: The module that it names.
        name: Its name, or the name under which the user registered it.
        registered: A name under which the user registered it.
        custom: Names and the functions that they mean.

    Returns:
        The function, or None.
    """
    if not isinstance(name, str):
        return None
    found = registration.find_exactly(name, custom)
    if found is None and isinstance(registered, str):
        found = registration.find_exactly(registered, custom)
    # Keras gives the module of functions as `builtins`.
    for public in (module, *_OF_FUNCTIONS):
        found = find_public(public, name) if found is None else found
    if found is None:
        found = _find_loosely(module, name)
    if found is None and not scopes.reading_a_file():
        found = _seen_function(name)
    return found


def _seen_function(name: str) -> Any | None:
    """Find the user's function of a name, if there is only one: its module is not written."""
    matches = [obj for (_, seen), obj in list(_seen.items()) if seen == name]
    return matches[0] if len(matches) == 1 else None
