"""Convolutions, with the names, signatures and rules of `keras.ops`."""

from __future__ import annotations

from typing import Any

from nacre import config
from nacre.ops._common import (
    Shape,
    Tensor,
    as_float,
    call,
    cast,
    reshape_to,
    tensor,
    transpose_to,
)
from nacre.ops._dispatch import keras_op
from nacre.ops._window import (
    from_channels_last,
    image_tensor,
    padding_name,
    per_axis,
    place_windows,
    transposed_window,
)
from nacre.ops.binary_ops import promoted

__all__ = [
    "conv",
    "conv_transpose",
    "depth_to_space",
    "depthwise_conv",
    "separable_conv",
    "space_to_depth",
]


def convolve(
    x: Tensor,
    kernel: Any,
    strides: tuple[int, ...],
    padding: str,
    dilation: tuple[int, ...],
    groups: int,
) -> Tensor:
    """The convolution primitive.

    Args:
        x: (batch, spatial..., channels); of another dtype than the kernel's, it is cast.
        kernel: (taps..., channels / groups, filters).
        strides: One for each spatial axis.
        padding: `"valid"`, `"same"` or `"causal"`.
        dilation: One for each spatial axis.
        groups: How many groups of channels meet groups of filters.

    Returns:
        (batch, spatial..., filters).
    """
    kernel = tensor(kernel)
    x = cast(x, kernel.dtype)
    taps = kernel.shape[:-2]
    if x.ndim != kernel.ndim:
        raise ValueError(
            f"conv: expected a kernel of rank {x.ndim} for an input of rank {x.ndim}. "
            f"Received: kernel of shape {kernel.shape}, input of shape {x.shape}"
        )
    low, size = place_windows(x.dims[1:-1], taps, strides, dilation, padding)
    return call(
        "conv",
        [x, kernel],
        {
            "strides": list(strides),
            "dilation": list(dilation),
            "low": Shape(low),
            "size": Shape(size),
            "groups": groups,
        },
    )


def convolve_transposed(
    x: Tensor,
    kernel: Any,
    strides: tuple[int, ...],
    padding: str,
    dilation: tuple[int, ...],
    output_padding: tuple[int, ...] | None,
) -> Tensor:
    """The transposed convolution primitive: the gradient of a convolution by its input.

    Args:
        x: (batch, spatial..., channels).
        kernel: (taps..., filters, channels).
        strides: One for each spatial axis.
        padding: `"valid"` or `"same"`.
        dilation: One for each spatial axis.
        output_padding: One for each spatial axis, or None for Keras's default sizes.

    Returns:
        (batch, spatial..., filters).
    """
    kernel = tensor(kernel)
    x = cast(x, kernel.dtype)
    if x.ndim != kernel.ndim:
        raise ValueError(
            f"conv_transpose: expected a kernel of rank {x.ndim} for an input of rank {x.ndim}. "
            f"Received: kernel of shape {kernel.shape}, input of shape {x.shape}"
        )
    extra = output_padding or (None,) * len(strides)
    axes = zip(x.dims[1:-1], kernel.shape[:-2], strides, dilation, extra, strict=True)
    placed = [
        transposed_window(n, taps, stride, rate, padding, more)
        for n, taps, stride, rate, more in axes
    ]
    return call(
        "conv_input_gradient",
        [x, kernel],
        {
            "strides": list(strides),
            "dilation": list(dilation),
            "low": Shape([low for low, _ in placed]),
            "size": Shape([size for _, size in placed]),
            "groups": 1,
        },
    )


def join_depthwise(kernel: Any) -> Tensor:
    """A depthwise kernel (taps..., channels, multiplier) as one with a group for each channel."""
    kernel = tensor(kernel)
    *taps, channels, multiplier = kernel.dims
    return reshape_to(kernel, [*taps, 1, channels * multiplier])


def _operands(inputs: Any, kernel: Any) -> tuple[Tensor, Tensor]:
    (x, weights), _ = promoted(as_float(inputs), as_float(kernel))
    return x, weights


@keras_op
def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """The sum of products of a kernel with every window of the input (a cross-correlation).

    Args:
        inputs: (batch, spatial..., channels), with one to three spatial axes.
        kernel: (taps..., channels / groups, filters), whatever the data format. Its
            second-to-last axis decides how many groups there are.
        strides: the step between windows, for all axes or for each.
        padding: `"valid"`, or `"same"` for as many outputs as inputs over strides, with zeros
            around; an odd zero stands at the end.
        data_format: `"channels_last"`, or `"channels_first"` for inputs and outputs of shape
            (batch, channels, spatial...).
        dilation_rate: the distance between taps, for all axes or for each.

    Returns:
        (batch, spatial..., filters).
    """
    x, weights = _operands(inputs, kernel)
    x, data_format = image_tensor(x, data_format, "conv")
    rank = x.ndim - 2
    channels, share = x.shape[-1], weights.shape[-2] if weights.ndim >= 2 else None
    groups = 1
    if channels is not None and share:
        if channels % share:
            raise ValueError(
                f"conv: expected the input's channels to be a multiple of the kernel's {share}. "
                f"Received: {channels} channels in shape {inputs.shape}, kernel of shape "
                f"{weights.shape}"
            )
        groups = channels // share
    result = convolve(
        x,
        weights,
        per_axis(strides, rank, "conv: strides"),
        padding_name(
            padding, "conv: padding", ("valid", "same", "causal")[: 3 if rank == 1 else 2]
        ),
        per_axis(dilation_rate, rank, "conv: dilation_rate"),
        groups,
    )
    return from_channels_last(result, data_format)


