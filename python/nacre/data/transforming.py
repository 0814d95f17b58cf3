"""Steps that make other elements: batches, and whatever a user's function returns."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from nacre.data import rows as orders
from nacre.data.nodes import INFINITE, UNKNOWN, Listed, Node, Step
from nacre.data.structure import (
    TensorSpec,
    as_array,
    as_element,
    flatten,
    map_leaves,
    spec_of,
    to_user,
)
from nacre.data.workers import through_workers

__all__ = [
    "Batch",
    "Enumerate",
    "Filter",
    "Interleave",
    "Map",
    "PaddedBatch",
    "TakeWhile",
    "Unbatch",
    "Window",
    "call_with",
]


def call_with(function: Callable, element: Any) -> Any:
    """Calls a user's function with an element; the parts of a tuple are arguments of their own."""
    shown = map_leaves(to_user, element)
    return function(*shown) if type(shown) is tuple else function(shown)


def with_place(error: Exception, verb: str, number: int) -> Exception:
    """The error of a user's function, with the place where it happened in its message."""
    place = f"in the function given to Dataset.{verb}, element {number}"
    if isinstance(error, StopIteration):
        return RuntimeError(f"StopIteration was raised {place}")
    if error.args and isinstance(error.args[0], str) and type(error).__str__ is not OSError.__str__:
        error.args = (f"{error.args[0]} ({place})", *error.args[1:])
        return error
    return RuntimeError(f"{type(error).__name__}: {error} ({place})")


class Numbered:
    """A user's function, which is called with numbered elements and whose errors say the number."""

    def __init__(self, function: Callable, verb: str) -> None:
        self.function = function
        self.verb = verb

    def __call__(self, numbered: tuple[int, Any]) -> Any:
        number, element = numbered
        try:
            return call_with(self.function, element)
        except Exception as error:
            named = with_place(error, self.verb, number)
            if named is error:
                raise
            raise named from error


class _MapOne(Numbered):
    def __call__(self, numbered: tuple[int, Any]) -> Any:
        value = super().__call__(numbered)
        try:
            return as_element(tuple(value) if isinstance(value, list) else value)
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"Dataset.{self.verb}, element {numbered[0]}: what the function returned is no "
                f"element: {error}"
            ) from error


class Map(Step):
    """What a function makes of each element.

    Args:
        source: The elements.
        function: Takes tensors and returns a structure of tensors, arrays or numbers.
        workers: Number of threads; 0 for none but the one that iterates.
    """

    def __init__(self, source: Node, function: Callable, workers: int) -> None:
        super().__init__(source)
        self.function = function
        self.workers = workers

    def elements(self) -> Iterator:
        one = _MapOne(self.function, "map")
        numbered = enumerate(self.source.elements())
        if not self.workers:
            return map(one, numbered)
        return through_workers(numbered, one, self.workers, 2 * self.workers)

    def spec(self) -> Any:
        before = self.source.first()
        after = _MapOne(self.function, "map")((0, before))
        sizes = {as_array(leaf).shape[:1] for leaf in flatten(before) if hasattr(leaf, "shape")}
        open_size = all(
            isinstance(leaf, TensorSpec) and leaf.shape and leaf.shape[0] is None
            for leaf in flatten(self.source.spec())
        )

        def of_leaf(leaf: Any) -> Any:
            spec = spec_of(leaf)
            if open_size and isinstance(spec, TensorSpec) and {spec.shape[:1]} == sizes:
                return TensorSpec((None, *spec.shape[1:]), spec.dtype)
            return spec

        return map_leaves(of_leaf, after)


class Filter(Step):
    """Elements for which a function gives something true."""

    def __init__(self, source: Node, predicate: Callable) -> None:
        super().__init__(source)
        self.predicate = predicate

    def elements(self) -> Iterator:
        keep = Numbered(self.predicate, "filter")
        for numbered in enumerate(self.source.elements()):
            if keep(numbered):
                yield numbered[1]

    def cardinality(self) -> int:
        return UNKNOWN if self.source.cardinality() else 0


class TakeWhile(Filter):
    """Elements up to the first for which a function gives something false."""

    def elements(self) -> Iterator:
        keep = Numbered(self.predicate, "take_while")
        for numbered in enumerate(self.source.elements()):
            if not keep(numbered):
                return
            yield numbered[1]


class Enumerate(Step):
    """Elements with their numbers before them."""

    def __init__(self, source: Node, start: int) -> None:
        super().__init__(source)
        self.start = start

    def elements(self) -> Iterator:
        for number, element in enumerate(self.source.elements(), self.start):
            yield np.int64(number), element

    def spec(self) -> Any:
        return TensorSpec((), "int64"), self.source.spec()


def _stack(verb: str, leaves: tuple) -> Any:
    if leaves[0] is None:
        return None
    arrays = [np.asarray(as_array(leaf)) for leaf in leaves]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise ValueError(
            f"Dataset.{verb}: elements of different shapes make no batch. Received the shapes "
            f"{sorted(shapes)[:4]}; `padded_batch` fills them up."
        )
    return np.stack(arrays)


