"""`History`: the record that `fit` returns."""

from __future__ import annotations

from nacre.callbacks.callback import Callback

__all__ = ["History"]


class History(Callback):
    """Keeps the metrics of every epoch.

    Attributes:
        history: Dictionary from the name of a metric to its values, one an epoch.
        epoch: The epochs that were run, counted from 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.history = {}
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
