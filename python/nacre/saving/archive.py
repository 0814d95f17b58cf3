"""The zip archive of a `.keras` file: three members, each read only after it was checked."""

from __future__ import annotations

import os
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from nacre.saving.hdf5_structures import Source

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_NAMES = (METADATA, CONFIG, WEIGHTS)
_STORED, _DEFLATED = 0, 8
_END, _END64_PLACE, _END64, _ENTRY, _LOCAL = (
    b"PK\x05\x06",
    b"PK\x06\x07",
    b"PK\x06\x06",
    b"PK\x01\x02",
    b"PK\x03\x04",
)
_MAX_TABLE = 1 << 16
_PIECE = 1 << 20
# Keras does not compress. What unpacks to a large multiple of its size is no model.
_BOMB_FLOOR = 1 << 24
_BOMB_RATIO = 100


class ArchiveError(ValueError):
    """A zip archive that is damaged or is not one of Keras's."""


@dataclass
class _Member:
    name: str
    method: int
    crc: int
    packed: int
    size: int
    header: int


class Archive:
    """The members of a `.keras` file.

    Args:
        file: The file.

    Raises:
        ArchiveError: It is no archive of the members that Keras writes.
    """

    def __init__(self, file: BinaryIO):
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._members: dict[str, _Member] = {}
        count, size, offset = self._find_table()
        if size > _MAX_TABLE or offset + size > self._size:
            raise ArchiveError("its table of contents is damaged")
        table = self._read(offset, size)
        position = 0
        for _ in range(count):
            member, position = _decode_entry(table, position)
            if member.name not in _NAMES or member.name in self._members:
                raise ArchiveError(
                    f"it holds {member.name!r}; a model's members are {', '.join(_NAMES)}"
                )
            self._members[member.name] = member
        missing = [name for name in (CONFIG, WEIGHTS) if name not in self._members]
        if missing:
            raise ArchiveError(f"it holds no {missing[0]!r}")

    def _read(self, offset: int, size: int) -> bytes:
        data = os.pread(self._file.fileno(), size, offset) if 0 <= offset <= self._size else b""
        if len(data) != size:
            raise ArchiveError("it is incomplete")
        return data

    def _find_table(self) -> tuple[int, int, int]:
        """Find number of entries, size and place of the table of contents."""
        start = max(0, self._size - (1 << 16) - 22)
        tail = self._read(start, self._size - start)
        at = tail.rfind(_END)
        if at < 0 or len(tail) - at < 22:
            raise ArchiveError("it is no zip archive, or an incomplete one")
        disk, first, here, count, size, offset, _ = struct.unpack(
            "<HHHHIIH", tail[at + 4 : at + 22]
        )
        end = start + at
        if 0xFFFF in (count, here) or 0xFFFFFFFF in (size, offset):
            end, disk, first, here, count, size, offset = self._find_large_table(end)
        if disk or first or here != count or offset + size != end:
            raise ArchiveError("its table of contents is damaged")
        return count, size, offset

    def _find_large_table(self, end: int) -> tuple[int, ...]:
        place = self._read(end - 20, 20)
        if place[:4] != _END64_PLACE:
            raise ArchiveError("its table of contents is damaged")
        at = struct.unpack("<Q", place[8:16])[0]
        record = self._read(at, 56)
        if record[:4] != _END64 or at + 56 != end - 20:
            raise ArchiveError("its table of contents is damaged")
        return (at, *struct.unpack("<IIQQQQ", record[16:56]))

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def read(self, name: str) -> bytes:
        """Read a member that is small.

        Args:
            name: Its name.

        Returns:
            Its contents, which are what was put in.
        """
        pieces: list[bytes] = []
        self._unpack(self._members[name], pieces.append)
        return b"".join(pieces)

    def open(self, name: str) -> Source:
        """Check a member that is large, and give access to it.

        Args:
            name: Its name.

        Returns:
            Its bytes, which are what was put in.
        """
        member = self._members[name]
        if member.method == _STORED:
            offset = self._unpack(member, lambda piece: None)
            return Source(self._file, offset, member.size)
        file = tempfile.TemporaryFile()  # noqa: SIM115, the source keeps it open
        self._unpack(member, file.write)
        file.flush()
        return Source(file, 0, member.size)

    def _unpack(self, member: _Member, take: Callable[[bytes], object]) -> int:
        """Go through a member, piece by piece; return where its data starts."""
        if member.size > max(_BOMB_FLOOR, _BOMB_RATIO * member.packed):
            raise ArchiveError(
                f"{member.name!r} would unpack {member.packed} bytes to {member.size}, "
                "which is not done"
            )
        local = self._read(member.header, 30)
        name_size, extra_size = struct.unpack("<HH", local[26:30])
        name = self._read(member.header + 30, name_size)
        offset = member.header + 30 + name_size + extra_size
        if local[:4] != _LOCAL or name != member.name.encode():
            raise ArchiveError(f"{member.name!r} is not where the table of contents says")
        if offset + member.packed > self._size:
            raise ArchiveError("it is incomplete")
        crc = done = 0
        for piece in self._pieces(member, offset):
            crc = zlib.crc32(piece, crc)
            done += len(piece)
            take(piece)
        if done != member.size or crc != member.crc:
            raise ArchiveError(f"{member.name!r} is damaged: its checksum is wrong")
        return offset

    def _pieces(self, member: _Member, offset: int) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(-15) if member.method == _DEFLATED else None
        left = member.size + 1
        for position in range(offset, offset + member.packed, _PIECE):
            piece = self._read(position, min(_PIECE, offset + member.packed - position))
            if unpacker is None:
                yield piece
                continue
            while piece and left > 0:
                try:
                    unpacked = unpacker.decompress(piece, min(_PIECE, left))
                except zlib.error as error:
                    raise ArchiveError(f"{member.name!r} is damaged: {error}") from error
                left -= len(unpacked)
                yield unpacked
                piece = unpacker.unconsumed_tail


def _decode_entry(table: bytes, position: int) -> tuple[_Member, int]:
    entry = table[position : position + 46]
    if len(entry) != 46 or entry[:4] != _ENTRY:
        raise ArchiveError("its table of contents is damaged")
    flags, method = struct.unpack("<HH", entry[8:12])
    crc, packed, size, name_size, extra_size, comment_size = struct.unpack("<IIIHHH", entry[16:34])
    header = struct.unpack("<I", entry[42:46])[0]
    start = position + 46
    name = table[start : start + name_size].decode("utf-8", "replace")
    extra = table[start + name_size : start + name_size + extra_size]
    packed, size, header = _large_sizes(extra, size, packed, header)
    if flags & 1 or method not in (_STORED, _DEFLATED):
        raise ArchiveError(f"{name!r} is encrypted or compressed by an unknown method")
    if method == _STORED and packed != size:
        raise ArchiveError("its table of contents is damaged")
    member = _Member(name, method, crc, packed, size, header)
    return member, start + name_size + extra_size + comment_size


def _large_sizes(extra: bytes, size: int, packed: int, header: int) -> tuple[int, int, int]:
    """Take sizes beyond 32 bits from the extra field."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack("<HH", extra[position : position + 4])
        data = extra[position + 4 : position + 4 + length]
        position += 4 + length
        if kind != 1:
            continue
        values = [size, packed, header]
        for index, value in enumerate(values):
            if value == 0xFFFFFFFF:
                if len(data) < 8:
                    raise ArchiveError("its table of contents is damaged")
                values[index], data = struct.unpack("<Q", data[:8])[0], data[8:]
        size, packed, header = values
    return packed, size, header
