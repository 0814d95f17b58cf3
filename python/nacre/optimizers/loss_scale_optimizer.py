"""Loss scaling: gradients kept away from zero and from overflow."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

from nacre import initializers, ops
from nacre.optimizers.optimizer import Optimizer

# What Keras writes into configurations although only the inner optimizer can have it.
_UNUSED = {
    "weight_decay": None,
    "clipnorm": None,
    "global_clipnorm": None,
    "clipvalue": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}


class LossScaleOptimizer(Optimizer):
    """Scales the loss as far as gradients stay finite, and takes the scale off them again.

    A step whose gradients are not all finite is skipped and halves the scale; after
    `dynamic_growth_steps` steps that were not, it doubles. All of it is traced: the choice is an
    op of the step.

    Args:
        inner_optimizer: The optimizer that gets the gradients.
        initial_scale: The first scale.
        dynamic_growth_steps: After how many steps without a change the scale doubles.
        name: Made from the class name if None.
        **kwargs: `dynamic`, which must be true; options of the base class only at their defaults,
            as older configurations have them.
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 32768.0,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ):
        if not isinstance(inner_optimizer, Optimizer):
            raise TypeError(
                "LossScaleOptimizer: expected `inner_optimizer` to be an Optimizer. "
                f"Received: {inner_optimizer!r}"
            )
        if not kwargs.pop("dynamic", True):
            raise ValueError(
                "LossScaleOptimizer: `dynamic=False` is not supported. Set `loss_scale_factor` on "
                "the inner optimizer instead."
            )
        for option, default in _UNUSED.items():
            if kwargs.pop(option, default) != default:
                raise ValueError(
                    f"LossScaleOptimizer: set `{option}` on the inner optimizer instead."
                )
        super().__init__(0.0, name=name, **kwargs)
        self.inner_optimizer = inner_optimizer
        self.inner_optimizer.loss_scale_factor = None  # gradients are scaled once
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        # Made before `build`: a step that is traced first must not have the scale as a constant.
        self.step_counter = self.add_variable((), dtype="int32", name="step_counter")
        self.dynamic_scale = self.add_variable(
            (), initializers.Constant(initial_scale), dtype="float32", name="dynamic_scale"
        )

    def build(self, variables: Iterable) -> None:
        if self.built:
            return
        variables = list(variables)
        self.inner_optimizer.build(variables)
        super().build(variables)

    @property
    def variables(self) -> list:
        """The scale and its counter, and the Variables of the inner optimizer."""
        return self._variables + self.inner_optimizer.variables

    def apply(self, grads: Iterable, trainable_variables: Iterable | None = None) -> None:
        grads = list(grads)
        if not grads:
            return
        variables = self._matching_variables(grads, trainable_variables)
        present = [ops.convert_to_tensor(grad) for grad in grads if grad is not None]
        finite = reduce(ops.logical_and, [ops.all(ops.isfinite(grad)) for grad in present])

        def take() -> list:
            scale = self.dynamic_scale.value
            unscaled = [
                None if grad is None else ops.divide(grad, ops.cast(scale, grad.dtype))
                for grad in grads
            ]
            self.inner_optimizer.apply(unscaled, variables)
            due = ops.equal(self.step_counter, self.dynamic_growth_steps - 1)
            self.step_counter.assign(ops.where(due, 0, ops.add(self.step_counter, 1)))
            self.dynamic_scale.assign(ops.where(due, ops.multiply(scale, 2.0), scale))
            return []

        def skip() -> list:
            self.step_counter.assign(ops.zeros((), dtype="int32"))
            self.dynamic_scale.assign(ops.multiply(self.dynamic_scale, 0.5))
            return []

        ops.cond(finite, take, skip)

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    @property
    def iterations(self) -> Any:
        """How many updates the inner optimizer has made."""
        return self.inner_optimizer.iterations

    def scale_loss(self, loss: Any) -> Any:
        return ops.multiply(loss, ops.cast(self.dynamic_scale, ops.convert_to_tensor(loss).dtype))

    def finalize_variable_values(self, var_list: Iterable) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict:
        from nacre.saving import serialize_keras_object

        return {
            "name": self.name,
            "inner_optimizer": serialize_keras_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> LossScaleOptimizer:
        from nacre.saving import deserialize_keras_object

        config = dict(config)
        inner = deserialize_keras_object(
            config.pop("inner_optimizer"), custom_objects, module="keras.optimizers"
        )
        return cls(inner, **config)
