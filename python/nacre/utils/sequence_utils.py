"""Sequences of different lengths made into one array."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

__all__ = ["pad_sequences"]


def pad_sequences(
    sequences: Any,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Brings sequences to one length.

    See https://keras.io/api/data_loading/timeseries/#pad_sequences-function.

    Args:
        sequences: A list of sequences; their elements are numbers, or arrays of one shape.
        maxlen: The length; that of the longest sequence by default.
        dtype: Type of the result; `object` for strings of any length.
        padding: `"pre"` fills up before a short sequence, `"post"` after it.
        truncating: `"pre"` cuts a long sequence at its start, `"post"` at its end.
        value: What is filled in.

    Returns:
        An array of shape `(len(sequences), maxlen, ...)`.

    Raises:
        ValueError: The elements have different shapes, or an option is not one of the above.
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in ("pre", "post"):
            raise ValueError(f"pad_sequences: {name} is 'pre' or 'post'. Received: {side!r}")
    if not hasattr(sequences, "__len__"):
        raise ValueError(
            f"pad_sequences: expected a list of sequences. Received: {type(sequences).__name__}"
        )
    lengths = np.fromiter(map(_length, sequences), np.int64, len(sequences))
    maxlen = _check_length(maxlen, lengths)
    is_text = np.issubdtype(dtype, np.str_) or np.issubdtype(dtype, np.bytes_)
    if isinstance(value, str) and np.dtype(dtype) != object and not is_text:
        raise ValueError(
            f"pad_sequences: the value {value!r} does not fit dtype {dtype!r}; strings of any "
            "length need dtype=object."
        )
    # A slice from -0 on would be the whole.
    cut = slice(maxlen) if truncating == "post" or not maxlen else slice(-maxlen, None)
    pieces = [np.asarray(sequence[cut], dtype) for sequence in sequences if len(sequence)]
    shape = pieces[0].shape[1:] if pieces else ()
    for piece, index in zip(pieces, np.flatnonzero(lengths), strict=True):
        if piece.shape[1:] != shape:
            raise ValueError(
                f"pad_sequences: sequence {index} has elements of shape {piece.shape[1:]}, the "
                f"first one of shape {shape}."
            )
    result = np.full((len(lengths), maxlen, *shape), value, dtype=dtype)
    if pieces:
        kept = np.minimum(lengths, maxlen)[:, None]
        steps = np.arange(maxlen)
        result[steps < kept if padding == "post" else steps >= maxlen - kept] = np.concatenate(
            pieces
        )
    return result


def _length(sequence: Any) -> int:
    try:
        return len(sequence)
    except TypeError:
        raise ValueError(
            f"pad_sequences: expected a list of sequences; one of them is {sequence!r}."
        ) from None


def _check_length(maxlen: Any, lengths: np.ndarray) -> int:
    if maxlen is None:
        if not lengths.size:
            raise ValueError("pad_sequences: there are no sequences, so `maxlen` is needed.")
        return int(lengths.max())
    try:
        maxlen = operator.index(maxlen)
    except TypeError:
        raise TypeError(f"pad_sequences: maxlen is an integer. Received: {maxlen!r}") from None
    if maxlen < 0:
        raise ValueError(f"pad_sequences: maxlen is at least 0. Received: {maxlen}")
    return maxlen
