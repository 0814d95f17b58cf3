"""Nested structures."""

from collections import namedtuple

import pytest

from nacre import tree

Pair = namedtuple("Pair", "first second")
NESTED = {"b": [1, (2, None)], "a": Pair(3, {"x": 4})}


def test_flatten_and_pack():
    assert tree.flatten(NESTED) == [3, 4, 1, 2, None]
    assert tree.flatten(5) == [5]
    assert tree.flatten([]) == []
    packed = tree.pack_sequence_as(NESTED, "vwxyz")
    assert packed == {"b": ["x", ("y", "z")], "a": Pair("v", {"x": "w"})}
    assert list(packed) == ["b", "a"]
    with pytest.raises(ValueError, match="5 leaves"):
        tree.pack_sequence_as(NESTED, [1])


def test_map():
    doubled = tree.map_structure(lambda x: x and 2 * x, NESTED)
    assert doubled == {"b": [2, (4, None)], "a": Pair(6, {"x": 8})}
    assert isinstance(doubled["a"], Pair)
    assert tree.map_structure(lambda a, b: a + b, [1, (2,)], [3, (4,)]) == [4, (6,)]
    for bad in ([1], [1, 2], {"a": 1}):
        with pytest.raises(ValueError, match="differ"):
            tree.map_structure(lambda a, b: a, [1, (2,), 3], bad)
    with pytest.raises(ValueError, match="differ"):
        tree.assert_same_structure({"a": 1}, {"b": 1})
    assert tree.is_nested(())
    assert not tree.is_nested("ab")
