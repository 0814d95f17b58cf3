"""Elements of data sets: tuples and dictionaries of arrays, and what users see of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nacre import _core, config
from nacre.tensor import Tensor

__all__ = [
    "StringTensor",
    "TensorSpec",
    "as_array",
    "as_element",
    "as_leaf",
    "flatten",
    "is_nested",
    "map_leaves",
    "spec_of",
    "to_user",
]

_INT32 = np.iinfo(np.int32)


def is_nested(value: Any) -> bool:
    """Whether a value is a structure. Lists are none: they are turned into arrays."""
    return isinstance(value, (tuple, dict))


def flatten(structure: Any) -> list:
    """The leaves of a structure; dictionaries in the order of their sorted keys."""
    if isinstance(structure, dict):
        return [leaf for key in sorted(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, tuple):
        return [leaf for item in structure for leaf in flatten(item)]
    return [structure]


def map_leaves(function: Callable, first: Any, *others: Any) -> Any:
    """Applies a function to leaves that correspond; the result is a structure like the first."""
    if isinstance(first, dict):
        return type(first)(
            (key, map_leaves(function, value, *(other[key] for other in others)))
            for key, value in first.items()
        )
    if isinstance(first, tuple):
        items = [map_leaves(function, *parts) for parts in zip(first, *others, strict=True)]
        return type(first)(*items) if hasattr(first, "_fields") else tuple(items)
    return function(first, *others)


class StringTensor:
    """Texts, which tensors of the core cannot hold: an array of `bytes` with a tensor's manners.

    Args:
        values: An array of dtype object.
    """

    dtype = "string"

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    @property
    def shape(self) -> tuple:
        return self._values.shape

    @property
    def ndim(self) -> int:
        return self._values.ndim

    def numpy(self) -> Any:
        """The array of `bytes`; of a scalar, the `bytes`."""
        return self._values[()]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._values if dtype is None else self._values.astype(dtype)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a scalar text")
        return len(self._values)

    def __iter__(self) -> Iterator[StringTensor]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, key: Any) -> StringTensor:
        return StringTensor(_object_array(self._values[key]))

    def __eq__(self, other: Any) -> Any:
        if isinstance(other, str):
            other = other.encode()
        other = other._values if isinstance(other, StringTensor) else other
        return _core.convert(np.asarray(self._values == other, bool))

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<nacre.StringTensor shape={self.shape} {self._values[()]!r}>"


class TensorSpec:
    """Shape and dtype of a leaf of an element.

    Args:
        shape: The shape, with `None` for sizes that differ; `None` when nothing is known.
        dtype: The dtype.
        name: A name.
    """

    def __init__(self, shape: Any, dtype: Any = "float32", name: str | None = None) -> None:
        self.shape = None if shape is None else tuple(None if d is None else int(d) for d in shape)
        self.dtype = dtype_name(dtype)
        self.name = name

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, TensorSpec) and (self.shape, self.dtype) == (
            other.shape,
            other.dtype,
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    def __repr__(self) -> str:
        name = f", name={self.name!r}" if self.name else ""
        return f"TensorSpec(shape={self.shape}, dtype={self.dtype!r}{name})"

    def admits(self, shape: tuple) -> bool:
        """Whether an array of that shape fits."""
        if self.shape is None:
            return True
        return len(shape) == len(self.shape) and all(
            mine is None or mine == size for mine, size in zip(self.shape, shape, strict=True)
        )


def dtype_name(dtype: Any) -> str:
    """A dtype's name, `"string"` for texts."""
    if dtype in (str, bytes) or getattr(dtype, "name", dtype) in ("string", "object", "str"):
        return "string"
    return config.standardize_dtype(dtype)


def _object_array(values: Any) -> np.ndarray:
    """Texts as an array of `bytes`, of any rank."""
    array = np.asarray(values, dtype=object)
    out = np.empty(array.shape, object)
    flat = out.reshape(-1)
    for index, item in enumerate(array.reshape(-1)):
        flat[index] = item.encode() if isinstance(item, str) else bytes(item)
    return out


