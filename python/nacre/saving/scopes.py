"""What holds while something is written or read: safe mode, and which objects are shared."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_local = threading.local()


@contextmanager
def safe_mode_scope(value: bool | None) -> Iterator[None]:
    """Within, code in a configuration is refused (True) or run (False).

    Args:
        value: None leaves what is in force.
    """
    outer = getattr(_local, "safe_mode", None)
    _local.safe_mode = outer if value is None else bool(value)
    try:
        yield
    finally:
        _local.safe_mode = outer


def in_safe_mode() -> bool | None:
    """Say what is in force in this thread; None when nobody has said."""
    return getattr(_local, "safe_mode", None)


def enable_unsafe_deserialization() -> None:
    """Let this thread run Python code that it finds in configurations and files.

    A file that holds a `lambda` can then do whatever its author wanted. `safe_mode=False` of
    `load_model` does the same for one file.
    """
    _local.safe_mode = False


@contextmanager
def writing_scope() -> Iterator[None]:
    """Within, configurations of objects get numbers, by which shared ones are one object again."""
    outer = getattr(_local, "written", None)
    _local.written = []
    try:
        yield
    finally:
        _local.written = outer


def note_written(obj: Any, config: dict) -> None:
    """Number a configuration that was made in a `writing_scope`.

    Args:
        obj: The object.
        config: Its configuration.
    """
    written = getattr(_local, "written", None)
    if written is not None:
        written.append(obj)  # whose number is only its own as long as it lives
        config["shared_object_id"] = id(obj)


def without_unshared_numbers(config: Any) -> Any:
    """Leave out the numbers of objects that occur once.

    Args:
        config: What `serialize_keras_object` returned in a `writing_scope`.

    Returns:
        The same with the other numbers.
    """
    counts: Counter[int] = Counter()
    pending = [config]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            counts[item.get("shared_object_id", 0)] += 1
            pending.extend(item.values())
        elif isinstance(item, (list, tuple)):
            pending.extend(item)

    def prune(item: Any) -> Any:
        if isinstance(item, dict):
            single = counts[item.get("shared_object_id", 0)] == 1
            return {
                key: prune(value)
                for key, value in item.items()
                if key != "shared_object_id" or not single
            }
        if isinstance(item, (list, tuple)):
            return type(item)(prune(value) for value in item)
        return item

    return prune(config)


@contextmanager
def file_scope() -> Iterator[None]:
    """Within, a configuration comes from a file.

    Shared objects are found again by their number, and only names that every process would know
    are known.
    """
    outer = getattr(_local, "read", None)
    _local.read = {}
    try:
        yield
    finally:
        _local.read = outer


def reading_a_file() -> bool:
    """Say whether this thread is in a `file_scope`."""
    return getattr(_local, "read", None) is not None


def shared_object(config: dict) -> Any:
    """Find an object that was read before; None when this is its first mention."""
    read = getattr(_local, "read", None)
    number = config.get("shared_object_id")
    return None if read is None or not isinstance(number, int) else read.get(number)


def note_read(obj: Any, config: dict) -> None:
    """Note an object that was made in a `file_scope`."""
    read = getattr(_local, "read", None)
    number = config.get("shared_object_id")
    if read is not None and isinstance(number, int):
        read[number] = obj
