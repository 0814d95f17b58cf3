"""Adam and the optimizers derived from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nacre import ops
from nacre.optimizers.base_options import with_base_options
from nacre.optimizers.optimizer import Optimizer


def _rounded_rest(share: float, dtype: str) -> Any:
    """Return 1 - share with the share rounded to the dtype first.

    Some of Keras's optimizers do so. In float32 the rest of 0.999 is then off by 5e-5.
    """
    return ops.subtract(1.0, ops.cast(share, dtype))


def _moments(gradient: Any, m: Any, v: Any, share_1: Any, share_2: Any) -> tuple[Any, Any]:
    """Move the averages of gradient and squared gradient, and return their new values.

    The shares are those of the present gradient.
    """
    m_new = ops.add(m, ops.multiply(ops.subtract(gradient, m), share_1))
    v_new = ops.add(v, ops.multiply(ops.subtract(ops.square(gradient), v), share_2))
    m.assign(m_new)
    v.assign(v_new)
    return m_new, v_new


@with_base_options
class _AdamLike(Optimizer):
    """The constructor and slots that the Adam family shares."""

    _slots = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables: Iterable) -> None:
        if self.built:
            return
        variables = list(variables)
        super().build(variables)
        self._momentums, self._velocities = self.add_optimizer_variables(
            variables, list(self._slots)
        )

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }


@with_base_options
class Adam(_AdamLike):
    """Adam: steps scaled by averages of the gradient and of its square.

    `v -= m * lr * sqrt(1 - beta_2^t) / (1 - beta_1^t) / (sqrt(s) + epsilon)` with the averages m
    of the gradient and s of its square.

    Args:
        learning_rate: A number, a schedule, or a function that returns one.
        beta_1: The share of the old average gradient kept per step.
        beta_2: The share of the old average square kept per step.
        epsilon: Added to the root of the average square.
        amsgrad: Whether to divide by the largest average square so far.
        **kwargs: As for `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **kwargs)
        self.amsgrad = amsgrad

    def build(self, variables: Iterable) -> None:
        if self.built:
            return
        variables = list(variables)
        super().build(variables)
        if self.amsgrad:
            self._velocity_hats = self.add_optimizer_variables(variables, "velocity_hat")

    def _alpha(self, learning_rate: Any, dtype: str) -> Any:
        """Return the learning rate with both corrections for the zero start of the averages."""
        step = self._step_number(dtype)
        power_1 = ops.power(float(self.beta_1), step)
        power_2 = ops.power(float(self.beta_2), step)
        root = ops.sqrt(ops.subtract(1.0, power_2))
        return ops.divide(
            ops.multiply(ops.cast(learning_rate, dtype), root), ops.subtract(1.0, power_1)
        )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        dtype = variable.dtype
        alpha = self._shared(("alpha", dtype), lambda: self._alpha(learning_rate, dtype))
        index = self._get_variable_index(variable)
        slots = self._momentums[index], self._velocities[index]
        m, v = _moments(gradient, *slots, 1.0 - self.beta_1, 1.0 - self.beta_2)
        if self.amsgrad:
            largest = self._velocity_hats[index]
            v = ops.maximum(largest, v)
            largest.assign(v)
        denominator = ops.add(ops.sqrt(v), float(self.epsilon))
        variable.assign(ops.subtract(variable, ops.divide(ops.multiply(m, alpha), denominator)))

    def get_config(self) -> dict:
        return {**super().get_config(), "amsgrad": self.amsgrad}


@with_base_options
class AdamW(Adam):
    """Adam with weight decay apart from the gradient.

    Args:
        learning_rate: A number, a schedule, or a function that returns one.
        weight_decay: The share of each variable, times the learning rate, taken off per step.
        beta_1: The share of the old average gradient kept per step.
        beta_2: The share of the old average square kept per step.
        epsilon: Added to the root of the average square.
        amsgrad: Whether to divide by the largest average square so far.
        **kwargs: As for `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **kwargs: Any,
    ):
        if weight_decay is None:
            raise ValueError("AdamW: expected `weight_decay` to be a float. Received: None")
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **kwargs
        )