class Batch(Step):
    """As many elements at a time as a batch has, stacked.

    Args:
        source: The elements.
        size: Elements in a batch.
        drop_remainder: Whether a smaller batch at the end is left out.
    """

    verb = "batch"

    def __init__(self, source: Node, size: int, drop_remainder: bool) -> None:
        super().__init__(source)
        self.size = size
        self.drop_remainder = drop_remainder

    def elements(self) -> Iterator:
        rows = self.source.rows()
        if rows is None:
            return self._collect()
        pieces = orders.batched(rows.order(), self.size, self.drop_remainder)
        return (orders.gather(rows.arrays, piece) for piece in pieces)

    def _collect(self) -> Iterator:
        source = self.source.elements()
        while elements := list(islice(source, self.size)):
            if len(elements) < self.size and self.drop_remainder:
                return
            yield self.join(elements)

    def join(self, elements: list) -> Any:
        """A batch of elements."""
        try:
            return map_leaves(lambda *leaves: _stack(self.verb, leaves), *elements)
        except (KeyError, TypeError) as error:
            raise ValueError(f"Dataset.{self.verb}: elements differ in structure.") from error

    def cardinality(self) -> int:
        count = self.source.cardinality()
        if count < 0:
            return count
        return count // self.size if self.drop_remainder else -(-count // self.size)

    def spec(self) -> Any:
        size = self.size if self.drop_remainder else None
        return map_leaves(
            lambda s: TensorSpec((size, *(s.shape or ())), s.dtype) if s is not None else None,
            self.source.spec(),
        )


class PaddedBatch(Batch):
    """Batches of elements of different sizes, filled up at the end of each axis.

    Args:
        source: The elements.
        size: Elements in a batch.
        drop_remainder: Whether a smaller batch at the end is left out.
        shapes: A structure of shapes to fill up to, with `None` for the largest size in the batch.
        values: A structure of what to fill with, or one value for all.
    """

    verb = "padded_batch"

    def __init__(
        self, source: Node, size: int, drop_remainder: bool, shapes: Any, values: Any
    ) -> None:
        super().__init__(source, size, drop_remainder)
        self.shapes = shapes
        self.values = values

    def elements(self) -> Iterator:
        return self._collect()

    def join(self, elements: list) -> Any:
        like = elements[0]
        shapes = map_leaves(lambda _: None, like) if self.shapes is None else self.shapes
        values = self.values
        if not isinstance(values, (tuple, dict)):
            values = map_leaves(lambda _: self.values, like)
        shape_of = iter(_flatten_up_to(like, shapes))
        value_of = iter(_flatten_up_to(like, values))
        flat = [flatten(element) for element in elements]
        joined = iter(
            [_pad(leaves, next(shape_of), next(value_of)) for leaves in zip(*flat, strict=True)]
        )
        return _refill(like, joined)

    def spec(self) -> Any:
        size = self.size if self.drop_remainder else None
        inner = self.source.spec()
        shapes = iter(
            [None] * len(flatten(inner))
            if self.shapes is None
            else _flatten_up_to(inner, self.shapes)
        )

        def of_leaf(spec: Any) -> Any:
            shape = next(shapes)
            shape = [None] * len(spec.shape) if shape is None else _sizes(shape)
            return TensorSpec((size, *shape), spec.dtype)

        return _refill(inner, iter([of_leaf(leaf) for leaf in flatten(inner)]))


def _flatten_up_to(like: Any, structure: Any) -> list:
    """What stands in a structure where another one has its leaves, which may itself be a tuple."""
    if isinstance(like, dict):
        return [part for key in sorted(like) for part in _flatten_up_to(like[key], structure[key])]
    if isinstance(like, tuple):
        if len(like) != len(structure):
            raise ValueError(
                f"Dataset.padded_batch: expected {len(like)} shapes or values for the parts of an "
                f"element. Received: {structure!r}"
            )
        pairs = zip(like, structure, strict=True)
        return [part for inner, value in pairs for part in _flatten_up_to(inner, value)]
    return [structure]


def _refill(like: Any, leaves: Iterator) -> Any:
    if isinstance(like, dict):
        filled = {key: _refill(like[key], leaves) for key in sorted(like)}
        return type(like)((key, filled[key]) for key in like)
    if isinstance(like, tuple):
        items = [_refill(item, leaves) for item in like]
        return type(like)(*items) if hasattr(like, "_fields") else tuple(items)
    return next(leaves)


def _sizes(shape: Any) -> list:
    return [None if size in (None, -1) else int(size) for size in shape]


