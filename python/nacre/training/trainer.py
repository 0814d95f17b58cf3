"""`Trainer`: `compile`, `fit`, `evaluate` and `predict`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nacre import _core, tracking
from nacre import metrics as metrics_module
from nacre import optimizers as optimizers_module
from nacre.layers.layer import Layer
from nacre.training import evaluation, fitting, prediction
from nacre.training.arrays import check_positive
from nacre.training.compile_utils import (
    CompileLoss,
    CompileMetrics,
    check_loss,
)
from nacre.training.step_function import StepCache
from nacre.training.steps import Steps
from nacre.utils.warnings_utils import warn

__all__ = ["Trainer"]


class Trainer(Steps):
    """What a model can do besides being a layer."""

    def _init_trainer(self) -> None:
        values = {
            "compiled": False,
            "loss": None,
            "optimizer": None,
            "stop_training": False,
            "history": None,
            "_steps": StepCache(self),
            "_fast_predict": None,
            "_run_eagerly": False,
            "_jit_compile": "auto",
            "steps_per_execution": 1,
            "_compile_loss": None,
            "_compile_metrics": None,
            "_loss_tracker": None,
            "_compile_arguments": None,
            "_trainable_snapshot": None,
            "train_function": None,
            "test_function": None,
            "predict_function": None,
        }
        # None of this is part of the model's structure, so it goes past attribute tracking.
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Sets the model up for training.

        Args:
            optimizer: Optimizer, or its name.
            loss: Loss, its name or a function of targets and outputs; for several outputs a list or
                a dictionary of them.
            loss_weights: Factors of the losses.
            metrics: Metrics that ignore sample weights.
            weighted_metrics: Metrics that heed them.
            run_eagerly: Whether to run steps one operation at a time, for debugging.
            steps_per_execution: Accepted for compatibility: all steps run in one call anyway.
            jit_compile: Accepted for compatibility: steps are always compiled.
            auto_scale_loss: Whether a mixed precision policy may scale the loss.
        """
        if jit_compile not in (True, False, None, "auto"):
            raise ValueError(
                f"`jit_compile` must be True, False or 'auto'. Received: {jit_compile!r}"
            )
        names = getattr(self, "output_names", None)
        check_loss(loss)
        values = {
            "optimizer": optimizers_module.get(optimizer) if optimizer is not None else None,
            "loss": loss,
            "_compile_loss": None if loss is None else CompileLoss(loss, loss_weights, names),
            "_compile_metrics": CompileMetrics(metrics, weighted_metrics, names)
            if metrics is not None or weighted_metrics is not None
            else None,
            "_loss_tracker": metrics_module.Mean(name="loss"),
            "steps_per_execution": check_positive(steps_per_execution, "steps_per_execution"),
            "_run_eagerly": bool(run_eagerly),
            "_jit_compile": jit_compile,
            "stop_training": False,
            "compiled": True,
            "_trainable_snapshot": self._trainable_flags(),
            "_compile_arguments": {
                "optimizer": optimizer,
                "loss": loss,
                "loss_weights": loss_weights,
                "metrics": metrics,
                "weighted_metrics": weighted_metrics,
                "run_eagerly": run_eagerly,
                "steps_per_execution": steps_per_execution,
                "jit_compile": jit_compile,
            },
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self._steps.clear()
        object.__setattr__(self, "_fast_predict", None)
        for name in ("train_function", "test_function", "predict_function"):
            object.__setattr__(self, name, None)
        tracking.bump_structure()

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run one operation at a time."""
        return self._run_eagerly

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        object.__setattr__(self, "_run_eagerly", bool(value))

    @property
    def jit_compile(self) -> Any:
        """What `compile` was given; steps are compiled in any case."""
        return self._jit_compile

    # Running.

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: dict | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> Any:
        """Trains the model.

        Args:
            x: Inputs: an array, a list or dictionary of arrays, a `Sequence` or a generator.
            y: Targets.
            batch_size: Samples a batch; 32 when left out.
            epochs: Epoch to stop before.
            verbose: 0 for silence, 1 or `"auto"` for a progress bar, 2 for a line an epoch.
            callbacks: Callbacks.
            validation_split: Share of the last samples to validate with.
            validation_data: Tuple `(x, y)` or `(x, y, sample_weight)`, or a source of batches.
            shuffle: Whether to shuffle the samples; `"batch"` shuffles within each batch.
            class_weight: Weights of the classes.
            sample_weight: Weights of the samples.
            initial_epoch: Epoch to start from.
            steps_per_epoch: Batches an epoch.
            validation_steps: Batches a validation.
            validation_batch_size: Samples a batch of validation.
            validation_freq: Epochs between validations, or a list of those that have one.

        Returns:
            A `History`.
        """
        self._assert_compiled("fit")
        return fitting.fit(
            self,
            x,
            y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            validation_data=validation_data,
            shuffle=shuffle,
            class_weight=class_weight,
            sample_weight=sample_weight,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
            validation_freq=validation_freq,
        )

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Computes the loss and the metrics.

        Args:
            x: Inputs.
            y: Targets.
            batch_size: Samples a batch; 32 when left out.
            verbose: 0 for silence, 1 or `"auto"` for a progress bar, 2 for a line.
            sample_weight: Weights of the samples.
            steps: Batches.
            callbacks: Callbacks.
            return_dict: Whether to return a dictionary.
            **kwargs: None are known.

        Returns:
            The loss, or a list of the loss and the metrics, or a dictionary of them.
        """
        if kwargs:
            raise TypeError(f"`evaluate` got unknown arguments: {sorted(kwargs)}")
        self._assert_compiled("evaluate")
        return evaluation.evaluate(
            self, x, y, batch_size, verbose, sample_weight, steps, callbacks, return_dict
        )

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """Computes the outputs for many samples.

        Args:
            x: Inputs.
            batch_size: Samples a batch; 32 when left out.
            verbose: 0 for silence, 1 or `"auto"` for a progress bar, 2 for a line.
            steps: Batches.
            callbacks: Callbacks.

        Returns:
            Arrays in the structure of the outputs.
        """
        fast = self._fast_predict
        if (
            fast is not None
            and verbose == 0
            and x.__class__ is np.ndarray
            and fast.version == tracking._version
            and x.dtype == fast.dtype
            and x.shape[1:] == fast.shape
            and batch_size is None
            and steps is None
            and callbacks is None
            and len(x)
        ):
            return _core.run_batches(fast.exe, [x], 32)[0]
        return prediction.predict(self, x, batch_size, verbose, steps, callbacks)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Runs one step of training on one batch.

        Args:
            x: Inputs.
            y: Targets.
            sample_weight: Weights of the samples.
            class_weight: Weights of the classes.
            return_dict: Whether to return a dictionary.

        Returns:
            The batch's loss, or a list of its loss and metrics, or a dictionary of them.
        """
        self._assert_compiled("train_on_batch")
        return evaluation.on_batch(self, "train", x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Runs one step of evaluation on one batch.

        Args:
            x: Inputs.
            y: Targets.
            sample_weight: Weights of the samples.
            return_dict: Whether to return a dictionary.

        Returns:
            The batch's loss, or a list of its loss and metrics, or a dictionary of them.
        """
        self._assert_compiled("test_on_batch")
        return evaluation.on_batch(self, "test", x, y, sample_weight, None, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """Computes the outputs for one batch.

        Args:
            x: Inputs.

        Returns:
            Arrays in the structure of the outputs.
        """
        return prediction.predict_on_batch(self, x)

    def make_train_function(self, force: bool = False) -> Any:
        """Gives a function that runs a training step on the next batch of an iterator."""
        return self._make_function("train", force)

    def make_test_function(self, force: bool = False) -> Any:
        """Gives a function that runs an evaluation step on the next batch of an iterator."""
        return self._make_function("test", force)

    def make_predict_function(self, force: bool = False) -> Any:
        """Gives a function that runs a prediction step on the next batch of an iterator."""
        return self._make_function("predict", force)

    def _make_function(self, mode: str, force: bool) -> Any:
        attribute = f"{mode}_function"
        function = getattr(self, attribute)
        if function is None or force:
            function = evaluation.iterator_function(self, mode)
            object.__setattr__(self, attribute, function)
        return function

    # Helpers of the modules that run.

    def _declared_inputs(self, data: Any) -> list:
        """Placeholders that say dtype and sizes of the first arrays of `data`, if any do."""
        return []

    def _input_parts(self) -> int:
        """How many inputs the model has, as far as it knows."""
        return 1

    def _assert_compiled(self, method: str) -> None:
        if not self.compiled:
            raise ValueError(
                f'Model "{self.name}": call `compile()` before `{method}()`, to choose an '
                "optimizer, a loss and metrics."
            )

    def _trainable_flags(self) -> list[tuple[Any, bool]]:
        """Every layer and Variable with its own `trainable` flag."""
        layers = self._flatten_layers()
        variables = [variable for layer in layers for variable in layer._trainable_variables]
        return [(item, item._trainable) for item in (*layers, *variables)]

    def _changed_flags(self) -> list[tuple[Any, bool]]:
        """What was set differently when the model was compiled, as it was then."""
        snapshot = self._trainable_snapshot or ()
        return [(item, flag) for item, flag in snapshot if item._trainable != flag]

    def _warn_if_trainable_changed(self) -> None:
        changed = [item.name for item, _ in self._changed_flags() if isinstance(item, Layer)]
        if changed:
            warn(
                f"`trainable` of {', '.join(changed)} has changed since `compile()`, which does "
                "not take effect until `compile()` is called again."
            )

    @contextmanager
    def _compiled_trainable_state(self) -> Iterator[None]:
        """Within, `trainable` of every layer is as it was when the model was compiled."""
        changed = self._changed_flags()
        if not changed:
            yield
            return
        now = [(item, item._trainable) for item, _ in changed]
        try:
            for item, flag in changed:
                object.__setattr__(item, "_trainable", flag)
            yield
        finally:
            for item, flag in now:
                object.__setattr__(item, "_trainable", flag)

    def get_compile_config(self) -> dict:
        """What `compile` was given, in a form that can be saved; empty before `compile`."""
        if self._compile_arguments is None:
            return {}
        from nacre.saving import SerializationError, serialize_keras_object

        try:
            return {
                name: serialize_keras_object(value)
                for name, value in self._compile_arguments.items()
            }
        except SerializationError as error:
            warn(f"What `compile` was given is left out of the configuration: {error}")
            return {}

    def compile_from_config(self, config: dict) -> None:
        """Compiles with what `get_compile_config` returned.

        Args:
            config: The dictionary.
        """
        from nacre.saving import deserialize_keras_object

        self.compile(**{name: deserialize_keras_object(value) for name, value in config.items()})
        if self.built and self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)
