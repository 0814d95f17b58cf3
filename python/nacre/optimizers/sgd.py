"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nacre import ops
from nacre.optimizers.base_options import with_base_options
from nacre.optimizers.optimizer import Optimizer


@with_base_options
class SGD(Optimizer):
    """Gradient descent, with momentum if asked for.

    Without momentum `v -= lr * g`; with it `m = momentum * m - lr * g; v += m`, and in Nesterov's
    form `v += momentum * m - lr * g`.

    Args:
        learning_rate: A number, a schedule, or a function that returns one.
        momentum: Between 0 and 1.
        nesterov: Whether to use Nesterov's form.
        **kwargs: As for `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, **kwargs)
        if isinstance(momentum, bool) or not 0 <= momentum <= 1:
            raise ValueError(f"SGD: expected `momentum` between 0 and 1. Received: {momentum!r}")
        self.momentum = momentum
        self.nesterov = nesterov

    def build(self, variables: Iterable) -> None:
        if self.built:
            return
        variables = list(variables)
        super().build(variables)
        self.momentums = (
            self.add_optimizer_variables(variables, "momentum") if self.momentum else []
        )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        step = ops.multiply(gradient, ops.cast(learning_rate, variable.dtype))
        if not self.momentum:
            variable.assign(ops.subtract(variable, step))
            return
        slot = self.momentums[self._get_variable_index(variable)]
        momentum = float(self.momentum)
        m = ops.subtract(ops.multiply(slot, momentum), step)
        slot.assign(m)
        if self.nesterov:
            m = ops.subtract(ops.multiply(m, momentum), step)
        variable.assign(ops.add(variable, m))

    def get_config(self) -> dict:
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
