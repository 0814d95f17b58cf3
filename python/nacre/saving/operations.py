"""Operations of functional models, as Keras writes them: a class, its options, and its calls."""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass
from typing import Any

from nacre import ops, random
from nacre.models.node import Node, Operation, get_item
from nacre.saving.operation_table import TABLE

# More parts than this are not what a model has outputs for.
_MAX_PARTS = 1 << 16
_MAKE_PARTS = ("split", "array_split", "hsplit", "vsplit", "dsplit", "unstack")


@dataclass(frozen=True)
class _Entry:
    module: str
    class_name: str
    function: str
    of_call: tuple[str, ...]
    options: tuple[str, ...]


@functools.cache
def _entries() -> tuple[dict[str, _Entry], dict[str, _Entry]]:
    """Return the table by function and by class."""
    by_function, by_class = {}, {}
    module = ""
    for line in TABLE.strip().replace("\n    ", " ").splitlines():
        if line.startswith("["):
            module = line.strip("[]")
            continue
        names, _, parameters = line.partition(":")
        of_call, _, options = parameters.partition(";")
        class_name, function = names.split()
        entry = _Entry(module, class_name, function, tuple(of_call.split()), tuple(options.split()))
        by_function[function] = by_class[class_name] = entry
    return by_function, by_class


def find_function(name: Any) -> Any:
    """Find the public operation of a name; None when there is none."""
    if name == "get_item":
        return get_item
    if not isinstance(name, str) or name.startswith("_"):
        return None
    for namespace in (ops, random):
        function = getattr(namespace, name, None)
        if inspect.isfunction(function) and function.__module__.startswith("nacre."):
            return function
    return None


def describe(operation: Operation) -> dict:
    """Make the configuration of an operation, without its calls.

    Args:
        operation: The operation.

    Returns:
        The configuration.

    Raises:
        ValueError: It is no public operation.
    """
    name = operation.function.__name__
    entry = _entries()[0].get(name)
    if find_function(name) is None:
        raise ValueError(f'Operation "{operation.name}" is not public, so it has no configuration.')
    if entry is None or not operation._inbound_nodes:  # one that Keras has no class for
        return {
            "module": "keras.ops",
            "class_name": "Operation",
            "config": {"name": operation.name, "function": name},
            "registered_name": None,
        }
    given = _bind(operation, operation._inbound_nodes[0])
    options = {key: given[key] for key in entry.options if key in given}
    return {
        "module": f"keras.src.ops.{entry.module}",
        "class_name": entry.class_name,
        "config": {"name": operation.name, **options},
        "registered_name": entry.class_name,
    }


def call_arguments(operation: Operation, node: Node) -> tuple[tuple, dict]:
    """Give the arguments of a call as Keras has them, without what `describe` gives.

    Args:
        operation: The operation.
        node: The call.

    Returns:
        Positional and keyword arguments.
    """
    entry = _entries()[0].get(operation.function.__name__)
    if entry is None:
        return node.args, node.kwargs
    if entry.function == "get_item":
        key = node.args[1:]
        return (node.args[0], key[0] if len(key) == 1 else list(key)), {}
    given = _bind(operation, node)
    args: list = []
    for name in entry.of_call:
        if name.startswith("**"):
            continue
        if name.startswith("*"):
            args += given[name[1:]]
        else:
            args.append(given[name])
    return tuple(args), {}


def _bind(operation: Operation, node: Node) -> dict[str, Any]:
    if operation.function is get_item:
        return {}
    bound = inspect.signature(operation.function).bind(*node.args, **node.kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)


class Restored:
    """An operation that a configuration names, and how its calls there are to be read.

    Args:
        entry: The configuration.

    Raises:
        ValueError: It is not in the table.
    """

    def __init__(self, entry: dict):
        config = entry["config"]
        self._entry = None
        if entry["class_name"] == "Operation":
            name = config["function"]
        else:
            self._entry = _entries()[1].get(entry["class_name"])
            name = self._entry.function if self._entry is not None else entry["class_name"]
        function = find_function(name)
        if function is None:
            raise ValueError(f"The configuration names an unknown operation: {name!r}.")
        self.operation = Operation(function, config["name"])
        self._options = {
            key: value
            for key, value in config.items()
            if self._entry is not None and key in self._entry.options
        }

    def arguments(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """Turn the arguments of a call in the configuration into those of the function.

        Args:
            args: Positional arguments.
            kwargs: Keyword arguments.

        Returns:
            The same for the function.
        """
        entry, function = self._entry, self.operation.function
        if entry is None:
            return args, kwargs
        if function is get_item:
            given = {**dict(zip(("x", "key"), args, strict=False)), **kwargs}
            key = given["key"]
            return (given["x"], *key) if isinstance(key, (list, tuple)) else (given["x"], key), {}
        signature = inspect.signature(function)
        bound = signature.bind_partial()
        values = {**self._options, **kwargs}
        rest = list(args)
        for name in entry.of_call:
            if name.startswith("*"):
                values[name.strip("*")] = tuple(rest) if name[1] != "*" else {}
                rest = []
            elif rest:
                values[name] = rest.pop(0)
        unknown = [name for name in values if name not in signature.parameters]
        if rest or unknown:
            raise ValueError(f"Operation {self.operation.name!r} is called with unknown arguments.")
        self._check_parts(values)
        for name in signature.parameters:  # the order matters
            if name in values:
                bound.arguments[name] = values[name]
        return bound.args, bound.kwargs

    def _check_parts(self, values: dict) -> None:
        if self.operation.function.__name__ not in _MAKE_PARTS:
            return
        for value in values.values():
            if isinstance(value, int) and value > _MAX_PARTS:
                raise ValueError(f"Operation {self.operation.name!r} makes {value} parts.")
