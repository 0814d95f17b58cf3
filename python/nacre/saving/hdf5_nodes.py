"""Groups and datasets of an HDF5 file: attributes, and the values of datasets."""

from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np

from nacre.saving.hdf5_structures import tree_leaves
from nacre.saving.hdf5_types import (
    DEFLATE,
    SHUFFLE,
    UNDEFINED,
    Bytes,
    Hdf5Error,
    Layout,
    StringType,
    count_bytes,
    decode_dataspace,
    decode_datatype,
    decode_filters,
    decode_layout,
)

# Weights hardly compress. What unpacks to a large multiple of its size is not weights.
BOMB_FLOOR = 1 << 24
BOMB_RATIO = 100
DATASPACE, DATATYPE, LAYOUT = 0x01, 0x03, 0x08
_EXTERNAL, _FILTERS, _ATTRIBUTE, _ATTRIBUTE_INFO = 0x07, 0x0B, 0x0C, 0x15


class Node:
    """A group or a dataset: an object header (IV.A.1)."""

    def __init__(self, file: Any, messages: list[tuple[int, bytes]], name: str):
        self._file = file
        self._messages = messages
        self.name = name
        self._attributes: dict[str, tuple] | None = None

    def _all(self, kind: int) -> list[bytes]:
        return [data for number, data in self._messages if number == kind]

    def _one(self, kind: int, what: str) -> bytes:
        found = self._all(kind)
        if len(found) != 1:
            raise Hdf5Error(f"{self.name!r} has {len(found)} messages for its {what}, not one")
        return found[0]

    @property
    def attributes(self) -> list[str]:
        """The names of the attributes."""
        return list(self._read_attributes())

    def attribute(self, name: str) -> Any:
        """Read an attribute.

        Args:
            name: Its name.

        Returns:
            A string, a list of strings, or an array; None when there is no such attribute.
        """
        found = self._read_attributes().get(name)
        if found is None:
            return None
        dtype, shape, data = found
        if count_bytes(shape, dtype) != len(data):
            raise Hdf5Error(f"attribute {name!r} of {self.name!r} has the wrong size")
        if isinstance(dtype, StringType):
            size = dtype.itemsize
            count = len(data) // size if size else 0
            items = [data[i * size : (i + 1) * size] for i in range(count)]
            strings = [self._decode(item, dtype, name) for item in items]
            return strings if shape else strings[0]
        return np.frombuffer(data, dtype).reshape(shape).copy()

    def _decode(self, item: bytes, dtype: StringType, name: str) -> str:
        data = self._file.strings.get(item) if dtype.size is None else item.rstrip(b"\0")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Hdf5Error(f"attribute {name!r} of {self.name!r} is no text") from error

    def _read_attributes(self) -> dict[str, tuple]:
        if self._attributes is None:
            for data in self._all(_ATTRIBUTE_INFO):
                piece = Bytes(data, "an attribute table")
                flags = piece.take(2)[1]
                piece.take(2 if flags & 1 else 0)
                if piece.number(8) != UNDEFINED:
                    raise Hdf5Error(f"the attributes of {self.name!r} are in a heap")
            self._attributes = dict(_decode_attribute(data) for data in self._all(_ATTRIBUTE))
        return self._attributes


def _decode_attribute(data: bytes) -> tuple[str, tuple]:
    """Decode an attribute message (IV.A.2.m): name, and dtype, shape and data."""
    piece = Bytes(data, "an attribute")
    version, flags = piece.take(2)
    if version not in (1, 2, 3) or (version > 1 and flags):
        raise Hdf5Error(f"an attribute has version {version} and flags {flags}")
    sizes = [piece.number(2) for _ in range(3)]
    if version == 3:
        piece.take(1)
    pieces = []
    for size in sizes:
        pieces.append(piece.take(size))
        if version == 1:
            piece.take(-size % 8)
    try:
        name = pieces[0].rstrip(b"\0").decode("utf-8")
    except UnicodeDecodeError as error:
        raise Hdf5Error("the name of an attribute is no text") from error
    dtype, shape = decode_datatype(pieces[1]), decode_dataspace(pieces[2])
    size = count_bytes(shape, dtype)
    return name, (dtype, shape, piece.take(size) if size <= len(data) else piece.rest())


