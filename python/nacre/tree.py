"""Nested structures of tuples, lists and dictionaries (`keras.tree`).

Dictionaries are walked in the order of their sorted keys, so two dictionaries with the same keys
always line up. `None` is a leaf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

__all__ = [
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_structure",
    "pack_sequence_as",
]


def is_nested(structure: Any) -> bool:
    """Says whether `structure` is a tuple, a list or a dictionary."""
    return isinstance(structure, (tuple, list, dict))


def _keys(mapping: dict) -> list:
    try:
        return sorted(mapping)
    except TypeError:  # keys of mixed types have no order of their own
        return list(mapping)


def flatten(structure: Any) -> list:
    """Lists the leaves of a structure, from left to right."""
    if isinstance(structure, dict):
        return [leaf for key in _keys(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, (tuple, list)):
        return [leaf for item in structure for leaf in flatten(item)]
    return [structure]


def flatten_with_path(structure: Any, path: tuple = ()) -> list[tuple[tuple, Any]]:
    """Lists `(path, leaf)` pairs, a path being the keys and indices that lead to the leaf."""
    if isinstance(structure, dict):
        items: Iterable = ((key, structure[key]) for key in _keys(structure))
    elif isinstance(structure, (tuple, list)):
        items = enumerate(structure)
    else:
        return [(path, structure)]
    return [pair for key, item in items for pair in flatten_with_path(item, (*path, key))]


def _rebuild(like: Any, items: list) -> Any:
    if hasattr(like, "_fields"):  # a named tuple
        return type(like)(*items)
    return tuple(items) if isinstance(like, tuple) else list(items)


def map_structure(function: Callable, *structures: Any) -> Any:
    """Applies `function` to the corresponding leaves and returns a structure like the first.

    Raises:
        ValueError: The structures differ.
    """
    if not structures:
        raise ValueError("`map_structure` needs at least one structure.")
    first = structures[0]
    if isinstance(first, dict):
        _check_same(structures)
        return {key: map_structure(function, *(s[key] for s in structures)) for key in first}
    if isinstance(first, (tuple, list)):
        _check_same(structures)
        return _rebuild(
            first, [map_structure(function, *items) for items in zip(*structures, strict=True)]
        )
    return function(*structures)


def _check_same(structures: tuple) -> None:
    first = structures[0]
    for other in structures[1:]:
        if isinstance(first, dict):
            same = isinstance(other, dict) and set(first) == set(other)
        else:
            same = isinstance(other, (tuple, list)) and len(first) == len(other)
        if not same:
            raise ValueError(f"Structures differ: {_outline(first)} and {_outline(other)}.")


def _outline(structure: Any) -> str:
    return str(map_structure(lambda _: "*", structure)).replace("'*'", "*")


def assert_same_structure(a: Any, b: Any) -> None:
    """Raises `ValueError` unless both structures nest in the same way."""
    if is_nested(a) != is_nested(b):
        raise ValueError(f"Structures differ: {_outline(a)} and {_outline(b)}.")
    map_structure(lambda x, y: assert_same_structure(x, y) if is_nested(y) else None, a, b)


def pack_sequence_as(structure: Any, flat: Iterable) -> Any:
    """Puts a flat sequence of leaves back into the form of `structure`.

    Raises:
        ValueError: The number of leaves does not fit.
    """
    leaves = list(flat)
    expected = len(flatten(structure))
    if len(leaves) != expected:
        raise ValueError(f"The structure has {expected} leaves. Received {len(leaves)}.")
    iterator = iter(leaves)
    return _fill(structure, iterator)


def _fill(structure: Any, iterator: Any) -> Any:
    if isinstance(structure, dict):
        filled = {key: _fill(structure[key], iterator) for key in _keys(structure)}
        return {key: filled[key] for key in structure}
    if isinstance(structure, (tuple, list)):
        return _rebuild(structure, [_fill(item, iterator) for item in structure])
    return next(iterator)


def lists_to_tuples(structure: Any) -> Any:
    """Turns every list in the structure into a tuple."""
    if isinstance(structure, dict):
        return {key: lists_to_tuples(item) for key, item in structure.items()}
    if isinstance(structure, list):
        return tuple(lists_to_tuples(item) for item in structure)
    if isinstance(structure, tuple):
        return _rebuild(structure, [lists_to_tuples(item) for item in structure])
    return structure
