"""`CallbackList`: several callbacks addressed as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nacre.callbacks.callback import Callback, overrides
from nacre.callbacks.history import History
from nacre.callbacks.progbar_logger import ProgbarLogger

__all__ = ["CallbackList"]

_BATCH_HOOKS = {
    "train_batch_begin": ("on_train_batch_begin", "on_batch_begin"),
    "train_batch_end": ("on_train_batch_end", "on_batch_end"),
    "test_batch_begin": ("on_test_batch_begin",),
    "test_batch_end": ("on_test_batch_end",),
    "predict_batch_begin": ("on_predict_batch_begin",),
    "predict_batch_end": ("on_predict_batch_end",),
}


class CallbackList(Callback):
    """Passes every event on to a list of callbacks, in order.

    Args:
        callbacks: The callbacks.
        add_history: Whether to add a `History` at the end when there is none.
        add_progbar: Whether to add a `ProgbarLogger` at the end when there is none.
        model: The model that runs.
        **params: What the callbacks see as `params`.
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        super().__init__()
        if callbacks is None:
            callbacks = []
        elif isinstance(callbacks, (list, tuple)):
            callbacks = [c for item in callbacks for c in _as_list(item)]
        else:
            callbacks = [callbacks]
        for callback in callbacks:
            if isinstance(callback, type) or not hasattr(callback, "on_epoch_end"):
                raise TypeError(
                    "`callbacks` must hold instances of `Callback`. "
                    f"Received: {callback!r} of type {type(callback).__name__}"
                )
        self.callbacks: list = list(callbacks)
        self._history = self._find(History)
        self._progbar = self._find(ProgbarLogger)
        if self._progbar is None and add_progbar:
            self._progbar = ProgbarLogger()
            self.callbacks.append(self._progbar)
        if self._history is None and add_history:
            self._history = History()
            self.callbacks.append(self._history)
        if model is not None:
            self.set_model(model)
        self.set_params(params)

    def _find(self, kind: type) -> Any:
        return next((c for c in self.callbacks if type(c) is kind), None)

    def append(self, callback: Any) -> None:
        """Adds a callback at the end."""
        self.callbacks.append(callback)

    def set_params(self, params: dict) -> None:
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        self._model = model
        if self._history is not None:
            model.history = self._history
        for callback in self.callbacks:
            callback.set_model(model)

    def listens(self, event: str) -> bool:
        """Says whether anybody but a progress bar and `History` wants to hear of an event.

        Args:
            event: `epoch_begin`, `epoch_end`, `train_batch_end`, `test_begin`, ...
        """
        return bool(self._listeners(event))

    def _listeners(self, event: str) -> list:
        hooks = _BATCH_HOOKS.get(event, (f"on_{event}",))
        return [
            callback
            for callback in self.callbacks
            if type(callback) not in (History, ProgbarLogger) and overrides(callback, *hooks)
        ]

    def batch_hook(self, event: str) -> Callable | None:
        """A function of a batch and its logs for the callbacks that override this batch hook.

        Args:
            event: For instance `train_batch_end`.

        Returns:
            The function, or `None` when there are no such callbacks.
        """
        methods = [getattr(c, f"on_{event}") for c in self._listeners(event)]
        if not methods:
            return None
        if len(methods) == 1:
            return methods[0]

        def call_all(batch: int, logs: dict | None = None) -> None:
            for method in methods:
                method(batch, logs)

        return call_all


def _as_list(item: Any) -> list:
    return list(item) if isinstance(item, (list, tuple)) else [item]


def _fan_out(name: str) -> Callable:
    if name.startswith("on_epoch"):

        def hook(self: CallbackList, epoch: int, logs: dict | None = None) -> None:
            for callback in self.callbacks:
                getattr(callback, name)(epoch, logs)

    elif "batch" in name:

        def hook(self: CallbackList, batch: int, logs: dict | None = None) -> None:
            for callback in self.callbacks:
                getattr(callback, name)(batch, logs)

    else:

        def hook(self: CallbackList, logs: dict | None = None) -> None:
            for callback in self.callbacks:
                getattr(callback, name)(logs)

    hook.__name__ = name
    hook.__doc__ = getattr(Callback, name).__doc__
    return hook


for _name in [name for name in vars(Callback) if name.startswith("on_")]:
    setattr(CallbackList, _name, _fan_out(_name))
