"""Steps that make other elements: windows, and whatever a user's function returns."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np

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
    "Enumerate",
    "Filter",
    "Interleave",
    "Map",
    "TakeWhile",
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
    """Calls a map's function, the first time by itself: layers are built then, and ops traced."""

    def __init__(self, function: Callable, verb: str) -> None:
        super().__init__(function, verb)
        self._first = threading.Lock()
        self._called = False

    def __call__(self, numbered: tuple[int, Any]) -> Any:
        if self._called:
            value = super().__call__(numbered)
        else:
            with self._first:
                value = super().__call__(numbered)
                self._called = True
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
