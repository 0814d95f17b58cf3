"""The base class of optimizers.

An update is traced: an optimizer is Variables plus a few elementwise ops per variable, with the
scalars of a step computed once and shared, so that the backend makes one pass over each variable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from nacre import _core, ops
from nacre.optimizers.clipping import clip_by_global_norm, clip_by_norm
from nacre.optimizers.optimizer_state import OptimizerState
from nacre.stateless import run_stateless


class Optimizer(OptimizerState):
    """Changes variables by their gradients.

    A subclass makes its slots in `build(variables)` and defines
    `update_step(gradient, variable, learning_rate)`.

    Args:
        learning_rate: A number, a schedule, or a function that returns one.
        weight_decay: The share of each variable, times the learning rate, taken off per step.
        clipnorm: The largest norm of one variable's gradient.
        clipvalue: The largest absolute value in a gradient.
        global_clipnorm: The largest norm of all gradients together.
        use_ema: Whether to keep moving averages of the variables.
        ema_momentum: The share of the old average kept per step.
        ema_overwrite_frequency: Steps after which variables take their averages; at the end of
            `fit` if None.
        loss_scale_factor: A factor on the loss, taken off the gradients again.
        gradient_accumulation_steps: How many gradients are averaged before an update.
        name: Made from the class name if None.
        **kwargs: `lr`, the older name of `learning_rate`, and `decay`, by which the rate is
            `learning_rate / (1 + decay * iterations)`.
    """

    # Updates

    def apply_gradients(self, grads_and_vars: Iterable) -> Any:
        """Update variables by pairs of gradient and variable.

        Args:
            grads_and_vars: The pairs.

        Returns:
            The iteration counter.
        """
        pairs = list(grads_and_vars)
        self.apply([grad for grad, _ in pairs], [variable for _, variable in pairs])
        return self._iterations

    def apply(self, grads: Iterable, trainable_variables: Iterable | None = None) -> None:
        """Update variables by their gradients.

        Args:
            grads: The gradients; None where there is none.
            trainable_variables: The variables; those that the optimizer was built with if None.
        """
        grads = list(grads)
        if not grads:
            return
        variables = self._matching_variables(grads, trainable_variables)
        pairs = self._with_gradients(grads, variables)
        self._step_scalars = {}
        try:
            self._update(*pairs)
            for variable in pairs[1]:
                constraint = getattr(variable, "constraint", None)
                if constraint is not None:
                    variable.assign(constraint(variable))
        finally:
            self._step_scalars = {}
        self._iterations.assign(ops.add(self._iterations, 1))

    def stateless_apply(
        self, optimizer_variables: list, grads: list, trainable_variables: list
    ) -> tuple[list, list]:
        """Compute an update from values, without changing any Variable.

        Args:
            optimizer_variables: A value for each of `variables`.
            grads: The gradients.
            trainable_variables: A value for each Variable that the optimizer was built with.

        Returns:
            The new values of the trainable variables, and those of the optimizer.

        Raises:
            ValueError: The optimizer has not been built, or the number of values is not right.
        """
        owner = f"{type(self).__name__}.stateless_apply"
        if not self.built:
            raise ValueError(f"{owner}: call `optimizer.build(trainable_variables)` first.")
        variables = [*self._trainable_variables, *self.variables]
        values = run_stateless(
            variables,
            [*trainable_variables, *optimizer_variables],
            lambda: self.apply(grads),
            owner,
        )[1]
        count = len(self._trainable_variables)
        return values[:count], values[count:]

    def _matching_variables(self, grads: list, variables: Iterable | None) -> list:
        owner = type(self).__name__
        if variables is None:
            if not self.built:
                raise ValueError(
                    f"{owner}: `apply` without variables needs a built optimizer; call "
                    "`optimizer.build(trainable_variables)` first."
                )
            variables = self._trainable_variables
        variables = list(variables)
        if len(grads) != len(variables):
            raise ValueError(
                f"{owner}: expected one gradient for each of {len(variables)} variables. "
                f"Received: {len(grads)}"
            )
        if not self.built:
            with _core.init_scope():
                self.build(variables)
            self.built = True
        for variable in variables:
            if id(variable) not in self._indices:
                raise ValueError(
                    f"{owner}: unknown variable {getattr(variable, 'path', variable)!r}. An "
                    "optimizer serves the variables that it was built with; make another one."
                )
        return variables

    def _with_gradients(self, grads: list, variables: list) -> tuple[list, list]:
        missing = [v for g, v in zip(grads, variables, strict=True) if g is None]
        if len(missing) == len(variables):
            raise ValueError(f"{type(self).__name__}: no gradient was given for any variable.")
        if missing:
            import warnings

            paths = [getattr(variable, "path", variable.name) for variable in missing]
            warnings.warn(f"Gradients do not exist for variables {paths} when minimizing the loss.")
        pairs = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
        grads = [_to_gradient(g, v) for g, v in pairs]
        return self._unscaled(grads), [v for _, v in pairs]

    def _unscaled(self, grads: list) -> list:
        if self.loss_scale_factor is None:
            return grads
        return [ops.divide(grad, float(self.loss_scale_factor)) for grad in grads]

    def _update(self, grads: list, variables: list) -> None:
        if self.gradient_accumulation_steps:
            self._accumulate(grads, variables)
        else:
            self._clip_and_step(grads, variables)
        if self.use_ema:
            self._update_averages()

    def _clip_and_step(self, grads: list, variables: list) -> None:
        grads = self._clip_gradients(grads)
        rate = self._current_rate()
        self._apply_weight_decay(variables, rate)
        self._before_updates(variables)
        for grad, variable in zip(grads, variables, strict=True):
            self.update_step(grad, variable, rate)

    def _before_updates(self, variables: list) -> None:
        """Hook for state that belongs to the step and not to a variable."""

    def _current_rate(self) -> Any:
        rate = ops.convert_to_tensor(self.learning_rate)
        if self.decay:
            past = ops.multiply(ops.cast(self.iterations, rate.dtype), float(self.decay))
            rate = ops.divide(rate, ops.add(past, 1.0))
        return rate

    def _accumulate(self, grads: list, variables: list) -> None:
        steps = self.gradient_accumulation_steps
        slots = [self._accumulators_of_gradients[self._get_variable_index(v)] for v in variables]
        is_update = ops.equal(ops.mod(ops.add(self._iterations, 1), steps), 0)

        def update() -> list:
            sums = [ops.add(grad, slot) for grad, slot in zip(grads, slots, strict=True)]
            self._step_scalars = {}
            self._clip_and_step([ops.divide(total, float(steps)) for total in sums], variables)
            self._step_scalars = {}
            for slot in self._accumulators_of_gradients:
                slot.assign(ops.zeros(slot.shape, dtype=slot.dtype))
            return []

        def collect() -> list:
            for grad, slot in zip(grads, slots, strict=True):
                slot.assign(ops.add(slot, grad))
            return []

        _core.cond(is_update, update, collect)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable.

        Args:
            gradient: Its gradient.
            variable: The variable.
            learning_rate: The present learning rate.
        """
        raise TypeError(
            f"{type(self).__name__} should define "
            "`update_step(self, gradient, variable, learning_rate)`."
        )

    def _shared(self, key: Any, compute: Callable[[], Any]) -> Any:
        """Return what `compute` gives, evaluated once per step and key."""
        found = self._step_scalars.get(key)
        if found is None:
            found = self._step_scalars[key] = compute()
        return found

    def _step_number(self, dtype: str) -> Any:
        """Return the number of the present update, from 1, as a scalar of a dtype."""
        return self._shared(("step", dtype), lambda: ops.cast(ops.add(self.iterations, 1), dtype))

    def assign(self, variable: Any, value: Any) -> None:
        """Set a variable."""
        variable.assign(value)

    def assign_add(self, variable: Any, value: Any) -> None:
        """Add to a variable."""
        variable.assign_add(value)

    def assign_sub(self, variable: Any, value: Any) -> None:
        """Subtract from a variable."""
        variable.assign_sub(value)

    def scale_loss(self, loss: Any) -> Any:
        """Multiply a loss by the loss scale factor, if there is one."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def _clip_gradients(self, grads: list) -> list:
        if self.clipnorm:
            return [clip_by_norm(grad, float(self.clipnorm)) for grad in grads]
        if self.global_clipnorm:
            return clip_by_global_norm(grads, float(self.global_clipnorm))
        if self.clipvalue:
            limit = float(self.clipvalue)
            return [ops.clip(grad, -limit, limit) for grad in grads]
        return grads

    # Weight decay and averages

    def exclude_from_weight_decay(
        self, var_list: Iterable | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Leave variables out of weight decay; to be called before the optimizer is built.

        Args:
            var_list: The variables.
            var_names: Regular expressions; a variable whose name contains a match is left out.
        """
        if self.built:
            raise ValueError(
                f"{type(self).__name__}: `exclude_from_weight_decay` must be called before the "
                "optimizer is built."
            )
        self._excluded_ids = {id(variable) for variable in var_list or ()}
        names = list(var_names or ())
        self._excluded_names = re.compile("|".join(names)) if names else None

    def _use_weight_decay(self, variable: Any) -> bool:
        if id(variable) in self._excluded_ids:
            return False
        return self._excluded_names is None or not self._excluded_names.search(variable.name)

    def _weight_decay_of(self, variable: Any) -> float | None:
        return self.weight_decay

    def _apply_weight_decay(self, variables: list, rate: Any) -> None:
        for variable in variables:
            decay = self._weight_decay_of(variable)
            if decay is None or not self._use_weight_decay(variable):
                continue
            dtype = variable.dtype
            share = self._shared(
                ("decay", dtype, decay),
                lambda dtype=dtype, decay=decay: ops.multiply(ops.cast(rate, dtype), float(decay)),
            )
            variable.assign(ops.subtract(variable, ops.multiply(variable, share)))

    def _update_averages(self) -> None:
        for variable, average in zip(self._trainable_variables, self._averages, strict=True):
            dtype = variable.dtype
            kept = self._shared(
                ("average", dtype),
                lambda dtype=dtype: ops.multiply(
                    ops.cast(ops.not_equal(self.iterations, 0), dtype), float(self.ema_momentum)
                ),
            )
            new = ops.multiply(ops.subtract(1.0, kept), variable)
            value = ops.add(ops.multiply(kept, average), new)
            average.assign(value)
            if self.ema_overwrite_frequency:
                due = self._shared(
                    "overwrite",
                    lambda: ops.equal(
                        ops.mod(ops.add(self.iterations, 1), self.ema_overwrite_frequency), 0
                    ),
                )
                variable.assign(ops.where(due, value, variable))

    def finalize_variable_values(self, var_list: Iterable) -> None:
        """Give variables their final values: the moving averages, if there are any.

        Args:
            var_list: The model's trainable variables.
        """
        if self.use_ema and self.built:
            for variable in var_list:
                variable.assign(self._averages[self._get_variable_index(variable)].numpy())


def _to_gradient(gradient: Any, variable: Any) -> Any:
    gradient = ops.convert_to_tensor(gradient)
    return ops.cast(gradient, variable.dtype) if gradient.dtype != variable.dtype else gradient
