"""Adafactor: averages of squared gradients kept by row and by column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nacre import ops
from nacre.optimizers.base_options import with_base_options
from nacre.optimizers.optimizer import Optimizer


@with_base_options
class Adafactor(Optimizer):
    """Steps divided by the root of an average square, of which rows and columns keep the means.

    See Shazeer and Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost" (2018).
    The step is also scaled to the size of the variable and limited in its own size.

    Args:
        learning_rate: A number, a schedule, or a function that returns one. The rate used is never
            above `1 / sqrt(t)`.
        beta_2_decay: The average at step t keeps the share `1 - t ** beta_2_decay`.
        epsilon_1: Added to squared gradients.
        epsilon_2: The least size of a variable that scales its steps.
        clip_threshold: The largest root mean square of a step before it is scaled.
        relative_step: Kept for Keras's configurations: the limit on the rate holds either way.
        **kwargs: As for `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 0.001,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, **kwargs)
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def build(self, variables: Iterable) -> None:
        if self.built:
            return
        variables = list(variables)
        super().build(variables)
        self._rows: list = []
        self._columns: list = []
        self._velocities: list = []
        for variable in variables:
            shape, dtype = tuple(variable.shape), variable.dtype
            # Those of vectors and scalars are never used; saved states have a place for them.
            row_shape, column_shape = shape[:-1], shape[:-2] + shape[-1:]
            if len(shape) < 2:
                row_shape = column_shape = ()
            self._rows.append(self.add_variable(row_shape, dtype=dtype, name=variable.name))
            self._columns.append(self.add_variable(column_shape, dtype=dtype, name=variable.name))
            self._velocities.append(self.add_variable_from_reference(variable, "velocity"))

    def _scalars(self, learning_rate: Any, dtype: str) -> tuple[Any, Any]:
        """Return the rate and the share that averages keep at this step."""
        step = self._step_number(dtype)
        rate = ops.minimum(ops.cast(learning_rate, dtype), ops.divide(1.0, ops.sqrt(step)))
        return rate, ops.subtract(1.0, ops.power(step, float(self.beta_2_decay)))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        dtype = variable.dtype
        rate, kept = self._shared(("scalars", dtype), lambda: self._scalars(learning_rate, dtype))
        index = self._get_variable_index(variable)
        rows, columns = self._rows[index], self._columns[index]
        squares = ops.add(ops.square(gradient), float(self.epsilon_1))
        if len(variable.shape) < 2:
            velocity = _average(self._velocities[index], squares, kept)
        else:
            r = _average(rows, ops.mean(squares, axis=-1), kept)
            c = _average(columns, ops.mean(squares, axis=-2), kept)
            share = ops.divide(r, ops.mean(r, axis=-1, keepdims=True))
            velocity = ops.multiply(ops.expand_dims(share, -1), ops.expand_dims(c, -2))
        self._velocities[index].assign(velocity)
        step = ops.divide(gradient, ops.sqrt(velocity))
        limit = ops.maximum(ops.divide(_rms(step), float(self.clip_threshold)), 1.0)
        alpha = ops.multiply(ops.maximum(_rms(variable.value), float(self.epsilon_2)), rate)
        variable.assign(ops.subtract(variable, ops.multiply(step, ops.divide(alpha, limit))))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "beta_2_decay": self.beta_2_decay,
            "epsilon_1": self.epsilon_1,
            "epsilon_2": self.epsilon_2,
            "clip_threshold": self.clip_threshold,
            "relative_step": self.relative_step,
        }


def _average(slot: Any, value: Any, kept: Any) -> Any:
    """Move an average towards a value and return the new average."""
    average = ops.add(ops.multiply(slot, kept), ops.multiply(value, ops.subtract(1.0, kept)))
    slot.assign(average)
    return average


def _rms(x: Any) -> Any:
    return ops.sqrt(ops.mean(ops.square(x)))
