"""Reading many pictures at once, on threads that live only while there is something to read."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from nacre import _core

__all__ = ["Cancelled", "Reading", "read"]


class Cancelled(Exception):
    """The reading was given up before it was done."""


class Reading:
    """A batch of pictures that is being read.

    Args:
        load: Called with 0, ..., `count` - 1, on any thread: reads a picture into its place.
        count: Number of pictures.
    """

    def __init__(self, load: Callable[[int], Any], count: int) -> None:
        self._load = load
        self._count = count
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._claimed = 0
        self._finished = 0
        self._error: BaseException | None = None
        self._done = threading.Event()
        if count == 0:
            self._done.set()

    def wait(self) -> None:
        """Returns once all pictures are there.

        Raises:
            Cancelled: `cancel` was called.
            BaseException: What the first picture in order of reading raised.
        """
        if os.getpid() != self._process:  # a child of fork() has none of the threads
            for index in range(self._count):
                self._load(index)
            return
        try:
            if not _POOL.serves(self):
                while self.step():
                    pass
            self._done.wait()
        except BaseException:
            self.cancel()
            raise
        if self._error is not None:
            raise self._error

    def cancel(self) -> None:
        """Reads no further pictures; whoever waits gets `Cancelled`."""
        self._fail(Cancelled())

    def step(self) -> bool:
        """Reads the next picture; says whether there was one."""
        with self._lock:
            if self._error is not None or self._claimed == self._count:
                return False
            index = self._claimed
            self._claimed += 1
        try:
            self._load(index)
        except BaseException as error:  # it belongs to the thread that waits
            self._fail(error)
            return False
        with self._lock:
            self._finished += 1
            if self._finished == self._count:
                self._done.set()
        return True

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            if self._error is None and not self._done.is_set():
                self._error = error
                self._done.set()


class _Pool:
    """Threads that work on readings, oldest first, and end when none is left.

    So nothing has to be shut down, and nobody can forget to.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readings: deque[Reading] = deque()
        self._threads = 0

    def add(self, reading: Reading) -> None:
        with self._lock:
            self._readings.append(reading)
            wanted = min(reading._count, _core.get_num_threads()) - self._threads
            for _ in range(wanted):
                thread = threading.Thread(target=self._work, name="nacre-read", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the system grants no more: whoever waits reads
                    return
                self._threads += 1

    def serves(self, reading: Reading) -> bool:
        """Says whether threads are there that will read it, or have done so."""
        with self._lock:
            return self._threads > 0 or reading not in self._readings

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._readings:
                    self._threads -= 1
                    return
                reading = self._readings[0]
            if not reading.step():
                with self._lock:
                    if self._readings and self._readings[0] is reading:
                        self._readings.popleft()


_POOL = _Pool()


def _forget_threads() -> None:
    global _POOL
    _POOL = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)


def read(load: Callable[[int], Any], count: int) -> Reading:
    """Begins to read pictures.

    Args:
        load: Called with 0, ..., `count` - 1, on any thread: reads a picture into its place.
        count: Number of pictures.

    Returns:
        The reading, to wait for or to cancel.
    """
    reading = Reading(load, count)
    if count:
        _POOL.add(reading)
    return reading
