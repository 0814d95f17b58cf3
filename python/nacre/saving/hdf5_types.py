"""What the headers of an HDF5 file say about shapes, dtypes and storage, decoded and checked.

Section numbers are those of the HDF5 File Format Specification, version 3.0
(https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np

MAX_RANK = 32
UNDEFINED = (1 << 64) - 1


class Hdf5Error(ValueError):
    """A file that is damaged, or that uses a part of HDF5 that is not read here."""


class Bytes:
    """A piece of a file that is read from front to back, never past its end.

    Args:
        data: The piece.
        what: What it is, for errors.
    """

    def __init__(self, data: bytes, what: str):
        self.data = data
        self.what = what
        self.position = 0

    def take(self, size: int) -> bytes:
        """Read the next bytes."""
        end = self.position + size
        if size < 0 or end > len(self.data):
            raise Hdf5Error(f"{self.what} ends too early")
        piece = self.data[self.position : end]
        self.position = end
        return piece

    def number(self, size: int) -> int:
        """Read the next unsigned integer."""
        return int.from_bytes(self.take(size), "little")

    def expect(self, signature: bytes) -> None:
        """Read a signature."""
        if self.take(len(signature)) != signature:
            raise Hdf5Error(f"{self.what} is not where the file says")

    def rest(self) -> bytes:
        """Read what is left."""
        return self.take(len(self.data) - self.position)


def decode_dataspace(data: bytes) -> tuple[int, ...]:
    """Decode a dataspace message (IV.A.2.b): the shape.

    Args:
        data: The message.

    Returns:
        The shape; that of no elements for a null dataspace.
    """
    piece = Bytes(data, "a dataspace")
    version, rank, flags = piece.take(3)
    if version == 1:
        piece.take(5)
    elif version == 2:
        if piece.number(1) == 2:
            return (0,)
    else:
        raise Hdf5Error(f"a dataspace has the unknown version {version}")
    if rank > MAX_RANK or flags & ~1:
        raise Hdf5Error(f"a dataspace has rank {rank} and flags {flags}")
    return tuple(piece.number(8) for _ in range(rank))


@dataclass(frozen=True)
class StringType:
    """Strings, each a reference into the file (`size` None) or of one size."""

    size: int | None

    @property
    def itemsize(self) -> int:
        """Bytes of one element as stored."""
        return 16 if self.size is None else self.size


def decode_datatype(data: bytes) -> np.dtype | StringType:
    """Decode a datatype message (IV.A.2.d): integers, floats, booleans, strings, opaque bytes.

    Args:
        data: The message.

    Returns:
        The dtype.
    """
    piece = Bytes(data, "a datatype")
    first = piece.number(1)
    version, kind = first >> 4, first & 15
    if version not in (1, 2, 3, 4, 5):
        raise Hdf5Error(f"a datatype has the unknown version {version}")
    bits = piece.number(3)
    size = piece.number(4)
    order = ">" if bits & 1 else "<"
    if kind == 0 and size in (1, 2, 4, 8):
        if struct.unpack("<HH", piece.take(4)) != (0, 8 * size) or bits & ~0x0F:
            raise Hdf5Error("an integer type has unused bits")
        return np.dtype(f"{order}{'i' if bits & 8 else 'u'}{size}")
    if kind == 1:
        return _float_type(piece, bits, size)
    if kind == 3:
        _check_charset(bits >> 4 & 15)
        return StringType(size)
    if kind == 5:
        if not 0 < size <= 64:
            raise Hdf5Error(f"an opaque type has size {size}")
        return np.dtype(f"V{size}")
    if kind == 8:
        return _boolean_type(piece, bits, size, version)
    if kind == 9 and bits & 15 == 1 and size == 16:
        _check_charset(bits >> 8 & 15)
        return StringType(None)
    names = {4: "bit field", 6: "compound", 7: "reference", 8: "enumeration", 9: "sequence"}
    raise Hdf5Error(f"values of type {names.get(kind, kind)} are not read")


_FLOATS = {  # size: (sign, exponent at, exponent bits, mantissa bits, bias)
    2: (15, 10, 5, 10, 15),
    4: (31, 23, 8, 23, 127),
    8: (63, 52, 11, 52, 1023),
}


def _float_type(piece: Bytes, bits: int, size: int) -> np.dtype:
    offset, precision, exponent_at, exponent, mantissa_at, mantissa, bias = struct.unpack(
        "<HHBBBBI", piece.take(12)
    )
    layout = (bits >> 8 & 255, exponent_at, exponent, mantissa, bias)
    plain = (offset, precision, mantissa_at) == (0, 8 * size, 0) and not bits & 0x40
    if not plain or _FLOATS.get(size) != layout:
        raise Hdf5Error("a floating-point type is none of IEEE 754")
    return np.dtype(f"{'>' if bits & 1 else '<'}f{size}")


def _boolean_type(piece: Bytes, bits: int, size: int, version: int) -> np.dtype:
    """Decode an enumeration, which must be h5py's for booleans: FALSE = 0, TRUE = 1."""
    integer = decode_datatype(piece.take(12))
    names = [piece.take(8 if version < 3 else width) for width in (6, 5)]
    plain = [name.rstrip(b"\0") for name in names] == [b"FALSE", b"TRUE"]
    if size != 1 or bits & 0xFFFF != 2 or integer not in (np.int8, np.uint8) or not plain:
        raise Hdf5Error("values of type enumeration are not read")
    if piece.take(2) != b"\0\1":
        raise Hdf5Error("values of type enumeration are not read")
    return np.dtype(bool)


