"""The callback protocol."""

from __future__ import annotations

from typing import Any

__all__ = ["Callback"]


class Callback:
    """Base class of everything that wants to hear about training.

    A subclass overrides the hooks that it needs. Hooks that nobody overrides cost nothing: training
    runs without Python between batches unless a callback listens to batches.

    Attributes:
        model: The model that is running.
        params: Dictionary with `verbose`, `epochs` and `steps`.
    """

    # Hooks of the class itself that have nothing to do with the options of this instance. What a
    # subclass puts in their place is called.
    _idle_hooks: tuple = ()

    def __init__(self) -> None:
        self.params: dict | None = None
        self._model: Any = None

    def set_params(self, params: dict) -> None:
        """Told before anything else how the run was set up."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Told before anything else which model runs."""
        self._model = model

    @property
    def model(self) -> Any:
        """The model that is running."""
        return self._model

    def on_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Old name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Old name of `on_train_batch_end`."""

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Called at the start of an epoch of training, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Called at the end of an epoch; `logs` holds its metrics, those of validation too."""

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Called before a batch of training, counted from 0."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Called after a batch of training, with the metrics so far in this epoch."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Called before a batch of evaluation or validation."""

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Called after a batch of evaluation or validation."""

    def on_predict_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Called before a batch of prediction."""

    def on_predict_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Called after a batch of prediction; `logs["outputs"]` holds what it gave."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Called at the start of `fit`."""

    def on_train_end(self, logs: dict | None = None) -> None:
        """Called at the end of `fit`, with the metrics of the last epoch."""

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Called at the start of `evaluate` or of a validation."""

    def on_test_end(self, logs: dict | None = None) -> None:
        """Called at the end of `evaluate` or of a validation, with the metrics."""

    def on_predict_begin(self, logs: dict | None = None) -> None:
        """Called at the start of `predict`."""

    def on_predict_end(self, logs: dict | None = None) -> None:
        """Called at the end of `predict`."""


def overrides(callback: Any, *hooks: str) -> bool:
    """Says whether a callback defines one of these hooks, on its class or on itself.

    Args:
        callback: The callback.
        *hooks: Names of methods.
    """
    own = getattr(callback, "__dict__", {})
    kind = type(callback)
    idle = getattr(callback, "_idle_hooks", ())
    return any(
        hook in own
        or not any(getattr(kind, hook, None) is f for f in (getattr(Callback, hook, None), *idle))
        for hook in hooks
    )
