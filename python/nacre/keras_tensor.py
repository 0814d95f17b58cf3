"""`KerasTensor`: the placeholder that the functional API passes from layer to layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from nacre import naming

__all__ = ["KerasHistory", "KerasTensor", "any_keras_tensor", "is_keras_tensor"]


class KerasHistory(NamedTuple):
    """Which call of which operation made a tensor."""

    operation: Any
    node_index: int
    tensor_index: int


class KerasTensor:
    """Shape, dtype and origin of a value that a functional model will compute.

    Args:
        shape: Sizes, `None` where unknown.
        dtype: Name of the element type.
        name: Name; made up from the class name when left out.
        dims: The same sizes with symbols in place of `None`, when they are known.
    """

    dtype: str
    # NumPy operands defer to the operators of this class.
    __array_priority__ = 100.0
    __array_ufunc__ = None

    def __init__(
        self,
        shape: Any,
        dtype: str = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
        dims: tuple | None = None,
    ) -> None:
        if sparse or ragged:
            raise ValueError(
                "KerasTensor: sparse and ragged tensors are not supported. "
                f"Received: sparse={sparse}, ragged={ragged}"
            )
        self._shape = tuple(shape)
        self.dtype = str(dtype)
        self._name = name
        self._dims = dims

    @property
    def name(self) -> str:
        if self._name is None:
            self._name = naming.auto_name("keras_tensor")
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        self._name = value

    @property
    def shape(self) -> tuple:
        """Sizes, `None` where unknown."""
        return self._shape

    @property
    def dims(self) -> tuple:
        """Sizes, with a symbol where the size is unknown."""
        if self._dims is None:
            from nacre._core import Dim

            self._dims = tuple(
                Dim.symbol("batch" if axis == 0 else f"d{axis}") if size is None else size
                for axis, size in enumerate(self._shape)
            )
        return self._dims

    @property
    def ndim(self) -> int:
        return len(self._shape)

    @property
    def sparse(self) -> bool:
        return False

    @property
    def ragged(self) -> bool:
        return False

    def numpy(self) -> Any:
        raise _concrete_error("numpy()")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise _concrete_error("NumPy")

    def __bool__(self) -> bool:
        raise _concrete_error("bool()")

    def __float__(self) -> float:
        raise _concrete_error("float()")

    def __int__(self) -> int:
        raise _concrete_error("int()")

    def __len__(self) -> int:
        if not self._shape or self._shape[0] is None:
            raise TypeError(f"The length of {self!r} is not known.")
        return self._shape[0]

    def __iter__(self) -> Iterator:
        if not self._shape or self._shape[0] is None:
            raise TypeError(f"Cannot iterate over {self!r}: the size of its first axis is unknown.")
        return (self[i] for i in range(self._shape[0]))

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self._shape}, dtype={self.dtype}, name={self.name}>"

    def reshape(self, newshape: Any) -> Any:
        return _ops().reshape(self, newshape)

    def squeeze(self, axis: Any = None) -> Any:
        return _ops().squeeze(self, axis)

    def __getitem__(self, key: Any) -> Any:
        from nacre.models.node import get_item, record_op

        return record_op(get_item, (self, *key) if isinstance(key, tuple) else (self, key), {})


def _concrete_error(what: str) -> TypeError:
    return TypeError(
        f"{what} called on a KerasTensor, a placeholder that has a shape and a dtype but no "
        "values. Use functions of `nacre.ops`, or a layer that calls them."
    )


def _ops() -> Any:
    from nacre import ops

    return ops


def _binary(name: str, swapped: bool = False) -> Callable:
    if swapped:

        def operator(self: Any, other: Any) -> Any:
            return getattr(_ops(), name)(other, self)

    else:

        def operator(self: Any, other: Any) -> Any:
            return getattr(_ops(), name)(self, other)

    return operator


def _unary(name: str) -> Callable:
    def operator(self: Any) -> Any:
        return getattr(_ops(), name)(self)

    return operator


for _method, _op in {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "true_divide",
    "floordiv": "floor_divide",
    "mod": "mod",
    "pow": "power",
    "matmul": "matmul",
    "and": "logical_and",
    "or": "logical_or",
    "xor": "logical_xor",
}.items():
    setattr(KerasTensor, f"__{_method}__", _binary(_op))
    setattr(KerasTensor, f"__r{_method}__", _binary(_op, swapped=True))
for _method, _op in {
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
}.items():
    setattr(KerasTensor, f"__{_method}__", _binary(_op))
for _method, _op in {"neg": "negative", "abs": "absolute", "invert": "logical_not"}.items():
    setattr(KerasTensor, f"__{_method}__", _unary(_op))


def is_keras_tensor(x: Any) -> bool:
    """Says whether `x` is a placeholder of the functional API."""
    return isinstance(x, KerasTensor)


def any_keras_tensor(*structures: Any) -> bool:
    """Says whether a placeholder occurs anywhere in these nested structures."""
    for item in structures:
        if isinstance(item, KerasTensor):
            return True
        if isinstance(item, (list, tuple)):
            if any_keras_tensor(*item):
                return True
        elif isinstance(item, dict) and any_keras_tensor(*item.values()):
            return True
    return False