def _check_charset(charset: int) -> None:
    if charset not in (0, 1):
        raise Hdf5Error(f"strings have the unknown character set {charset}")


@dataclass(frozen=True)
class Layout:
    """Where a dataset's values are: in the header, in one piece, or in chunks."""

    kind: str
    data: bytes = b""
    address: int = UNDEFINED
    size: int = 0
    chunk: tuple[int, ...] = ()


def decode_layout(data: bytes) -> Layout:
    """Decode a data layout message (IV.A.2.i), version 3, or 4 but for its chunk indices.

    Args:
        data: The message.

    Returns:
        The layout.
    """
    piece = Bytes(data, "a data layout")
    version, kind = piece.take(2)
    if version not in (3, 4):
        raise Hdf5Error(f"a data layout has version {version}; versions 3 and 4 are read")
    if kind == 0:
        return Layout("compact", data=piece.take(piece.number(2)))
    if kind == 1:
        return Layout("contiguous", address=piece.number(8), size=piece.number(8))
    if kind == 2 and version == 3:
        rank = piece.number(1)
        if not 2 <= rank <= MAX_RANK + 1:
            raise Hdf5Error(f"chunks have rank {rank - 1}")
        address = piece.number(8)
        sizes = tuple(piece.number(4) for _ in range(rank))
        if not all(sizes):
            raise Hdf5Error(f"chunks have the shape {sizes[:-1]}")
        return Layout("chunked", address=address, size=sizes[-1], chunk=sizes[:-1])
    if kind == 3:
        raise Hdf5Error("a virtual dataset is never followed to other files")
    raise Hdf5Error(f"a data layout of class {kind}, version {version}, is not read")


DEFLATE, SHUFFLE = 1, 2


def decode_filters(data: bytes) -> list[int]:
    """Decode a filter pipeline message (IV.A.2.l).

    Args:
        data: The message.

    Returns:
        The filters in the order in which they were applied; only gzip and shuffle.
    """
    piece = Bytes(data, "a filter pipeline")
    version, count = piece.take(2)
    if version not in (1, 2):
        raise Hdf5Error(f"a filter pipeline has the unknown version {version}")
    if version == 1:
        piece.take(6)
    filters = []
    for _ in range(count):
        number = piece.number(2)
        named = version == 1 or number >= 256
        name_size = piece.number(2) if named else 0
        piece.take(2)
        values = piece.number(2)
        piece.take(-(-name_size // 8) * 8 if version == 1 else name_size)
        piece.take(4 * (values + values % 2 if version == 1 else values))
        filters.append(number)
    if len(set(filters)) != count or not {*filters} <= {DEFLATE, SHUFFLE}:
        raise Hdf5Error(f"the filters {filters} are not all among gzip and shuffle")
    return filters


def count_bytes(shape: tuple[int, ...], dtype: np.dtype | StringType) -> int:
    """Count the bytes of an array."""
    return math.prod(shape) * dtype.itemsize
