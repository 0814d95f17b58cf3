"""The epoch loop in Python, for steps that do not come from arrays or are not compiled.

It does what the loop in the core does and calls the same hooks, so that `fit` need not know which
of the two runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from nacre.utils.warnings_utils import warn

__all__ = ["Hooks", "PythonPhase", "run_epochs", "run_phase"]


class Hooks:
    """What the epoch loop calls, where an attribute is not `None`.

    Attributes:
        on_epoch_begin: Called with the epoch.
        on_epoch_end: Called with the epoch, its logs and those of validation or `None`; training
            stops when it returns something true.
        on_batch_begin: Called with the step.
        on_batch_end: Called with the step and the logs so far; training stops when it returns
            something true.
        on_progress: Called a few times a second with step, steps and logs.
        on_validation_begin: Called before a validation.
        on_validation_end: Called with the logs of a validation.
        on_validation_batch_begin: Called with the step of a validation.
        on_validation_batch_end: Called with the step and the logs of a validation.
        on_nonfinite: Called with epoch and step the first time the loss is not finite.
    """

    on_epoch_begin: Callable | None = None
    on_epoch_end: Callable | None = None
    on_batch_begin: Callable | None = None
    on_batch_end: Callable | None = None
    on_progress: Callable | None = None
    on_validation_begin: Callable | None = None
    on_validation_end: Callable | None = None
    on_validation_batch_begin: Callable | None = None
    on_validation_batch_end: Callable | None = None
    on_nonfinite: Callable | None = None


def validates(epoch: int, validation_freq: Any) -> bool:
    """Says whether this epoch, counted from 0, ends with a validation."""
    if isinstance(validation_freq, int):
        return (epoch + 1) % validation_freq == 0
    return epoch + 1 in validation_freq


class PythonPhase:
    """A step and the batches that it is run on.

    Args:
        batches: Gives an iterator over the batches of an epoch.
        run: Runs the step on a batch and gives its logs, a sequence of scalars.
        reset: Sets the metrics back.
        loss_index: Gives the place of the loss among the logs, or `None`.
    """

    def __init__(
        self,
        batches: Callable[[], Iterator],
        run: Callable,
        reset: Callable[[], None],
        loss_index: Callable[[], int | None] = lambda: None,
    ) -> None:
        self.batches = batches
        self.run = run
        self.reset = reset
        self.loss_index = loss_index


def run_epochs(
    train: PythonPhase,
    validation: PythonPhase | None,
    initial_epoch: int,
    epochs: int,
    validation_freq: Any,
    hooks: Hooks,
) -> dict:
    """Runs epochs.

    Args:
        train: The training step and its batches.
        validation: The validation step and its batches.
        initial_epoch: Epoch to start from.
        epochs: Epoch to stop before.
        validation_freq: Epochs between validations, or those that have one, counted from 1.
        hooks: What to call meanwhile.

    Returns:
        The same dictionary as the loop in the core: `logs`, `val_logs` and `val_epochs`.
    """
    result: dict[str, Any] = {"logs": [], "val_logs": [], "val_epochs": []}
    try:
        for epoch in range(initial_epoch, epochs):
            if hooks.on_epoch_begin is not None:
                hooks.on_epoch_begin(epoch)
            logs, stop = _train_epoch(train, epoch, hooks)
            if len(logs) == 0:
                if epoch == initial_epoch:
                    raise ValueError("`fit` received no batches of data.")
                warn(
                    f"Your input ran out of data: nothing is left for epoch {epoch + 1}, and "
                    "training ends. A generator can be gone through once: give `steps_per_epoch`, "
                    "or a `Dataset` or `PyDataset`, which starts anew in each epoch."
                )
                break
            val_logs = None
            if validation is not None and validates(epoch, validation_freq):
                val_logs = run_phase(validation, hooks)
                result["val_epochs"].append(epoch)
                result["val_logs"].append(val_logs)
            result["logs"].append(logs)
            if hooks.on_epoch_end is not None:
                stop = bool(hooks.on_epoch_end(epoch, logs, val_logs)) or stop
            if stop:
                break
    except BaseException as error:
        error.nacre_partial = result
        raise
    return result


def _train_epoch(train: PythonPhase, epoch: int, hooks: Hooks) -> tuple[list, bool]:
    """Runs the batches of one epoch; says whether a batch hook asked to stop."""
    train.reset()
    logs: Any = []
    finite = True
    # Closed at once, as a traceback may hold the iterator, and with it its threads, for long.
    with closing(train.batches()) as batches:
        for step, batch in enumerate(batches):
            if hooks.on_batch_begin is not None:
                hooks.on_batch_begin(step)
            logs = train.run(batch)
            index = train.loss_index()
            if finite and index is not None and not math.isfinite(logs[index]):
                finite = False
                if hooks.on_nonfinite is not None:
                    hooks.on_nonfinite(epoch, step)
            if hooks.on_progress is not None:
                hooks.on_progress(step + 1, None, logs)
            if hooks.on_batch_end is not None and hooks.on_batch_end(step, logs):
                return logs, True
    return logs, False


def run_phase(phase: PythonPhase, hooks: Hooks) -> list:
    """Runs one pass of validation or evaluation and gives its last logs."""
    phase.reset()
    if hooks.on_validation_begin is not None:
        hooks.on_validation_begin()
    logs: Any = []
    with closing(phase.batches()) as batches:
        for step, batch in enumerate(batches):
            if hooks.on_validation_batch_begin is not None:
                hooks.on_validation_batch_begin(step)
            logs = phase.run(batch)
            if hooks.on_validation_batch_end is not None:
                hooks.on_validation_batch_end(step, logs)
    if hooks.on_validation_end is not None:
        hooks.on_validation_end(logs)
    return logs
