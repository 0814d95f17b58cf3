"""`TerminateOnNaN`: end training when the loss is no longer a number."""

from __future__ import annotations

import math

from nacre.callbacks.callback import Callback
from nacre.utils.io_utils import print_msg

__all__ = ["TerminateOnNaN"]


class TerminateOnNaN(Callback):
    """Stops training at the first batch whose loss is infinite or not a number.

    Args:
        raise_error: Whether to raise `RuntimeError` instead of ending training quietly.
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"Batch {batch}: the loss is {loss}.")
        print_msg(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
