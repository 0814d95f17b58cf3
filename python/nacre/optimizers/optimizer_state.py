"""The state of an optimizer: options, learning rate, Variables, configuration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from nacre import _core, config, initializers, naming, ops
from nacre.naming import auto_name
from nacre.optimizers.schedules import LearningRateSchedule
from nacre.tracking import bump_structure
from nacre.variable import Variable


class OptimizerState:
    """What an optimizer is made of; `Optimizer` adds the updates."""

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        self.name = name or auto_name(type(self).__name__)
        learning_rate = kwargs.pop("lr", learning_rate)
        self.decay = kwargs.pop("decay", None) or 0.0
        if kwargs:
            unknown = ", ".join(f"`{key}`" for key in kwargs)
            raise ValueError(f"{type(self).__name__}: unknown arguments {unknown}.")
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self._check_options()
        self.built = False
        self._variables: list[Variable] = []
        self._trainable_variables: list[Variable] = []
        self._indices: dict[int, int] = {}
        self._step_scalars: dict[Any, Any] = {}
        self._excluded_ids: set[int] = set()
        self._excluded_names: Any = None
        self._iterations = self.add_variable((), dtype="int32", name="iteration")
        self._learning_rate = self._make_learning_rate(learning_rate)

    def _check_options(self) -> None:
        owner = type(self).__name__
        clips = [
            name
            for name in ("clipnorm", "clipvalue", "global_clipnorm")
            if getattr(self, name) is not None
        ]
        if len(clips) > 1:
            raise ValueError(
                f"{owner}: expected only one of `clipnorm`, `clipvalue` and `global_clipnorm`. "
                f"Received: {', '.join(clips)}"
            )
        if self.use_ema and not 0 <= self.ema_momentum <= 1:
            raise ValueError(
                f"{owner}: expected `ema_momentum` between 0 and 1. Received: {self.ema_momentum}"
            )
        frequency = self.ema_overwrite_frequency
        if frequency is not None and (not isinstance(frequency, int) or frequency < 1):
            raise ValueError(
                f"{owner}: expected `ema_overwrite_frequency` to be a positive integer or None. "
                f"Received: {frequency!r}"
            )
        steps = self.gradient_accumulation_steps
        if steps is not None and (not isinstance(steps, int) or steps < 2):
            raise ValueError(
                f"{owner}: expected `gradient_accumulation_steps` to be an integer of at least 2. "
                f"Received: {steps!r}"
            )

    # Learning rate

    def _make_learning_rate(self, value: Any) -> Any:
        if isinstance(value, dict):
            from nacre.optimizers import schedules

            value = schedules.deserialize(value)
        if isinstance(value, (LearningRateSchedule, _core.Variable)):
            return value
        if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
            rate = initializers.Constant(float(value))
            return self.add_variable((), rate, dtype=config.floatx(), name="learning_rate")
        if callable(value):
            return value
        raise ValueError(
            f"{type(self).__name__}: expected `learning_rate` to be a number, a "
            f"LearningRateSchedule or a function. Received: learning_rate={value!r}"
        )

    @property
    def learning_rate(self) -> Any:
        """The learning rate: a Variable that may be set, or the present value of a schedule."""
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            return rate(self._iterations)
        if isinstance(rate, _core.Variable):
            return rate
        return rate()

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        previous = self._learning_rate
        if isinstance(value, LearningRateSchedule) or (
            callable(value) and not isinstance(value, _core.Variable)
        ):
            self._learning_rate = value
            self._variables = [v for v in self._variables if v is not previous]
            bump_structure()
        elif isinstance(previous, _core.Variable):
            previous.assign(value)
        else:
            raise TypeError(
                f"{type(self).__name__}: the learning rate follows a schedule and cannot be set "
                "to a number. Make the optimizer with a number if it should be settable."
            )

    @property
    def lr(self) -> Any:
        """The older name of `learning_rate`."""
        return self.learning_rate

    @lr.setter
    def lr(self, value: Any) -> None:
        self.learning_rate = value

    @property
    def iterations(self) -> Any:
        """How many updates have been made."""
        if self.gradient_accumulation_steps:
            return ops.floor_divide(self._iterations, self.gradient_accumulation_steps)
        return self._iterations

    # Variables

    @property
    def variables(self) -> list[Variable]:
        """The optimizer's own Variables: iteration, learning rate, slots."""
        return list(self._variables)

    def add_variable(
        self,
        shape: Any,
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "none",
        layout: None = None,
        name: str | None = None,
    ) -> Variable:
        """Make a Variable that belongs to the optimizer.

        Args:
            shape: The shape.
            initializer: Name, instance or callable.
            dtype: The dtype.
            aggregation: Accepted for compatibility.
            layout: Accepted for compatibility; only None.
            name: The name.

        Returns:
            The Variable.
        """
        with naming.name_scope(self.name, self), _core.init_scope():
            variable = Variable(
                initializers.get(initializer),
                shape=tuple(shape),
                dtype=dtype,
                trainable=False,
                aggregation=aggregation,
                name=name,
            )
        self._variables.append(variable)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Any, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Make a slot of the shape and dtype of a variable.

        Args:
            reference_variable: The variable.
            name: The name of the kind of slot.
            initializer: Name, instance or callable.

        Returns:
            The Variable.
        """
        prefix = getattr(reference_variable, "path", reference_variable.name).replace("/", "_")
        return self.add_variable(
            reference_variable.shape,
            initializer,
            dtype=reference_variable.dtype,
            name=f"{prefix}_{name or 'var'}",
        )

    def add_optimizer_variables(
        self, trainable_variables: Iterable, name: Any, initializer: Any = "zeros"
    ) -> Any:
        """Make one slot, or several, for each variable.

        Args:
            trainable_variables: The variables.
            name: The name of a kind of slot, or a list of names.
            initializer: An initializer, or one for each name.

        Returns:
            A list of slots, or a tuple of lists for a list of names.
        """
        names = [name] if isinstance(name, str) else list(name)
        several = isinstance(initializer, (list, tuple))
        kinds = list(initializer) if several else [initializer] * len(names)
        if len(kinds) != len(names):
            raise ValueError(
                f"{type(self).__name__}: expected {len(names)} initializers. Received: {len(kinds)}"
            )
        slots: tuple[list, ...] = tuple([] for _ in names)
        for variable in trainable_variables:  # a variable's slots stand together
            for column, slot_name, kind in zip(slots, names, kinds, strict=True):
                column.append(self.add_variable_from_reference(variable, slot_name, kind))
        return slots[0] if isinstance(name, str) else slots

    def build(self, variables: Iterable) -> None:
        """Make the slots for a list of variables.

        Args:
            variables: The variables that the optimizer will change.
        """
        variables = list(variables)
        if self.use_ema:
            self._averages = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulators_of_gradients = self.add_optimizer_variables(
                variables, "gradient_accumulator"
            )
        self._indices = {id(variable): index for index, variable in enumerate(variables)}
        self._trainable_variables = variables
        self.built = True

    def _get_variable_index(self, variable: Any) -> int:
        return self._indices[id(variable)]

    # State and configuration

    def set_weights(self, weights: Iterable) -> None:
        """Replace the optimizer's Variables.

        Args:
            weights: Arrays in the order of `variables`.
        """
        weights = list(weights)
        variables = self.variables
        if not self.built or len(weights) != len(variables):
            raise ValueError(
                f"{type(self).__name__}: set_weights needs a built optimizer and "
                f"{len(variables)} arrays. Received: {len(weights)}"
            )
        for variable, value in zip(variables, weights, strict=True):
            if tuple(variable.shape) != tuple(np.shape(value)):
                raise ValueError(
                    f"{type(self).__name__}: expected shape {tuple(variable.shape)} for "
                    f"{variable.path!r}. Received shape {tuple(np.shape(value))}."
                )
        for variable, value in zip(variables, weights, strict=True):
            variable.assign(value)

    def save_own_variables(self, store: dict) -> None:
        """Put the optimizer's Variables into a store."""
        for index, variable in enumerate(self.variables):
            store[str(index)] = variable.numpy()

    def load_own_variables(self, store: dict) -> None:
        """Take the optimizer's Variables out of a store."""
        variables = self.variables
        if len(store.keys()) != len(variables):
            import warnings

            warnings.warn(
                f"Optimizer {self.name!r} has {len(variables)} variables and the file has "
                f"{len(store.keys())}: its state is not loaded."
            )
            return
        for index, variable in enumerate(variables):
            variable.assign(store[str(index)])

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        from nacre.saving import serialize_keras_object

        rate = self._learning_rate
        if isinstance(rate, _core.Variable):
            rate = float(rate.numpy())
        else:
            rate = serialize_keras_object(rate)
        config = {
            "name": self.name,
            "learning_rate": rate,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }
        if self.decay:
            config["decay"] = self.decay
        return config

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> OptimizerState:
        """Make an optimizer from what `get_config` returned.

        Args:
            config: The arguments of the constructor.
            custom_objects: Names and the classes that they mean.

        Returns:
            The optimizer, without its state.
        """
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            from nacre.saving import deserialize_keras_object

            config["learning_rate"] = deserialize_keras_object(
                config["learning_rate"], custom_objects, module="keras.optimizers.schedules"
            )
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"
