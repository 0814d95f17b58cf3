"""`Tensor`: what ops take and return. Its operators, and the methods that NumPy users expect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nacre import _core, ops
from nacre._core import Tensor, binary
from nacre.keras_tensor import KerasTensor

__all__ = ["Tensor", "attach_operators"]

_NUMBERS = (bool, int, float)


def _foreign(other: Any) -> bool:
    """Whether an operand decides for itself, or is no number at all."""
    return other is None or isinstance(other, (KerasTensor, str, bytes, dict))


def _operator(op: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """An operator and its reflected form, of one primitive."""
    from nacre.ops.binary_ops import operand

    def forward(self: Any, other: Any) -> Any:
        if _foreign(other):
            return NotImplemented
        return binary(op, self, operand(other))

    def reflected(self: Any, other: Any) -> Any:
        if _foreign(other):
            return NotImplemented
        return binary(op, operand(other), self)

    return forward, reflected


def _function(function: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """An operator and its reflected form, of a function of `ops`."""

    def forward(self: Any, other: Any) -> Any:
        return NotImplemented if _foreign(other) else function(self, other)

    def reflected(self: Any, other: Any) -> Any:
        return NotImplemented if _foreign(other) else function(other, self)

    return forward, reflected


_PRIMITIVES = {"add": "add", "sub": "sub", "mul": "mul"}
_COMPARISONS = {"lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "eq": "eq", "ne": "ne"}
_FUNCTIONS = {
    "truediv": ops.divide,
    "floordiv": ops.floor_divide,
    "mod": ops.mod,
    "pow": ops.power,
    "matmul": ops.matmul,
    "lshift": ops.left_shift,
    "rshift": ops.right_shift,
    "and": ops.bitwise_and,
    "or": ops.bitwise_or,
    "xor": ops.bitwise_xor,
}


def _value(self: Any, what: str) -> Any:
    """The only element, for conversions to Python numbers."""
    if not isinstance(self, _core.Variable) and self.is_symbolic:
        hint = (
            "use ops.where or ops.cond in place of `if`, and ops.logical_and in place of `and`"
            if what == "bool"
            else "keep it a tensor, or use run_eagerly=True to debug"
        )
        raise TypeError(
            f"{what}() of a symbolic tensor: its value does not exist while a function is being "
            f"traced; {hint}"
        )
    array = self.numpy()
    if array.size != 1:
        if what == "bool":
            raise ValueError(
                "the truth of a tensor with more than one element is ambiguous; use ops.any or "
                f"ops.all. Received: shape {array.shape}"
            )
        raise TypeError(f"{what}() needs a tensor of one element. Received: shape {array.shape}")
    return array.reshape(()).item()


def _bool(self: Any) -> bool:
    return bool(_value(self, "bool"))


def _int(self: Any) -> int:
    return int(_value(self, "int"))


def _float(self: Any) -> float:
    return float(_value(self, "float"))


def _index(self: Any) -> int:
    if str(self.dtype).startswith(("float", "bfloat")) or self.dtype == "bool":
        raise TypeError(f"only integer tensors can be an index. Received: dtype {self.dtype}")
    if self.ndim:
        raise TypeError(f"only a tensor of rank 0 can be an index. Received: shape {self.shape}")
    return int(_value(self, "int"))


def _len(self: Any) -> int:
    shape = self.shape
    if not shape:
        raise TypeError("len() of a scalar tensor")
    if shape[0] is None:
        raise TypeError(
            "len() of a symbolic tensor whose first size only the data tells; "
            "use ops.shape(x)[0], which may stand in shapes"
        )
    return shape[0]


def _iter(self: Any) -> Iterator[Tensor]:
    shape = self.shape
    if not shape:
        raise TypeError("iteration over a scalar tensor")
    if shape[0] is None:
        raise TypeError(
            "iteration over a symbolic tensor whose first size only the data tells; use ops.map or "
            "ops.scan"
        )
    return iter(ops.unstack(self))


def _array(self: Any, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    array = self.numpy()
    return array if dtype is None else array.astype(dtype, copy=False)


def _repr(self: Any) -> str:
    if self.is_symbolic:
        dims = ", ".join(str(d) for d in self.dims)
        comma = "," if self.ndim == 1 else ""
        return f"<nacre.Tensor symbolic shape=({dims}{comma}) dtype={self.dtype}>"
    if self.dtype == "bfloat16":
        text = np.array2string(_core.cast(self, "float32").numpy(), separator=", ")
    else:
        text = np.array2string(self.numpy(), separator=", ")
    return f"<nacre.Tensor shape={self.shape} dtype={self.dtype}\n{text}>"


def _format(self: Any, spec: str) -> str:
    if spec and not self.is_symbolic and self.shape == ():
        return format(self.numpy().item(), spec)
    return format(str(self), spec)


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__ = function.__name__
    method.__doc__ = function.__doc__
    return method


def _reshape(self: Any, *shape: Any) -> Tensor:
    """The same elements in another shape, given as one tuple or as several integers."""
    return ops.reshape(self, shape[0] if len(shape) == 1 else shape)


def _transpose(self: Any, *axes: Any) -> Tensor:
    """Permutes the axes, given as one tuple or as several integers; reverses them if none are."""
    if not axes or axes == (None,):
        return ops.transpose(self)
    return ops.transpose(self, axes[0] if isinstance(axes[0], (list, tuple)) else axes)


def _astype(self: Any, dtype: Any, copy: bool = True) -> Tensor:
    """The tensor in another dtype; tensors never change, so that `copy` makes no difference."""
    return ops.cast(self, dtype)


_METHODS = {
    "reshape": _reshape,
    "transpose": _transpose,
    "astype": _astype,
    "item": lambda self: _value(self, "item"),
    "tolist": lambda self: self.numpy().tolist(),
    "flatten": _method(ops.ravel),
    "ravel": _method(ops.ravel),
    "squeeze": _method(ops.squeeze),
    "sum": _method(ops.sum),
    "mean": _method(ops.mean),
    "prod": _method(ops.prod),
    "max": _method(ops.max),
    "min": _method(ops.min),
    "std": _method(ops.std),
    "var": _method(ops.var),
    "all": _method(ops.all),
    "any": _method(ops.any),
    "argmax": _method(ops.argmax),
    "argmin": _method(ops.argmin),
    "cumsum": _method(ops.cumsum),
    "clip": _method(ops.clip),
    "round": _method(ops.round),
    "dot": _method(ops.dot),
    "__copy__": lambda self: self,
    "__array__": _array,
    "__bool__": _bool,
    "__int__": _int,
    "__float__": _float,
    "__index__": _index,
    "__len__": _len,
    "__iter__": _iter,
    "__getitem__": ops.get_item,
    "__abs__": ops.abs,
    "__neg__": ops.negative,
    "__pos__": lambda self: self,
    "__invert__": ops.bitwise_not,
    "__round__": lambda self, decimals=0: ops.round(self, decimals),
    "__format__": _format,
}


def attach_operators(cls: type) -> None:
    """Gives a class the operators and methods of tensors."""
    for name, op in _PRIMITIVES.items():
        forward, reflected = _operator(op)
        setattr(cls, f"__{name}__", forward)
        setattr(cls, f"__r{name}__", reflected)
    for name, op in _COMPARISONS.items():
        setattr(cls, f"__{name}__", _operator(op)[0])
    for name, function in _FUNCTIONS.items():
        forward, reflected = _function(function)
        setattr(cls, f"__{name}__", forward)
        setattr(cls, f"__r{name}__", reflected)
    for name, function in _METHODS.items():
        setattr(cls, name, function)
    # `==` compares elements, so that only identity is left for sets and dictionaries.
    cls.__hash__ = object.__hash__
    # NumPy arrays on the left of an operator leave it to this class.
    cls.__array_priority__ = 1000
    cls.T = property(lambda self: ops.transpose(self))
    cls.size = property(lambda self: ops.size(self))


attach_operators(Tensor)
Tensor.__repr__ = _repr
Tensor.__str__ = _repr
Tensor.__module__ = "nacre"
# Tensors never change: a copy is the tensor itself, also inside copied structures.
Tensor.__deepcopy__ = lambda self, memo: self
Tensor.device = property(lambda self: _core.get_backend())
