"""`ModelCheckpoint`: save the model while it trains."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from nacre.callbacks.batch_counter import BatchCounter
from nacre.callbacks.monitor import MonitorCallback
from nacre.utils.io_utils import print_msg
from nacre.utils.warnings_utils import warn

__all__ = ["ModelCheckpoint"]


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after epochs or after a number of batches.

    See https://keras.io/api/callbacks/model_checkpoint/.

    Args:
        filepath: Where to save. May hold `{epoch}`, `{batch}` and names of metrics, with formats
            as in `"{epoch:02d}-{val_loss:.2f}.keras"`. Models end in `.keras` or `.h5`, weights
            in `.weights.h5` or, as Keras 2 wrote them, `.h5`.
        monitor: Name of the metric in the logs, for `save_best_only`.
        verbose: 1 to say what is saved.
        save_best_only: Whether to save only when the metric is better than ever before.
        save_weights_only: Whether to save weights instead of the model.
        mode: `"min"`, `"max"`, or `"auto"` to ask the metric.
        save_freq: `"epoch"`, or after how many batches to save.
        initial_value_threshold: What the metric has to be better than at first.
        period: Save every so many epochs; the spelling of early versions of Keras 2.
    """

    def __init__(
        self,
        filepath: str | os.PathLike,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        period: int = 1,
    ) -> None:
        super().__init__(monitor, mode, best=initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self.period = period
        self._counter = BatchCounter(save_freq, type(self).__name__)
        if save_freq == "epoch":
            self._idle_hooks = (ModelCheckpoint.on_train_batch_end,)
        self._epoch = 0
        self._epochs_since_saving = 0
        endings = (".h5",) if save_weights_only else (".keras", ".h5")
        if not self.filepath.endswith(endings):
            wanted = "`.weights.h5`" if save_weights_only else "`.keras` or `.h5`"
            raise ValueError(
                f"ModelCheckpoint: expected a path that ends in {wanted}. "
                f"Received: {self.filepath!r}"
            )
        if isinstance(period, bool) or not isinstance(period, int) or period < 1:
            raise ValueError(
                f"ModelCheckpoint: expected `period` to be a positive integer. Received: {period!r}"
            )

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self._counter.is_due(batch):
            self._save(self._epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.save_freq != "epoch":
            return
        self._epochs_since_saving += 1
        if self._epochs_since_saving >= self.period:
            self._epochs_since_saving = 0
            self._save(epoch, None, logs)

    def _path(self, epoch: int, batch: int | None, logs: dict) -> str:
        names = {"epoch": epoch + 1, **logs}
        if batch is not None:
            names.setdefault("batch", batch + 1)
        try:
            return self.filepath.format(**names)
        except KeyError as error:
            raise KeyError(
                f"ModelCheckpoint: {error} in the path {self.filepath!r} is not among "
                f"{', '.join(sorted(names))}."
            ) from error

    def _should_save(self, epoch: int, logs: dict, path: str) -> bool:
        say = print_msg if self.verbose > 0 else (lambda message: None)
        if not self.save_best_only:
            say(f"\nEpoch {epoch + 1}: saving model to {path}")
            return True
        current = logs.get(self.monitor)
        if current is None or np.ndim(current):
            found = "is not available" if current is None else "is not one number"
            warn(f"ModelCheckpoint saves in any case, as `{self.monitor}` {found}.")
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        if self._is_improvement(current, self.best):
            say(
                f"\nEpoch {epoch + 1}: {self.monitor} improved from {best} to {current:.5f}, "
                f"saving model to {path}"
            )
            self.best = current
            return True
        say(f"\nEpoch {epoch + 1}: {self.monitor} did not improve from {best}")
        return False

    def _save(self, epoch: int, batch: int | None, logs: Any) -> None:
        logs = logs or {}
        path = self._path(epoch, batch, logs)
        if not self._should_save(epoch, logs, path):
            return
        if os.path.isdir(path):
            raise OSError(f"ModelCheckpoint: the path is that of a directory: {path!r}")
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        if self.verbose > 0:
            print_msg(f"\nEpoch {epoch + 1}: finished saving model to {path}")
