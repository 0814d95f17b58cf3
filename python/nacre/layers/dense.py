"""The densely connected layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from nacre import activations, constraints, initializers, ops, regularizers
from nacre.layers.input_spec import InputSpec
from nacre.layers.layer import Layer

# Activations that may be applied before the leading axes are restored: elementwise, or along the
# last axis. Then product, bias and activation stand next to each other for the backend to fuse.
_LAST_AXIS = frozenset(
    getattr(activations, name)
    for name in ("linear", "relu", "sigmoid", "tanh", "gelu", "silu", "elu", "selu", "softplus",
                 "softmax", "relu6", "leaky_relu", "hard_sigmoid", "exponential", "mish")
)  # fmt: skip


def check_units(value: Any, owner: str, name: str) -> int:
    """Check a size given by the user.

    Args:
        value: The size.
        owner: The layer, for the error.
        name: The argument.

    Returns:
        The size as an int.

    Raises:
        ValueError: If it is not a positive integer.
    """
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value <= 0:
        raise ValueError(
            f"{owner}: expected `{name}` to be a positive integer. Received: {value!r}"
        )
    return int(value)


class Dense(Layer):
    """Compute `activation(inputs @ kernel + bias)` along the last axis.

    Args:
        units: The size of the output's last axis.
        activation: A name or a function; none if None.
        use_bias: Whether there is a bias.
        kernel_initializer: The first value of the kernel, of shape (inputs, units).
        bias_initializer: The first value of the bias, of shape (units,).
        kernel_regularizer: A penalty on the kernel.
        bias_regularizer: A penalty on the bias.
        activity_regularizer: A penalty on the outputs.
        kernel_constraint: A projection of the kernel after each update.
        bias_constraint: A projection of the bias after each update.
        lora_rank: Not available; only None.
        lora_alpha: Not available; only None.
        quantization_config: Not available; only None.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: None = None,
        lora_alpha: None = None,
        quantization_config: None = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        for name, value in (
            ("lora_rank", lora_rank),
            ("lora_alpha", lora_alpha),
            ("quantization_config", quantization_config),
        ):
            if value is not None:
                raise ValueError(f"{self._label()}: `{name}` is not available. Received: {value!r}")
        self.units = check_units(units, self._label(), "units")
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.kernel = None
        self.bias = None
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        inputs = input_shape[-1]
        if inputs is None:
            raise ValueError(
                f"{self._label()}: expected a known last axis. Received shape {tuple(input_shape)}."
            )
        self.kernel = self.add_weight(
            name="kernel",
            shape=(inputs, self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.input_spec = InputSpec(min_ndim=2, axes={-1: inputs})

    def call(self, inputs: Any, training: Any = None) -> Any:
        leading = inputs.dims[:-1]
        if len(leading) > 1:
            rows: Any = 1
            for dim in leading:
                rows = rows * dim
            inputs = ops.reshape(inputs, (rows, inputs.shape[-1]))
        x = ops.matmul(inputs, self.kernel)
        if self.bias is not None:
            x = ops.add(x, self.bias)
        early = self.activation in _LAST_AXIS
        if early:
            x = self.activation(x)
        if len(leading) > 1:
            x = ops.reshape(x, (*leading, self.units))
        return x if early else self.activation(x)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            **self._arguments(
                "units",
                "activation",
                "use_bias",
                "kernel_initializer",
                "bias_initializer",
                "kernel_regularizer",
                "bias_regularizer",
                "kernel_constraint",
                "bias_constraint",
            ),
            "quantization_config": None,
        }
