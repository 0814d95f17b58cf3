"""Steps that say which elements there are and in which order: no element is changed by them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from nacre.data import rows as orders
from nacre.data.nodes import INFINITE, UNKNOWN, Node, Step, rows_elements
from nacre.data.rows import Rows
from nacre.data.workers import through_workers

__all__ = ["Cache", "Concatenate", "Prefetch", "Repeat", "Shard", "Shuffle", "Skip", "Take"]


class _Ordered(Step):
    """A step that can be done on indices too."""

    plain = False  # whether rows stay in their order

    def rows(self) -> Rows | None:
        rows = self.source.rows()
        if rows is None:
            return None
        return Rows(rows.arrays, rows.size, lambda: self.reorder(rows.order), False)

    def reorder(self, order: Callable[[], Iterator]) -> Iterator:
        """The new order, piece by piece."""
        raise NotImplementedError

    def elements(self) -> Iterator:
        rows = self.rows()
        return self.select() if rows is None else rows_elements(rows)

    def select(self) -> Iterator:
        """The elements, where they are no rows of arrays."""
        raise NotImplementedError


class _Part(_Ordered):
    """A part of the elements: their order stays, and rows stay views."""

    def rows(self) -> Rows | None:
        rows = self.source.rows()
        if rows is None or not rows.plain:
            return super().rows()
        where = self.part(range(rows.size))
        arrays = orders.gather(rows.arrays, where)
        return Rows(arrays, len(where), lambda: iter([range(len(where))]), True)

    def part(self, whole: range) -> range:
        raise NotImplementedError


class Take(_Part):
    """The first elements."""

    def __init__(self, source: Node, count: int) -> None:
        super().__init__(source)
        self.count = count

    def reorder(self, order: Callable[[], Iterator]) -> Iterator:
        return orders.limited(order(), self.count)

    def part(self, whole: range) -> range:
        return whole[: self.count]

    def select(self) -> Iterator:
        return islice(self.source.elements(), self.count)

    def cardinality(self) -> int:
        count = self.source.cardinality()
        if count == UNKNOWN and self.count:
            return UNKNOWN
        return self.count if count in (INFINITE, UNKNOWN) else min(count, self.count)


class Skip(_Part):
    """All but the first elements."""

    def __init__(self, source: Node, count: int) -> None:
        super().__init__(source)
        self.count = count

    def reorder(self, order: Callable[[], Iterator]) -> Iterator:
        return orders.skipped(order(), self.count)

    def part(self, whole: range) -> range:
        return whole[self.count :]

    def select(self) -> Iterator:
        return islice(self.source.elements(), self.count, None)

    def cardinality(self) -> int:
        count = self.source.cardinality()
        return count if count < 0 else max(count - self.count, 0)


class Shard(_Part):
    """Every `shards`-th element."""

    def __init__(self, source: Node, shards: int, index: int) -> None:
        super().__init__(source)
        self.shards = shards
        self.index = index

    def reorder(self, order: Callable[[], Iterator]) -> Iterator:
        return orders.sharded(order(), self.shards, self.index)

    def part(self, whole: range) -> range:
        return whole[self.index :: self.shards]

    def select(self) -> Iterator:
        return islice(self.source.elements(), self.index, None, self.shards)

    def cardinality(self) -> int:
        count = self.source.cardinality()
        return count if count < 0 else len(range(self.index, count, self.shards))


class Repeat(_Ordered):
    """The elements again and again; -1 for without end."""

    def __init__(self, source: Node, count: int) -> None:
        super().__init__(source)
        self.count = count

    def reorder(self, order: Callable[[], Iterator]) -> Iterator:
        return orders.repeated(order, self.count)

    def select(self) -> Iterator:
        done = 0
        while done != self.count:
            empty = True
            for element in self.source.elements():
                empty = False
                yield element
            if empty:
                return
            done += 1

    def cardinality(self) -> int:
        count = self.source.cardinality()
        if count == 0 or self.count == 0:
            return 0
        if self.count < 0:
            return INFINITE
        return count if count < 0 else count * self.count


class Shuffle(_Ordered):
    """Elements drawn at random from a buffer, which is kept filled.

    Args:
        source: What the elements are taken from.
        buffer_size: Elements in the buffer.
        seed: Together with the number of the iteration, says what is drawn.
        reshuffle: Whether each iteration has an order of its own.
    """

    _DRAWS = 1024  # numbers that are drawn in one call

    def __init__(self, source: Node, buffer_size: int, seed: int, reshuffle: bool) -> None:
        super().__init__(source)
        self.buffer_size = buffer_size
        self.seed = seed
        self.reshuffle = reshuffle
        self._iterations = 0
        self._lock = threading.Lock()

    def _generator(self) -> np.random.Generator:
        with self._lock:
            iteration = self._iterations
            self._iterations += self.reshuffle
        return np.random.default_rng([self.seed, iteration])

    def reorder(self, order: Callable[[], Iterator]) -> Iterator:
        return orders.shuffled(order(), self.buffer_size, self._generator())

    def elements(self) -> Iterator:
        rows = self.rows()
        # The generator is counted when an iteration begins, not when its first element is drawn.
        return self._draw(self._generator()) if rows is None else rows_elements(rows)

    def _draw(self, rng: np.random.Generator) -> Iterator:
        source = self.source.elements()
        buffer = list(islice(source, self.buffer_size))
        slots: Iterator = iter(())
        for element in source:
            slot = next(slots, None)
            if slot is None:
                slots = iter(rng.integers(0, len(buffer), self._DRAWS).tolist())
                slot = next(slots)
            drawn, buffer[slot] = buffer[slot], element
            yield drawn
        for index in rng.permutation(len(buffer)).tolist():
            yield buffer[index]


class Concatenate(Node):
    """The elements of one data set after those of another."""

    def __init__(self, first: Node, second: Node) -> None:
        self.sources = (first, second)

    def elements(self) -> Iterator:
        for source in self.sources:
            yield from source.elements()

    def cardinality(self) -> int:
        counts = [source.cardinality() for source in self.sources]
        for special in (INFINITE, UNKNOWN):
            if special in counts:
                return special
        return sum(counts)

    def spec(self) -> Any:
        return self.sources[0].spec()


class Cache(Step):
    """The elements, kept from the first whole iteration on."""

    def __init__(self, source: Node) -> None:
        super().__init__(source)
        self._kept: list | None = None

    def rows(self) -> Rows | None:
        rows = self.source.rows()  # arrays in their order are in memory as it is
        return rows if rows is not None and rows.plain else None

    def elements(self) -> Iterator:
        if self._kept is not None:
            return iter(self._kept)
        if self.rows() is not None:
            return self.source.elements()
        return self._keep()

    def _keep(self) -> Iterator:
        kept = []
        for element in self.source.elements():
            kept.append(element)
            yield element
        self._kept = kept


class Prefetch(Step):
    """Elements are made on a thread, `ahead` of the one who takes them."""

    def __init__(self, source: Node, ahead: int) -> None:
        super().__init__(source)
        self.ahead = ahead

    def rows(self) -> Rows | None:
        return self.source.rows()

    def elements(self) -> Iterator:
        if self.ahead == 0 or self.rows() is not None:
            return self.source.elements()
        return through_workers(self.source.elements(), ahead=self.ahead)