@keras_op
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """A convolution of each channel with kernels of its own.

    Args:
        inputs: (batch, spatial..., channels), with one to three spatial axes.
        kernel: (taps..., channels, multiplier).
        strides: as for `conv`.
        padding: as for `conv`.
        data_format: as for `conv`.
        dilation_rate: as for `conv`.

    Returns:
        (batch, spatial..., channels * multiplier), all results of a channel next to each other.
    """
    x, weights = _operands(inputs, kernel)
    x, data_format = image_tensor(x, data_format, "depthwise_conv")
    rank = x.ndim - 2
    if weights.ndim != x.ndim or weights.shape[-2] != x.shape[-1]:
        raise ValueError(
            f"depthwise_conv: expected a kernel of shape (taps..., {x.shape[-1]}, multiplier) for "
            f"an input of shape {inputs.shape}. Received: kernel of shape {weights.shape}"
        )
    result = convolve(
        x,
        join_depthwise(weights),
        per_axis(strides, rank, "depthwise_conv: strides"),
        padding_name(padding, "depthwise_conv: padding"),
        per_axis(dilation_rate, rank, "depthwise_conv: dilation_rate"),
        x.shape[-1],
    )
    return from_channels_last(result, data_format)


@keras_op
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """A depthwise convolution followed by one with a kernel of a single tap.

    Args:
        inputs: (batch, spatial..., channels), with one to three spatial axes.
        depthwise_kernel: (taps..., channels, multiplier).
        pointwise_kernel: (1..., channels * multiplier, filters).
        strides: as for `conv`, of the depthwise convolution.
        padding: as for `conv`.
        data_format: as for `conv`.
        dilation_rate: as for `conv`, of the depthwise convolution.

    Returns:
        (batch, spatial..., filters).
    """
    middle = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(middle, pointwise_kernel, data_format=data_format)


@keras_op
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """A transposed convolution: every input element spreads a copy of the kernel.

    Args:
        inputs: (batch, spatial..., channels), with one to three spatial axes.
        kernel: (taps..., filters, channels), whatever the data format.
        strides: the step between the copies, for all axes or for each.
        padding: `"valid"`, or `"same"` for `inputs * strides` outputs along each axis.
        output_padding: how much larger the output is than the smallest that fits, for all axes
            or for each; None for Keras's default.
        data_format: as for `conv`.
        dilation_rate: the distance between taps, for all axes or for each.

    Returns:
        (batch, spatial..., filters).
    """
    x, weights = _operands(inputs, kernel)
    x, data_format = image_tensor(x, data_format, "conv_transpose")
    rank = x.ndim - 2
    if weights.ndim == x.ndim and weights.shape[-1] != x.shape[-1]:
        raise ValueError(
            f"conv_transpose: expected a kernel of shape (taps..., filters, {x.shape[-1]}) for an "
            f"input of shape {inputs.shape}. Received: kernel of shape {weights.shape}"
        )
    if output_padding is not None:
        output_padding = per_axis(output_padding, rank, "conv_transpose: output_padding", 0)
    result = convolve_transposed(
        x,
        weights,
        per_axis(strides, rank, "conv_transpose: strides"),
        padding_name(padding, "conv_transpose: padding"),
        per_axis(dilation_rate, rank, "conv_transpose: dilation_rate"),
        output_padding,
    )
    return from_channels_last(result, data_format)


def _blocks(x: Any, block_size: Any, data_format: str | None, op: str) -> tuple[Tensor, int, str]:
    """The operands of `depth_to_space` and `space_to_depth`, checked."""
    x = tensor(x)
    if x.ndim != 4:
        raise ValueError(f"{op}: expected images of rank 4. Received: shape {x.shape}")
    (block,) = per_axis(block_size, 1, f"{op}: block_size", 2)
    return x, block, config.standardize_data_format(data_format)


@keras_op
def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Spreads the channels of each pixel over a block of pixels.

    Args:
        x: (batch, height, width, channels).
        block_size: the height and the width of a block; its square divides the channels.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        (batch, height * block_size, width * block_size, channels / block_size**2).
    """
    x, block, data_format = _blocks(x, block_size, data_format, "depth_to_space")
    last = data_format == "channels_last"
    channels = x.shape[-1 if last else 1]
    if channels is None or channels % block**2:
        raise ValueError(
            f"depth_to_space: expected channels in multiples of {block**2}. "
            f"Received: shape {x.shape}"
        )
    rest = channels // block**2
    if last:
        n, h, w, _ = x.dims
        pixels = transpose_to(reshape_to(x, [n, h, w, block, block, rest]), (0, 1, 3, 2, 4, 5))
        return reshape_to(pixels, [n, h * block, w * block, rest])
    n, _, h, w = x.dims
    pixels = transpose_to(reshape_to(x, [n, rest, block, block, h, w]), (0, 1, 4, 2, 5, 3))
    return reshape_to(pixels, [n, rest, h * block, w * block])


@keras_op
def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Puts the pixels of each block into the channels of one pixel.

    Args:
        x: (batch, height, width, channels).
        block_size: the height and the width of a block; it divides those of the images.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        (batch, height / block_size, width / block_size, channels * block_size**2).
    """
    x, block, data_format = _blocks(x, block_size, data_format, "space_to_depth")
    last = data_format == "channels_last"
    if last:
        n, h, w, c = x.dims
        pixels = transpose_to(
            reshape_to(x, [n, h // block, block, w // block, block, c]), (0, 1, 3, 2, 4, 5)
        )
        return reshape_to(pixels, [n, h // block, w // block, c * block**2])
    n, c, h, w = x.dims
    pixels = transpose_to(
        reshape_to(x, [n, c, h // block, block, w // block, block]), (0, 1, 3, 5, 2, 4)
    )
    return reshape_to(pixels, [n, c * block**2, h // block, w // block])