def _is_text(array: np.ndarray) -> bool:
    if array.dtype.kind in "US":
        return True
    return array.dtype.kind == "O" and all(
        isinstance(item, (str, bytes)) for item in array.reshape(-1)
    )


def as_leaf(value: Any) -> Any:
    """What a user gave as a leaf: a tensor, a data set or `None` as it is, anything else an array.

    Python's integers become int32, its floats float32, and texts arrays of `bytes`.

    Raises:
        TypeError: It is nothing of the kind.
        ValueError: Nested lists are ragged.
    """
    if value is None or value.__class__ is Tensor or hasattr(value, "_data_node"):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        return _checked(np.asarray(value))
    if isinstance(value, StringTensor):
        return np.asarray(value)
    if isinstance(value, (bool, int, float, str, bytes, list)):
        return _from_python(value)
    if isinstance(value, _core.Variable):
        return value.numpy()
    if hasattr(value, "detach"):  # tensors of PyTorch
        value = value.detach().cpu()
    if hasattr(value, "__array__"):
        return _checked(np.asarray(value))
    raise TypeError(
        "expected arrays, numbers or texts in tuples and dictionaries. "
        f"Received: {value!r} of type {type(value).__name__}"
    )


def _checked(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind in "fiub":
        return array
    if array.dtype.kind == "V" and array.dtype.name == "bfloat16":
        return array
    if _is_text(array):
        return _object_array(array)
    try:
        return np.stack([np.asarray(item, np.float32) for item in array])
    except (TypeError, ValueError):
        raise TypeError(
            "expected numbers or texts. Received an array of dtype "
            f"{array.dtype} and shape {array.shape}"
        ) from None


def _from_python(value: Any) -> np.ndarray:
    if isinstance(value, list) and any(map(_needs_stacking, value)):
        return np.stack([as_array(as_leaf(item)) for item in value])
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.empty(0, object)
        ragged = True
    else:
        ragged = array.dtype.kind == "O" and not _is_text(array)
    if ragged:
        raise ValueError(
            "nested lists must be rectangular to become an array: their rows differ in length. "
            f"Received: {str(value)[:80]}"
        )
    if array.dtype.kind == "f":
        return array.astype(np.float32)
    if array.dtype.kind == "i" and (
        not array.size or (array.min() >= _INT32.min and array.max() <= _INT32.max)
    ):
        return array.astype(np.int32)
    return _checked(array)


def _needs_stacking(item: Any) -> bool:
    """Whether an entry of a list has a dtype of its own, which numbers of Python have not."""
    return hasattr(item, "__array__") or (
        isinstance(item, list) and any(map(_needs_stacking, item))
    )


def as_element(value: Any) -> Any:
    """An element as users give it, with leaves as `as_leaf` makes them."""
    if isinstance(value, dict):
        return type(value)((key, as_element(item)) for key, item in value.items())
    if isinstance(value, tuple):
        items = [as_element(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return as_leaf(value)


def as_array(leaf: Any) -> Any:
    """A leaf as an array."""
    if leaf.__class__ is Tensor:
        return leaf.numpy()
    if isinstance(leaf, bytes):
        return _object_array(leaf)
    return leaf


def to_user(leaf: Any) -> Any:
    """A leaf as users see it: a tensor, a `StringTensor`, a data set or `None`."""
    if isinstance(leaf, (np.ndarray, np.generic)):
        if leaf.dtype.kind == "O":
            return StringTensor(np.asarray(leaf))
        return _core.convert(np.asarray(leaf))  # np.float64 would pass for a float of Python
    if isinstance(leaf, (str, bytes)):
        return StringTensor(_object_array(leaf))
    return leaf


def spec_of(leaf: Any) -> Any:
    """The `TensorSpec` of a leaf."""
    if isinstance(leaf, (str, bytes)):
        return TensorSpec((), "string")
    if leaf is None or hasattr(leaf, "_data_node"):
        return leaf
    return TensorSpec(leaf.shape, leaf.dtype)