class Adamax(_AdamLike):
    """Adam by the largest gradient instead of the average square.

    Args:
        learning_rate: A number, a schedule, or a function that returns one.
        beta_1: The share of the old average gradient kept per step.
        beta_2: The share of the old largest gradient kept per step.
        epsilon: Added to the largest gradient.
        **kwargs: As for `Optimizer`.
    """

    _slots = ("momentum", "norm")

    def _rate(self, learning_rate: Any, dtype: str) -> Any:
        power = ops.power(float(self.beta_1), self._step_number(dtype))
        return ops.divide(ops.cast(learning_rate, dtype), ops.subtract(1.0, power))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        dtype = variable.dtype
        rate = self._shared(("rate", dtype), lambda: self._rate(learning_rate, dtype))
        index = self._get_variable_index(variable)
        m, u = self._momentums[index], self._velocities[index]
        m_new = ops.add(m, ops.multiply(ops.subtract(gradient, m), 1.0 - self.beta_1))
        u_new = ops.maximum(ops.multiply(u, float(self.beta_2)), ops.absolute(gradient))
        m.assign(m_new)
        u.assign(u_new)
        step = ops.divide(ops.multiply(m_new, rate), ops.add(u_new, float(self.epsilon)))
        variable.assign(ops.subtract(variable, step))


class Nadam(_AdamLike):
    """Adam with Nesterov momentum.

    Args:
        learning_rate: A number, a schedule, or a function that returns one.
        beta_1: The share of the old average gradient kept per step.
        beta_2: The share of the old average square kept per step.
        epsilon: Added to the root of the average square.
        **kwargs: As for `Optimizer`.
    """

    def build(self, variables: Iterable) -> None:
        if self.built:
            return
        variables = list(variables)
        super().build(variables)
        dtype = variables[0].dtype if variables else None
        self._u_product = self.add_variable((), "ones", dtype=dtype, name="u_product")

    def _momentum_at(self, step: Any) -> Any:
        decay = ops.multiply(ops.power(0.96, step), 0.5)
        return ops.multiply(ops.subtract(1.0, decay), float(self.beta_1))

    def _before_updates(self, variables: list) -> None:
        dtype = self._u_product.dtype
        now = self._momentum_at(self._step_number(dtype))
        self._u_product.assign(ops.multiply(self._u_product, now))

    def _factors(self, learning_rate: Any, dtype: str) -> tuple[Any, ...]:
        """Return the factors of averages and gradient, and the shares that the averages take."""
        step = self._step_number(dtype)
        now = self._momentum_at(step)
        following = self._momentum_at(ops.add(step, 1.0))
        product = ops.cast(self._u_product.value, dtype)
        on_m = ops.divide(following, ops.subtract(1.0, ops.multiply(product, following)))
        on_gradient = ops.divide(ops.subtract(1.0, now), ops.subtract(1.0, product))
        on_v = ops.subtract(1.0, ops.power(float(self.beta_2), step))
        shares = [_rounded_rest(beta, dtype) for beta in (self.beta_1, self.beta_2)]
        return on_m, on_gradient, on_v, *shares

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        dtype = variable.dtype
        on_m, on_gradient, on_v, *shares = self._shared(
            ("factors", dtype), lambda: self._factors(learning_rate, dtype)
        )
        index = self._get_variable_index(variable)
        m, v = _moments(gradient, self._momentums[index], self._velocities[index], *shares)
        m_hat = ops.add(ops.multiply(m, on_m), ops.multiply(gradient, on_gradient))
        root = ops.sqrt(ops.divide(v, on_v))
        step = ops.divide(
            ops.multiply(m_hat, ops.cast(learning_rate, dtype)),
            ops.add(root, float(self.epsilon)),
        )
        variable.assign(ops.subtract(variable, step))
