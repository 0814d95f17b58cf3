"""`Functional`: a model made of placeholders, and its configuration."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nacre import tree
from nacre.keras_tensor import KerasTensor
from nacre.layers.input_layer import InputLayer
from nacre.layers.layer import Layer
from nacre.models.model import Model
from nacre.models.node import node_of

__all__ = ["Functional", "graph_config", "model_from_graph_config"]


class Functional(Model):
    """What `Model(inputs, outputs)` makes.

    Args:
        inputs: Placeholder, or structure of them.
        outputs: Placeholder, or structure of them.
        name: Name of the model.
        **kwargs: `trainable` and `dtype`.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(inputs=inputs, outputs=outputs, name=name, **kwargs)

    def get_config(self) -> dict:
        if type(self).__init__ is not Functional.__init__:
            return super().get_config()
        return graph_config(self)


def graph_config(model: Model) -> dict:
    """The configuration of a functional model: its layers, and on what each was called.

    Args:
        model: The model.
    """
    from nacre.saving import operations, serialize_keras_object

    graph = model._graph
    node_numbers = _number_nodes(graph.nodes)
    layers = []
    for operation in graph.operations:
        nodes = [n for n in operation._inbound_nodes if id(n) in node_numbers and n.inputs]
        if isinstance(operation, Layer):
            entry = serialize_keras_object(operation)
            calls = [(node.args, node.kwargs) for node in nodes]
        else:
            entry = operations.describe(operation)
            entry["config"] = serialize_keras_object(entry["config"])
            calls = [operations.call_arguments(operation, node) for node in nodes]
        entry["name"] = operation.name
        entry["inbound_nodes"] = [
            {
                "args": _serialize_arguments(args, node_numbers),
                "kwargs": _serialize_arguments(kwargs, node_numbers),
            }
            for args, kwargs in calls
        ]
        layers.append(entry)

    def place(tensor: KerasTensor) -> list:
        operation, _, tensor_index = tensor._keras_history
        number = node_numbers[id(node_of(tensor))] + _calls_before(operation)
        return [operation.name, number, tensor_index]

    def places(structure: Any) -> Any:
        if isinstance(structure, KerasTensor):
            return place(structure)
        return tree.map_structure(place, structure)

    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        "input_layers": places(graph.input_structure),
        "output_layers": places(graph.output_structure),
    }


def _calls_before(operation: Any) -> int:
    """Say where counting starts in lists of inputs and outputs: at 1 for a functional model.

    There, and only there, Keras counts the making of such a model as a call.
    """
    from nacre.models.sequential import Sequential

    nested = isinstance(operation, Model) and operation._graph is not None
    return int(nested and not isinstance(operation, Sequential))


def _number_nodes(nodes: list) -> dict[int, int]:
    """Numbers the calls of each operation, leaving out calls that belong to other models."""
    numbers: dict[int, int] = {}
    present = {id(node) for node in nodes}
    for node in nodes:
        if id(node) in numbers:
            continue
        count = 0
        for sibling in node.operation._inbound_nodes:
            if id(sibling) in present:
                numbers[id(sibling)] = count
                count += 1
    return numbers


def _serialize_arguments(arguments: Any, numbers: dict[int, int]) -> Any:
    from nacre.saving import serialize_keras_object

    def serialize(leaf: Any) -> Any:
        config = serialize_keras_object(leaf)
        if isinstance(leaf, KerasTensor):
            config["config"]["keras_history"][1] = numbers[id(node_of(leaf))]
        return config

    return tree.map_structure(serialize, arguments)


def model_from_graph_config(cls: type, config: dict, custom_objects: dict | None = None) -> Model:
    """Makes a functional model from what `graph_config` returned.

    Args:
        cls: Class of the model.
        config: The configuration.
        custom_objects: Names and the classes or functions that they mean.

    Raises:
        ValueError: The configuration is not that of a model.
    """
    operations = _Operations()
    calls: list[_Call] = []
    for entry in config["layers"]:
        name = entry.get("name") or entry["config"]["name"]
        if name in operations:
            raise ValueError(f"The configuration names two layers {name!r}.")
        operation, read = _make_operation(entry, custom_objects)
        operations.add(name, operation)
        calls += [
            _Call(operation, name, read, call["args"], call["kwargs"])
            for call in entry.get("inbound_nodes") or ()
        ]
    _make_calls(operations, calls)

    def find(place: Any) -> KerasTensor:
        name, number, tensor_index = place
        return _output_of(
            operations, name, number - _calls_before(operations.get(name)), tensor_index
        )

    def structure(places: Any) -> Any:
        if isinstance(places, (list, tuple)) and len(places) == 3 and isinstance(places[0], str):
            return find(places)
        if isinstance(places, dict):
            return {key: structure(item) for key, item in places.items()}
        return [structure(item) for item in places]

    def unpack(structure: Any) -> Any:
        return structure[0] if isinstance(structure, list) and len(structure) == 1 else structure

    return cls(
        inputs=unpack(structure(config["input_layers"])),
        outputs=unpack(structure(config["output_layers"])),
        name=config.get("name"),
        trainable=config.get("trainable", True),
    )


