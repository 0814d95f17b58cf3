"""Schedule-free AdamW: averaging in place of a learning rate that falls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nacre import ops
from nacre.optimizers.adam import _rounded_rest
from nacre.optimizers.base_options import with_base_options
from nacre.optimizers.optimizer import Optimizer


@with_base_options
class ScheduleFreeAdamW(Optimizer):
    """AdamW that takes gradients between its iterate and the mean of all iterates.

    See Defazio et al., "The Road Less Scheduled" (2024).

    Args:
        learning_rate: A number, a schedule, or a function that returns one.
        beta_1: The share of the mean in the variables.
        beta_2: The share of the old average square kept per step.
        epsilon: Added to the root of the average square.
        warmup_steps: Steps in which the rate rises evenly.
        **kwargs: As for `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.warmup_steps = warmup_steps

    def build(self, variables: Iterable) -> None:
        if self.built:
            return
        variables = list(variables)
        super().build(variables)
        self._momentums, self._velocities = self.add_optimizer_variables(
            variables, ["momentum", "velocity"]
        )
        for momentum, variable in zip(self._momentums, variables, strict=True):
            momentum.assign(variable.numpy())

    def _scalars(self, learning_rate: Any, dtype: str) -> tuple[Any, ...]:
        """Return the rate, 1 less each beta, the correction and the new iterate's share."""
        step = self._step_number(dtype)
        rate = ops.cast(learning_rate, dtype)
        if self.warmup_steps > 0:
            share = ops.minimum(ops.divide(step, float(self.warmup_steps)), 1.0)
            rate = ops.multiply(rate, share)
        correction = ops.subtract(1.0, ops.power(float(self.beta_2), step))
        rests = [_rounded_rest(beta, dtype) for beta in (self.beta_1, self.beta_2)]
        return rate, *rests, correction, ops.divide(1.0, step)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        dtype = variable.dtype
        rate, off_1, off_2, correction, share = self._shared(
            ("scalars", dtype), lambda: self._scalars(learning_rate, dtype)
        )
        index = self._get_variable_index(variable)
        z, v = self._momentums[index], self._velocities[index]
        beta_1 = float(self.beta_1)
        v_new = ops.add(v, ops.multiply(ops.subtract(ops.square(gradient), v), off_2))
        root = ops.add(ops.sqrt(ops.divide(v_new, correction)), float(self.epsilon))
        z_new = ops.subtract(z, ops.divide(ops.multiply(gradient, rate), root))
        # The variable lies between the iterate z and the mean x: what x was follows from both.
        x = ops.divide(ops.subtract(variable, ops.multiply(z, off_1)), beta_1)
        x_new = ops.add(ops.multiply(x, ops.subtract(1.0, share)), ops.multiply(z_new, share))
        v.assign(v_new)
        z.assign(z_new)
        variable.assign(ops.add(ops.multiply(z_new, off_1), ops.multiply(x_new, beta_1)))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "warmup_steps": self.warmup_steps,
        }
