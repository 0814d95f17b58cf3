"""Nested structures."""

from collections import OrderedDict, namedtuple

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


def test_ordered_dictionaries_keep_their_order():
    ordered = OrderedDict(b=1, a=2)
    assert tree.flatten(ordered) == [1, 2]
    assert tree.pack_sequence_as(ordered, [3, 4]) == OrderedDict(b=3, a=4)
    assert isinstance(tree.map_structure(abs, ordered), OrderedDict)


def test_map_without_none():
    assert tree.map_structure(abs, [-1, None], none_is_leaf=False) == [1, None]
    with pytest.raises(TypeError):
        tree.map_structure(abs, [-1, None])


def test_map_up_to():
    assert tree.map_structure_up_to([0, 0], len, [[1, 2], [3]]) == [2, 1]
    with pytest.raises(ValueError, match="differ"):
        tree.map_structure_up_to([0, 0], len, [[1]])


def test_map_shapes():
    shapes = {"a": (None, 3), "b": [(2,), [1, 4]]}
    assert tree.map_shape_structure(tuple, shapes) == {"a": (None, 3), "b": [(2,), (1, 4)]}


def test_traverse():
    def lists(part):
        return ("list", *part) if isinstance(part, list) else None

    assert tree.traverse(lists, {"a": [1, [2]]}) == {"a": ("list", 1, [2])}
    assert tree.traverse(lists, {"a": [1, [2]]}, top_down=False) == {"a": ("list", 1, ("list", 2))}
    nothing = tree.traverse(lambda part: tree.MAP_TO_NONE if part == 1 else None, [1, 2])
    assert nothing == [None, 2]
    with pytest.raises(TypeError, match="function"):
        tree.traverse(3, [1])


def test_same_structure_and_same_paths():
    tree.assert_same_structure([1, {"a": 2}], [3, OrderedDict(a=4)])
    for other in ((1, {"a": 2}), [1, {"b": 2}], [1, 2], [1, {"a": [2]}]):
        with pytest.raises(ValueError, match="differ"):
            tree.assert_same_structure([1, {"a": 2}], other)
    tree.assert_same_paths([1, (2,)], (1, [2]))
    with pytest.raises(ValueError, match="one of the structures"):
        tree.assert_same_paths([1, 2], [1])
