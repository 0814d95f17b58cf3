"""`fit`: from arguments to epochs, in the core where it can, in Python where it must."""

from __future__ import annotations

from typing import Any

from nacre import _core, config
from nacre.callbacks.callback_list import CallbackList
from nacre.training import loops
from nacre.training.arrays import check_positive
from nacre.training.runner import BatchRunner, reset_plan
from nacre.training.sources import (
    Source,
    check_shuffle,
    check_validation_freq,
    check_verbose,
    training_source,
    validation_source,
)
from nacre.utils.warnings_utils import warn

__all__ = ["fit"]

_PROGRESS_INTERVAL = 0.05  # seconds between two drawings of the progress bar


class FitRun:
    """One call of `fit`.

    Args:
        model: The model.
        callbacks: What the user passed.
        train: Where training batches come from.
        validation: Where validation batches come from, or `None`.
        options: `verbose`, `epochs`, `initial_epoch`, `shuffle` and `validation_freq`.
    """

    def __init__(
        self, model: Any, callbacks: Any, train: Source, validation: Source | None, options: dict
    ) -> None:
        self.model = model
        self.train = train
        self.validation = validation
        self.options = options
        self.last_logs: dict = {}
        self.callbacks = CallbackList(
            callbacks,
            add_history=True,
            add_progbar=options["verbose"] != 0,
            model=model,
            verbose=options["verbose"],
            epochs=options["epochs"],
            steps=train.steps,
        )
        eager = model.run_eagerly
        self.train_runner = BatchRunner(model, "train", eager)
        self.test_runner = BatchRunner(model, "test", eager)
        self.native = (
            not eager and train.data is not None and (not validation or validation.data is not None)
        )

    def run(self) -> Any:
        """Runs the epochs and gives the `History`."""
        model, callbacks = self.model, self.callbacks
        object.__setattr__(model, "stop_training", False)
        if self.native:
            self.train_runner.prepare(self.train.data)
            if self.validation is not None:
                self.test_runner.prepare(self.validation.data)
        callbacks.on_train_begin()
        restored = model.__dict__.pop("_initial_epoch", None)  # by `BackupAndRestore`
        if restored is not None:
            self.options["initial_epoch"] = restored
        listening = self._anybody_listens()
        hooks = self._hooks(listening)
        try:
            result = self._run_native(hooks) if self.native else self._run_python(hooks)
        except BaseException as error:
            if not listening:
                self._record(getattr(error, "nacre_partial", {}))
            raise
        if not listening:
            self._record(result)
        finalize = getattr(model.optimizer, "finalize_variable_values", None)
        if finalize is not None:
            finalize(model.trainable_variables)
        callbacks.on_train_end(self.last_logs)
        return callbacks._history

    def _run_native(self, hooks: loops.Hooks) -> dict:
        options = self.options
        # Callbacks may have changed the model at the start of training.
        train = self.train_runner.prepare(self.train.data)
        validation = None
        validation_freq = options["validation_freq"]
        if self.validation is not None:
            validation = self.test_runner.prepare(self.validation.data)
        if isinstance(validation_freq, list):
            validation_freq = [epoch - 1 for epoch in validation_freq]
        plan = reset_plan(self.model)
        self._reset_other_metrics(hooks, plan.others)
        # Raising asks for more than a warning: every result is looked at, to name the first layer.
        check_finite = config.nonfinite_policy() == "raise"
        phases = [
            None
            if function is None
            else _core.Phase(
                function.exe,
                source.data.leaves,
                source.batch_size,
                plan.variables,
                source.limit,
                function.loss_index(),
                check_finite and function is train,
            )
            for function, source in ((train, self.train), (validation, self.validation))
        ]
        return _core.run_epochs(
            phases[0],
            phases[1],
            options["initial_epoch"],
            options["epochs"],
            options["shuffle"],
            validation_freq,
            hooks,
            _PROGRESS_INTERVAL,
        )

    def _run_python(self, hooks: loops.Hooks) -> dict:
        options, model = self.options, self.model

        def phase(source: Source, runner: BatchRunner) -> loops.PythonPhase:
            return loops.PythonPhase(
                lambda: source.batches.epoch(source.limit),
                runner.run,
                model.reset_metrics,
                runner.loss_index,
            )

        return loops.run_epochs(
            phase(self.train, self.train_runner),
            None if self.validation is None else phase(self.validation, self.test_runner),
            options["initial_epoch"],
            options["epochs"],
            options["validation_freq"],
            hooks,
        )

    @staticmethod
    def _reset_other_metrics(hooks: loops.Hooks, metrics: list) -> None:
        """Resets metrics with a `reset_state` of their own from the hooks that precede a phase."""
        if not metrics:
            return
        for name in ("on_epoch_begin", "on_validation_begin"):
            before = getattr(hooks, name)

            def hook(*args: Any, before: Any = before) -> None:
                for metric in metrics:
                    metric.reset_state()
                if before is not None:
                    before(*args)

            setattr(hooks, name, hook)

    def _anybody_listens(self) -> bool:
        names = ("epoch_begin", "epoch_end", "train_batch_begin", "train_batch_end")
        return self.callbacks._progbar is not None or any(map(self.callbacks.listens, names))

    def _hooks(self, listening: bool) -> loops.Hooks:
        """The hooks that somebody listens to; all others stay `None` and cost nothing."""
        callbacks, model = self.callbacks, self.model
        train_logs, test_logs = self.train_runner.logs_of, self.test_runner.logs_of
        hooks = loops.Hooks()
        hooks.on_nonfinite = self._on_nonfinite
        if listening:
            hooks.on_epoch_begin = callbacks.on_epoch_begin
            hooks.on_epoch_end = self._on_epoch_end
        if callbacks._progbar is not None and callbacks._progbar.verbose == 1:
            progbar = callbacks._progbar
            hooks.on_progress = lambda step, _, logs: progbar.progress(step, train_logs(logs))
        begin = callbacks.batch_hook("train_batch_begin")
        end = callbacks.batch_hook("train_batch_end")
        if begin is not None:
            hooks.on_batch_begin = begin
        if end is not None:

            def on_batch_end(step: int, logs: Any) -> bool:
                end(step, train_logs(logs))
                return model.stop_training

            hooks.on_batch_end = on_batch_end
        if self.validation is not None:
            if callbacks.listens("test_begin"):
                hooks.on_validation_begin = callbacks.on_test_begin
            if callbacks.listens("test_end"):
                hooks.on_validation_end = lambda logs: callbacks.on_test_end(test_logs(logs))
            hooks.on_validation_batch_begin = callbacks.batch_hook("test_batch_begin")
            test_end = callbacks.batch_hook("test_batch_end")
            if test_end is not None:
                hooks.on_validation_batch_end = lambda step, logs: test_end(step, test_logs(logs))
        return hooks

    def _on_epoch_end(self, epoch: int, logs: Any, val_logs: Any) -> bool:
        self.last_logs = self._merge(logs, val_logs)
        self.callbacks.on_epoch_end(epoch, self.last_logs)
        return bool(self.model.stop_training)

    def _merge(self, logs: Any, val_logs: Any) -> dict:
        merged = self.train_runner.logs_of(logs)
        if val_logs is not None:
            for name, value in self.test_runner.logs_of(val_logs).items():
                merged[f"val_{name}"] = value
            merged = {name: merged[name] for name in sorted(merged)}
        return merged

    def _on_nonfinite(self, epoch: int, step: int) -> None:
        message = (
            f"The loss is not finite in epoch {epoch + 1}, batch {step + 1}. The learning rate may "
            "be too high, or the data may hold values that are not finite."
        )
        if config.nonfinite_policy() == "raise":
            raise ValueError(message)
        warn(message, RuntimeWarning)

    def _record(self, result: dict) -> None:
        """Fills `History` after a run to which nobody listened."""
        logs = result.get("logs", ())
        validated = result.get("val_logs")
        val_logs = {}
        if validated is not None:
            val_logs = result.get("val_logs")
        val_logs = () if val_logs is None else val_logs
        val_logs = dict(zip(result.get("val_epochs", ()), val_logs, strict=False))
        for offset, values in enumerate(logs):
            epoch = self.options["initial_epoch"] + offset
            self.last_logs = self._merge(values, val_logs.get(epoch))
            self.callbacks._history.on_epoch_end(epoch, self.last_logs)


def fit(model: Any, x: Any, y: Any, **arguments: Any) -> Any:
    """Runs `Model.fit`; see there.

    Args:
        model: The model.
        x: Inputs or a source of batches.
        y: Targets.
        **arguments: All other arguments of `fit`.
    """
    options = {
        "verbose": check_verbose(arguments["verbose"]),
        "epochs": check_positive(arguments["epochs"], "epochs", 0),
        "initial_epoch": check_positive(arguments["initial_epoch"], "initial_epoch", 0),
        "shuffle": check_shuffle(arguments["shuffle"]),
        "validation_freq": check_validation_freq(arguments["validation_freq"]),
    }
    if config.max_epochs() is not None:
        options["epochs"] = min(options["epochs"], config.max_epochs())
    model._warn_if_trainable_changed()
    train, validation_data = training_source(model, x, y, options["shuffle"], arguments)
    train.warn_if_short(options["epochs"] - options["initial_epoch"])
    validation = None
    if validation_data is not None:
        validation = validation_source(model, validation_data, train, arguments)
    return FitRun(model, arguments["callbacks"], train, validation, options).run()
