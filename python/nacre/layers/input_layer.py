"""`Input` and `InputLayer`: where the data enters a functional model."""

from __future__ import annotations

from typing import Any

from nacre import config
from nacre.keras_tensor import KerasTensor
from nacre.layers.layer import Layer
from nacre.models.node import Node

__all__ = ["Input", "InputLayer"]


class InputLayer(Layer):
    """Holds the placeholder of one input.

    Args:
        shape: Sizes without the batch axis; `None` for sizes that may vary.
        batch_size: Size of the batch axis, when it is fixed.
        dtype: Element type; `floatx()` when left out.
        batch_shape: Sizes with the batch axis, in place of `shape`.
        input_tensor: An existing placeholder to use.
        optional: Whether `None` may be passed for this input.
        name: Name of the layer.
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: str | None = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if sparse or ragged:
            raise ValueError("Input: sparse and ragged inputs are not supported.")
        if optional:
            raise ValueError("Input: optional inputs are not supported.")
        if "input_shape" in kwargs and shape is None:
            shape = kwargs.pop("input_shape")
        if "batch_input_shape" in kwargs and batch_shape is None:
            batch_shape = kwargs.pop("batch_input_shape")
        if kwargs:
            raise ValueError(f"Input: unknown arguments {sorted(kwargs)}.")
        super().__init__(name=name)
        if input_tensor is not None:
            if not isinstance(input_tensor, KerasTensor):
                raise ValueError(
                    f"Input: `tensor` must be a KerasTensor. Received: {input_tensor!r}"
                )
            batch_shape, dtype = input_tensor.shape, dtype or input_tensor.dtype
        else:
            batch_shape = _batch_shape(self.name, shape, batch_size, batch_shape)
        try:
            dtype = config.standardize_dtype(dtype)
        except ValueError as error:
            raise ValueError(f'Input "{self.name}": unknown dtype {dtype!r}.') from error
        self.batch_shape = batch_shape
        self._input_dtype = dtype
        self.built = True
        tensor = input_tensor
        if tensor is None:
            tensor = KerasTensor(batch_shape, dtype, name=self.name)
        Node(self, (), {}, tensor)

    def call(self) -> None:
        raise ValueError(f'Input "{self.name}" cannot be called.')

    @property
    def dtype(self) -> str:
        return self._input_dtype

    @property
    def output(self) -> KerasTensor:
        return self._inbound_nodes[0].outputs

    def get_config(self) -> dict:
        return {
            "batch_shape": self.batch_shape,
            "dtype": self.dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": False,
        }

    @classmethod
    def from_config(cls, config: dict) -> InputLayer:
        return cls(**config)


def _batch_shape(name: str, shape: Any, batch_size: Any, batch_shape: Any) -> tuple:
    if shape is not None and batch_shape is not None:
        raise ValueError(f'Input "{name}": give `shape` or `batch_shape`, not both.')
    if batch_shape is not None:
        if batch_size is not None:
            raise ValueError(f'Input "{name}": give `batch_size` or `batch_shape`, not both.')
        return check_shape(name, "batch_shape", batch_shape)
    if shape is None:
        raise ValueError(f'Input "{name}": `shape` is missing.')
    if isinstance(shape, int) and not isinstance(shape, bool):
        shape = (shape,)  # as in Keras 2
    shape = check_shape(name, "shape", shape)
    return check_shape(name, "batch_size", (batch_size,)) + shape


def check_shape(name: str, argument: str, shape: Any) -> tuple:
    """Turns a shape given by the user into a tuple of positive integers and `None`.

    Args:
        name: The layer, for the message.
        argument: The argument, for the message.
        shape: What was given.

    Raises:
        ValueError: It is no such shape.
    """
    if not isinstance(shape, (list, tuple)):
        raise ValueError(
            f'Input "{name}": `{argument}` must be a tuple of integers, such as (784,). '
            f"Received: {shape!r}"
        )
    sizes = []
    for size in shape:
        if size is not None:
            integral = hasattr(size, "__index__") and not isinstance(size, bool)
            if not integral or int(size) < 0:
                raise ValueError(
                    f'Input "{name}": `{argument}` must hold non-negative integers and None. '
                    f"Received: {tuple(shape)!r}"
                )
            size = int(size)
        sizes.append(size)
    return tuple(sizes)


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: str | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
    **kwargs: Any,
) -> KerasTensor:
    """Makes the placeholder that a functional model starts from.

    Args:
        shape: Sizes without the batch axis; `None` for sizes that may vary.
        batch_size: Size of the batch axis, when it is fixed.
        dtype: Element type; `floatx()` when left out.
        sparse: Not supported.
        ragged: Not supported.
        batch_shape: Sizes with the batch axis, in place of `shape`.
        name: Name of the input.
        tensor: An existing placeholder to use.
        optional: Not supported.
        **kwargs: `batch_input_shape`, as in Keras 2.

    Returns:
        A `KerasTensor`.
    """
    layer = InputLayer(
        shape=shape,
        batch_size=batch_size,
        dtype=dtype,
        sparse=sparse,
        ragged=ragged,
        batch_shape=batch_shape,
        input_tensor=tensor,
        optional=optional,
        name=name,
        **kwargs,
    )
    return layer.output
