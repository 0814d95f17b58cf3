"""`Functional`: a model made of placeholders, and its configuration."""

from __future__ import annotations

from typing import Any

from nacre import ops, random, tree
from nacre.keras_tensor import KerasTensor
from nacre.layers.layer import Layer
from nacre.models.model import Model
from nacre.models.node import Operation, get_item, node_of

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
    from nacre.saving import serialize_keras_object

    graph = model._graph
    node_numbers = _number_nodes(graph.nodes)
    layers = []
    for operation in graph.operations:
        if isinstance(operation, Layer):
            entry = serialize_keras_object(operation)
        else:
            entry = _operation_config(operation)
        entry["name"] = operation.name
        entry["inbound_nodes"] = [
            {
                "args": _serialize_arguments(node.args, node_numbers),
                "kwargs": _serialize_arguments(node.kwargs, node_numbers),
            }
            for node in operation._inbound_nodes
            if id(node) in node_numbers and node.inputs
        ]
        layers.append(entry)

    def place(tensor: KerasTensor) -> list:
        return [
            tensor._keras_history.operation.name,
            node_numbers[id(node_of(tensor))],
            tensor._keras_history.tensor_index,
        ]

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


def _operation_config(operation: Operation) -> dict:
    function = operation.function
    name = "get_item" if function is get_item else function.__name__
    if _find_function(name) is None:
        raise ValueError(f'Operation "{operation.name}" is not public, so it has no configuration.')
    return {
        "module": "keras.ops",
        "class_name": "Operation",
        "config": {"name": operation.name, "function": name},
        "registered_name": None,
    }


def _find_function(name: Any) -> Any:
    """The public operation of this name; `None` when there is none."""
    if name == "get_item":
        return get_item
    if not isinstance(name, str) or name.startswith("_"):
        return None
    for namespace in (ops, random):
        function = getattr(namespace, name, None)
        if getattr(function, "__module__", "").startswith("nacre.") and callable(function):
            return function
    return None


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
    operations: dict[str, Any] = {}
    calls: list[tuple[Any, dict]] = []
    for entry in config["layers"]:
        name = entry.get("name") or entry["config"]["name"]
        if name in operations:
            raise ValueError(f"The configuration names two layers {name!r}.")
        operations[name] = _make_operation(entry, custom_objects)
        calls += [(operations[name], call) for call in entry.get("inbound_nodes") or ()]
    _Calls(operations, calls).make()

    def find(place: Any) -> KerasTensor:
        return _output_of(operations, *place)

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


def _make_operation(entry: dict, custom_objects: dict | None) -> Any:
    from nacre.saving import deserialize_keras_object

    if entry.get("class_name") != "Operation":
        layer = deserialize_keras_object(
            {key: value for key, value in entry.items() if key not in ("name", "inbound_nodes")},
            custom_objects=custom_objects,
        )
        if not isinstance(layer, Layer):
            raise ValueError(f"The configuration holds no layer: {entry.get('class_name')!r}.")
        return layer
    function = _find_function(entry["config"]["function"])
    if function is None:
        raise ValueError(
            f"The configuration names an unknown operation: {entry['config']['function']!r}."
        )
    return Operation(function, entry["config"]["name"])


def _output_of(operations: dict, name: str, node_index: int, tensor_index: int) -> KerasTensor:
    if name not in operations:
        raise ValueError(f"The configuration mentions {name!r}, which is not among its layers.")
    nodes = operations[name]._inbound_nodes
    if not 0 <= node_index < len(nodes):
        raise ValueError(f"The configuration mentions call {node_index} of {name!r}.")
    return nodes[node_index].output_list[tensor_index]


class _Calls:
    """Calls that are made as soon as what they depend on has been made."""

    def __init__(self, operations: dict, calls: list) -> None:
        self._operations = operations
        self._pending = calls

    def make(self) -> None:
        while self._pending:
            blocked: set[int] = set()  # the calls of one operation are made in their order
            later = []
            for operation, call in self._pending:
                if id(operation) in blocked or not self._ready(call):
                    blocked.add(id(operation))
                    later.append((operation, call))
                else:
                    self._call(operation, call)
            if len(later) == len(self._pending):
                raise ValueError("The configuration's layers depend on each other in a circle.")
            self._pending = later

    def _ready(self, call: dict) -> bool:
        for name, node_index, _ in _histories(call):
            operation = self._operations.get(name)
            if operation is None:
                raise ValueError(
                    f"The configuration mentions {name!r}, which is not among its layers."
                )
            if len(operation._inbound_nodes) <= node_index:
                return False
        return True

    def _call(self, operation: Any, call: dict) -> None:
        args = self._restore(call["args"])
        kwargs = self._restore(call["kwargs"])
        operation(*args, **kwargs)

    def _restore(self, value: Any) -> Any:
        from nacre.saving import deserialize_keras_object

        if isinstance(value, dict):
            if value.get("class_name") == "__keras_tensor__":
                return _output_of(self._operations, *value["config"]["keras_history"])
            if "class_name" in value:
                return deserialize_keras_object(value)
            return {key: self._restore(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._restore(item) for item in value]
        if isinstance(value, tuple):
            return tuple(self._restore(item) for item in value)
        return value


def _histories(value: Any) -> list:
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return [value["config"]["keras_history"]]
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [history for item in value for history in _histories(item)]
    return []
