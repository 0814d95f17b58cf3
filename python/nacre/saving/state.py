"""Which objects of a model have state, and under which path Keras stores each.

Keras looks at the attributes of an object in alphabetical order, private ones last, and stores a
layer or optimizer where it first meets it. In lists it goes by the class, not by the name of the
layer: two Dense layers of a model are `layers/dense` and `layers/dense_1` whatever they are called.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from nacre.layers.layer import Layer
from nacre.losses.loss import Loss
from nacre.metrics.metric import Metric
from nacre.models.functional import Functional
from nacre.models.model import Model
from nacre.models.sequential import Sequential
from nacre.naming import to_snake_case
from nacre.optimizers.optimizer import Optimizer
from nacre.optimizers.optimizer_state import OptimizerState

_SAVEABLE = (Layer, OptimizerState, Metric, Loss)
# What a model has of its own and Keras looks into.
_LOOKED_INTO = {"layers", "optimizer"}


@functools.cache
def _skipped(kind: type) -> frozenset[str]:
    """Attributes that every object of a kind has: bookkeeping, never part of the structure."""
    if kind is Layer:
        return frozenset(dir(Layer(name="reference")))
    if kind is Model:
        # Keras passes over what a layer has. What else our models have is nobody's layer either.
        own = set(dir(Model(name="reference"))) | set(dir(Sequential(name="reference")))
        return _skipped(Layer) | (own | set(dir(Functional))) - _LOOKED_INTO
    if kind is OptimizerState:
        return frozenset(dir(Optimizer(1.0, name="reference")))
    if kind is Metric:
        return frozenset(dir(Metric(name="reference")))
    return frozenset(dir(Loss(name="reference")))


def _kind(obj: Any) -> type:
    return next(
        kind for kind in (Model, Layer, OptimizerState, Metric, Loss) if isinstance(obj, kind)
    )


def _children(obj: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(obj, Model) and (obj._graph is not None or isinstance(obj, Sequential)):
        yield "layers", obj.layers
    skipped = _skipped(_kind(obj))
    for name in sorted(dir(obj), key=lambda name: f"~{name}" if name.startswith("_") else name):
        if name.startswith("__") or name in skipped:
            continue
        try:
            child = getattr(obj, name)
        except Exception:  # a property of the user's that has no value now
            continue
        yield name, child


class Walk:
    """Visits the objects of a model that have state, each under Keras's path for it.

    Args:
        visit: Called with an object and its path; returns whether the object is done. One that is
            not is visited again under its next path, if it has another.
        skip: Objects to leave out, with what is inside of them.
    """

    def __init__(self, visit: Callable[[Any, str], bool], skip: Any = None) -> None:
        self._visit = visit
        self._done = {id(obj) for obj in skip or ()}

    def go(self, obj: Any, path: str = "") -> bool:
        """Visit an object and what is inside of it.

        Args:
            obj: A layer, model, optimizer, metric or loss.
            path: Its path.

        Returns:
            Whether it and everything inside is done.
        """
        if id(obj) in self._done:
            return True
        done = self._visit(obj, path)
        inside = True
        # Marked now, so that an object that holds itself is no endless loop.
        self._done.add(id(obj))
        for name, child in _children(obj):
            child_path = f"{path}/{name}" if path else name
            if isinstance(child, _SAVEABLE):
                inside &= self.go(child, child_path)
            elif isinstance(child, (list, dict, tuple)):
                inside &= self._go_into(child, child_path, set())
        if not (done and inside):
            self._done.discard(id(obj))
        return done and inside

    def _go_into(self, container: Any, path: str, seen: set[int]) -> bool:
        if id(container) in seen:
            return True
        seen.add(id(container))
        used: dict[str, int] = {}
        done = True
        for item in list(container.values()) if isinstance(container, dict) else container:
            if isinstance(item, _SAVEABLE):
                name = _unique(to_snake_case(type(item).__name__), used)
                done &= self.go(item, f"{path}/{name}")
            elif isinstance(item, (list, dict, tuple)):
                name = _unique("container", used)
                done &= self._go_into(item, f"{path}/{name}", seen)
        return done


def _unique(name: str, used: dict[str, int]) -> str:
    count = used.get(name)
    used[name] = 0 if count is None else count + 1
    return name if count is None else f"{name}_{count + 1}"
