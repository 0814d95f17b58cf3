"""Several optimizers in one model, each for its variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any

from nacre.optimizers.loss_scale_optimizer import LossScaleOptimizer
from nacre.optimizers.optimizer import Optimizer


def _check_inner(optimizer: Any, what: str) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{what}: expected an Optimizer. Received: {optimizer!r}")
    if isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
        raise ValueError(f"{what}: {type(optimizer).__name__} cannot be one of several optimizers.")


class OptimizerMap(MutableMapping):
    """Says which optimizer a variable gets, by its path.

    Args:
        default_optimizer: For variables that no key matches.
        optimizer_map: Paths, or regular expressions that match whole paths, and optimizers.
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: dict | None = None):
        _check_inner(default_optimizer, "OptimizerMap")
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"OptimizerMap: expected a dictionary. Received: {optimizer_map!r}")
        self._default_optimizer = default_optimizer
        self._optimizer_map: dict[str, Optimizer] = {}
        for key, optimizer in (optimizer_map or {}).items():
            self[key] = optimizer

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer of variables that no key matches."""
        return self._default_optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        matches = [pattern for pattern in self._optimizer_map if re.fullmatch(pattern, key)]
        if len(matches) > 1:
            raise ValueError(f"OptimizerMap: {key!r} matches several keys: {', '.join(matches)}")
        return self._optimizer_map[matches[0]] if matches else self._default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise ValueError(f"OptimizerMap: expected keys to be strings. Received: {key!r}")
        if key in self._optimizer_map:
            raise ValueError(f"OptimizerMap: the key {key!r} is there already.")
        _check_inner(optimizer, "OptimizerMap")
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizer_map)

    def __call__(self, variable: Any) -> Optimizer:
        """Return the optimizer of a variable."""
        return self[variable.path]

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        from nacre.saving import serialize_keras_object

        return {
            "default_optimizer": serialize_keras_object(self._default_optimizer),
            "optimizer_map": serialize_keras_object(self._optimizer_map),
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> OptimizerMap:
        """Make a map from what `get_config` returned."""
        from nacre.saving import deserialize_keras_object

        parts = (config["default_optimizer"], config["optimizer_map"])
        return cls(*(deserialize_keras_object(part, custom_objects) for part in parts))


class MultiOptimizer(Optimizer):
    """Gives every variable to an optimizer of its own choice.

    Args:
        optimizer_map: An `OptimizerMap`, or a function from a variable to its optimizer.
        loss_scale_factor: Set on all of the optimizers.
        name: Made from the class name if None.
    """

    def __init__(
        self,
        optimizer_map: Callable[[Any], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ):
        if not callable(optimizer_map):
            raise TypeError(
                "MultiOptimizer: expected an OptimizerMap or a function. "
                f"Received: {optimizer_map!r}"
            )
        self._optimizers: list[Optimizer] = []
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        self._optimizer_map = optimizer_map
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map.values(), optimizer_map.default_optimizer):
                self._adopt(optimizer)

    def _adopt(self, optimizer: Optimizer) -> int:
        """Return the place of an optimizer in the list, adding it if it is new."""
        for place, known in enumerate(self._optimizers):
            if known is optimizer:
                return place
        optimizer.loss_scale_factor = self.loss_scale_factor
        self._optimizers.append(optimizer)
        return len(self._optimizers) - 1

    def build(self, variables: Iterable) -> None:
        if self.built:
            return
        variables = list(variables)
        self._places: dict[int, int] = {}
        for variable in variables:
            optimizer = self._optimizer_map(variable)
            _check_inner(optimizer, f"MultiOptimizer, variable {variable.path!r}")
            self._places[id(variable)] = self._adopt(optimizer)
        for optimizer, own in zip(self._optimizers, self._split(variables), strict=True):
            if own:
                optimizer.build(own)
        super().build(variables)

    def _split(self, variables: Iterable) -> list[list]:
        """Sort variables by their optimizers."""
        groups: list[list] = [[] for _ in self._optimizers]
        for variable in variables:
            groups[self._places[id(variable)]].append(variable)
        return groups

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers."""
        return self._optimizers

    @property
    def variables(self) -> list:
        """The Variables of the whole and of all optimizers."""
        return self._variables + [v for optimizer in self._optimizers for v in optimizer.variables]

    @property
    def loss_scale_factor(self) -> float | None:
        """The factor on the loss, that of all optimizers."""
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        self._loss_scale_factor = value
        for optimizer in self._optimizers:
            optimizer.loss_scale_factor = value

    @property
    def learning_rate(self) -> Any:
        """Not there: each of the optimizers has its own."""
        raise AttributeError("MultiOptimizer: use the `learning_rate` of one of its `optimizers`.")

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError("MultiOptimizer: set the `learning_rate` of one of its `optimizers`.")

    @property
    def iterations(self) -> Any:
        """How many updates have been made."""
        return self._iterations

    def _update(self, grads: list, variables: list) -> None:
        of = {id(variable): grad for grad, variable in zip(grads, variables, strict=True)}
        for optimizer, own in zip(self._optimizers, self._split(variables), strict=True):
            if own:
                optimizer.apply([of[id(variable)] for variable in own], own)

    def _unscaled(self, grads: list) -> list:
        return grads  # each optimizer takes the factor off its own

    def finalize_variable_values(self, var_list: Iterable) -> None:
        if not self.built:
            return
        for optimizer, own in zip(self._optimizers, self._split(var_list), strict=True):
            if own:
                optimizer.finalize_variable_values(own)

    def get_config(self) -> dict:
        from nacre.saving import serialize_keras_object

        return {
            "optimizer_map": serialize_keras_object(self._optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> MultiOptimizer:
        from nacre.saving import deserialize_keras_object

        config = dict(config)
        config["optimizer_map"] = deserialize_keras_object(
            config["optimizer_map"], custom_objects, module="keras.optimizers"
        )
        return cls(**config)
