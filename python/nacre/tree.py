"""Nested structures of tuples, lists and dictionaries (`keras.tree`).

Dictionaries are walked in the order of their sorted keys, so two dictionaries with the same keys
always line up; an `OrderedDict` is walked in its own order. `None` is a leaf.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

__all__ = [
    "MAP_TO_NONE",
    "assert_same_paths",
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_shape_structure",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
    "traverse",
]


class MAP_TO_NONE:
    """What a function given to `traverse` returns to put `None` in place of a part."""


def is_nested(structure: Any) -> bool:
    """Says whether `structure` is a tuple, a list or a dictionary."""
    return isinstance(structure, (tuple, list, dict))


def _keys(mapping: dict) -> list:
    if isinstance(mapping, OrderedDict):
        return list(mapping)
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


def flatten_with_path(structure: Any) -> list[tuple[tuple, Any]]:
    """Lists `(path, leaf)` pairs, a path being the keys and indices that lead to the leaf."""
    return _with_path(structure, ())


def _with_path(structure: Any, path: tuple) -> list[tuple[tuple, Any]]:
    if isinstance(structure, dict):
        items: Iterable = ((key, structure[key]) for key in _keys(structure))
    elif isinstance(structure, (tuple, list)):
        items = enumerate(structure)
    else:
        return [(path, structure)]
    return [pair for key, item in items for pair in _with_path(item, (*path, key))]


def _ordered_like(like: dict, mapping: dict) -> dict:
    pairs = ((key, mapping[key]) for key in like)
    return OrderedDict(pairs) if isinstance(like, OrderedDict) else dict(pairs)


def _rebuild(like: Any, items: list) -> Any:
    if hasattr(like, "_fields"):  # a named tuple
        return type(like)(*items)
    return tuple(items) if isinstance(like, tuple) else list(items)


def map_structure(func: Callable, *structures: Any, none_is_leaf: bool = True) -> Any:
    """Applies `func` to the corresponding leaves and returns a structure like the first.

    Args:
        func: Takes as many leaves as there are structures.
        *structures: Structures that nest in the same way.
        none_is_leaf: Whether `func` is called for `None`; otherwise `None` stays.

    Raises:
        ValueError: The structures differ.
    """
    if not structures:
        raise ValueError("`map_structure` needs at least one structure.")
    first = structures[0]
    if isinstance(first, dict):
        _check_same(structures)
        mapped = {
            key: map_structure(func, *(s[key] for s in structures), none_is_leaf=none_is_leaf)
            for key in first
        }
        return _ordered_like(first, mapped)
    if isinstance(first, (tuple, list)):
        _check_same(structures)
        return _rebuild(
            first,
            [
                map_structure(func, *items, none_is_leaf=none_is_leaf)
                for items in zip(*structures, strict=True)
            ],
        )
    if first is None and not none_is_leaf:
        return None
    return func(*structures)


def map_structure_up_to(shallow_structure: Any, func: Callable, *structures: Any) -> Any:
    """Applies `func` to the parts of structures that stand where another one has its leaves.

    Args:
        shallow_structure: How deep to go.
        func: Takes as many parts as there are structures.
        *structures: Structures that begin like `shallow_structure`.

    Raises:
        ValueError: A structure differs from `shallow_structure`.
    """
    if not structures:
        raise ValueError("`map_structure_up_to` needs at least one structure.")
    return map_structure(lambda _, *parts: func(*parts), shallow_structure, *structures)


def map_shape_structure(func: Callable, structure: Any) -> Any:
    """Applies `func` to every shape in a structure: a tuple or list of numbers and `None`."""
    if isinstance(structure, (list, tuple)) and all(
        size is None or isinstance(size, int) for size in structure
    ):
        return func(structure)
    if isinstance(structure, dict):
        return {key: map_shape_structure(func, item) for key, item in structure.items()}
    if isinstance(structure, (list, tuple)):
        return _rebuild(structure, [map_shape_structure(func, item) for item in structure])
    return func(structure)


def traverse(func: Callable, structure: Any, top_down: bool = True) -> Any:
    """Applies a function to a structure and to every part of it.

    Args:
        func: Returns what to put in place of the part that it is given: `None` leaves it, and
            `MAP_TO_NONE` means `None`. Top-down, a part that was replaced is not entered.
        structure: The structure.
        top_down: Whether a part is visited before what is in it.

    Returns:
        The new structure.
    """
    if not callable(func):
        raise TypeError(f"traverse: expected a function. Received: {func!r}")

    def inside() -> Any:
        if isinstance(structure, dict):
            new = {key: traverse(func, structure[key], top_down) for key in _keys(structure)}
            return _ordered_like(structure, new)
        if isinstance(structure, (tuple, list)):
            return _rebuild(structure, [traverse(func, item, top_down) for item in structure])
        return structure

    visited = structure if top_down else inside()
    result = func(visited)
    if result is None:
        return inside() if top_down else visited
    return None if result is MAP_TO_NONE else result


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


def assert_same_structure(a: Any, b: Any, check_types: bool | None = None) -> None:
    """Raises `ValueError` unless both structures nest in the same way, with the same types.

    Args:
        a: A structure.
        b: Another one. A list and a tuple differ; dictionaries with the same keys do not.
        check_types: Without effect, as in Keras 3.
    """
    if is_nested(a) != is_nested(b) or (is_nested(a) and _kind(a) is not _kind(b)):
        raise ValueError(f"Structures differ: {_outline(a)} and {_outline(b)}.")
    if not is_nested(a):
        return
    _check_same((a, b))
    pairs = [(a[key], b[key]) for key in a] if isinstance(a, dict) else zip(a, b, strict=True)
    for pair in pairs:
        assert_same_structure(*pair)


def _kind(structure: Any) -> type:
    return dict if isinstance(structure, dict) else type(structure)


def assert_same_paths(a: Any, b: Any) -> None:
    """Raises `ValueError` unless the same keys and indices lead to the leaves of both structures.

    Args:
        a: A structure.
        b: Another one; lists and tuples count as the same.
    """
    first, second = ({path for path, _ in flatten_with_path(s)} for s in (a, b))
    if first != second:
        only = ", ".join(str(path) for path in sorted(first ^ second, key=str))
        raise ValueError(f"Paths that only one of the structures has: {only}.")


def pack_sequence_as(structure: Any, flat_sequence: Iterable) -> Any:
    """Puts a flat sequence of leaves back into the form of `structure`.

    Args:
        structure: The form.
        flat_sequence: As many leaves as `flatten(structure)` has.

    Raises:
        ValueError: The number of leaves does not fit.
    """
    leaves = list(flat_sequence)
    expected = len(flatten(structure))
    if len(leaves) != expected:
        raise ValueError(f"The structure has {expected} leaves. Received {len(leaves)}.")
    iterator = iter(leaves)
    return _fill(structure, iterator)


def _fill(structure: Any, iterator: Any) -> Any:
    if isinstance(structure, dict):
        filled = {key: _fill(structure[key], iterator) for key in _keys(structure)}
        return _ordered_like(structure, filled)
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
