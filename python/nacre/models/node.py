"""Recording of the functional API: which operation was called on which placeholders.

A call on `KerasTensor`s is run once on symbolic tensors in a scratch trace, which tells the shapes
and dtypes of its outputs and validates its inputs, and is remembered as a `Node` so that a model
can replay it on other tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nacre import _core, naming, tree
from nacre.keras_tensor import KerasHistory, KerasTensor

__all__ = [
    "Node",
    "Operation",
    "get_item",
    "node_of",
    "record_layer_call",
    "record_op",
    "record_operation",
]


class Operation:
    """A function of `nacre.ops` at one place of a functional model.

    Args:
        function: What is called.
        name: Name; made from the function's name when left out.
    """

    def __init__(self, function: Callable, name: str | None = None) -> None:
        self.function = function
        base = getattr(function, "__name__", "operation").strip("_")
        self.name = name or naming.auto_name(base)
        self.display_class = "".join(part.capitalize() for part in base.split("_"))
        self._inbound_nodes: list[Node] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if _placeholders(args, kwargs):
            return record_operation(self, args, kwargs)
        return self.function(*args, **kwargs)

    @property
    def output(self) -> Any:
        return self._inbound_nodes[-1].outputs

    def __repr__(self) -> str:
        return f"<Operation {self.name}>"


class Node:
    """One call of an operation: its arguments and the placeholders that came out."""

    __slots__ = ("args", "inputs", "kwargs", "operation", "output_list", "outputs")

    def __init__(self, operation: Any, args: tuple, kwargs: dict, outputs: Any) -> None:
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.inputs = _placeholders(args, kwargs)
        self.outputs = outputs
        self.output_list = [t for t in tree.flatten(outputs) if isinstance(t, KerasTensor)]
        index = len(operation._inbound_nodes)
        operation._inbound_nodes.append(self)
        for position, tensor in enumerate(self.output_list):
            tensor._keras_history = KerasHistory(operation, index, position)

    @property
    def input_tensors(self) -> list[KerasTensor]:
        return self.inputs

    @property
    def parents(self) -> list[Node]:
        """The nodes that made the inputs."""
        return [node_of(tensor) for tensor in self.inputs]

    def fill(self, values: dict[int, Any]) -> tuple[tuple, dict]:
        """Replaces the placeholders in the recorded arguments by values."""
        return _substitute(self.args, values), _substitute(self.kwargs, values)


def node_of(tensor: KerasTensor) -> Node:
    """The call that made a placeholder.

    Raises:
        ValueError: It was made by none, not even by `Input`.
    """
    history = getattr(tensor, "_keras_history", None)
    if history is None:
        raise ValueError(f"{tensor!r} does not come from `Input` or from a layer call.")
    return history.operation._inbound_nodes[history.node_index]


def _placeholders(args: tuple, kwargs: dict) -> list[KerasTensor]:
    return [t for t in tree.flatten((args, kwargs)) if isinstance(t, KerasTensor)]


def _substitute(structure: Any, values: dict[int, Any]) -> Any:
    return tree.map_structure(
        lambda leaf: values[id(leaf)] if isinstance(leaf, KerasTensor) else leaf, structure
    )


def record_op(function: Callable, args: tuple, kwargs: dict) -> Any:
    """Records a call of a function of `nacre.ops` on placeholders.

    Args:
        function: The function.
        args: Its positional arguments, with placeholders among them.
        kwargs: Its keyword arguments.

    Returns:
        The function's result, with placeholders in place of tensors.
    """
    result = _infer(function, args, kwargs)
    if not any(isinstance(leaf, KerasTensor) for leaf in tree.flatten(result)):
        return result  # a shape or a rank, say: nothing to compute later
    Node(Operation(function), args, kwargs, result)
    return result


def record_operation(operation: Operation, args: tuple, kwargs: dict) -> Any:
    """Records a further call of an operation that exists already."""
    result = _infer(operation.function, args, kwargs)
    Node(operation, args, kwargs, result)
    return result


def get_item(x: Any, *key: Any) -> Any:
    """`x[key]` as an operation."""
    return x[key[0] if len(key) == 1 else key]


def record_layer_call(layer: Any, args: tuple, kwargs: dict) -> Any:
    """Records a call of a layer on placeholders.

    Args:
        layer: The layer, which has been built.
        args: Positional arguments of the call.
        kwargs: Keyword arguments of the call.

    Returns:
        What the layer returns, with placeholders in place of tensors.
    """
    result = _infer(layer, args, kwargs)
    Node(layer, args, kwargs, result)
    return result


def _infer(function: Callable, args: tuple, kwargs: dict) -> Any:
    """Calls the function on symbolic tensors in a trace that is thrown away."""
    trace = _core.Trace()
    values: dict[int, Any] = {}
    with trace:
        for tensor in _placeholders(args, kwargs):
            if id(tensor) not in values:
                symbolic = trace.input(tensor.dtype, tensor.dims, tensor.name)
                mask = getattr(tensor, "_keras_mask", None)
                if mask is not None:
                    symbolic._keras_mask = trace.input(mask.dtype, mask.dims, "mask")
                values[id(tensor)] = symbolic
        result = function(*_substitute(args, values), **_substitute(kwargs, values))

    def to_placeholder(leaf: Any) -> Any:
        if isinstance(leaf, _core.Tensor):
            return as_placeholder(leaf)
        return None if isinstance(leaf, _core.Dim) else leaf

    return tree.map_structure(to_placeholder, result)


def as_placeholder(tensor: Any) -> KerasTensor:
    """A placeholder with the shape, the dtype and the mask of a symbolic tensor."""
    placeholder = KerasTensor(tuple(tensor.shape), tensor.dtype, dims=tuple(tensor.dims))
    mask = getattr(tensor, "_keras_mask", None)
    if mask is not None:
        placeholder._keras_mask = KerasTensor(tuple(mask.shape), mask.dtype, dims=tuple(mask.dims))
    return placeholder