def _make_operation(entry: dict, custom_objects: dict | None) -> tuple[Any, Callable | None]:
    """Makes a layer or operation, and for the latter says how its calls are to be read."""
    from nacre.saving import deserialize_keras_object
    from nacre.saving.operations import Restored

    module = entry.get("module") or ""
    if module.startswith(("keras.ops", "keras.src.ops.")):
        restored = Restored({**entry, "config": deserialize_keras_object(entry["config"])})
        return restored.operation, restored.arguments
    layer = deserialize_keras_object(
        {key: value for key, value in entry.items() if key not in ("name", "inbound_nodes")},
        custom_objects=custom_objects,
    )
    if not isinstance(layer, Layer):
        raise ValueError(f"The configuration holds no layer: {entry.get('class_name')!r}.")
    return layer, None


class _Operations(dict):
    """The operations of a configuration by name, and how often each was called before."""

    def __init__(self) -> None:
        super().__init__()
        self.earlier: dict[str, int] = {}

    def add(self, name: str, operation: Any) -> None:
        # A layer that other models have too was called there. The making of an input counts here.
        called = 0 if isinstance(operation, InputLayer) else len(operation._inbound_nodes)
        self[name], self.earlier[name] = operation, called

    def called(self, name: str) -> int:
        """Say how many of the calls in the configuration have been made."""
        return len(self[name]._inbound_nodes) - self.earlier[name]


def _output_of(
    operations: _Operations, name: str, node_index: int, tensor_index: int
) -> KerasTensor:
    if name not in operations:
        raise ValueError(f"The configuration mentions {name!r}, which is not among its layers.")
    if not 0 <= node_index < operations.called(name):
        raise ValueError(f"The configuration mentions call {node_index} of {name!r}.")
    node = operations[name]._inbound_nodes[operations.earlier[name] + node_index]
    return node.output_list[tensor_index]


@dataclass
class _Call:
    """A call that a configuration describes."""

    operation: Any
    name: str
    read: Callable | None
    args: Any
    kwargs: Any

    def make(self, operations: _Operations) -> None:
        args, kwargs = _restore(self.args, operations), _restore(self.kwargs, operations)
        if self.read is not None:
            args, kwargs = self.read(args, kwargs)
        if not any(isinstance(leaf, KerasTensor) for leaf in tree.flatten((args, kwargs))):
            raise ValueError(f"The configuration calls {self.name!r} on no tensor.")
        self.operation(*args, **kwargs)


def _make_calls(operations: _Operations, calls: list[_Call]) -> None:
    """Makes each call as soon as what it depends on is there, those of one operation in order."""
    waiting: dict[tuple[str, int], list[int]] = {}  # what is missing -> calls that need it
    missing: list[int] = []
    made = {name: operations.called(name) for name in operations}
    numbers = dict(made)
    for index, call in enumerate(calls):
        needs = {(name, number) for name, number, _ in _histories([call.args, call.kwargs])}
        number = numbers[call.name]
        numbers[call.name] += 1
        if number > made[call.name]:
            needs.add((call.name, number - 1))
        for name, _ in needs:
            if name not in operations:
                raise ValueError(
                    f"The configuration mentions {name!r}, which is not among its layers."
                )
        absent = [need for need in needs if need[1] >= made[need[0]]]
        missing.append(len(absent))
        for need in absent:
            waiting.setdefault(need, []).append(index)
    ready = deque(index for index, count in enumerate(missing) if count == 0)
    done = 0
    while ready:
        call = calls[ready.popleft()]
        call.make(operations)
        done += 1
        for index in waiting.pop((call.name, operations.called(call.name) - 1), ()):
            missing[index] -= 1
            if missing[index] == 0:
                ready.append(index)
    if done < len(calls):
        raise ValueError("The configuration's layers depend on each other in a circle.")


def _restore(value: Any, operations: _Operations) -> Any:
    """Puts placeholders and objects in the place of what stands for them."""
    from nacre.saving import deserialize_keras_object

    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return _output_of(operations, *value["config"]["keras_history"])
        if "class_name" in value:
            return deserialize_keras_object(value)
        return {key: _restore(item, operations) for key, item in value.items()}
    if isinstance(value, list):
        return [_restore(item, operations) for item in value]
    if isinstance(value, tuple):
        return tuple(_restore(item, operations) for item in value)
    return value


def _histories(value: Any) -> list:
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return [value["config"]["keras_history"]]
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [history for item in value for history in _histories(item)]
    return []
