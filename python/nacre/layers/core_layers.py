"""Small layers: Identity, Lambda, Masking, Rescaling."""

from __future__ import annotations

import types
from typing import Any

from nacre import ops
from nacre.layers.layer import Layer
from nacre.layers.shape_utils import is_shape


class Identity(Layer):
    """Return the inputs.

    Args:
        **kwargs: As for `Layer`.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return tuple(input_shape) if is_shape(input_shape) else input_shape


class Lambda(Layer):
    """Apply a function.

    Args:
        function: Called with the inputs, and with `mask` and `training` if it takes them.
        output_shape: The shape without the batch axis, or a function of the input shape; by
            default it is found by calling the function.
        mask: A mask for the outputs, or a function of inputs and mask.
        arguments: Further keyword arguments of the function.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        function: Any,
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not callable(function):
            raise ValueError(f"{self._label()}: expected a function. Received: {function!r}")
        self.function = function
        self.arguments = dict(arguments or {})
        self._output_shape = output_shape
        self.mask = mask
        if mask is not None:
            self.supports_masking = True
        names = self._parameter_names()
        self._takes_mask = "mask" in names
        self._takes_training = "training" in names

    def _parameter_names(self) -> tuple:
        function = self.function
        if not isinstance(function, types.FunctionType):
            return ()
        code = function.__code__
        return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]

    def call(self, inputs: Any, mask: Any = None, training: Any = None) -> Any:
        kwargs = dict(self.arguments)
        if self._takes_mask:
            kwargs["mask"] = mask
        if self._takes_training:
            kwargs["training"] = training
        return self.function(inputs, **kwargs)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self._output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        batch = input_shape[0] if is_shape(input_shape) else None
        return (batch, *self._output_shape)

    def get_config(self) -> dict:
        config = super().get_config()
        # A function of the user's own is kept as it is: good for cloning in this process. Writing
        # it to a file asks for a registered name.
        config["function"] = self.function
        config["arguments"] = dict(self.arguments)
        if self._output_shape is not None:
            config["output_shape"] = self._output_shape
        if self.mask is not None:
            config["mask"] = self.mask
        return config

    @classmethod
    def from_config(cls, config: dict) -> Lambda:
        from nacre.saving import deserialize_keras_object

        config = dict(config)
        for key in ("function", "output_shape", "mask"):
            if isinstance(config.get(key), dict):
                config[key] = deserialize_keras_object(config[key])
        return cls(**config)


class Masking(Layer):
    """Mask the steps in which all features equal a value.

    Args:
        mask_value: The value.
        **kwargs: As for `Layer`.
    """

    def __init__(self, mask_value: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.supports_masking = True

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Any) -> Any:
        kept = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        outputs = ops.where(kept, inputs, ops.zeros_like(inputs))
        outputs._keras_mask = ops.squeeze(kept, -1)
        return outputs

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return tuple(input_shape)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("mask_value")}


class Rescaling(Layer):
    """Compute `inputs * scale + offset`.

    Args:
        scale: A number, or one per channel.
        offset: A number, or one per channel.
        **kwargs: As for `Layer`.
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        outputs = ops.multiply(ops.cast(inputs, self.compute_dtype), self._numbers(self.scale))
        if isinstance(self.offset, (int, float)) and self.offset == 0:
            return outputs
        return ops.add(outputs, self._numbers(self.offset))

    def _numbers(self, value: Any) -> Any:
        if isinstance(value, (int, float)):
            return float(value)
        return ops.convert_to_tensor(value, dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return tuple(input_shape)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("scale", "offset")}
