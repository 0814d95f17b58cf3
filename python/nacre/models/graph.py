"""The graph of a functional model: which operations lead from its inputs to its outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nacre import _core, tree
from nacre.keras_tensor import KerasTensor
from nacre.layers.input_layer import Input, InputLayer
from nacre.layers.layer import Layer
from nacre.models.node import Node, node_of

__all__ = ["FunctionalGraph", "replay"]


class FunctionalGraph:
    """Calls of layers and operations, in an order in which they can be made again.

    Args:
        inputs: Placeholder, or structure of them.
        outputs: Placeholder, or structure of them.
        label: How messages name the model.
        strict: Whether inputs must have the sizes that the placeholders declare.

    Raises:
        ValueError: Something is no placeholder, or an output does not follow from the inputs.
    """

    def __init__(self, inputs: Any, outputs: Any, label: str, strict: bool = True) -> None:
        _check_placeholders(inputs, "inputs", label)
        _check_placeholders(outputs, "outputs", label)
        self.label = label
        self.strict = strict
        self.input_structure, self.output_structure = _cut(inputs, outputs)
        self.inputs: list[KerasTensor] = tree.flatten(self.input_structure)
        self.outputs: list[KerasTensor] = tree.flatten(self.output_structure)
        order = _Order(self.inputs, self.outputs, label)
        self.nodes = order.nodes
        self.operations = order.operations
        self.nodes_by_depth = order.nodes_by_depth

    @property
    def layers(self) -> list[Layer]:
        """The layers among the operations."""
        return [operation for operation in self.operations if isinstance(operation, Layer)]

    @property
    def input_names(self) -> list[str]:
        return [tensor._keras_history.operation.name for tensor in self.inputs]

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs: keys of a dictionary, else names of the layers that make them."""
        if isinstance(self.output_structure, dict):
            keys = tree._keys(self.output_structure)
            if len(keys) == len(self.outputs):
                return [str(key) for key in keys]
        names: list[str] = []
        for tensor in self.outputs:
            name = tensor._keras_history.operation.name
            count = sum(other == name or other.startswith(f"{name}_") for other in names)
            names.append(f"{name}_{count}" if name in names else name)
        return names

    def run(self, inputs: Any, mask: Any = None) -> Any:
        """Makes the calls again on other tensors.

        Args:
            inputs: Tensors in place of the placeholders.
            mask: Masks of the inputs.

        Returns:
            Tensors in place of the output placeholders.
        """
        tensors = self.align_inputs(inputs)
        masks = [None] * len(tensors) if mask is None else tree.flatten(mask)
        values: dict[int, Any] = {}
        for placeholder, tensor, its_mask in zip(self.inputs, tensors, masks, strict=True):
            values[id(placeholder)] = self._standardize(placeholder, tensor, its_mask)
        for node in self.nodes:
            if isinstance(node.operation, InputLayer):
                continue
            args, kwargs = node.fill(values)
            results = tree.flatten(node.operation(*args, **kwargs))
            for placeholder, result in zip(tree.flatten(node.outputs), results, strict=True):
                values[id(placeholder)] = result
        outputs = tree.map_structure(lambda tensor: values[id(tensor)], self.output_structure)
        return _unpack_singleton(outputs)

    def align_inputs(self, inputs: Any) -> list:
        """Lists tensors, or anything else, in the order of the model's inputs.

        Raises:
            ValueError: There are too few or too many, or a name is missing.
        """
        if isinstance(inputs, dict):
            if isinstance(self.input_structure, dict):
                names = tree._keys(self.input_structure)
            else:
                names = self.input_names
            missing = [name for name in names if name not in inputs]
            if missing:
                raise ValueError(
                    f"{self.label}: expected inputs named {names}. "
                    f"Received a dictionary with the keys {sorted(map(str, inputs))}."
                )
            return [leaf for name in names for leaf in tree.flatten(inputs[name])]
        flat = tree.flatten(inputs)
        if len(flat) != len(self.inputs):
            raise ValueError(
                f"{self.label}: expected {len(self.inputs)} inputs ({', '.join(self.input_names)})."
                f" Received {len(flat)}."
            )
        return flat

    def _standardize(self, placeholder: KerasTensor, tensor: Any, mask: Any) -> Any:
        """Gives an input the declared dtype, and the rank if only a last axis of 1 is amiss."""
        if isinstance(tensor, KerasTensor):  # in a scratch trace this cannot happen
            raise TypeError(f"{self.label}: expected a tensor. Received {tensor!r}.")
        if not isinstance(tensor, _core.Tensor):
            tensor = _core.convert(tensor)
        kept = getattr(tensor, "_keras_mask", None) if mask is None else mask
        declared = placeholder.shape
        shape = tuple(tensor.shape)
        if len(shape) == len(declared) + 1 and shape[-1] == 1:
            tensor = _reshape(tensor, tensor.dims[:-1])
        elif len(shape) == len(declared) - 1 and declared[-1] == 1:
            tensor = _reshape(tensor, (*tensor.dims, 1))
        elif len(shape) != len(declared) or (self.strict and _conflict(shape, declared)):
            name = placeholder._keras_history.operation.name
            raise ValueError(
                f'{self.label}: expected input "{name}" of shape {declared}. '
                f"Received shape {shape}."
            )
        if tensor.dtype != placeholder.dtype:
            tensor = _core.cast(tensor, placeholder.dtype)
        if kept is not None and getattr(tensor, "_keras_mask", None) is not kept:
            tensor._keras_mask = kept
        return tensor


