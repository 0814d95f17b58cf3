"""Event files, as TensorBoard reads them.

A file is a row of records: the length, its checksum, the bytes, their checksum. Each holds one
`Event` in the encoding of protocol buffers, of which the few messages needed are written by hand.
The layout is that of https://github.com/tensorflow/tensorboard (`event.proto`, `summary.proto`,
`tensor.proto`) and of TFRecord files.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from itertools import count

import numpy as np

__all__ = ["EventFile"]

_numbers = count()

_FLOAT, _DOUBLE, _STRING = 1, 2, 7  # numbers of dtypes
_SCALAR_DATA, _TENSOR_DATA, _BLOB_DATA = 1, 2, 3  # what a dashboard takes the data for


def _crc_table() -> list[int]:
    """Make the table of CRC-32C (Castagnoli), reflected."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _crc_table()


def masked_crc32c(data: bytes) -> int:
    """Return the checksum of TFRecord files.

    Args:
        data: The bytes.

    Returns:
        Their CRC-32C, rotated and moved, so that checksums of checksums work.
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _varint(value: int) -> bytes:
    value &= 0xFFFFFFFFFFFFFFFF  # negative numbers have ten bytes
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


class EventFile:
    """A file of events, made when it is first written to.

    Args:
        folder: Where the file is made; so is the folder.
    """

    def __init__(self, folder: str) -> None:
        os.makedirs(folder, exist_ok=True)
        name = f"{int(time.time())}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}"
        self.path = os.path.join(folder, f"events.out.tfevents.{name}.v2")
        self._file = open(self.path, "xb")  # noqa: SIM115
        self._write(0, _bytes(3, b"brain.Event:2"))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Write a number.

        Args:
            tag: What it is called.
            value: The number.
            step: When it was so.
        """
        packed = struct.pack("<f", _to_float32(value))
        # dtype, an empty shape, the value
        tensor = _number(1, _FLOAT) + _bytes(2, b"") + _bytes(5, packed)
        self._summary(tag, tensor, step, "scalars", b"", _SCALAR_DATA)

    def histogram(self, tag: str, values: np.ndarray, step: int, buckets: int = 30) -> None:
        """Write how values are distributed.

        Args:
            tag: What they are called.
            values: The values; those that are not finite are left out.
            step: When they were so.
            buckets: Into how many intervals of equal width they are sorted.
        """
        values = values[np.isfinite(values)]
        counts, edges = np.histogram(values.astype(np.float64), buckets)
        rows = np.stack([edges[:-1], edges[1:], counts], axis=1)
        shape = b"".join(_bytes(2, _number(1, size)) for size in rows.shape)
        tensor = _number(1, _DOUBLE) + _bytes(2, shape) + _bytes(4, rows.tobytes())
        self._summary(tag, tensor, step, "histograms", b"", _TENSOR_DATA)

    def text(self, tag: str, value: str, step: int, plugin: str, content: bytes) -> None:
        """Write a text for one of TensorBoard's plugins.

        Args:
            tag: What it is called.
            value: The text.
            step: When it was so.
            plugin: The name of the plugin.
            content: What the plugin wants to know of it.
        """
        tensor = _number(1, _STRING) + _bytes(2, b"") + _bytes(8, value.encode())
        self._summary(tag, tensor, step, plugin, content, _BLOB_DATA)

    def _summary(
        self, tag: str, tensor: bytes, step: int, plugin: str, content: bytes, kind: int
    ) -> None:
        plugin_data = _bytes(1, plugin.encode()) + (_bytes(2, content) if content else b"")
        metadata = _bytes(1, plugin_data) + _number(4, kind)
        value = _bytes(1, tag.encode()) + _bytes(8, tensor) + _bytes(9, metadata)
        self._write(step, _bytes(5, _bytes(1, value)))

    def _write(self, step: int, what: bytes) -> None:
        event = _double(1, time.time()) + (_number(2, step) if step else b"") + what
        length = struct.pack("<Q", len(event))
        checksums = [struct.pack("<I", masked_crc32c(part)) for part in (length, event)]
        self._file.write(length + checksums[0] + event + checksums[1])

    def flush(self) -> None:
        """Make what was written visible to readers."""
        self._file.flush()

    def close(self) -> None:
        """End the file."""
        self._file.close()


def _to_float32(value: float) -> float:
    """Return a number that float32 has: what is too large for it becomes infinite."""
    try:
        struct.pack("<f", value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    return value
