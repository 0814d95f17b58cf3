"""`Variable`: a tensor that training can change."""

from __future__ import annotations

from typing import Any

import numpy as np

from nacre import _core, config, naming
from nacre._core import Tensor
from nacre.allocation import check_allocation
from nacre.tensor import attach_operators

__all__ = ["Variable"]

_AGGREGATIONS = (None, "none", "mean", "sum", "only_first_replica")
_SYNCHRONIZATIONS = (None, "none", "auto", "on_read", "on_write")


class Variable(_core.Variable):
    """A named value that lives across steps: a weight, a statistic, a counter.

    Inside a traced function a read gives the value as of that point of the function, and an
    assignment takes effect when the step is complete.

    Args:
        initializer: the first value, or a function of `(shape, dtype)` that makes it.
        shape: the shape; needed with a function, checked against a value.
        dtype: the dtype; that of a value, or `floatx()`, if left out.
        trainable: whether optimizers change it.
        autocast: whether a mixed dtype policy may cast it.
        aggregation: for several replicas; there is one, so that it makes no difference.
        synchronization: for several replicas; there is one, so that it makes no difference.
        name: the name; made up if left out.
        layout: for several devices; not supported.
        **kwargs: none are known.
    """

    def __init__(
        self,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        synchronization: str | None = "auto",
        name: str | None = None,
        layout: Any = None,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            raise TypeError(f"Variable: unknown arguments {sorted(kwargs)}")
        name = naming.auto_name("Variable") if name is None else name
        if not isinstance(name, str) or "/" in name:
            raise ValueError(
                f"Variable: expected a name, a string without '/'. Received: name={name!r}"
            )
        if aggregation not in _AGGREGATIONS:
            raise ValueError(
                f"Variable {name!r}: expected aggregation to be one of {_AGGREGATIONS}. "
                f"Received: aggregation={aggregation!r}"
            )
        if synchronization not in _SYNCHRONIZATIONS:
            raise ValueError(
                f"Variable {name!r}: expected synchronization to be one of {_SYNCHRONIZATIONS}. "
                f"Received: synchronization={synchronization!r}"
            )
        if layout is not None:
            raise ValueError(f"Variable {name!r}: layouts are not supported. Received: {layout!r}")
        super().__init__(_first_value(initializer, shape, dtype, name), name)
        path = naming.current_path()
        self._path = f"{path}/{name}" if path else name
        self._trainable = bool(trainable)
        self._autocast = bool(autocast)
        self._aggregation = aggregation or "none"
        self._synchronization = synchronization or "none"
        self._regularizer: Any = None
        self._constraint: Any = None
        self._overwrite_with_gradient = False

    @property
    def value(self) -> Tensor:
        """The current value."""
        return self.read()

    @property
    def path(self) -> str:
        """The name behind those of the scopes it was made in."""
        return self._path

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def dims(self) -> tuple[int, ...]:
        """The same as `shape`: a Variable's sizes are always known."""
        return self.shape

    @property
    def trainable(self) -> bool:
        """Whether optimizers change it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)

    @property
    def autocast(self) -> bool:
        """Whether a mixed dtype policy may cast it."""
        return self._autocast

    @property
    def aggregation(self) -> str:
        """What was given when it was made; there is one replica."""
        return self._aggregation

    @property
    def synchronization(self) -> str:
        """What was given when it was made; there is one replica."""
        return self._synchronization

    @property
    def overwrite_with_gradient(self) -> bool:
        """Whether optimizers store the gradient as the value, instead of applying it."""
        return self._overwrite_with_gradient

    @overwrite_with_gradient.setter
    def overwrite_with_gradient(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"overwrite_with_gradient: expected a boolean. Received: {value!r}")
        self._overwrite_with_gradient = value

    @property
    def regularizer(self) -> Any:
        """The penalty on its value, or `None`."""
        return self._regularizer

    @regularizer.setter
    def regularizer(self, value: Any) -> None:
        if value is not None and not callable(value):
            raise ValueError(f"regularizer: expected a function or None. Received: {value!r}")
        self._regularizer = value

    @property
    def constraint(self) -> Any:
        """What projects its value after each update, or `None`."""
        return self._constraint

    @constraint.setter
    def constraint(self, value: Any) -> None:
        if value is not None and not callable(value):
            raise ValueError(f"constraint: expected a function or None. Received: {value!r}")
        self._constraint = value

    def assign(self, value: Any) -> Any:
        """Replaces the value.

        Args:
            value: a tensor, array or number of the variable's shape; cast to its dtype.

        Returns:
            The value.
        """
        value = self._fitting(value)
        self.write(value)
        return value

    def assign_add(self, value: Any) -> Any:
        """Adds to the value."""
        return self.assign(self.read() + self._operand(value))

    def assign_sub(self, value: Any) -> Any:
        """Subtracts from the value."""
        return self.assign(self.read() - self._operand(value))

    def _operand(self, value: Any) -> Any:
        """A summand, in the variable's dtype: it keeps it whatever is added."""
        if isinstance(value, (bool, int, float)):
            return value
        from nacre.ops._common import tensor

        return tensor(value, self.dtype)

    def _fitting(self, value: Any) -> Tensor:
        from nacre.ops._common import tensor

        value = tensor(value, self.dtype)
        given, own = value.shape, self.shape
        if len(given) != len(own) or any(
            g is not None and g != o for g, o in zip(given, own, strict=True)
        ):
            raise ValueError(
                f"Variable {self.path!r} has shape {own}. Received: a value of shape {given}"
            )
        return value

    def __repr__(self) -> str:
        head = f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}"
        if self.dtype == "bfloat16":
            return head + ">"
        return f"{head}, value={np.array2string(self.numpy(), separator=', ', threshold=20)}>"

    __str__ = __repr__

    def __deepcopy__(self, memo: dict[int, Any]) -> Variable:
        copy = type(self).__new__(type(self))
        _core.Variable.__init__(
            copy, self.numpy() if self.dtype != "bfloat16" else self.read(), self.name
        )
        for key, value in self.__dict__.items():
            copy.__dict__[key] = value
        memo[id(self)] = copy
        return copy


attach_operators(Variable)
Variable.__copy__ = lambda self: self


def _first_value(initializer: Any, shape: Any, dtype: Any, name: str) -> Tensor:
    from nacre.ops._common import shape_argument, tensor

    dtype = None if dtype is None else config.standardize_dtype(dtype)
    if isinstance(initializer, str):
        from nacre import initializers

        initializer = initializers.get(initializer)
    with _core.init_scope():
        if callable(initializer):
            if shape is None:
                raise ValueError(
                    f"Variable {name!r}: a function as initializer needs a shape. Received: None"
                )
            dims = tuple(shape_argument(shape))
            dtype = dtype or config.floatx()
            check_allocation(dims, dtype, name)
            value = tensor(initializer(dims, dtype=dtype), dtype)
        else:
            value = tensor(initializer, dtype)
            dims = value.shape if shape is None else tuple(shape_argument(shape))
    if value.shape != dims:
        raise ValueError(
            f"Variable {name!r}: expected a first value of shape {dims}. "
            f"Received: shape {value.shape}"
        )
    if value.is_symbolic:
        raise ValueError(f"Variable {name!r}: its first value cannot come from a traced function")
    return value
