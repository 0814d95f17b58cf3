"""The table that `Model.summary` prints."""

from __future__ import annotations

import math
import re
import shutil
import sys
from collections.abc import Callable
from typing import Any

from nacre import tree
from nacre.utils.io_utils import print_msg

__all__ = ["print_summary"]

_DTYPE_BITS = {"bool": 1, "bfloat16": 16}


def print_summary(
    model: Any,
    line_length: int | None = None,
    positions: list[float] | None = None,
    print_fn: Callable | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Any = None,
) -> None:
    """Prints a table of a model's layers; see `Model.summary`."""
    layers, connected = _listed_layers(model)
    width, ends = (88, [0.45, 0.80, 1.0]) if connected is None else (108, [0.3, 0.56, 0.74, 1.0])
    header = ["Layer (type)", "Output Shape", "Param #"]
    alignment = ["left", "left", "right"]
    if connected is not None:
        header.append("Connected to")
        alignment.append("left")
    ends = list(positions or ends)
    if show_trainable:
        width += 12
        ends = [end * 0.90 for end in ends] + [1.0]
        header.append("Trainable")
        alignment.append("center")
    line_length = line_length or min(width, shutil.get_terminal_size().columns - 4)
    widths = _column_widths(ends, line_length)
    rows = []
    first, last = _range(layers, layer_range)
    for layer in layers[first:last]:
        rows += _rows(layer, connected, show_trainable, expand_nested)
    lines = [f'Model: "{model.name}"', *_table(header, rows, widths, alignment), *_totals(model)]
    bold = print_fn is None and _is_terminal()
    if bold:
        lines = [_bold_titles(line) for line in lines]
    text = "\n".join(lines)
    if print_fn is None:
        print_msg(text)
    else:
        print_fn(text + "\n")


def _is_terminal() -> bool:
    return bool(sys.stdout is not None and hasattr(sys.stdout, "isatty") and sys.stdout.isatty())


def _bold_titles(line: str) -> str:
    return f"\x1b[1m{line}\x1b[0m" if line.startswith("Model: ") else line


def _listed_layers(model: Any) -> tuple[list, dict | None]:
    """The rows, and for a graph that is no plain chain where each comes from."""
    graph = None if _is_sequential(model) else getattr(model, "_graph", None)
    if graph is None:
        return list(model.layers), None
    chain = all(
        len(nodes) == 1 and len(nodes[0].inputs) <= 1 for nodes in graph.nodes_by_depth.values()
    )
    own = {id(node) for node in graph.nodes}
    shared = any(
        sum(id(node) in own for node in operation._inbound_nodes) > 1
        for operation in graph.operations
    )
    if chain and not shared:
        return list(graph.operations), None
    connected = {}
    for operation in graph.operations:
        sources = [
            f"{history.operation.name}[{history.node_index}][{history.tensor_index}]"
            for node in operation._inbound_nodes
            if id(node) in own
            for history in (tensor._keras_history for tensor in node.inputs)
        ]
        connected[id(operation)] = ", ".join(sources) or "-"
    return list(graph.operations), connected


def _is_sequential(model: Any) -> bool:
    from nacre.models.sequential import Sequential

    return isinstance(model, Sequential)


def _column_widths(ends: list[float], line_length: int) -> list[int]:
    widths = []
    current = 0
    for end in ends:
        width = int(end * line_length) - current
        if width < 4:
            raise ValueError("The lines are too short to print a summary.")
        widths.append(width)
        current += width
    return widths


def _range(layers: list, layer_range: Any) -> tuple[int, int]:
    if layer_range is None:
        return 0, len(layers)
    if len(layer_range) != 2 or not all(isinstance(name, str) for name in layer_range):
        raise ValueError(
            f"`layer_range` must be a pair of names or patterns. Received: {layer_range!r}"
        )
    places = [
        [index for index, layer in enumerate(layers) if re.match(pattern, layer.name)]
        for pattern in layer_range
    ]
    if not all(places):
        raise ValueError(f"`layer_range` matches no layers. Received: {layer_range!r}")
    first, last = min(places[0]), max(places[1])
    return (first, last + 1) if first <= last else (min(places[1]), max(places[0]) + 1)


def _rows(
    layer: Any, connected: dict | None, show_trainable: bool, expand: bool, level: int = 0
) -> list[list[str]]:
    prefix = "   " * level + "└ " if level else ""
    kind = getattr(layer, "display_class", type(layer).__name__)
    fields = [f"{prefix}{layer.name} ({kind})", _output_shape(layer), _params(layer)]
    if connected is not None:
        fields.append(connected.get(id(layer), "-"))
    if show_trainable:
        if getattr(layer, "weights", None):
            fields.append("Y" if layer.trainable else "N")
        else:
            fields.append("-")
    rows = [fields]
    if expand:
        for inner in getattr(layer, "layers", None) or ():
            rows += _rows(inner, connected, show_trainable, expand, level + 1)
    return rows


