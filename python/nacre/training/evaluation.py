"""`evaluate`, `train_on_batch` and `test_on_batch`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from nacre import _core, tree
from nacre.callbacks.callback_list import CallbackList
from nacre.training import loops
from nacre.training.arrays import (
    ArrayData,
    class_weight_to_sample_weight,
    unpack_x_y_sample_weight,
)
from nacre.training.runner import BatchRunner, ordered_names, reset_plan
from nacre.training.sources import check_verbose, data_source

__all__ = ["evaluate", "iterator_function", "on_batch"]


def evaluate(
    model: Any,
    x: Any,
    y: Any,
    batch_size: Any,
    verbose: Any,
    sample_weight: Any,
    steps: Any,
    callbacks: Any,
    return_dict: bool,
) -> Any:
    """Runs `Model.evaluate`; see there."""
    verbose = check_verbose(verbose)
    source = data_source(model, x, y, sample_weight, batch_size, steps)
    runner = BatchRunner(model, "test", model.run_eagerly)
    if not isinstance(callbacks, CallbackList):
        callbacks = CallbackList(
            callbacks,
            add_progbar=verbose != 0,
            model=model,
            verbose=verbose,
            epochs=1,
            steps=source.steps,
        )
    native = source.data is not None and not model.run_eagerly
    function = runner.prepare(source.data) if native else None
    callbacks.on_test_begin()
    hooks = _hooks(callbacks, runner)
    if function is not None:
        plan = reset_plan(model)
        for metric in plan.others:
            metric.reset_state()
        phase = _core.Phase(
            function.exe,
            source.data.leaves,
            source.batch_size,
            plan.variables,
            source.limit,
            function.loss_index(),
        )
        values = _core.run_phase(phase, hooks)
    else:
        values = loops.run_phase(
            loops.PythonPhase(
                lambda: source.batches.epoch(source.limit), runner.run, model.reset_metrics
            ),
            hooks,
        )
    if values is None or len(values) == 0:
        raise ValueError("`evaluate` received no batches of data.")
    logs = runner.logs_of(values)
    callbacks.on_test_end(logs)
    return logs if return_dict else in_order(model, logs)


def _hooks(callbacks: CallbackList, runner: BatchRunner) -> loops.Hooks:
    hooks = loops.Hooks()
    progbar = callbacks._progbar
    hooks.on_validation_batch_begin = callbacks.batch_hook("test_batch_begin")
    end = callbacks.batch_hook("test_batch_end")
    if end is not None:
        hooks.on_validation_batch_end = lambda step, logs: end(step, runner.logs_of(logs))
    if progbar is not None and progbar.verbose == 1 and not progbar._called_in_fit:
        hooks.on_progress = lambda step, _, logs: progbar.progress(step, runner.logs_of(logs))
    return hooks


def in_order(model: Any, logs: dict) -> Any:
    """Logs as `evaluate` returns them: a list, or the one value there is."""
    values = [logs[name] for name in ordered_names(model, logs)]
    return values[0] if len(values) == 1 else values


def on_batch(
    model: Any,
    mode: str,
    x: Any,
    y: Any,
    sample_weight: Any,
    class_weight: Any,
    return_dict: bool,
) -> Any:
    """Runs `Model.train_on_batch` or `Model.test_on_batch`; see there."""
    if x is None:
        raise ValueError("`x` is missing.")
    if class_weight is not None:
        if sample_weight is not None:
            raise ValueError("Give `class_weight` or `sample_weight`, not both.")
        sample_weight = class_weight_to_sample_weight(y, class_weight)
    batch = ArrayData(x, y, sample_weight, model._input_parts())
    runner = BatchRunner(model, mode, model.run_eagerly)
    model.reset_metrics()
    logs = runner.logs_of(runner.run(batch))
    return logs if return_dict else in_order(model, logs)


def iterator_function(model: Any, mode: str) -> Callable[[Iterator], Any]:
    """A function that takes the next batch from an iterator and runs a step on it.

    Args:
        model: The model.
        mode: `"train"`, `"test"` or `"predict"`.
    """

    def step(iterator: Iterator) -> Any:
        data = next(iterator)
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        if mode == "predict":
            return model.predict_on_batch(x)
        batch = ArrayData(x, y, sample_weight, model._input_parts())
        runner = BatchRunner(model, mode, model.run_eagerly)
        return runner.logs_of(runner.run(batch))

    return step


def as_arrays(structure: Any) -> Any:
    """Tensors turned into arrays."""
    return tree.map_structure(lambda leaf: leaf.numpy(), structure)
