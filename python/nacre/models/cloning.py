"""Copies of models, and models out of JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nacre import tree
from nacre.keras_tensor import KerasTensor
from nacre.layers.input_layer import Input, InputLayer
from nacre.layers.layer import Layer
from nacre.models.functional import Functional
from nacre.models.graph import replay
from nacre.models.model import Model
from nacre.models.node import Operation
from nacre.models.sequential import Sequential

__all__ = ["clone_model", "model_from_json"]


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable | None = None,
    call_function: Callable | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Model:
    """Makes a model of the same layers with weights of its own.

    Args:
        model: The model.
        input_tensors: Placeholders to build it on.
        clone_function: Called with each layer; returns the layer to use.
        call_function: Called with a layer and the arguments of each of its calls, in place of it.
        recursive: Whether `clone_function` is applied inside nested models too.
        **kwargs: None are known.

    Returns:
        The new model.
    """
    if kwargs:
        raise TypeError(f"`clone_model` got unknown arguments: {sorted(kwargs)}")

    def copy_layer(layer: Layer) -> Layer:
        if recursive and isinstance(layer, Model) and layer._graph is not None:
            return clone_model(
                layer, clone_function=clone_function, call_function=call_function, recursive=True
            )
        if clone_function is not None:
            return clone_function(layer)
        return type(layer).from_config(layer.get_config())

    if isinstance(model, Sequential):
        return _clone_sequential(model, input_tensors, copy_layer)
    if model._graph is not None:
        return _clone_functional(model, input_tensors, copy_layer, call_function)
    if input_tensors is not None or clone_function is not None or call_function is not None:
        raise ValueError(
            "A subclassed model is cloned through its `get_config`: other arguments of "
            "`clone_model` do not apply."
        )
    return type(model).from_config(model.get_config())


def _clone_sequential(model: Sequential, input_tensors: Any, copy_layer: Callable) -> Sequential:
    copy = (
        Sequential(name=model.name) if type(model) is Sequential else type(model)(name=model.name)
    )
    if input_tensors is not None:
        tensors = tree.flatten(input_tensors)
        if len(tensors) != 1 or not isinstance(tensors[0], KerasTensor):
            raise ValueError("`input_tensors` must be one placeholder for a Sequential model.")
        copy.add(tensors[0])
    elif model._declared:
        placeholder = model._tensors[0]
        name = placeholder._keras_history.operation.name
        copy.add(Input(batch_shape=placeholder.shape, dtype=placeholder.dtype, name=name))
    for layer in model.layers:
        copy.add(copy_layer(layer))
    if model._tensors and not copy._tensors:
        copy.build(model.input_shape)
    return copy


def _clone_functional(
    model: Model, input_tensors: Any, copy_layer: Callable, call_function: Callable | None
) -> Model:
    graph = model._graph
    values: dict[int, Any] = {}
    given = None if input_tensors is None else tree.flatten(input_tensors)
    if given is not None and len(given) != len(graph.inputs):
        raise ValueError(f"`input_tensors` must hold {len(graph.inputs)} placeholders.")
    for index, tensor in enumerate(graph.inputs):
        if given is not None:
            values[id(tensor)] = given[index]
        else:
            name = tensor._keras_history.operation.name
            values[id(tensor)] = Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=name)
    copies: dict[int, Any] = {}

    def stand_in(operation: Any) -> Any:
        if id(operation) not in copies:
            if isinstance(operation, Operation):
                copies[id(operation)] = Operation(operation.function, operation.name)
            else:
                copies[id(operation)] = copy_layer(operation)
        copy = copies[id(operation)]
        if call_function is None:
            return copy
        return lambda *args, **kwargs: call_function(copy, *args, **kwargs)

    nodes = [node for node in graph.nodes if not isinstance(node.operation, InputLayer)]
    replay(nodes, values, stand_in)
    cls = type(model) if type(model).__init__ in (Functional.__init__, Model.__init__) else Model
    return cls(
        inputs=tree.map_structure(lambda tensor: values[id(tensor)], graph.input_structure),
        outputs=tree.map_structure(lambda tensor: values[id(tensor)], graph.output_structure),
        name=model.name,
    )


def model_from_json(json_string: str, custom_objects: dict | None = None) -> Model:
    """Makes a model from what `to_json` returned.

    Args:
        json_string: The text.
        custom_objects: Names and the classes or functions that they mean.
    """
    import json

    from nacre.saving import deserialize_keras_object

    return deserialize_keras_object(json.loads(json_string), custom_objects=custom_objects)
