"""Muon: momentum made orthogonal, for matrices."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from nacre import ops
from nacre.optimizers.adam import _moments
from nacre.optimizers.optimizer import Optimizer


class Muon(Optimizer):
    """Steps along the nearest orthogonal matrix to the momentum; AdamW for all but matrices.

    See Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024), and for
    `rms_rate` Liu et al., "Muon is Scalable for LLM Training" (2025).

    Args:
        learning_rate: A number, a schedule, or a function that returns one.
        adam_beta_1: The share of the old average gradient kept per step, for AdamW.
        adam_beta_2: The share of the old average square kept per step, for AdamW.
        adam_weight_decay: The weight decay of variables that AdamW updates.
        epsilon: Added to the root of the average square.
        weight_decay: The weight decay of variables that Muon updates.
        exclude_layers: Regular expressions; variables whose path contains a match get AdamW.
        exclude_embeddings: Whether embeddings get AdamW.
        muon_a: The linear coefficient of the iteration.
        muon_b: The cubic coefficient.
        muon_c: The quintic coefficient.
        adam_lr_ratio: The learning rate of AdamW, as a share of the whole.
        momentum: The share of the old momentum kept per step.
        ns_steps: How many steps of Newton-Schulz iteration.
        nesterov: Whether to use Nesterov's form of momentum.
        rms_rate: The root mean square of steps of a square matrix; None leaves steps orthogonal.
        **kwargs: As for `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Iterable[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **kwargs: Any,
    ):
        super().__init__(
            learning_rate,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
            **kwargs,
        )
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = list(exclude_layers or ())
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    def _should_use_adamw(self, variable: Any) -> bool:
        if len(variable.shape) != 2:
            return True
        path = variable.path
        if self.exclude_embeddings and "embedding" in path.lower():
            return True
        return any(re.search(keyword, path) for keyword in self.exclude_layers)

    def build(self, variables: Iterable) -> None:
        if self.built:
            return
        variables = list(variables)
        super().build(variables)
        self._momentums: list = []
        self._velocities: list = []
        for variable in variables:
            self._momentums.append(self.add_variable_from_reference(variable, "momentum"))
            velocity = None
            if self._should_use_adamw(variable):
                velocity = self.add_variable_from_reference(variable, "velocity")
            self._velocities.append(velocity)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        if v is None:
            self._muon_step(gradient, variable, learning_rate, m)
        else:
            self._adamw_step(gradient, variable, learning_rate, m, v)

    def _muon_step(self, gradient: Any, variable: Any, learning_rate: Any, m: Any) -> None:
        momentum = float(self.momentum)
        m_new = ops.add(m, ops.add(gradient, ops.multiply(m, momentum - 1.0)))
        m.assign(m_new)
        direction = ops.add(gradient, ops.multiply(m_new, momentum)) if self.nesterov else m_new
        rate = ops.cast(learning_rate, variable.dtype)
        if self.rms_rate is not None:
            rate = ops.multiply(rate, max(variable.shape) ** 0.5 * self.rms_rate)
        step = ops.multiply(self._orthogonal(direction), rate)
        variable.assign(ops.subtract(variable, step))

    def _orthogonal(self, x: Any) -> Any:
        """Move the singular values of a matrix towards 1, by Newton-Schulz iteration."""
        wide = x.shape[0] <= x.shape[1]
        x = x if wide else ops.transpose(x)
        norm = ops.sqrt(ops.sum(ops.square(x)))
        x = ops.divide(x, ops.add(norm, 1e-7))
        for _ in range(self.ns_steps):
            a = ops.matmul(x, ops.transpose(x))
            # The product binds before the sum: b a + (c a) a.
            b = ops.add(
                ops.multiply(a, float(self.muon_b)),
                ops.matmul(ops.multiply(a, float(self.muon_c)), a),
            )
            x = ops.add(ops.multiply(x, float(self.muon_a)), ops.matmul(b, x))
        return x if wide else ops.transpose(x)

    def _alpha(self, learning_rate: Any, dtype: str) -> Any:
        """Return the rate of AdamW with the corrections for the zero start of its averages."""
        step = self._step_number(dtype)
        power_1 = ops.power(float(self.adam_beta_1), step)
        power_2 = ops.power(float(self.adam_beta_2), step)
        rate = ops.multiply(ops.cast(learning_rate, dtype), float(self.adam_lr_ratio))
        root = ops.sqrt(ops.subtract(1.0, power_2))
        return ops.divide(ops.multiply(rate, root), ops.subtract(1.0, power_1))

    def _adamw_step(self, gradient: Any, variable: Any, learning_rate: Any, m: Any, v: Any) -> None:
        dtype = variable.dtype
        alpha = self._shared(("alpha", dtype), lambda: self._alpha(learning_rate, dtype))
        m_new, v_new = _moments(gradient, m, v, 1.0 - self.adam_beta_1, 1.0 - self.adam_beta_2)
        denominator = ops.add(ops.sqrt(v_new), float(self.epsilon))
        variable.assign(ops.subtract(variable, ops.divide(ops.multiply(m_new, alpha), denominator)))

    def _weight_decay_of(self, variable: Any) -> float | None:
        if self._should_use_adamw(variable):
            return self.adam_weight_decay
        return self.weight_decay

    def get_config(self) -> dict:
        names = (
            "adam_beta_1",
            "adam_beta_2",
            "epsilon",
            "exclude_layers",
            "muon_a",
            "muon_b",
            "muon_c",
            "adam_lr_ratio",
            "momentum",
            "ns_steps",
            "nesterov",
            "exclude_embeddings",
            "adam_weight_decay",
            "rms_rate",
        )
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
