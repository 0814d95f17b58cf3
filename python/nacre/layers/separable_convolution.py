"""Depthwise and separable convolution layers."""

from __future__ import annotations

from typing import Any

from nacre import constraints, initializers, regularizers
from nacre.layers.convolution_base import ConvolutionLayer
from nacre.layers.dense import check_units
from nacre.ops.convolution import convolve, join_depthwise


class _DepthwiseConv(ConvolutionLayer):
    """The depthwise convolution of any rank."""

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            bias_initializer,
            bias_regularizer,
            bias_constraint,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.depth_multiplier = check_units(depth_multiplier, self._label(), "depth_multiplier")
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.kernel = None

    def build(self, input_shape: Any) -> None:
        channels = self._take_channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self._add_kernel("depthwise", shape)
        self._add_bias(channels * self.depth_multiplier)

    def _convolve(self, x: Any) -> Any:
        kernel = join_depthwise(self.kernel)
        return convolve(x, kernel, self.strides, self.padding, self.dilation_rate, x.shape[-1])

    def _output_channels(self, channels: Any) -> Any:
        return None if channels is None else channels * self.depth_multiplier

    def get_config(self) -> dict:
        return {
            **self._base_config(),
            **self._arguments(
                "depth_multiplier",
                "kernel_size",
                "strides",
                "padding",
                "data_format",
                "dilation_rate",
                "activation",
                "use_bias",
                "depthwise_initializer",
                "bias_initializer",
                "depthwise_regularizer",
                "bias_regularizer",
                "depthwise_constraint",
                "bias_constraint",
            ),
        }


class DepthwiseConv2D(_DepthwiseConv):
    """Convolve each channel of an image with kernels of its own.

    Args:
        kernel_size: The sizes of a kernel, one for all axes or one for each.
        strides: The steps between windows.
        padding: `valid`; or `same`, with zeros around, for as many outputs as inputs over
            strides.
        depth_multiplier: How many kernels each channel has.
        data_format: `channels_last` or `channels_first`.
        dilation_rate: The distances between a kernel's taps.
        activation: A name or a function; none if None.
        use_bias: Whether there is a bias.
        depthwise_initializer: The first value of the kernel, of shape
            (kernel_size..., channels, depth_multiplier).
        bias_initializer: The first value of the bias.
        depthwise_regularizer: A penalty on the kernel.
        bias_regularizer: A penalty on the bias.
        activity_regularizer: A penalty on the outputs.
        depthwise_constraint: A projection of the kernel after each update.
        bias_constraint: A projection of the bias after each update.
        **kwargs: As for `Layer`.
    """

    rank = 2


class DepthwiseConv1D(_DepthwiseConv):
    """The depthwise convolution of sequences: see `DepthwiseConv2D` for the arguments."""

    rank = 1


class _SeparableConv(ConvolutionLayer):
    """The separable convolution of any rank."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            bias_initializer,
            bias_regularizer,
            bias_constraint,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.filters = check_units(filters, self._label(), "filters")
        self.depth_multiplier = check_units(depth_multiplier, self._label(), "depth_multiplier")
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.pointwise_constraint = constraints.get(pointwise_constraint)
        self.depthwise_kernel = None
        self.pointwise_kernel = None

    def build(self, input_shape: Any) -> None:
        channels = self._take_channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.depthwise_kernel = self._add_kernel("depthwise", shape, "depthwise_kernel")
        shape = (*(1,) * self.rank, channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = self._add_kernel("pointwise", shape, "pointwise_kernel")
        self._add_bias(self.filters)

    def _convolve(self, x: Any) -> Any:
        ones = (1,) * self.rank
        kernel = join_depthwise(self.depthwise_kernel)
        x = convolve(x, kernel, self.strides, self.padding, self.dilation_rate, x.shape[-1])
        return convolve(x, self.pointwise_kernel, ones, "valid", ones, 1)

    def get_config(self) -> dict:
        return {
            **self._base_config(),
            **self._arguments(
                "depth_multiplier",
                "filters",
                "kernel_size",
                "strides",
                "padding",
                "data_format",
                "dilation_rate",
                "activation",
                "use_bias",
                "depthwise_initializer",
                "pointwise_initializer",
                "bias_initializer",
                "depthwise_regularizer",
                "pointwise_regularizer",
                "bias_regularizer",
                "depthwise_constraint",
                "pointwise_constraint",
                "bias_constraint",
            ),
        }


class SeparableConv2D(_SeparableConv):
    """Convolve each channel of an image by itself, then mix the channels pixel by pixel.

    Args:
        filters: The output's channels.
        kernel_size: The sizes of a depthwise kernel, one for all axes or one for each.
        strides: The steps between windows.
        padding: `valid`; or `same`, with zeros around, for as many outputs as inputs over
            strides.
        data_format: `channels_last` or `channels_first`.
        dilation_rate: The distances between a depthwise kernel's taps.
        depth_multiplier: How many depthwise kernels each channel has.
        activation: A name or a function, applied at the end; none if None.
        use_bias: Whether there is a bias, added at the end.
        depthwise_initializer: The first value of the depthwise kernel, of shape
            (kernel_size..., channels, depth_multiplier).
        pointwise_initializer: The first value of the pointwise kernel, of shape
            (1..., channels * depth_multiplier, filters).
        bias_initializer: The first value of the bias.
        depthwise_regularizer: A penalty on the depthwise kernel.
        pointwise_regularizer: A penalty on the pointwise kernel.
        bias_regularizer: A penalty on the bias.
        activity_regularizer: A penalty on the outputs.
        depthwise_constraint: A projection of the depthwise kernel after each update.
        pointwise_constraint: A projection of the pointwise kernel after each update.
        bias_constraint: A projection of the bias after each update.
        **kwargs: As for `Layer`.
    """

    rank = 2


class SeparableConv1D(_SeparableConv):
    """The separable convolution of sequences: see `SeparableConv2D` for the arguments."""

    rank = 1