def _pad(leaves: tuple, shape: Any, value: Any) -> np.ndarray:
    arrays = [np.asarray(as_array(leaf)) for leaf in leaves]
    ranks = {array.ndim for array in arrays}
    if len(ranks) > 1:
        raise ValueError(
            f"Dataset.padded_batch: elements must have one rank. Received ranks {sorted(ranks)}"
        )
    largest = [max(sizes) for sizes in zip(*(array.shape for array in arrays), strict=True)]
    asked = [None] * len(largest) if shape is None else _sizes(shape)
    if len(asked) != len(largest):
        raise ValueError(
            f"Dataset.padded_batch: expected a shape of {len(largest)} sizes. Received: {shape!r}"
        )
    full = [have if want is None else want for want, have in zip(asked, largest, strict=True)]
    if any(have > want for want, have in zip(full, largest, strict=True)):
        raise ValueError(
            f"Dataset.padded_batch: an element of size {tuple(largest)} is larger than the shape "
            f"{tuple(full)} to fill up to."
        )
    text = arrays[0].dtype.kind == "O"
    if value is None:
        value = b"" if text else 0
    value = value.encode() if isinstance(value, str) else value
    out = np.full((len(arrays), *full), value, arrays[0].dtype)
    for row, array in enumerate(arrays):
        out[(row, *(slice(size) for size in array.shape))] = array
    return out


class Unbatch(Step):
    """The rows of each element."""

    def elements(self) -> Iterator:
        for element in self.source.elements():
            arrays = map_leaves(as_array, element)
            sizes = {array.shape[:1] for array in flatten(arrays) if array is not None}
            if len(sizes) != 1 or sizes == {()}:
                raise ValueError(
                    "Dataset.unbatch: all parts of an element must have the same first size. "
                    f"Received: {sorted(sizes)}"
                )
            for index in range(sizes.pop()[0]):
                yield map_leaves(lambda a, at=index: None if a is None else a[at], arrays)

    def cardinality(self) -> int:
        count = self.source.cardinality()
        if count <= 0:
            return count
        sizes = {spec.shape[:1] for spec in flatten(self.source.spec()) if spec is not None}
        size = sizes.pop()
        return UNKNOWN if sizes or size in ((), (None,)) else count * size[0]

    def spec(self) -> Any:
        return map_leaves(
            lambda s: None if s is None else TensorSpec(s.shape[1:], s.dtype), self.source.spec()
        )


class Window(Step):
    """Data sets of elements that follow each other.

    Args:
        source: The elements.
        size: Elements in a window.
        shift: How far the beginnings of two windows are apart.
        stride: How far elements of a window are apart.
        drop_remainder: Whether smaller windows at the end are left out.
    """

    def __init__(
        self, source: Node, size: int, shift: int, stride: int, drop_remainder: bool
    ) -> None:
        super().__init__(source)
        self.size = size
        self.shift = shift
        self.stride = stride
        self.drop_remainder = drop_remainder

    def elements(self) -> Iterator:
        source = self.source.elements()
        span = (self.size - 1) * self.stride + 1
        held: deque = deque(islice(source, span))
        while held:
            inside = list(islice(held, 0, None, self.stride))
            if len(inside) < self.size and self.drop_remainder:
                return
            yield self._as_data_sets(inside)
            for _ in range(min(self.shift, len(held))):
                held.popleft()
            skipped = self.shift - span
            if skipped > 0:
                deque(islice(source, skipped), maxlen=0)
            held.extend(islice(source, span - len(held)))

    def _as_data_sets(self, elements: list) -> Any:
        from nacre.data.dataset import Dataset

        return map_leaves(lambda *leaves: Dataset(Listed(list(leaves))), *elements)

    def cardinality(self) -> int:
        count = self.source.cardinality()
        if count < 0:
            return count
        if self.drop_remainder:
            count -= (self.size - 1) * self.stride
        return max(-(-count // self.shift), 0)

    def spec(self) -> Any:
        return map_leaves(spec_of, self.first())


class Interleave(Step):
    """The elements of data sets that a function makes of elements, some at a time in turn.

    Args:
        source: The elements.
        function: Makes a `Dataset` of an element.
        cycle: How many data sets are taken in turn.
        block: Elements that are taken of one before it is another's turn.
        verb: What it is called in messages.
    """

    def __init__(
        self, source: Node, function: Callable, cycle: int = 1, block: int = 1, verb: str = ""
    ) -> None:
        super().__init__(source)
        self.function = function
        self.cycle = cycle
        self.block = block
        self.verb = verb

    def elements(self) -> Iterator:
        make = Numbered(self.function, self.verb)
        source = enumerate(self.source.elements())
        slots: list[Iterator | None] = [None] * self.cycle
        at, used, exhausted = 0, 0, False
        while not exhausted or any(slot is not None for slot in slots):
            slot = slots[at]
            if slot is None and not exhausted:
                numbered = next(source, None)
                if numbered is None:
                    exhausted = True
                else:
                    slots[at] = self._begin(make(numbered))
                continue
            if slot is not None:
                try:
                    element = next(slot)
                except StopIteration:
                    slots[at] = None
                else:
                    yield element
                    used += 1
                    if used < self.block:
                        continue
            at, used = (at + 1) % self.cycle, 0

    def _begin(self, made: Any) -> Iterator:
        node = getattr(made, "_data_node", None)
        if node is None:
            raise TypeError(
                f"Dataset.{self.verb}: the function must return a Dataset. "
                f"Received: {type(made).__name__}"
            )
        return node.elements()

    def cardinality(self) -> int:
        count = self.source.cardinality()
        return count if count in (0, INFINITE) else UNKNOWN

    def spec(self) -> Any:
        made = Numbered(self.function, self.verb)((0, self.source.first()))
        return made._data_node.spec()
