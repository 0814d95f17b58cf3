"""What all convolution layers share: arguments, sizes, bias and activation."""

from __future__ import annotations

from typing import Any

from nacre import activations, config, constraints, initializers, ops, regularizers
from nacre.layers.input_spec import InputSpec
from nacre.layers.layer import Layer
from nacre.ops._window import (
    from_channels_last,
    output_size,
    padding_name,
    per_axis,
    to_channels_last,
)

# Activations of single values, which may be applied before the channels are moved: then product,
# bias and activation stand next to each other for the backend to fuse.
_ELEMENTWISE = frozenset(
    getattr(activations, name)
    for name in ("linear", "relu", "sigmoid", "tanh", "gelu", "silu", "elu", "selu", "softplus",
                 "relu6", "leaky_relu", "hard_sigmoid", "exponential", "mish")
)  # fmt: skip


class ConvolutionLayer(Layer):
    """A layer that moves a kernel over the spatial axes; subclasses say which.

    Args:
        kernel_size: The sizes of the kernel.
        strides: The steps between windows.
        padding: What stands around the input.
        data_format: Where the channels stand.
        dilation_rate: The distances between taps.
        activation: A name or a function; none if None.
        use_bias: Whether there is a bias.
        bias_initializer: The first value of the bias.
        bias_regularizer: A penalty on the bias.
        bias_constraint: A projection of the bias after each update.
        **kwargs: As for `Layer`.
    """

    rank = 0  # the number of spatial axes
    _paddings: tuple[str, ...] = ("valid", "same")

    def __init__(
        self,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        bias_initializer: Any,
        bias_regularizer: Any,
        bias_constraint: Any,
        **kwargs: Any,
    ):
        extensions = {
            name: kwargs.pop(name, None)
            for name in ("lora_rank", "lora_alpha", "quantization_config")
        }
        super().__init__(**kwargs)
        for name, value in extensions.items():
            if value is not None:
                raise ValueError(f"{self._label()}: `{name}` is not available. Received: {value!r}")
        label = self._label()
        self.kernel_size = per_axis(kernel_size, self.rank, f"{label}: kernel_size")
        self.strides = per_axis(strides, self.rank, f"{label}: strides")
        self.dilation_rate = per_axis(dilation_rate, self.rank, f"{label}: dilation_rate")
        self.padding = padding_name(padding, f"{label}: padding", self._paddings)
        self.data_format = config.standardize_data_format(data_format)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.bias_initializer = initializers.get(bias_initializer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.bias_constraint = constraints.get(bias_constraint)
        self.bias = None
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _refuse_stride_with_dilation(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{self._label()}: expected `strides` or `dilation_rate` to be 1. Received: "
                f"strides={self.strides}, dilation_rate={self.dilation_rate}"
            )

    # Weights

    @property
    def _channel_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else 1

    def _take_channels(self, input_shape: Any) -> int:
        """Return the input's channels, and expect as many from now on."""
        if len(input_shape) != self.rank + 2 or input_shape[self._channel_axis] is None:
            raise ValueError(
                f"{self._label()}: expected an input of rank {self.rank + 2} with a known number "
                f"of channels. Received shape {tuple(input_shape)}."
            )
        channels = input_shape[self._channel_axis]
        if channels < 1:
            raise ValueError(
                f"{self._label()}: expected an input with channels. "
                f"Received shape {tuple(input_shape)}."
            )
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={self._channel_axis: channels})
        self.compute_output_shape(input_shape)
        return channels

    def _add_kernel(self, prefix: str, shape: tuple[int, ...], name: str = "kernel") -> Any:
        """Make a kernel with the initializer, regularizer and constraint of that prefix."""
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=getattr(self, f"{prefix}_initializer"),
            regularizer=getattr(self, f"{prefix}_regularizer"),
            constraint=getattr(self, f"{prefix}_constraint"),
        )

    def _add_bias(self, size: int) -> None:
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(size,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    # Calling

    def _convolve(self, x: Any) -> Any:
        """Compute the result without its bias; channels stand last."""
        raise NotImplementedError

    def call(self, inputs: Any) -> Any:
        x = self._convolve(to_channels_last(inputs, self.data_format))
        if self.bias is not None:
            x = ops.add(x, self.bias)
        if self.activation in _ELEMENTWISE:
            return from_channels_last(self.activation(x), self.data_format)
        return self.activation(from_channels_last(x, self.data_format))

    # Shapes

    def _output_channels(self, channels: Any) -> Any:
        """Return the number of channels of the output."""
        return self.filters

    def _output_size(self, size: int, axis: int) -> int:
        """Return the output's size along a spatial axis."""
        return output_size(
            size,
            self.kernel_size[axis],
            self.strides[axis],
            self.dilation_rate[axis],
            self.padding,
        )

    def compute_output_shape(self, input_shape: Any) -> tuple:
        shape = tuple(input_shape)
        if len(shape) != self.rank + 2:
            raise ValueError(
                f"{self._label()}: expected an input of rank {self.rank + 2}. "
                f"Received shape {shape}."
            )
        last = self.data_format == "channels_last"
        spatial = shape[1:-1] if last else shape[2:]
        sizes = tuple(
            None if size is None else self._output_size(size, axis)
            for axis, size in enumerate(spatial)
        )
        if any(size is not None and size < 1 for size in sizes):
            rates = f" and dilation_rate={self.dilation_rate}" * (max(self.dilation_rate) > 1)
            raise ValueError(
                f"{self._label()}: expected an input at least as large as "
                f"kernel_size={self.kernel_size}{rates}. Received shape {shape}."
            )
        channels = self._output_channels(shape[self._channel_axis])
        return (shape[0], *sizes, channels) if last else (shape[0], channels, *sizes)

    def _base_config(self) -> dict:
        """Return the configuration of `Layer`, always with the activity regularizer."""
        return {
            **super().get_config(),
            **self._arguments("activity_regularizer"),
        }
