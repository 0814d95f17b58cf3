"""`Steps`: what happens on one batch.

The steps are ordinary methods over `nacre.ops` that anybody may override: they are traced into one
program, which the core then runs batch after batch.
"""

from __future__ import annotations

from typing import Any

from nacre import autograd, config, ops
from nacre.layers.call_signature import signature_of
from nacre.training.arrays import unpack_x_y_sample_weight
from nacre.training.compile_utils import batch_size_of
from nacre.training.runner import metric_result_names, ordered_names
from nacre.utils.warnings_utils import warn

__all__ = ["Steps"]


class Steps:
    """The steps of training, evaluation and prediction, over `nacre.ops`."""

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step of training: forward pass, loss, gradients, update, metrics.

        Args:
            data: Inputs, or a tuple of inputs, targets and sample weights.

        Returns:
            Dictionary of the values to log.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with autograd.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self._compute_loss(x, y, y_pred, sample_weight, training=True)
            self._loss_tracker.update_state(loss, sample_weight=batch_size_of(x))
            if self.optimizer is not None:
                loss = self.optimizer.scale_loss(loss)
        variables = self.trainable_variables
        if variables:
            gradients = tape.gradient(loss, variables)
            self.optimizer.apply(gradients, variables)
        else:
            warn("The model does not have any trainable weights.")
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        """One step of evaluation.

        Args:
            data: Inputs, or a tuple of inputs, targets and sample weights.

        Returns:
            Dictionary of the values to log.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        loss = self._compute_loss(x, y, y_pred, sample_weight, training=False)
        self._loss_tracker.update_state(loss, sample_weight=batch_size_of(x))
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def predict_step(self, data: Any) -> Any:
        """One step of prediction.

        Args:
            data: Inputs, or a tuple whose first item they are.

        Returns:
            The outputs.
        """
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The total loss: that of `compile`, and those of layers and regularizers.

        Args:
            x: Inputs.
            y: Targets.
            y_pred: Outputs.
            sample_weight: Weights of the samples.
            training: Whether this is a step of training.

        Returns:
            A scalar tensor.

        Raises:
            ValueError: There is no loss at all.
        """
        total = None
        if self._compile_loss is not None:
            total = self._compile_loss(y, y_pred, sample_weight)
        for loss in self.losses:
            loss = ops.sum(ops.cast(loss, config.floatx()))
            total = loss if total is None else ops.add(total, loss)
        if total is None:
            raise ValueError(
                f'Model "{self.name}": there is no loss to minimise. Pass `loss` to `compile`, or '
                "call `add_loss`."
            )
        return total

    def _compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Any:
        """Calls `compute_loss`, which when overridden may lack the last argument."""
        if signature_of(type(self).compute_loss).accepts("training"):
            return self.compute_loss(
                x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training
            )
        return self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Updates the compiled metrics and gives the results of all.

        Args:
            x: Inputs.
            y: Targets.
            y_pred: Outputs.
            sample_weight: Weights of the samples.

        Returns:
            Dictionary from names to results.
        """
        if self._compile_metrics is not None:
            self._compile_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """The results of all metrics by name."""
        results: dict[str, Any] = {}
        for metric in self.metrics:
            result = metric.result()
            if isinstance(result, dict):
                results.update(result)
            else:
                results[metric.name] = result
        return results

    @property
    def metrics(self) -> list:
        """The mean of the loss, the compiled metrics, and those of the model and its layers."""
        metrics: list = []
        if self.compiled:
            metrics.append(self._loss_tracker)
            if self._compile_metrics is not None:
                metrics.append(self._compile_metrics)
            if self._compile_loss is not None:
                metrics.extend(self._compile_loss.metrics)
        metrics.extend(self._metrics)
        for layer in self._flatten_layers(include_self=False):
            if not isinstance(layer, Steps):
                metrics.extend(layer._metrics)
        return metrics

    @property
    def metrics_names(self) -> list[str]:
        """Names of what `evaluate` returns, in that order."""
        return ordered_names(self, metric_result_names(self))

    @property
    def metrics_variables(self) -> list:
        """The Variables of all metrics."""
        return [variable for metric in self.metrics for variable in metric.variables]

    def reset_metrics(self) -> None:
        """Sets all metrics back."""
        for metric in self.metrics:
            metric.reset_state()