def _params(layer: Any) -> str:
    if not hasattr(layer, "built") or (not layer.built and _never_has_weights(layer)):
        return "0"
    return f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"


def _never_has_weights(layer: Any) -> bool:
    """Says whether building the layer would change nothing."""
    from nacre.layers.layer import Layer

    return type(layer).build is Layer.build and not hasattr(layer, "layers")


def _output_shape(layer: Any) -> str:
    if layer._inbound_nodes:
        shapes = tree.map_structure(
            lambda tensor: _shape_text(tensor.shape), layer._inbound_nodes[-1].outputs
        )
    else:
        try:
            build_config = layer.get_build_config() or {}
            if "input_shape" not in build_config:
                return "?"
            shapes = layer.compute_output_shape(build_config["input_shape"])
            shapes = _shape_text(shapes) if _is_shape(shapes) else str(shapes)
        except Exception:  # a layer of the user's may need more than a shape
            return "?"
    flat = tree.flatten(shapes)
    return flat[0] if len(flat) == 1 else str(shapes).replace("'", "")


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and all(size is None or isinstance(size, int) for size in value)


def _shape_text(shape: Any) -> str:
    return f"({', '.join(map(str, shape))})"


def _table(
    header: list[str], rows: list[list[str]], widths: list[int], alignment: list[str]
) -> list[str]:
    inner = _inner_widths(widths)
    lines = [_rule("┏", "━", "┳", "┓", inner)]
    lines += _cells(header, inner, alignment, "┃")
    lines.append(_rule("┡", "━", "╇", "┩", inner))
    for index, row in enumerate(rows):
        if index:
            lines.append(_rule("├", "─", "┼", "┤", inner))
        lines += _cells(row, inner, alignment, "│")
    lines.append(_rule("└", "─", "┴", "┘", inner))
    return lines


def _inner_widths(widths: list[int]) -> list[int]:
    """Takes the room for borders and padding evenly from all columns, as Keras's tables do."""
    inner = [width + 2 for width in widths]
    excess = sum(inner) - (sum(widths) - len(widths) - 1)
    for index in range(len(inner)):
        share = round(excess / (len(inner) - index))
        inner[index] -= share
        excess -= share
    return inner


def _rule(left: str, line: str, middle: str, right: str, widths: list[int]) -> str:
    return left + middle.join(line * width for width in widths) + right


def _cells(row: list[str], widths: list[int], alignment: list[str], border: str) -> list[str]:
    columns = [_wrap(text, width - 2) for text, width in zip(row, widths, strict=True)]
    lines = []
    for number in range(max(len(column) for column in columns)):
        parts = []
        for column, width, align in zip(columns, widths, alignment, strict=True):
            text = column[number] if number < len(column) else ""
            room = width - 2
            if align == "right":
                text = text.rjust(room)
            elif align == "center":
                text = " " * ((room - len(text)) // 2) + text
            parts.append(f" {text.ljust(room)} ")
        lines.append(border + border.join(parts) + border)
    return lines


def _wrap(text: str, width: int) -> list[str]:
    """Breaks a text between words; a word that is too long for a line is cut."""
    lines = [""]
    for word in re.findall(r"\s*\S+\s*", text):
        if lines[-1] and len(lines[-1]) + len(word.rstrip()) > width:
            lines.append("")
        lines[-1] += word
    lines = [line.rstrip() for line in lines]
    return [line if len(line) <= width else line[: width - 1] + "…" for line in lines]


def _totals(model: Any) -> list[str]:
    optimizer = model.optimizer if getattr(model, "compiled", False) else None
    optimizer_variables = optimizer.variables if optimizer is not None and optimizer.built else []
    trainable, frozen = model.trainable_weights, model.non_trainable_weights
    groups = [
        ("Total params", [*trainable, *frozen, *optimizer_variables]),
        ("Trainable params", trainable),
        ("Non-trainable params", frozen),
    ]
    if optimizer_variables:
        groups.append(("Optimizer params", optimizer_variables))
    return [f" {name}: {_count(group):,} ({_memory(group)})" for name, group in groups]


def _count(variables: list) -> int:
    return sum(math.prod(variable.shape) for variable in _unique(variables))


def _unique(variables: list) -> list:
    return list({id(variable): variable for variable in variables}.values())


def _memory(variables: list) -> str:
    size = 0.0
    for variable in _unique(variables):
        bits = _DTYPE_BITS.get(variable.dtype) or int(re.sub(r"\D", "", variable.dtype))
        size += math.prod(variable.shape) * bits / 8
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} PB"
