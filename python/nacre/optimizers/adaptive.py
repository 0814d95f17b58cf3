"""Optimizers that scale steps by past squares: RMSprop, Adagrad, Adadelta; and Lion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nacre import initializers, ops
from nacre.optimizers.base_options import with_base_options
from nacre.optimizers.optimizer import Optimizer


@with_base_options
class RMSprop(Optimizer):
    """Steps divided by the root of an average square of the gradient.

    Args:
        learning_rate: A number, a schedule, or a function that returns one.
        rho: The share of the old average kept per step.
        momentum: The share of the old step added to the new one.
        epsilon: Added to the average inside the root.
        centered: Whether to take the variance of the gradient instead of its square.
        **kwargs: As for `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, **kwargs)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def build(self, variables: Iterable) -> None:
        if self.built:
            return
        variables = list(variables)
        super().build(variables)
        self._velocities = self.add_optimizer_variables(variables, "velocity")
        if self.momentum:
            self._momentums = self.add_optimizer_variables(variables, "momentum")
        if self.centered:
            self._averages_of_gradients = self.add_optimizer_variables(
                variables, "average_gradient"
            )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        rho = float(self.rho)
        velocity = _average(self._velocities[index], ops.square(gradient), rho)
        if self.centered:
            mean = _average(self._averages_of_gradients[index], gradient, rho)
            velocity = ops.subtract(velocity, ops.square(mean))
        root = ops.sqrt(ops.add(velocity, float(self.epsilon)))
        rate = ops.cast(learning_rate, variable.dtype)
        step = ops.divide(ops.multiply(gradient, rate), root)
        if self.momentum:
            slot = self._momentums[index]
            step = ops.add(ops.multiply(slot, float(self.momentum)), step)
            slot.assign(step)
        variable.assign(ops.subtract(variable, step))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }


def _average(slot: Any, value: Any, kept: float) -> Any:
    """Move an average towards a value and return the new average."""
    average = ops.add(ops.multiply(slot, kept), ops.multiply(value, 1.0 - kept))
    slot.assign(average)
    return average


@with_base_options
class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all past squares.

    Args:
        learning_rate: A number, a schedule, or a function that returns one.
        initial_accumulator_value: Where the sums start.
        epsilon: Added to the sum inside the root.
        **kwargs: As for `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, **kwargs)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def build(self, variables: Iterable) -> None:
        if self.built:
            return
        variables = list(variables)
        super().build(variables)
        start = initializers.Constant(self.initial_accumulator_value)
        self._accumulators = self.add_optimizer_variables(variables, "accumulator", start)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        slot = self._accumulators[self._get_variable_index(variable)]
        total = ops.add(slot, ops.square(gradient))
        slot.assign(total)
        rate = ops.cast(learning_rate, variable.dtype)
        root = ops.sqrt(ops.add(total, float(self.epsilon)))
        variable.assign(ops.subtract(variable, ops.divide(ops.multiply(gradient, rate), root)))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "initial_accumulator_value": self.initial_accumulator_value,
            "epsilon": self.epsilon,
        }


@with_base_options
class Adadelta(Optimizer):
    """Steps scaled by the ratio of past steps to past gradients.

    Args:
        learning_rate: A number, a schedule, or a function that returns one.
        rho: The share of the old averages kept per step.
        epsilon: Added inside the roots.
        **kwargs: As for `Optimizer`.
    """

    def __init__(
        self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **kwargs: Any
    ):
        super().__init__(learning_rate, **kwargs)
        self.rho = rho
        self.epsilon = epsilon

    def build(self, variables: Iterable) -> None:
        if self.built:
            return
        variables = list(variables)
        super().build(variables)
        self._gradient_squares, self._step_squares = self.add_optimizer_variables(
            variables, ["accumulated_grad", "accumulated_delta_var"]
        )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        rho, epsilon = float(self.rho), float(self.epsilon)
        squares = _average(self._gradient_squares[index], ops.square(gradient), rho)
        steps = self._step_squares[index]
        ratio = ops.divide(ops.sqrt(ops.add(steps, epsilon)), ops.sqrt(ops.add(squares, epsilon)))
        step = ops.multiply(gradient, ratio)
        _average(steps, ops.square(step), rho)
        rate = ops.cast(learning_rate, variable.dtype)
        variable.assign(ops.subtract(variable, ops.multiply(step, rate)))

    def get_config(self) -> dict:
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}


@with_base_options
class Lion(Optimizer):
    """Steps by the sign of an average gradient.

    Args:
        learning_rate: A number, a schedule, or a function that returns one.
        beta_1: The share of the old average in the step.
        beta_2: The share of the old average kept.
        **kwargs: As for `Optimizer`.
    """

    def __init__(
        self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, **kwargs: Any
    ):
        super().__init__(learning_rate, **kwargs)
        if not 0 < beta_1 <= 1:
            raise ValueError(f"Lion: expected `beta_1` in ]0, 1]. Received: {beta_1!r}")
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def build(self, variables: Iterable) -> None:
        if self.built:
            return
        variables = list(variables)
        super().build(variables)
        self._momentums = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        m = self._momentums[self._get_variable_index(variable)]
        beta_1 = float(self.beta_1)
        mixed = ops.add(ops.multiply(m, beta_1), ops.multiply(gradient, 1.0 - beta_1))
        rate = ops.cast(learning_rate, variable.dtype)
        variable.assign(ops.subtract(variable, ops.multiply(ops.sign(mixed), rate)))
        _average(m, gradient, float(self.beta_2))

    def get_config(self) -> dict:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2}
