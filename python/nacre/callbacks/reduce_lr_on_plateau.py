"""`ReduceLROnPlateau`: a smaller learning rate when a metric no longer improves."""

from __future__ import annotations

from typing import Any

import numpy as np

from nacre.callbacks.learning_rates import log_learning_rates, rate_of, rated_optimizers
from nacre.callbacks.monitor import MonitorCallback
from nacre.utils.io_utils import print_msg

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by a factor once a metric has not improved for some epochs.

    See https://keras.io/api/callbacks/reduce_lr_on_plateau/. The rate also goes to the logs.

    Args:
        monitor: Name of the metric in the logs.
        factor: What the rate is multiplied by; less than 1.
        patience: Epochs without improvement after which the rate falls.
        verbose: 1 to say so when it does.
        mode: `"min"`, `"max"`, or `"auto"` to ask the metric.
        min_delta: Smallest change that counts as an improvement.
        cooldown: Epochs after the rate has fallen that are not counted.
        min_lr: The least learning rate.
        **kwargs: `epsilon`, the name of `min_delta` in early versions of Keras 2.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ) -> None:
        min_delta = kwargs.pop("epsilon", min_delta)
        if kwargs:
            raise TypeError(f"ReduceLROnPlateau: unknown arguments {', '.join(kwargs)}.")
        super().__init__(monitor, mode, min_delta)
        if factor >= 1.0:
            raise ValueError(
                f"ReduceLROnPlateau: expected `factor` to be less than 1. Received: {factor}"
            )
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.cooldown_counter = 0
        self.wait = 0

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.best = None
        self.cooldown_counter = 0
        self.wait = 0

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.monitor_op is None:
            self._set_monitor_op()  # only now are the metrics known
        logs = {} if logs is None else logs
        log_learning_rates(self.model.optimizer, logs)
        current = self.get_monitor_value(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def in_cooldown(self) -> bool:
        """Whether epochs are not counted at present."""
        return self.cooldown_counter > 0

    def _reduce(self, epoch: int) -> bool:
        """Lower all rates that are above the least; say whether there was one."""
        reduced = False
        for name, optimizer in rated_optimizers(self.model.optimizer):
            rate = rate_of(optimizer)
            if rate <= np.float32(self.min_lr):  # rates are kept in float32
                continue
            optimizer.learning_rate = new_rate = max(rate * self.factor, self.min_lr)
            reduced = True
            if self.verbose > 0:
                print_msg(
                    f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing "
                    f"{name + ' ' if name else ''}learning rate to {new_rate}."
                )
        return reduced
