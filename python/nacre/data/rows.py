"""Rows of arrays in some order: data sets of which only indices are handled until a batch is made.

An order is an iterator over pieces, which are `range`s or arrays of indices, so that shuffling,
repeating and the like cost a few calls of NumPy for all samples, and a batch one gather.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from nacre.data.structure import map_leaves

__all__ = [
    "Rows",
    "batched",
    "gather",
    "limited",
    "repeated",
    "sharded",
    "shuffled",
    "skipped",
]

_PIECES = 4096  # pieces that are joined before a shuffle looks at them


class Rows(NamedTuple):
    """Arrays and the order in which their rows are the elements.

    Attributes:
        arrays: A structure of arrays.
        size: Number of rows.
        order: Begins a new iteration over the pieces of the order.
        plain: Whether the order is that of the rows.
    """

    arrays: Any
    size: int
    order: Callable[[], Iterator]
    plain: bool


def gather(arrays: Any, piece: Any) -> Any:
    """The rows of a piece: views for a range, copies for indices."""
    if isinstance(piece, range):
        where = slice(piece.start, piece.stop, piece.step)
        return map_leaves(lambda array: None if array is None else array[where], arrays)
    return map_leaves(lambda array: None if array is None else _take(array, piece), arrays)


def _take(array: np.ndarray, indices: np.ndarray) -> np.ndarray:
    # `take` is the faster one, but copies an array first that is not contiguous.
    if array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative:
        return array.take(indices, axis=0)
    return array[indices]


def _join(pieces: list) -> Any:
    if len(pieces) == 1:
        return pieces[0]
    return np.concatenate(
        [np.arange(p.start, p.stop, p.step) if isinstance(p, range) else p for p in pieces]
    )


def batched(order: Iterator, size: int, drop_remainder: bool) -> Iterator:
    """Pieces of `size` rows, the last one perhaps smaller."""
    pending: list = []
    missing = size
    for piece in order:
        start = 0
        while len(piece) - start >= missing:
            pending.append(piece[start : start + missing])
            start += missing
            yield _join(pending)
            pending, missing = [], size
        if start < len(piece):
            pending.append(piece[start:])
            missing -= len(piece) - start
    if pending and not drop_remainder:
        yield _join(pending)


def limited(order: Iterator, count: int) -> Iterator:
    """The first `count` rows."""
    for piece in order:
        if len(piece) >= count:
            yield piece[:count]
            return
        count -= len(piece)
        yield piece


def skipped(order: Iterator, count: int) -> Iterator:
    """All but the first `count` rows."""
    for piece in order:
        if len(piece) > count:
            yield piece[count:]
            count = 0
        else:
            count -= len(piece)


def repeated(order: Callable[[], Iterator], count: int) -> Iterator:
    """The order again and again: `count` times, or without end for -1."""
    done = 0
    while done != count:
        empty = True
        for piece in order():
            empty &= not len(piece)
            yield piece
        if empty:
            return
        done += 1


def sharded(order: Iterator, shards: int, index: int) -> Iterator:
    """Every `shards`-th row, from row `index` on."""
    offset = index
    for piece in order:
        part = piece[offset::shards]
        offset = (offset - len(piece)) % shards
        if len(part):
            yield part


def shuffled(order: Iterator, buffer_size: int, rng: np.random.Generator) -> Iterator:
    """Rows drawn from a buffer: whenever one is drawn, the next of the order takes its place."""
    buffer = np.empty(0, np.int64)
    while True:
        # Joined while small, so that an endless order of short pieces is not walked one by one.
        pieces: list = []
        length = 0
        for piece in islice(order, _PIECES):
            pieces.append(piece)
            length += len(piece)
            if length > buffer_size:
                break
        if not pieces:
            break
        rows = np.asarray(_join([*pieces, range(0)]), np.int64)
        room = buffer_size - len(buffer)
        buffer, rows = np.concatenate([buffer, rows[:room]]), rows[room:]
        if len(rows):
            drawn, buffer = _draw(buffer, rows, rng)
            yield drawn
    yield rng.permutation(buffer)


def _draw(
    buffer: np.ndarray, rows: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draws as many rows as come in, without a loop.

    Draw number t takes what is in its slot, and row number t takes the slot. So a draw yields the
    row that came in at the draw before it from the same slot, or, if it is the first from there,
    what was in the buffer.
    """
    slots = rng.integers(0, len(buffer), len(rows))
    by_slot = np.argsort(slots, kind="stable")  # draws of one slot stand together, in order
    ordered = slots[by_slot]
    first = np.ones(len(rows), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    drawn = np.empty_like(rows)
    previous = np.where(first, 0, np.roll(by_slot, 1))
    drawn[by_slot] = np.where(first, buffer[ordered], rows[previous])
    last = np.ones(len(rows), bool)
    last[:-1] = first[1:]
    buffer = buffer.copy()
    buffer[ordered[last]] = rows[by_slot[last]]
    return drawn, buffer