def _reshape(tensor: Any, dims: tuple) -> Any:
    return _core.call("reshape", [tensor], {"shape": _core.Shape(list(dims))})


def _conflict(shape: tuple, declared: tuple) -> bool:
    return any(
        size is not None and want is not None and size != want
        for size, want in zip(shape[1:], declared[1:], strict=True)
    )


def _unpack_singleton(outputs: Any) -> Any:
    if isinstance(outputs, (list, tuple)) and len(outputs) == 1:
        return outputs[0]
    return outputs


def _check_placeholders(structure: Any, what: str, label: str) -> None:
    leaves = tree.flatten(structure)
    if not leaves:
        raise ValueError(f"{label}: `{what}` is empty.")
    for leaf in leaves:
        if not isinstance(leaf, KerasTensor):
            raise ValueError(
                f"{label}: `{what}` must be made by `Input` and by calling layers on it. "
                f"Received: {leaf!r} of type {type(leaf).__name__}"
            )
        node_of(leaf)


def _cut(inputs: Any, outputs: Any) -> tuple[Any, Any]:
    """Lets the graph start anywhere: inputs that a layer made are replaced by new placeholders."""
    flat = tree.flatten(inputs)
    if all(isinstance(tensor._keras_history.operation, InputLayer) for tensor in flat):
        return inputs, outputs
    values: dict[int, Any] = {}
    for tensor in flat:
        if isinstance(tensor._keras_history.operation, InputLayer):
            values[id(tensor)] = tensor
        else:
            values[id(tensor)] = Input(batch_shape=tensor.shape, dtype=tensor.dtype)
    order = _Order(flat, tree.flatten(outputs), "Model")
    replay(order.nodes, values, lambda operation: operation)
    return (
        tree.map_structure(lambda tensor: values[id(tensor)], inputs),
        tree.map_structure(lambda tensor: values[id(tensor)], outputs),
    )


def replay(nodes: list[Node], values: dict[int, Any], stand_in: Callable) -> None:
    """Makes recorded calls again on other placeholders.

    Args:
        nodes: The calls, in order.
        values: Maps `id` of old placeholders to new ones; results are added.
        stand_in: Gives the operation to call in place of a recorded one.
    """
    for node in nodes:
        if all(id(tensor) in values for tensor in node.output_list):
            continue
        args, kwargs = node.fill(values)
        results = tree.flatten(stand_in(node.operation)(*args, **kwargs))
        for placeholder, result in zip(tree.flatten(node.outputs), results, strict=True):
            values.setdefault(id(placeholder), result)


class _Order:
    """Sorts the calls between inputs and outputs.

    Operations come by decreasing distance from the outputs, those at one distance in the order in
    which a walk from the outputs meets them: so do a model's layers, and with them its weights.
    """

    def __init__(self, inputs: list, outputs: list, label: str) -> None:
        self._label = label
        self._inputs = {id(tensor) for tensor in inputs}
        self._met: dict[int, int] = {}  # operation -> when the walk met it
        finished: list[Node] = []
        done: set[int] = set()
        for tensor in outputs:
            self._walk(tensor, done, finished)
        depths = self._depths(finished)
        self.nodes = finished
        for tensor in inputs:  # an input that no output depends on is part of the model as well
            node = node_of(tensor)
            if isinstance(node.operation, InputLayer) and id(node) not in done:
                done.add(id(node))
                finished.insert(0, node)
                depths.setdefault(id(node.operation), 0)
                self._met.setdefault(id(node.operation), -1)
        by_depth: dict[int, list[Node]] = {}
        operations: dict[int, Any] = {}
        for node in finished:
            operations.setdefault(id(node.operation), node.operation)
            by_depth.setdefault(depths[id(node.operation)], []).append(node)
        self.nodes_by_depth = {depth: by_depth[depth] for depth in sorted(by_depth, reverse=True)}
        self.operations = sorted(
            operations.values(), key=lambda op: (-depths[id(op)], self._met[id(op)])
        )

    def _walk(self, tensor: KerasTensor, done: set[int], finished: list[Node]) -> None:
        """Visits the calls that a tensor depends on, parents first; without recursion."""
        stack: list[tuple[KerasTensor, bool]] = [(tensor, False)]
        while stack:
            current, leaving = stack.pop()
            node = node_of(current)
            if leaving:
                finished.append(node)
                continue
            if id(node) in done:
                continue
            is_input = isinstance(node.operation, InputLayer)
            if id(current) in self._inputs and not is_input:
                continue  # the graph is cut here
            if is_input and id(current) not in self._inputs:
                raise ValueError(
                    f'{self._label}: an output depends on the input "{node.operation.name}", which '
                    "is not among `inputs`."
                )
            done.add(id(node))
            self._met.setdefault(id(node.operation), len(self._met))
            stack.append((current, True))
            stack.extend((parent, False) for parent in reversed(node.inputs))

    def _depths(self, finished: list[Node]) -> dict[int, int]:
        """Distance of every operation from the outputs: that of its farthest call."""
        by_node: dict[int, int] = {}
        by_operation: dict[int, int] = {}
        for node in reversed(finished):
            key = id(node.operation)
            depth = max(by_node.get(id(node), 0), by_operation.get(key, 0))
            by_node[id(node)] = by_operation[key] = depth
            for tensor in node.inputs:
                if id(tensor) in self._inputs and not isinstance(
                    node_of(tensor).operation, InputLayer
                ):
                    continue
                parent = node_of(tensor)
                by_node[id(parent)] = max(by_node.get(id(parent), 0), depth + 1)
        return by_operation
