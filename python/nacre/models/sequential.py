"""`Sequential`: one layer after another."""

from __future__ import annotations

from typing import Any

from nacre.keras2 import PredictionMethods
from nacre.keras_tensor import KerasTensor
from nacre.layers.input_layer import Input, InputLayer
from nacre.layers.layer import Layer
from nacre.models.graph import FunctionalGraph
from nacre.models.model import Model
from nacre.tracking import bump_structure

__all__ = ["Sequential"]


class Sequential(PredictionMethods, Model):
    """A stack of layers.

    When the first layer says its input shape, or an `Input` comes first, weights are made as layers
    are added; otherwise when the first data arrives.

    Args:
        layers: The layers.
        trainable: Whether the weights can be trained.
        name: Name of the model.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Sequential:
        # Two positional arguments are not `inputs` and `outputs` here.
        model = super().__new__(cls, *args, **kwargs)
        for name, value in (("_stack", []), ("_tensors", []), ("_declared", False)):
            object.__setattr__(model, name, value)
        return model

    def __init__(
        self, layers: Any = None, trainable: bool = True, name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        if layers is not None:
            if not isinstance(layers, (list, tuple)):
                layers = [layers]
            for layer in layers:
                self.add(layer)
        if not trainable:
            self.trainable = False

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Adds a layer at the end.

        Args:
            layer: A layer, or for the first place what `Input` returns.
            rebuild: Accepted for compatibility.

        Raises:
            TypeError: It is no layer.
            ValueError: Another layer has its name, or an input does not come first.
        """
        if isinstance(layer, KerasTensor):
            history = getattr(layer, "_keras_history", None)
            if history is None or not isinstance(history.operation, InputLayer):
                raise TypeError(f"{self._label()}: only the output of `Input` can be added.")
            layer = history.operation
        if not isinstance(layer, Layer):
            if hasattr(layer, "call") or not callable(layer):
                raise TypeError(
                    f"{self._label()}: only layers can be added. "
                    f"Received: {layer!r} of type {type(layer).__name__}"
                )
            from nacre.layers import Lambda

            layer = Lambda(layer)
        if any(other.name == layer.name for other in self._stack):
            raise ValueError(
                f"{self._label()}: all layers should have names of their own. There is already a "
                f"layer named {layer.name!r}."
            )
        if isinstance(layer, InputLayer):
            self._add_input(layer)
            return
        if not self._stack and getattr(layer, "_batch_shape_arg", None) is not None:
            batch_shape = layer._batch_shape_arg
            tensor = Input(batch_shape=batch_shape, dtype=layer.input_dtype)
            self._add_input(tensor._keras_history.operation)
        elif not self._stack and isinstance(layer, Model) and layer._graph is not None:
            first = layer._graph.inputs
            if len(first) == 1:
                tensor = Input(batch_shape=first[0].shape, dtype=first[0].dtype)
                self._add_input(tensor._keras_history.operation)
        self._stack.append(layer)
        self._layers.append(layer)
        bump_structure()
        if self._tensors:
            self._extend([layer])

    def _add_input(self, layer: InputLayer) -> None:
        if self._stack:
            raise ValueError(
                f'{self._label()}: an input must come first. "{layer.name}" was added after '
                f'"{self._stack[-1].name}".'
            )
        self._stack.append(layer)
        self._layers.append(layer)
        object.__setattr__(self, "_declared", True)
        self._tensors.append(layer.output)
        bump_structure()

    def _extend(self, layers: list[Layer]) -> None:
        """Calls further layers on the last placeholder."""
        from nacre import naming

        naming.push_scope(self.name, self)
        try:
            for layer in layers:
                output = layer(self._tensors[-1])
                if not isinstance(output, KerasTensor):
                    raise ValueError(
                        f"{self._label()}: every layer should have one output. "
                        f"{layer._label()} returned {output!r}."
                    )
                self._tensors.append(output)
        except BaseException:
            self._forget(layers[layers.index(layer) :])
            raise
        finally:
            naming.pop_scope()
        self._make_graph()

    def _forget(self, layers: list[Layer]) -> None:
        """Takes layers that could not be called out again, as if they had not been added."""
        if self._declared:
            for layer in layers:
                self._stack.remove(layer)
                self._layers.remove(layer)
        else:
            del self._tensors[:]
        bump_structure()

    def _make_graph(self) -> None:
        graph = None
        if len(self._tensors) > 1:
            graph = FunctionalGraph(
                self._tensors[0], self._tensors[-1], self._label(), strict=self._declared
            )
        object.__setattr__(self, "_graph", graph)
        self.built = graph is not None
        bump_structure()

    def pop(self, rebuild: bool = True) -> Layer:
        """Takes the last layer away.

        Args:
            rebuild: Accepted for compatibility.

        Returns:
            The layer.
        """
        if not self.layers:
            raise ValueError(f"{self._label()} has no layers.")
        layer = self._stack.pop()
        self._layers.remove(layer)
        if self._tensors:
            if len(self._tensors) > 1:
                self._tensors.pop()
            if not self._declared and len(self._stack) == 1:
                self._unbuild()
            else:
                self._make_graph()
        bump_structure()
        return layer

    def _unbuild(self) -> None:
        """Waits for data again, after the last layer of a model without a declared input left."""
        self._layers.remove(self._stack.pop())
        del self._tensors[:]
        self._make_graph()

    def build(self, input_shape: Any = None) -> None:
        """Makes all weights.

        Args:
            input_shape: Shape of the input with the batch axis.
        """
        if self._tensors:
            if self._graph is None:
                self._make_graph()
            return
        if not self._stack:
            raise ValueError(f"{self._label()} has no layers: add some before building it.")
        if input_shape is None:
            raise ValueError(f"{self._label()}: `build` needs `input_shape`.")
        if isinstance(input_shape, (list, dict)) and not _is_shape(input_shape):
            raise ValueError(f"{self._label()} has one input. Received the shapes {input_shape!r}.")
        batch_shape = (None, *tuple(input_shape)[1:])
        tensor = Input(batch_shape=batch_shape, dtype=self._stack[0].input_dtype)
        layers = list(self._stack)
        self._tensors.append(tensor)
        self._extend(layers)
        layer = tensor._keras_history.operation
        self._stack.insert(0, layer)
        self._layers.insert(0, layer)

    def _build_from(self, given: dict, first: Any) -> None:
        if not self._stack or len(self.layers) == 0:
            return
        shape = getattr(first, "shape", None)
        if shape is None:
            raise ValueError(f"{self._label()} has one input. Received: {first!r}")
        self.build(tuple(shape))

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Computes the outputs.

        Args:
            inputs: A tensor.
            training: Whether layers are to behave as in training.
            mask: Mask of the input.
        """
        if self._graph is not None:
            return self._graph.run(inputs, mask)
        if not self.layers:
            raise ValueError(f"{self._label()} has no layers: add some before calling it.")
        raise ValueError(f"{self._label()} has not been built.")

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input."""
        stack = self._stack
        if stack and isinstance(stack[0], InputLayer):
            return stack[1:]
        return list(stack)

    @property
    def input_shape(self) -> Any:
        """Shape of the input."""
        if not self._tensors:
            raise AttributeError(f"{self._label()} has no `input_shape`: it is not built yet.")
        return self._tensors[0].shape

    @property
    def inputs(self) -> list[KerasTensor]:
        """The input placeholder, in a list."""
        if not self._tensors:
            return super().inputs
        return [self._tensors[0]]

    def _need_graph(self, what: str) -> FunctionalGraph:
        if self._graph is None:
            raise AttributeError(f"{self._label()} has no `{what}`: it is not built yet.")
        return self._graph

    @property
    def output_names(self) -> list[str] | None:
        """Names of the outputs; `None` before the model is built."""
        return None if self._graph is None else self._graph.output_names

    def get_config(self) -> dict:
        from nacre import dtype_policies
        from nacre.saving import serialize_keras_object

        config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": dtype_policies.serialize(self._dtype_policy),
            "layers": [
                serialize_keras_object(layer)
                for layer in (self._stack if self._declared else self.layers)
            ],
        }
        if self._graph is not None:
            config["build_input_shape"] = self._tensors[0].shape
        return config

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Sequential:
        from nacre.saving import deserialize_keras_object

        model = cls(name=config.get("name"))
        for entry in config["layers"]:
            model.add(deserialize_keras_object(entry, custom_objects=custom_objects))
        shape = config.get("build_input_shape")
        if not model._tensors and model._stack and shape is not None:
            model.build(tuple(shape))
        if not config.get("trainable", True):
            model.trainable = False
        return model


def _is_shape(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(
        size is None or isinstance(size, int) for size in value
    )
