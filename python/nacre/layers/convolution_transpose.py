"""Transposed convolution layers."""

from __future__ import annotations

from typing import Any

from nacre import constraints, initializers, regularizers
from nacre.layers.convolution_base import ConvolutionLayer
from nacre.layers.dense import check_units
from nacre.ops._window import per_axis, transposed_window
from nacre.ops.convolution import convolve_transposed


class _ConvTranspose(ConvolutionLayer):
    """The transposed convolution of any rank."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        label = self._label()
        self.filters = check_units(filters, label, "filters")
        self.output_padding = None
        if output_padding is not None:
            self.output_padding = per_axis(output_padding, self.rank, f"{label}: output_padding", 0)
            if any(p >= s for p, s in zip(self.output_padding, self.strides, strict=True)):
                raise ValueError(
                    f"{label}: expected `output_padding` to be less than `strides`. "
                    f"Received: output_padding={output_padding}, strides={strides}"
                )
        self._refuse_stride_with_dilation()
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.kernel = None

    def build(self, input_shape: Any) -> None:
        channels = self._take_channels(input_shape)
        self.kernel = self._add_kernel("kernel", (*self.kernel_size, self.filters, channels))
        self._add_bias(self.filters)

    def _convolve(self, x: Any) -> Any:
        return convolve_transposed(
            x,
            self.kernel,
            self.strides,
            self.padding,
            self.dilation_rate,
            self.output_padding,
        )

    def _output_size(self, size: int, axis: int) -> int:
        return transposed_window(
            size,
            self.kernel_size[axis],
            self.strides[axis],
            self.dilation_rate[axis],
            self.padding,
            None if self.output_padding is None else self.output_padding[axis],
        )[1]

    def get_config(self) -> dict:
        return {
            **self._base_config(),
            **self._arguments(
                "filters",
                "kernel_size",
                "strides",
                "padding",
                "output_padding",
                "data_format",
                "dilation_rate",
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


class Conv2DTranspose(_ConvTranspose):
    """Spread a copy of the kernel from every element of an image: a convolution turned around.

    Along each axis the output has `(n - 1) * stride + max(kernel, stride)` elements with `valid`
    padding and `n * stride` with `same`, unless `output_padding` is given.

    Args:
        filters: The output's channels.
        kernel_size: The sizes of a kernel, one for all axes or one for each.
        strides: The steps between the copies.
        padding: `valid` or `same`.
        output_padding: How much larger the output is than the smallest that fits, less than the
            strides; None for the sizes above.
        data_format: `channels_last` or `channels_first`.
        dilation_rate: The distances between a kernel's taps.
        activation: A name or a function; none if None.
        use_bias: Whether there is a bias.
        kernel_initializer: The first value of the kernel, of shape
            (kernel_size..., filters, channels).
        bias_initializer: The first value of the bias, of shape (filters,).
        kernel_regularizer: A penalty on the kernel.
        bias_regularizer: A penalty on the bias.
        activity_regularizer: A penalty on the outputs.
        kernel_constraint: A projection of the kernel after each update.
        bias_constraint: A projection of the bias after each update.
        **kwargs: As for `Layer`.
    """

    rank = 2


class Conv1DTranspose(_ConvTranspose):
    """The transposed convolution of sequences: see `Conv2DTranspose` for the arguments."""

    rank = 1


class Conv3DTranspose(_ConvTranspose):
    """The transposed convolution of volumes.

    The arguments are those of `Conv2DTranspose`; `data_format` stands before `output_padding`, as
    in Keras.
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = (1, 1, 1),
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
            filters,
            kernel_size,
            strides,
            padding,
            output_padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )
