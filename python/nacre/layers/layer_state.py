"""The state of a layer: Variables, sublayers, metrics and losses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nacre import _core, config, initializers, naming, regularizers, tree
from nacre import constraints as constraints_module
from nacre.layers.call_arguments import trace_token
from nacre.layers.weight_shape import weight_shape
from nacre.tracking import Tracker, add_by_identity, bump_structure
from nacre.variable import Variable


def _is_layer(value: Any) -> bool:
    return isinstance(value, LayerState)


def _is_metric(value: Any) -> bool:
    return getattr(value, "_is_nacre_metric", False)


def _is_seed_generator(value: Any) -> bool:
    return hasattr(value, "next") and isinstance(getattr(value, "state", None), _core.Variable)


def _unique(values: list) -> list:
    seen: set[int] = set()
    return [v for v in values if id(v) not in seen and not seen.add(id(v))]


class LayerState:
    """Tracks what is assigned to attributes, and answers questions about it."""

    def __new__(cls, *args: Any, **kwargs: Any) -> LayerState:
        self = super().__new__(cls)
        trainable: list = []
        non_trainable: list = []
        layers: list = []
        metrics: list = []
        seeds: list = []
        state = {
            "_trainable_variables": trainable,
            "_non_trainable_variables": non_trainable,
            "_layers": layers,
            "_metrics": metrics,
            "_seed_generators": seeds,
            "_trainable": True,
            "_losses": [],
            "_loss_token": None,
            "_inbound_nodes": [],
            "_init_arguments": (args, kwargs),
            "_initialized": False,
            "_building": False,
            "_build_shapes": None,
            "built": False,
        }
        for name, value in state.items():
            object.__setattr__(self, name, value)

        def is_trainable(value: Any) -> bool:
            return isinstance(value, _core.Variable) and getattr(value, "trainable", True)

        tracker = Tracker(
            [
                (is_trainable, trainable),
                (lambda value: isinstance(value, _core.Variable), non_trainable),
                (_is_metric, metrics),
                (_is_layer, layers),
                (_is_seed_generator, seeds),
            ]
        )
        object.__setattr__(self, "_tracker", tracker)
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        # Private bookkeeping of the base classes is set by object.__setattr__.
        object.__setattr__(self, name, self._tracker.track(value))

    def __delattr__(self, name: str) -> None:
        value = self.__dict__.get(name)
        if value is not None:
            self._tracker.untrack(value)
        object.__delattr__(self, name)

    # Variables

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a Variable that belongs to this layer.

        Args:
            shape: The shape; a scalar if None.
            initializer: Name, instance or callable; `glorot_uniform` for floats, else `zeros`.
            dtype: The dtype; that of the layer's variables if None.
            trainable: Whether an optimizer may change it.
            autocast: Whether it is cast to the layer's compute dtype when read.
            regularizer: A penalty added to the loss.
            constraint: A projection applied after each update.
            aggregation: Accepted for compatibility.
            overwrite_with_gradient: Accepted for compatibility; only False is possible.
            name: The name, the last part of the path.

        Returns:
            The Variable.
        """
        if isinstance(shape, str):  # Keras 2 had the name first
            shape, name = None if initializer is None else initializer, shape
            initializer = dtype if not isinstance(dtype, str) else None
            dtype = None
        if overwrite_with_gradient:
            raise ValueError(f"{self._label()}: `overwrite_with_gradient` is not possible.")
        dtype = config.standardize_dtype(dtype or self.variable_dtype)
        shape = weight_shape(shape, dtype, name, self._label())
        if initializer is None:
            initializer = "glorot_uniform" if "float" in dtype else "zeros"
        naming.push_scope(self.name, self)
        try:
            with _core.init_scope():
                variable = Variable(
                    initializers.get(initializer),
                    shape=shape,
                    dtype=dtype,
                    trainable=trainable,
                    autocast=autocast,
                    aggregation=aggregation,
                    name=name,
                )
        except MemoryError as error:
            raise MemoryError(
                f"{self._label()}: no memory for weight {name!r} of shape {shape}."
            ) from error
        finally:
            naming.pop_scope()
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints_module.get(constraint)
        self._track_variable(variable)
        return variable

    def add_variable(
        self,
        shape: Any,
        initializer: Any,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Make a Variable that belongs to this layer; `add_weight` with fewer options.

        Args:
            shape: The shape.
            initializer: Name, instance or callable.
            dtype: The dtype; that of the layer's variables if None.
            trainable: Whether an optimizer may change it.
            autocast: Whether it is cast to the layer's compute dtype when read.
            regularizer: A penalty added to the loss.
            constraint: A projection applied after each update.
            name: The name, the last part of the path.

        Returns:
            The Variable.
        """
        return self.add_weight(
            shape, initializer, dtype, trainable, autocast, regularizer, constraint, name=name
        )

    def _track_variable(self, variable: Any) -> None:
        trainable = getattr(variable, "trainable", True)
        add_by_identity(
            self._trainable_variables if trainable else self._non_trainable_variables, variable
        )
        if not self._trainable and trainable:
            variable.trainable = False

    def _untrack_variable(self, variable: Any) -> None:
        self._tracker.untrack(variable)

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list:
        """List this layer and those below it, each once, outer ones first."""
        found: list = [self] if include_self else []
        seen = {id(self)}
        pending = list(self._layers)[::-1]
        while pending:
            layer = pending.pop()
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            found.append(layer)
            if recursive:
                pending.extend(list(layer._layers)[::-1])
        return found

    @property
    def variables(self) -> list:
        """All Variables: weights and the states of random generators."""
        found = self._trainable_variables + self._non_trainable_variables
        found += [generator.state for generator in self._seed_generators]
        for layer in self._layers:
            found += layer.variables
        return _unique(found)

    @property
    def weights(self) -> list:
        """The weights, layer by layer; in each the trainable ones first."""
        found = self._trainable_variables + self._non_trainable_variables
        for layer in self._layers:
            found += layer.weights
        return _unique(found)

    @property
    def trainable_variables(self) -> list:
        """The Variables that an optimizer may change."""
        return [v for v in self.variables if v.trainable] if self.trainable else []

    @property
    def non_trainable_variables(self) -> list:
        """The Variables that no optimizer changes."""
        variables = self.variables
        return [v for v in variables if not v.trainable] if self.trainable else variables

    @property
    def trainable_weights(self) -> list:
        """The weights that an optimizer may change."""
        return [v for v in self.weights if v.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list:
        """The weights that no optimizer changes."""
        weights = self.weights
        return [v for v in weights if not v.trainable] if self.trainable else weights

    @property
    def metrics(self) -> list:
        """The metrics of this layer and those below it."""
        return _unique([m for layer in self._flatten_layers() for m in layer._metrics])

    @property
    def metrics_variables(self) -> list:
        """The Variables of the metrics."""
        return [v for metric in self.metrics for v in metric.variables]

    @property
    def trainable(self) -> bool:
        """Whether an optimizer may change this layer's weights; set it to freeze the layer."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = bool(value)
        object.__setattr__(self, "_trainable", value)
        for variable in self._trainable_variables:
            variable.trainable = value
        for layer in self._layers:
            layer.trainable = value
        bump_structure()

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the weights as arrays, in the order of `weights`."""
        return [weight.numpy() for weight in self.weights]

    def set_weights(self, weights: Any) -> None:
        """Replace the weights.

        Args:
            weights: Arrays in the order of `weights`.

        Raises:
            ValueError: If their number or some shape is not right; nothing is changed then.
        """
        own = self.weights
        weights = list(weights)
        if len(own) != len(weights):
            raise ValueError(
                f"{self._label()}: set_weights expected {len(own)} arrays. Received: {len(weights)}"
            )
        for variable, value in zip(own, weights, strict=True):
            if tuple(variable.shape) != tuple(np.shape(value)):
                raise ValueError(
                    f"{self._label()}: set_weights expected shape {tuple(variable.shape)} for "
                    f"weight {variable.path!r}. Received shape {tuple(np.shape(value))}."
                )
        for variable, value in zip(own, weights, strict=True):
            variable.assign(value)

    def count_params(self) -> int:
        """Count the numbers in the weights.

        Raises:
            ValueError: If the layer has not been built.
        """
        if not self.built:
            raise ValueError(
                f"{self._label()}: count_params needs a built layer; build it or call it first."
            )
        return sum(math.prod(weight.shape) for weight in self.weights)

    def save_own_variables(self, store: dict) -> None:
        """Put this layer's own weights into a store.

        Args:
            store: A dict.
        """
        for index, variable in enumerate(self._trainable_variables + self._non_trainable_variables):
            store[str(index)] = variable.numpy()

    def load_own_variables(self, store: dict) -> None:
        """Take this layer's own weights out of a store.

        Args:
            store: What `save_own_variables` filled.
        """
        own = self._trainable_variables + self._non_trainable_variables
        if len(store.keys()) != len(own):
            built = "" if self.built else " The layer has not been built."
            raise ValueError(
                f"{self._label()}: expected {len(own)} variables. "
                f"Received: {len(store.keys())}.{built}"
            )
        for index, variable in enumerate(own):
            variable.assign(store[str(index)])

    # Losses

    def add_loss(self, loss: Any) -> None:
        """Add a scalar to the loss that training minimises; to be called from `call`.

        Args:
            loss: A scalar tensor, or a structure of them.
        """
        values = tree.flatten(loss)
        for value in values:
            if not isinstance(value, _core.Tensor):
                raise ValueError(
                    f"{self._label()}: add_loss expected a scalar tensor, inside `call`. "
                    f"Received: {value!r}"
                )
        token = trace_token()
        self._losses.extend((token, value) for value in values)

    @property
    def losses(self) -> list:
        """The scalars from `add_loss` and regularizers, of this layer and those below it."""
        # Those of another trace, or of a finished one, mean nothing here.
        token = trace_token()
        found = [
            loss
            for layer in self._flatten_layers()
            for made, loss in layer._losses
            if made == token
        ]
        for variable in self.trainable_weights:
            regularizer = getattr(variable, "regularizer", None)
            if regularizer is not None:
                found.append(regularizer(variable))
        return found

    def _clear_losses(self) -> None:
        for layer in self._flatten_layers():
            layer._losses.clear()

    def _label(self) -> str:
        """Return how errors name this layer: `Dense "dense_1"`."""
        name = self.__dict__.get("name")
        return f'{type(self).__name__} "{name}"' if name else type(self).__name__
