"""Convolution layers."""

from __future__ import annotations

from typing import Any

from nacre import constraints, initializers, regularizers
from nacre.layers.convolution_base import ConvolutionLayer
from nacre.layers.dense import check_units
from nacre.ops.convolution import convolve


class _Conv(ConvolutionLayer):
    """The convolution of any rank."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
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
        self.groups = check_units(groups, self._label(), "groups")
        if self.filters % self.groups:
            raise ValueError(
                f"{self._label()}: expected `filters` to be a multiple of `groups`. "
                f"Received: filters={filters}, groups={groups}"
            )
        self._refuse_stride_with_dilation()
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.kernel = None

    def build(self, input_shape: Any) -> None:
        channels = self._take_channels(input_shape)
        if channels % self.groups:
            raise ValueError(
                f"{self._label()}: expected the number of channels to be a multiple of "
                f"groups={self.groups}. Received shape {tuple(input_shape)}."
            )
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self._add_kernel("kernel", shape)
        self._add_bias(self.filters)

    def _convolve(self, x: Any) -> Any:
        return convolve(x, self.kernel, self.strides, self.padding, self.dilation_rate, self.groups)

    def get_config(self) -> dict:
        return {
            **self._base_config(),
            **self._arguments(
                "filters",
                "kernel_size",
                "strides",
                "padding",
                "data_format",
                "dilation_rate",
                "groups",
                "activation",
                "use_bias",
                "kernel_initializer",
                "bias_initializer",
                "kernel_regularizer",
                "bias_regularizer",
                "kernel_constraint",
                "bias_constraint",
            ),
        }


class Conv2D(_Conv):
    """Compute sums of products of kernels with windows of an image (a cross-correlation).

    Args:
        filters: How many kernels there are: the output's channels.
        kernel_size: The sizes of a kernel, one for all axes or one for each.
        strides: The steps between windows.
        padding: `valid`; or `same`, with zeros around, for as many outputs as inputs over
            strides. An odd zero stands at the end.
        data_format: `channels_last` or `channels_first`.
        dilation_rate: The distances between a kernel's taps.
        groups: How many groups of channels meet groups of filters of their own.
        activation: A name or a function; none if None.
        use_bias: Whether there is a bias.
        kernel_initializer: The first value of the kernel, of shape
            (kernel_size..., channels / groups, filters).
        bias_initializer: The first value of the bias, of shape (filters,).
        kernel_regularizer: A penalty on the kernel.
        bias_regularizer: A penalty on the bias.
        activity_regularizer: A penalty on the outputs.
        kernel_constraint: A projection of the kernel after each update.
        bias_constraint: A projection of the bias after each update.
        **kwargs: As for `Layer`.
    """

    rank = 2


class Conv1D(_Conv):
    """Compute sums of products of kernels with windows of a sequence.

    The arguments are those of `Conv2D`; `padding` may also be `causal`: zeros stand before the
    first element only, and no output depends on later inputs.
    """

    rank = 1
    _paddings = ("valid", "same", "causal")


class Conv3D(_Conv):
    """Compute sums of products of kernels with windows of a volume.

    The arguments are those of `Conv2D`.
    """

    rank = 3
