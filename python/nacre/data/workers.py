"""Threads that make things ahead of the one who takes them, in order and never too many."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["END", "OrderedWorkers", "through_workers", "usual_workers"]

END = object()  # what `OrderedWorkers.take` returns after the last item
_PATIENCE = 2.0  # seconds that are waited for threads which are still busy with an item
_LOOK = 1.0  # seconds between two looks at whether the threads still live (not so after a fork)
_live: weakref.WeakSet = weakref.WeakSet()


def usual_workers() -> int:
    """Number of threads where the user leaves it to us: one for each core, at most eight."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux tells
        cores = os.cpu_count() or 1
    return max(1, min(cores, 8))


class _Failure:
    """What went wrong while an item was made."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class _Shared:
    """What the threads and their owner share.

    The threads do not know the owner, so that it can be dropped while they run.
    """

    def __init__(
        self, items: Iterator, convert: Callable | None, ahead: int, limit: int | None
    ) -> None:
        self.items = items
        self.convert = convert
        self.ahead = ahead
        self.limit = limit
        self.pull = threading.Lock()  # held by the thread that takes the next item
        self.changed = threading.Condition()
        self.results: dict[int, Any] = {}
        self.taken = 0  # items taken from the iterator
        self.given = 0  # results handed on
        self.ended = False
        self.closed = False

    def finish(self, failure: BaseException | None = None) -> None:
        with self.changed:
            if failure is not None:
                self.results[self.taken] = _Failure(failure)
                self.taken += 1
            self.ended = True
            self.changed.notify_all()

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.results.clear()
            self.changed.notify_all()

    def next_item(self) -> tuple[int, Any] | None:
        """The next item and its number, or `None` when there is no more to do."""
        with self.pull:
            with self.changed:
                while not (self.closed or self.ended) and self.taken - self.given >= self.ahead:
                    self.changed.wait()
                if self.closed or self.ended:
                    return None
            if self.limit is not None and self.taken >= self.limit:
                self.finish()
                return None
            try:
                item = next(self.items)
            except StopIteration:
                self.finish()
                return None
            except BaseException as error:  # it belongs to the one who takes the result
                self.finish(error)
                return None
            with self.changed:
                number = self.taken
                self.taken += 1
            return number, item


def _work(shared: _Shared) -> None:
    while True:
        pair = shared.next_item()
        if pair is None:
            return
        number, result = pair
        del pair
        if shared.convert is not None:
            try:
                result = shared.convert(result)
            except BaseException as error:
                result = _Failure(error)
        with shared.changed:
            if not shared.closed:
                shared.results[number] = result
                shared.ended |= isinstance(result, _Failure)
            shared.changed.notify_all()
        del result


class OrderedWorkers:
    """Takes items from an iterator and converts them on threads; results come in order.

    The iterator is used by one thread at a time. Whatever it or `convert` raises is raised by
    `take`, in the place of the item.

    Args:
        items: The iterator.
        convert: What is done with each item, on several threads at once; `None` for nothing.
        workers: Number of threads.
        ahead: Number of items that may be under way or wait to be taken.
        limit: Number of items after which no more are taken from the iterator.
        name: What the threads are called.
    """

    def __init__(
        self,
        items: Iterator,
        convert: Callable | None = None,
        workers: int = 1,
        ahead: int = 2,
        limit: int | None = None,
        name: str = "nacre-data",
    ) -> None:
        self._shared = _Shared(items, convert, max(ahead, workers), limit)
        self._threads = [
            threading.Thread(target=_work, args=(self._shared,), name=name, daemon=True)
            for _ in range(workers)
        ]
        _live.add(self._shared)
        weakref.finalize(self, self._shared.close)
        for thread in self._threads:
            thread.start()

    def take(self) -> Any:
        """The next result; `END` after the last."""
        shared = self._shared
        with shared.changed:
            while shared.given not in shared.results:
                if shared.closed or (shared.ended and shared.given >= shared.taken):
                    return END
                if not shared.changed.wait(_LOOK) and not self._alive():
                    raise RuntimeError(
                        "The threads that prepare data are gone: after a fork, iterate anew."
                    )
            result = shared.results.pop(shared.given)
            shared.given += 1
            shared.changed.notify_all()
        if isinstance(result, _Failure):
            self.close()
            raise result.error
        return result

    def _alive(self) -> bool:
        shared = self._shared
        return (
            shared.given in shared.results
            or (shared.ended and shared.given >= shared.taken)
            or any(thread.is_alive() for thread in self._threads)
        )

    def close(self) -> None:
        """Takes no more items and waits for the threads, though not long for one that is stuck."""
        self._shared.close()
        deadline = time.monotonic() + _PATIENCE
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))
        if not any(thread.is_alive() for thread in self._threads):
            self._shared.items = iter(())  # which may have threads of its own


def through_workers(
    items: Iterator, convert: Callable | None = None, workers: int = 1, ahead: int = 2
) -> Iterator:
    """The results of `OrderedWorkers` as a generator, whose threads end with it."""
    source = OrderedWorkers(items, convert, workers, ahead)
    try:
        while (result := source.take()) is not END:
            yield result
    finally:
        source.close()


@atexit.register
def _close_all() -> None:
    for shared in list(_live):
        shared.close()
