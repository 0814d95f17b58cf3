"""Turning what users pass as data into NumPy arrays, with errors that name the argument."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nacre import tree

__all__ = [
    "ArrayData",
    "as_array",
    "class_weight_to_sample_weight",
    "pack_x_y_sample_weight",
    "train_validation_split",
    "unpack_x_y_sample_weight",
]

_CORE_KINDS = "fiub"


class ArrayData:
    """Arrays of equal length, one for each leaf of a structure of inputs, targets and weights.

    Attributes:
        data: Tuple `(x,)`, `(x, y)` or `(x, y, sample_weight)`, or a bare array for `x` alone.
        leaves: The arrays of `data`, flattened.
        size: Number of samples.
    """

    __slots__ = ("data", "leaves", "size")

    def __init__(self, x: Any, y: Any = None, sample_weight: Any = None, parts: int = 1) -> None:
        x = to_arrays(x, "x", parts)
        if y is not None:
            y = to_arrays(y, "y")
        if sample_weight is not None:
            sample_weight = to_arrays(sample_weight, "sample_weight")
        self.size = _common_length({"x": x, "y": y, "sample_weight": sample_weight})
        self.data = pack_x_y_sample_weight(x, y, sample_weight)
        self.leaves = [leaf for leaf in tree.flatten(self.data) if leaf is not None]

    def steps(self, batch_size: int) -> int:
        """Number of batches, the last one perhaps smaller."""
        return -(-self.size // batch_size)


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Packs inputs, targets and weights the way `train_step` receives them.

    Args:
        x: Inputs.
        y: Targets.
        sample_weight: Weights of the samples.

    Returns:
        `x` alone, unless it is itself nested, or a tuple.
    """
    if y is None and sample_weight is None:
        return (x,) if tree.is_nested(x) else x
    if sample_weight is None:
        return (x, y)
    return (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple:
    """Takes apart what `train_step` receives.

    Args:
        data: Inputs, or a tuple of inputs, targets and weights of which the last may be missing.

    Returns:
        A tuple `(x, y, sample_weight)` with `None` for what is missing.
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if len(data) in (1, 2, 3):
        return (*data, None, None)[:3]
    raise ValueError(
        "Data must be x, or a tuple (x,), (x, y) or (x, y, sample_weight). "
        f"Received a tuple of {len(data)} items."
    )


def to_arrays(value: Any, name: str, parts: int = 1) -> Any:
    """Converts every leaf of `value` to an array that the core can read.

    Args:
        value: An array, nested lists of numbers, or lists, tuples and dictionaries of arrays.
        name: The argument's name, for messages.
        parts: How many inputs the model has: with more than one, a list is one entry for each.

    Raises:
        TypeError: A leaf is no array of numbers.
        ValueError: Nested lists are ragged, or there is no data.
    """
    if value.__class__ is np.ndarray:
        return as_array(value, name)
    if isinstance(value, dict):
        if not value:
            raise ValueError(f"`{name}` is an empty dictionary.")
        return {key: to_arrays(item, f"{name}[{key!r}]") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        if not value:
            raise ValueError(f"`{name}` is empty.")
        one_each = parts > 1 and len(value) == parts
        if one_each or any(map(_is_array_like, value)):
            items = [to_arrays(item, f"{name}[{i}]") for i, item in enumerate(value)]
            return type(value)(items) if type(value) in (list, tuple) else items
        return as_array(value, name)
    return as_array(value, name)


def _is_array_like(item: Any) -> bool:
    if isinstance(item, dict):
        return True
    return getattr(item, "ndim", 0) > 0 or (
        hasattr(item, "__array__") and not np.isscalar(item) and np.ndim(item) > 0
    )


def as_array(value: Any, name: str) -> np.ndarray:
    """Converts one leaf to an array that the core can read."""
    if value is None:
        raise ValueError(f"`{name}` is None.")
    if value.__class__ is not np.ndarray:
        value = _convert(value, name)
    dtype = value.dtype
    if dtype.kind not in _CORE_KINDS or not dtype.isnative or dtype.itemsize > 8:
        value = _readable(value, name)
    if value.ndim == 0:
        raise ValueError(f"`{name}` must have an axis of samples. Received a scalar: {value}")
    return value


def _convert(value: Any, name: str) -> np.ndarray:
    if isinstance(value, (str, bytes)):
        raise TypeError(f"`{name}` must hold numbers. Received the text {value!r}.")
    is_series = type(value).__name__ == "Series" and hasattr(value, "to_numpy")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(
            f"`{name}` is ragged: its nested lists have different lengths, so it is no array. "
            "Pad them to one length."
        ) from error
    if is_series and array.ndim == 1:
        array = array[:, None]  # a column of a table is a feature
    return array


def _readable(value: np.ndarray, name: str) -> np.ndarray:
    """Arrays of other dtypes: converted when that loses nothing that matters, else refused."""
    kind = value.dtype.kind
    if kind in "fiub":  # foreign byte order, or long double
        wide = value.dtype.itemsize > 8
        return value.astype(np.float64 if wide else value.dtype.newbyteorder("="))
    if value.dtype.name == "bfloat16":
        return value.astype(np.float32)
    if kind == "O" and value.size:
        lengths = {len(item) for item in value.ravel() if hasattr(item, "__len__")}
        if len(lengths) > 1:
            raise ValueError(
                f"`{name}` is ragged: its items have different lengths, so it is no array. "
                "Pad them to one length."
            )
        if not any(item is None for item in value.ravel()):
            try:
                return np.array(value.tolist(), dtype=np.float64)
            except (TypeError, ValueError):
                pass
    raise TypeError(
        f"`{name}` must hold numbers. Received an array of dtype {value.dtype} "
        f"and shape {value.shape}."
    )


def _common_length(parts: dict[str, Any]) -> int:
    sizes: dict[str, int] = {}
    for name, structure in parts.items():
        if structure is None:
            continue
        for path, leaf in tree.flatten_with_path(structure):
            if leaf is not None:
                sizes[name + "".join(f"[{key!r}]" for key in path)] = len(leaf)
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name}: {size}" for name, size in sizes.items())
        raise ValueError(f"The arrays must have the same number of samples. Received {listed}.")
    size = next(iter(sizes.values()))
    if size == 0:
        raise ValueError(f"`{next(iter(sizes))}` holds no samples.")
    return size


def class_weight_to_sample_weight(y: Any, class_weight: Any) -> np.ndarray:
    """Looks up the weight of every sample by its class.

    Args:
        y: Integer labels of shape (n,) or (n, 1), or one-hot labels.
        class_weight: Dictionary from classes to weights; other classes weigh 1.

    Returns:
        float32 weights of shape (n,).

    Raises:
        ValueError: `y` is missing or is not one array.
        TypeError: `class_weight` is no dictionary of numbers.
    """
    if not isinstance(class_weight, dict):
        raise TypeError(
            "`class_weight` must be a dictionary from classes to weights. "
            f"Received: {class_weight!r}"
        )
    if y is None or tree.is_nested(y):
        raise ValueError("`class_weight` is only supported for models with a single output.")
    labels = np.asarray(y)
    if labels.ndim > 2:
        raise ValueError(
            f"`class_weight` needs labels of one or two axes. Received y of shape {labels.shape}."
        )
    if labels.ndim == 2:
        labels = labels.argmax(axis=1) if labels.shape[1] > 1 else labels[:, 0]
    labels = np.round(labels).astype(np.int64)
    weights = np.ones(len(labels), dtype=np.float32)
    for label, weight in class_weight.items():
        try:
            weights[labels == int(label)] = float(weight)
        except (TypeError, ValueError) as error:
            raise TypeError(
                "`class_weight` must map integer classes to numbers. "
                f"Received: {{{label!r}: {weight!r}}}"
            ) from error
    return weights


def train_validation_split(
    x: Any, y: Any, sample_weight: Any, validation_split: float, parts: int = 1
) -> tuple[tuple, tuple]:
    """Cuts the last samples off for validation.

    Args:
        x: Inputs.
        y: Targets or `None`.
        sample_weight: Weights or `None`.
        validation_split: Share of the samples to cut off.
        parts: How many inputs the model has.

    Returns:
        Two tuples `(x, y, sample_weight)`, for training and for validation.
    """
    if isinstance(validation_split, bool) or not isinstance(validation_split, (int, float)):
        raise TypeError(f"`validation_split` must be a number. Received: {validation_split!r}")
    if not 0 < validation_split < 1:
        raise ValueError(f"`validation_split` must lie in [0, 1). Received: {validation_split}")
    arrays = [
        None if part is None else to_arrays(part, name, parts if name == "x" else 1)
        for name, part in (("x", x), ("y", y), ("sample_weight", sample_weight))
    ]
    size = _common_length(dict(zip(("x", "y", "sample_weight"), arrays, strict=True)))
    cut = math.floor(size * (1.0 - validation_split))
    if cut == 0 or cut == size:
        raise ValueError(
            f"{size} samples cannot be split into training and validation by "
            f"`validation_split={validation_split}`: one part would be empty."
        )

    def part(where: slice) -> tuple:
        return tuple(
            None if a is None else tree.map_structure(lambda leaf: leaf[where], a) for a in arrays
        )

    return part(slice(0, cut)), part(slice(cut, size))


def check_positive(value: Any, name: str, least: int = 1) -> int:
    """Checks an integer argument and gives it back as an `int`."""
    if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
        raise TypeError(
            f"`{name}` must be an integer. Received: {value!r} of type {type(value).__name__}"
        )
    value = int(value)
    if value < least:
        kind = "positive" if least == 1 else f"at least {least}"
        raise ValueError(f"`{name}` must be {kind}. Received: {value}")
    return value
