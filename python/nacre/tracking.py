"""Attribute tracking: a layer finds the layers, Variables and metrics assigned to it.

Lists, dicts and sets assigned to an attribute are replaced by subclasses that go on tracking what
is added to them later.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

_versions = itertools.count(1)
_version = 0

# Most attributes are configuration; these need no look at all.
_PLAIN = (str, int, float, bool, type(None), bytes)


def structure_version() -> int:
    """Return a number that changes whenever a layer gains state or `trainable` is toggled."""
    return _version


def bump_structure() -> None:
    """Note that the structure of some layer changed: compiled programs must look again."""
    global _version
    _version = next(_versions)


class Tracker:
    """Sort values into stores by their kind.

    Args:
        stores: Pairs of a predicate and the list that holds what it accepts. The first predicate
            that accepts a value wins.
    """

    __slots__ = ("stores",)

    def __init__(self, stores: list[tuple[Callable[[Any], bool], list]]):
        self.stores = stores

    def track(self, value: Any) -> Any:
        """Store a value if it is of interest.

        Args:
            value: What is assigned to an attribute.

        Returns:
            The value, or for a list, dict or set a copy that tracks what is added to it.
        """
        if isinstance(value, _PLAIN):
            return value
        for accepts, store in self.stores:
            if accepts(value):
                # A frozen weight stays among the trainable ones, where it was put first.
                if not any(item is value for _, other in self.stores for item in other):
                    add_by_identity(store, value)
                return value
        kind = type(value)
        if kind is tuple or (isinstance(value, tuple) and hasattr(value, "_fields")):
            for item in value:
                self.track(item)
            return value
        if kind is list or isinstance(value, TrackedList):
            return TrackedList(value, self)
        if kind is dict or isinstance(value, TrackedDict):
            return TrackedDict(value, self)
        if kind is set or isinstance(value, TrackedSet):
            return TrackedSet(value, self)
        return value

    def untrack(self, value: Any) -> None:
        """Forget a value, or the contents of a container.

        Args:
            value: What was removed from an attribute.
        """
        if isinstance(value, (list, tuple, set)):
            for item in value:
                self.untrack(item)
        elif isinstance(value, dict):
            for item in value.values():
                self.untrack(item)
        else:
            for _, store in self.stores:
                for index, item in enumerate(store):
                    if item is value:
                        del store[index]
                        bump_structure()
                        return


def add_by_identity(store: list, value: Any) -> None:
    """Append a value unless that very object is there: `==` on Variables is elementwise.

    Args:
        store: The list.
        value: The value.
    """
    for item in store:
        if item is value:
            return
    store.append(value)
    bump_structure()


class TrackedList(list):
    """A list that tracks its items."""

    def __init__(self, values: Iterable = (), tracker: Tracker | None = None):
        self._tracker = tracker
        super().__init__(self._track(value) for value in values)

    def _track(self, value: Any) -> Any:
        return self._tracker.track(value) if self._tracker is not None else value

    def _untrack(self, value: Any) -> None:
        # The same object may stand in the list twice.
        if self._tracker is not None and not any(item is value for item in self):
            self._tracker.untrack(value)

    def append(self, value: Any) -> None:
        super().append(self._track(value))

    def insert(self, index: int, value: Any) -> None:
        super().insert(index, self._track(value))

    def extend(self, values: Iterable) -> None:
        super().extend([self._track(value) for value in values])

    def __iadd__(self, values: Iterable) -> TrackedList:
        self.extend(values)
        return self

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            value = [self._track(item) for item in value]
        else:
            value = self._track(value)
        super().__setitem__(index, value)

    def __delitem__(self, index: Any) -> None:
        removed = self[index] if isinstance(index, slice) else [self[index]]
        super().__delitem__(index)
        for value in removed:
            self._untrack(value)

    def pop(self, index: int = -1) -> Any:
        value = super().pop(index)
        self._untrack(value)
        return value

    def remove(self, value: Any) -> None:
        super().remove(value)
        self._untrack(value)

    def clear(self) -> None:
        removed = list(self)
        super().clear()
        for value in removed:
            self._untrack(value)

    def __reduce__(self) -> tuple:
        return list, (list(self),)


class TrackedDict(dict):
    """A dict that tracks its values."""

    def __init__(self, values: Any = (), tracker: Tracker | None = None):
        self._tracker = tracker
        super().__init__((key, self._track(value)) for key, value in dict(values).items())

    def _track(self, value: Any) -> Any:
        return self._tracker.track(value) if self._tracker is not None else value

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, self._track(value))

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def __delitem__(self, key: Any) -> None:
        value = self[key]
        super().__delitem__(key)
        if self._tracker is not None:
            self._tracker.untrack(value)

    def pop(self, key: Any, *default: Any) -> Any:
        present = key in self
        value = super().pop(key, *default)
        if present and self._tracker is not None:
            self._tracker.untrack(value)
        return value

    def clear(self) -> None:
        for key in list(self):
            del self[key]

    def __reduce__(self) -> tuple:
        return dict, (dict(self),)


class TrackedSet(set):
    """A set that tracks its items."""

    def __init__(self, values: Iterable = (), tracker: Tracker | None = None):
        self._tracker = tracker
        super().__init__(self._track(value) for value in values)

    def _track(self, value: Any) -> Any:
        return self._tracker.track(value) if self._tracker is not None else value

    def add(self, value: Any) -> None:
        super().add(self._track(value))

    def update(self, *others: Iterable) -> None:
        for values in others:
            for value in values:
                self.add(value)

    def discard(self, value: Any) -> None:
        if value in self:
            super().discard(value)
            if self._tracker is not None:
                self._tracker.untrack(value)

    def remove(self, value: Any) -> None:
        super().remove(value)
        if self._tracker is not None:
            self._tracker.untrack(value)

    def __reduce__(self) -> tuple:
        return set, (list(self),)