class Dataset(Node):
    """An array in a file, of which only the header has been read."""

    def __init__(self, file: Any, messages: list[tuple[int, bytes]], name: str):
        super().__init__(file, messages, name)
        if self._all(_EXTERNAL):
            raise Hdf5Error(f"the values of {name!r} are in another file, which is never opened")
        self.shape = decode_dataspace(self._one(DATASPACE, "shape"))
        dtype = decode_datatype(self._one(DATATYPE, "dtype"))
        if isinstance(dtype, StringType):
            raise Hdf5Error(f"{name!r} holds strings, not numbers")
        self.dtype = dtype
        self._layout = decode_layout(self._one(LAYOUT, "layout"))
        filters = self._all(_FILTERS)
        self._filters = decode_filters(filters[0]) if filters else []
        self.bytes = count_bytes(self.shape, dtype)
        self._check(self._layout)

    def _check(self, layout: Layout) -> None:
        """See that the file holds as many bytes as the shape asks for."""
        if self.bytes == 0:
            return
        if layout.kind == "chunked":
            whole = math.prod(layout.chunk) * self.dtype.itemsize
            if len(layout.chunk) != len(self.shape) or layout.size != self.dtype.itemsize:
                raise Hdf5Error(f"the chunks of {self.name!r} are damaged")
            if whole > max(4 * self.bytes, 1 << 20):
                raise Hdf5Error(f"the chunks of {self.name!r} are larger than the dataset")
            return
        if self._filters:
            raise Hdf5Error(f"{self.name!r} has filters but no chunks")
        stored = len(layout.data) if layout.kind == "compact" else layout.size
        missing = layout.kind == "contiguous" and (
            layout.address == UNDEFINED or layout.address + layout.size > self._file.source.size
        )
        if missing or stored != self.bytes:
            raise Hdf5Error(
                f"{self.name!r} has shape {self.shape}, but the file does not hold "
                f"{self.bytes} bytes for it"
            )

    def read(self) -> np.ndarray:
        """Read the values.

        Returns:
            An array of its own, in the machine's byte order.
        """
        if self.bytes == 0:
            return np.zeros(self.shape, self.dtype.newbyteorder("="))
        layout = self._layout
        if layout.kind == "compact":
            array = np.frombuffer(layout.data, self.dtype).reshape(self.shape).copy()
        elif layout.kind == "contiguous":
            array = np.empty(self.shape, self.dtype)
            self._file.source.read_into(layout.address, array.reshape(-1).view(np.uint8))
        else:
            array = self._read_chunks(layout)
        if self.dtype == bool and array.view(np.uint8).max(initial=0) > 1:
            raise Hdf5Error(f"{self.name!r} holds numbers that are no booleans")
        return array.astype(self.dtype.newbyteorder("="), copy=False)

    def extents(self) -> list[tuple[int, int]]:
        """Say where in the file the values are, as pairs of address and size."""
        if self._layout.kind == "chunked":
            return list(self._find_chunks().values())
        if self._layout.kind == "contiguous" and self.bytes:
            return [(self._layout.address, self.bytes)]
        return []

    def _find_chunks(self) -> dict[tuple[int, ...], tuple[int, int]]:
        """Find address and size of each chunk, by its first element."""
        layout, rank = self._layout, len(self.shape)
        steps = list(zip(self.shape, layout.chunk, strict=True))
        chunks: dict[tuple[int, ...], tuple[int, int]] = {}
        for key, address in tree_leaves(self._file.source, layout.address, 1, 16 + 8 * rank):
            piece = Bytes(key, "a chunk")
            size, mask = piece.number(4), piece.number(4)
            corner = tuple(piece.number(8) for _ in range(rank))
            outside = any(at % step or at >= n for at, (n, step) in zip(corner, steps, strict=True))
            if mask or outside or address + size > self._file.source.size:
                raise Hdf5Error(f"a chunk of {self.name!r} is damaged")
            chunks[corner] = (address, size)
        stored = sum(size for _, size in chunks.values())
        count = math.prod(-(-n // step) for n, step in steps)
        if len(chunks) != count:
            raise Hdf5Error(f"{self.name!r} has {len(chunks)} of its {count} chunks")
        if self.bytes > max(BOMB_FLOOR, BOMB_RATIO * stored):
            raise Hdf5Error(
                f"{self.name!r} would unpack {stored} bytes to {self.bytes}, which is not done"
            )
        return chunks

    def _read_chunks(self, layout: Layout) -> np.ndarray:
        chunks = self._find_chunks()
        array = np.empty(self.shape, self.dtype)
        for corner, (address, size) in chunks.items():
            values = self._unpack(self._file.source.read(address, size), layout.chunk)
            place = tuple(
                slice(at, at + step) for at, step in zip(corner, layout.chunk, strict=True)
            )
            part = array[place]
            part[...] = values[tuple(slice(n) for n in part.shape)]
        return array

    def _unpack(self, data: bytes, chunk: tuple[int, ...]) -> np.ndarray:
        size = math.prod(chunk) * self.dtype.itemsize
        for number in reversed(self._filters):
            if number == DEFLATE:
                unpacker = zlib.decompressobj()
                try:
                    data = unpacker.decompress(data, size + 1)
                except zlib.error as error:
                    raise Hdf5Error(f"a chunk of {self.name!r} is damaged: {error}") from error
            elif number == SHUFFLE and len(data) == size:
                data = np.frombuffer(data, np.uint8).reshape(self.dtype.itemsize, -1).T.tobytes()
        if len(data) != size:
            raise Hdf5Error(f"a chunk of {self.name!r} has the wrong size")
        return np.frombuffer(data, self.dtype).reshape(chunk)
