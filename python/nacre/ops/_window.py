"""What convolution and pooling share: arguments per spatial axis, padding, memory layouts."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from nacre import config
from nacre._core import Dim, dim_max
from nacre.ops._common import Tensor, transpose_to

__all__ = [
    "from_channels_last",
    "image_tensor",
    "output_size",
    "padding_name",
    "per_axis",
    "place_windows",
    "to_channels_last",
    "transposed_window",
]

_LARGEST = 2**31 - 1  # index arithmetic on sizes, strides and distances stays far from 2**63


def per_axis(value: Any, rank: int, name: str, least: int = 1) -> tuple[int, ...]:
    """One integer for each spatial axis, from one for all or a sequence.

    Args:
        value: The integer or the sequence.
        rank: The number of spatial axes.
        name: What an error calls the argument.
        least: The smallest that is allowed.

    Returns:
        A tuple of `rank` integers.

    Raises:
        ValueError: If there are not as many, or one is too small.
    """
    try:
        if hasattr(value, "__index__"):
            values = (operator.index(value),) * rank
        else:
            values = tuple(operator.index(item) for item in value)
    except TypeError:
        values = ()
    fits = all(least <= item <= _LARGEST for item in values)
    if len(values) != rank or not fits or isinstance(value, bool):
        wanted = f"from {least} to {_LARGEST}"
        raise ValueError(
            f"{name}: expected {rank} integer{'s' * (rank > 1)}, {wanted}, or one for all axes. "
            f"Received: {value!r}"
        )
    return values


def padding_name(padding: Any, name: str, allowed: Sequence[str] = ("valid", "same")) -> str:
    """The padding, in lower case.

    Args:
        padding: What was given.
        name: What an error calls the argument.
        allowed: The names there are.

    Returns:
        One of them.

    Raises:
        ValueError: If it is none of them.
    """
    if isinstance(padding, str) and padding.lower() in allowed:
        return padding.lower()
    expected = ", ".join(repr(item) for item in allowed)
    raise ValueError(f"{name}: expected one of {expected}. Received: {padding!r}")


def output_size(size: Any, taps: int, stride: int, dilation: int, padding: str) -> Any:
    """How many positions of a window there are along an axis; `size` may be symbolic."""
    if padding == "valid":
        return (size - (taps - 1) * dilation - 1) // stride + 1
    return (size - 1) // stride + 1


def _padding_before(size: Any, taps: int, stride: int, dilation: int, padding: str) -> Any:
    """The padding before an axis. `same` puts an odd element at the end."""
    reach = (taps - 1) * dilation
    if padding != "same":
        return reach if padding == "causal" else 0
    if stride == 1:
        return reach // 2
    total = (output_size(size, taps, stride, dilation, padding) - 1) * stride + reach + 1 - size
    if isinstance(total, Dim):
        return dim_max(total, 0) // 2
    return max(total, 0) // 2


def place_windows(
    sizes: Sequence[Any],
    taps: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    padding: str,
) -> tuple[list, list]:
    """Where windows stand along each spatial axis.

    Args:
        sizes: The input's spatial sizes, perhaps symbolic.
        taps: The window's or kernel's sizes.
        strides: The strides.
        dilation: The distances between taps.
        padding: `"valid"`, `"same"` or `"causal"`.

    Returns:
        The paddings before each axis and the output's sizes.
    """
    axes = list(zip(sizes, taps, strides, dilation, strict=True))
    return [_padding_before(*axis, padding) for axis in axes], [
        output_size(*axis, padding) for axis in axes
    ]


def transposed_window(
    size: Any, taps: int, stride: int, dilation: int, padding: str, output_padding: int | None
) -> tuple[int, Any]:
    """Where a transposed convolution stands along an axis, by Keras's rules.

    Args:
        size: The input's size, perhaps symbolic.
        taps: The kernel's size.
        stride: The stride.
        dilation: The distance between taps.
        padding: `"valid"` or `"same"`.
        output_padding: How much larger the output is than the smallest that fits; None for
            Keras's default, `size * stride` where the padding is `"same"`.

    Returns:
        The padding before the output that the convolution it transposes would have, and the
        output's size.
    """
    reach = (taps - 1) * dilation + 1
    if padding == "valid":
        extra = max(reach, stride) - reach if output_padding is None else output_padding
        return 0, (size - 1) * stride + reach + extra
    if output_padding is None:
        total, result = stride + reach - 2, size * stride
    else:
        total = reach + reach % 2 - 2 + output_padding
        result = (size - 1) * stride + reach % 2 + output_padding
    return reach - 1 - min((total + 1) // 2, reach - 1), result


def to_channels_last(x: Tensor, data_format: str) -> Tensor:
    """`x` with its channels behind the spatial axes."""
    if data_format == "channels_last":
        return x
    return transpose_to(x, (0, *range(2, x.ndim), 1))


def from_channels_last(x: Tensor, data_format: str) -> Tensor:
    """`x`, whose channels stand last, in the given format."""
    if data_format == "channels_last":
        return x
    return transpose_to(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def image_tensor(x: Tensor, data_format: str | None, op: str) -> tuple[Tensor, str]:
    """`x` with its channels last, and the format that it came in.

    Args:
        x: A tensor with a batch axis, one to three spatial axes and a channel axis.
        data_format: `"channels_last"`, `"channels_first"` or None for the configured one.
        op: The op, for the error.

    Returns:
        The tensor and the format.

    Raises:
        ValueError: If the rank does not fit.
    """
    data_format = config.standardize_data_format(data_format)
    if not 3 <= x.ndim <= 5:
        raise ValueError(
            f"{op}: expected a tensor of rank 3, 4 or 5: batch, one to three spatial axes and "
            f"channels. Received: shape {x.shape}"
        )
    return to_channels_last(x, data_format), data_format
