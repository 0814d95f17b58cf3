"""What data sets are made of: a source, and steps that each take the elements of the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nacre.data import rows as orders
from nacre.data.rows import Rows
from nacre.data.structure import (
    TensorSpec,
    as_array,
    as_element,
    flatten,
    is_nested,
    map_leaves,
    spec_of,
)

__all__ = [
    "INFINITE",
    "UNKNOWN",
    "FromGenerator",
    "Node",
    "OneElement",
    "Range",
    "Slices",
    "Step",
    "Zip",
    "rows_elements",
]

INFINITE = -1
UNKNOWN = -2


class Node:
    """A source of elements, which can be iterated over again and again."""

    def elements(self) -> Iterator:
        """Begins an iteration."""
        raise NotImplementedError

    def cardinality(self) -> int:
        """Number of elements, `INFINITE` or `UNKNOWN`."""
        return UNKNOWN

    def rows(self) -> Rows | None:
        """The arrays whose rows are the elements, if this is all that they are."""
        return None

    def spec(self) -> Any:
        """A structure of `TensorSpec`s; by default that of the first element."""
        first = self.first()
        return map_leaves(spec_of, first)

    def first(self) -> Any:
        """The first element."""
        elements = self.elements()
        try:
            return next(elements)
        except StopIteration:
            raise ValueError("The data set has no elements, so their form is unknown.") from None
        finally:
            close = getattr(elements, "close", None)
            if close is not None:
                close()


class Step(Node):
    """A node that takes its elements from another one. As it stands, it changes nothing."""

    def __init__(self, source: Node) -> None:
        self.source = source

    def elements(self) -> Iterator:
        return self.source.elements()

    def cardinality(self) -> int:
        return self.source.cardinality()

    def spec(self) -> Any:
        return self.source.spec()


def rows_elements(rows: Rows) -> Iterator:
    """The rows, one by one."""
    for piece in rows.order():
        for index in piece:
            yield map_leaves(
                lambda array, at=index: None if array is None else array[at], rows.arrays
            )


class Slices(Node):
    """The rows of arrays."""

    def __init__(self, tensors: Any) -> None:
        self.arrays = map_leaves(_whole_array, as_element(tensors))
        sizes = set()
        for leaf in flatten(self.arrays):
            if leaf is None:
                continue
            if leaf.ndim == 0:
                raise ValueError(
                    "from_tensor_slices: arrays need an axis of elements. Received the scalar "
                    f"{leaf[()]!r}"
                )
            sizes.add(len(leaf))
        if len(sizes) != 1:
            raise ValueError(
                "from_tensor_slices: all arrays must have the same length. "
                f"Received lengths {sorted(sizes)}"
            )
        self.size = sizes.pop()

    def elements(self) -> Iterator:
        return rows_elements(self.rows())

    def cardinality(self) -> int:
        return self.size

    def rows(self) -> Rows:
        size = self.size
        return Rows(self.arrays, size, lambda: iter([range(size)]), True)

    def spec(self) -> Any:
        return map_leaves(
            lambda a: None if a is None else TensorSpec(a.shape[1:], a.dtype), self.arrays
        )


def _whole_array(leaf: Any) -> Any:
    if hasattr(leaf, "_data_node"):
        raise TypeError("from_tensor_slices: expected arrays. Received a Dataset; use Dataset.zip")
    array = as_array(leaf)
    return np.asarray(array) if isinstance(array, np.ndarray) else array


class OneElement(Node):
    """A single element."""

    def __init__(self, tensors: Any) -> None:
        self.element = as_element(tensors)

    def elements(self) -> Iterator:
        yield self.element

    def cardinality(self) -> int:
        return 1


class Listed(Node):
    """Elements that are there already."""

    def __init__(self, elements: list, spec: Any = None) -> None:
        self._elements = elements
        self._spec = spec

    def elements(self) -> Iterator:
        return iter(self._elements)

    def cardinality(self) -> int:
        return len(self._elements)

    def spec(self) -> Any:
        return super().spec() if self._spec is None else self._spec


class Range(Node):
    """Numbers as `range` gives them."""

    _LARGEST = 10**7  # of which an array of all numbers is made

    def __init__(self, numbers: range, dtype: str) -> None:
        self.numbers = numbers
        self.dtype = np.dtype(dtype)

    def elements(self) -> Iterator:
        return (self.dtype.type(number) for number in self.numbers)

    def cardinality(self) -> int:
        return len(self.numbers)

    def rows(self) -> Rows | None:
        numbers = self.numbers
        if len(numbers) > self._LARGEST:
            return None
        array = np.arange(numbers.start, numbers.stop, numbers.step, dtype=self.dtype)
        return Rows(array, len(array), lambda: iter([range(len(array))]), True)

    def spec(self) -> Any:
        return TensorSpec((), self.dtype)


class FromGenerator(Node):
    """What a generator yields that a function makes anew for each iteration.

    Args:
        function: Makes the generator, or any other iterable.
        args: What it is called with.
        signature: A structure of `TensorSpec`s that is asked of elements, or `None`.
    """

    def __init__(self, function: Callable, args: tuple, signature: Any) -> None:
        self.function = function
        self.args = args
        self.signature = signature

    def elements(self) -> Iterator:
        source = iter(self.function(*self.args))
        try:
            for number, value in enumerate(source):
                yield self._element(value, number)
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()

    def spec(self) -> Any:
        return super().spec() if self.signature is None else self.signature

    def _element(self, value: Any, number: int) -> Any:
        if self.signature is None:
            return as_element(tuple(value) if isinstance(value, list) else value)
        try:
            return _fit(value, self.signature)
        except (TypeError, ValueError) as error:
            raise type(error)(f"from_generator, element {number}: {error}") from error


def _fit(value: Any, signature: Any) -> Any:
    """An element of the form that a signature asks for."""
    if isinstance(signature, dict):
        if not isinstance(value, dict) or set(value) != set(signature):
            raise TypeError(
                f"expected a dictionary with the keys {list(signature)}: {_short(value)}"
            )
        return {key: _fit(value[key], spec) for key, spec in signature.items()}
    if isinstance(signature, tuple):
        if not isinstance(value, (tuple, list)) or len(value) != len(signature):
            raise TypeError(f"expected a tuple of {len(signature)} parts: {_short(value)}")
        return tuple(_fit(item, spec) for item, spec in zip(value, signature, strict=True))
    leaf = as_element(value)
    if is_nested(leaf):
        leaf = as_element(list(value))
    array = as_array(leaf)
    is_text = array.dtype.kind == "O"
    if is_text != (signature.dtype == "string"):
        raise TypeError(f"expected dtype {signature.dtype}: {_short(value)}")
    if not signature.admits(array.shape):
        raise TypeError(
            f"expected shape {signature.shape}. Received shape {array.shape}: {_short(value)}"
        )
    return array if is_text else np.asarray(array).astype(signature.dtype, copy=False)


def _short(value: Any) -> str:
    text = repr(value)
    return f"received {text[:100]}..." if len(text) > 100 else f"received {text}"


class Zip(Node):
    """One element of each of several data sets, until one of them ends.

    Args:
        nodes: A structure of nodes.
    """

    def __init__(self, nodes: Any) -> None:
        self.nodes = nodes
        self.parts = flatten(nodes)

    def elements(self) -> Iterator:
        sources = [part.elements() for part in self.parts]
        for leaves in zip(*sources, strict=False):
            remaining = iter(leaves)
            yield map_leaves(lambda _, remaining=remaining: next(remaining), self._sorted())

    def _sorted(self) -> Any:
        """The structure with dictionaries in the order of `flatten`."""
        return _in_order(self.nodes)

    def cardinality(self) -> int:
        counts = [part.cardinality() for part in self.parts]
        if UNKNOWN in counts:
            return UNKNOWN
        return min((count for count in counts if count != INFINITE), default=INFINITE)

    def rows(self) -> Rows | None:
        parts = [part.rows() for part in self.parts]
        if any(part is None or not part.plain for part in parts):
            return None
        size = min(part.size for part in parts)
        remaining = iter(parts)
        arrays = map_leaves(
            lambda _: orders.gather(next(remaining).arrays, range(size)), self._sorted()
        )
        return Rows(arrays, size, lambda: iter([range(size)]), True)

    def spec(self) -> Any:
        return map_leaves(lambda node: node.spec(), self.nodes)


def _in_order(structure: Any) -> Any:
    if isinstance(structure, dict):
        return {key: _in_order(structure[key]) for key in sorted(structure)}
    if isinstance(structure, tuple):
        return tuple(_in_order(item) for item in structure)
    return structure
