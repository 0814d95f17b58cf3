"""`LearningRateScheduler`: a learning rate for every epoch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nacre.callbacks.callback import Callback
from nacre.callbacks.learning_rates import log_learning_rates, rate_of, rated_optimizers
from nacre.utils.io_utils import print_msg

__all__ = ["LearningRateScheduler"]


class LearningRateScheduler(Callback):
    """Sets the optimizer's learning rate at the start of every epoch.

    Args:
        schedule: Function of the epoch (from 0) and the present rate that returns the new rate.
        verbose: 1 to print the rate.
    """

    def __init__(self, schedule: Callable, verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        for name, optimizer in rated_optimizers(self.model.optimizer):
            rate = rate_of(optimizer)
            try:
                new_rate = self.schedule(epoch, rate)
            except TypeError:  # a schedule of the epoch alone
                new_rate = self.schedule(epoch)
            if not isinstance(new_rate, (float, np.floating)):
                raise ValueError(
                    "LearningRateScheduler: the schedule must return a float. "
                    f"Received: {new_rate!r} of type {type(new_rate).__name__}"
                )
            optimizer.learning_rate = float(new_rate)
            if self.verbose > 0:
                print_msg(
                    f"\nEpoch {epoch + 1}: LearningRateScheduler setting "
                    f"{name + ' ' if name else ''}learning rate to {new_rate}."
                )

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if logs is not None:
            log_learning_rates(self.model.optimizer, logs)
