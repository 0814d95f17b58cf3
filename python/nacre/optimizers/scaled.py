"""Ftrl and Lamb: steps that depend on the variable's own values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nacre import initializers, ops
from nacre.optimizers.adam import _AdamLike, _moments
from nacre.optimizers.base_options import with_base_options
from nacre.optimizers.optimizer import Optimizer


class Lamb(_AdamLike):
    """Adam with each variable's step scaled to the variable's norm.

    Args:
        learning_rate: A number, a schedule, or a function that returns one.
        beta_1: The share of the old average gradient kept per step.
        beta_2: The share of the old average square kept per step.
        epsilon: Added to the root of the average square.
        **kwargs: As for `Optimizer`.
    """

    def _corrections(self, dtype: str) -> tuple[Any, Any]:
        step = self._step_number(dtype)
        powers = (ops.power(float(beta), step) for beta in (self.beta_1, self.beta_2))
        return tuple(ops.subtract(1.0, power) for power in powers)  # type: ignore[return-value]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        dtype = variable.dtype
        on_m, on_v = self._shared(("corrections", dtype), lambda: self._corrections(dtype))
        index = self._get_variable_index(variable)
        slots = self._momentums[index], self._velocities[index]
        m, v = _moments(gradient, *slots, 1.0 - self.beta_1, 1.0 - self.beta_2)
        root = ops.add(ops.sqrt(ops.divide(v, on_v)), float(self.epsilon))
        update = ops.divide(ops.divide(m, on_m), root)
        norms = [ops.sqrt(ops.sum(ops.square(x))) for x in (variable.value, update)]
        both = ops.logical_and(ops.greater(norms[0], 0.0), ops.greater(norms[1], 0.0))
        ratio = ops.where(both, ops.divide_no_nan(*norms), ops.ones_like(norms[0]))
        rate = ops.multiply(ratio, ops.cast(learning_rate, dtype))
        variable.assign(ops.subtract(variable, ops.multiply(update, rate)))


@with_base_options
class Ftrl(Optimizer):
    """Follow the regularized leader, for sparse linear models.

    Args:
        learning_rate: A number, a schedule, or a function that returns one.
        learning_rate_power: How the rate falls with the sum of squares; not positive.
        initial_accumulator_value: Where the sums of squares start.
        l1_regularization_strength: The factor of the absolute values.
        l2_regularization_strength: The factor of the squares.
        l2_shrinkage_regularization_strength: The factor of the squares in the gradient.
        beta: Added to the second factor, divided by twice the rate.
        **kwargs: As for `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, **kwargs)
        if learning_rate_power > 0:
            raise ValueError(
                f"Ftrl: expected `learning_rate_power` <= 0. Received: {learning_rate_power!r}"
            )
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        for name in self._factors():
            if getattr(self, name) < 0:
                raise ValueError(f"Ftrl: expected `{name}` >= 0. Received: {getattr(self, name)!r}")

    @staticmethod
    def _factors() -> tuple[str, ...]:
        return (
            "initial_accumulator_value",
            "l1_regularization_strength",
            "l2_regularization_strength",
            "l2_shrinkage_regularization_strength",
        )

    def build(self, variables: Iterable) -> None:
        if self.built:
            return
        variables = list(variables)
        super().build(variables)
        start = initializers.Constant(self.initial_accumulator_value)
        self._accumulators, self._linears = self.add_optimizer_variables(
            variables, ["accumulator", "linear"], [start, "zeros"]
        )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        accumulator, linear = self._accumulators[index], self._linears[index]
        rate = ops.cast(learning_rate, variable.dtype)
        power = -float(self.learning_rate_power)
        l2 = ops.add(ops.divide(0.5 * self.beta, rate), float(self.l2_regularization_strength))
        total = ops.add(accumulator, ops.square(gradient))
        new_power = ops.power(total, power)
        growth = ops.divide(ops.subtract(new_power, ops.power(accumulator, power)), rate)
        if self.l2_shrinkage_regularization_strength:
            shrinkage = 2.0 * self.l2_shrinkage_regularization_strength
            gradient = ops.add(gradient, ops.multiply(variable, shrinkage))
        z = ops.add(linear, ops.subtract(gradient, ops.multiply(growth, variable)))
        quadratic = ops.add(ops.divide(new_power, rate), ops.multiply(l2, 2.0))
        limit = float(self.l1_regularization_strength)
        variable.assign(ops.divide(ops.subtract(ops.clip(z, -limit, limit), z), quadratic))
        linear.assign(z)
        accumulator.assign(total)

    def get_config(self) -> dict:
        names = ("learning_rate_power", *self._factors(), "beta")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
