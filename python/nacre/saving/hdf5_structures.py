"""The structures that an HDF5 file is made of: object headers, trees, tables of names, heaps."""

from __future__ import annotations

import os
from typing import BinaryIO

import numpy as np

from nacre.saving.hdf5_types import UNDEFINED, Bytes, Hdf5Error

# Headers, tables of names and the like are small; a larger one is damage.
_MAX_BLOCK = 1 << 24
_MAX_DEPTH = 32
CONTINUATION = 0x10


class Source:
    """A range of bytes of a file on disk.

    Args:
        file: The file, which has a descriptor.
        start: Where the range starts.
        size: Its size.
    """

    def __init__(self, file: BinaryIO, start: int, size: int):
        self._file = file
        self._start = start
        self.size = size

    def _check(self, offset: int, size: int) -> None:
        if offset < 0 or size < 0 or offset + size > self.size:
            raise Hdf5Error("something lies beyond the end of the file")

    def read(self, offset: int, size: int) -> bytes:
        """Read bytes; all of them, or it is an error."""
        self._check(offset, size)
        data = os.pread(self._file.fileno(), size, self._start + offset)
        if len(data) != size:
            raise Hdf5Error("the file was cut off while it was read")
        return data

    def block(self, offset: int, size: int, what: str) -> Bytes:
        """Read a structure, which is small."""
        if size > _MAX_BLOCK:
            raise Hdf5Error(f"{what} of {size} bytes is too large")
        return Bytes(self.read(offset, size), what)

    def read_into(self, offset: int, array: np.ndarray) -> None:
        """Fill an array of bytes."""
        view = memoryview(array).cast("B")
        self._check(offset, len(view))
        done = 0
        while done < len(view):
            position = self._start + offset + done
            count = os.preadv(self._file.fileno(), [view[done : done + (1 << 30)]], position)
            if count <= 0:
                raise Hdf5Error("the file was cut off while it was read")
            done += count


def read_header(source: Source, address: int) -> list[tuple[int, bytes]]:
    """Read an object header (IV.A.1), of either version.

    Args:
        source: The file.
        address: Where the header is.

    Returns:
        Its messages, as pairs of type and data.
    """
    start = source.block(address, 16, "an object header")
    if start.data[:4] == b"OHDR":
        messages = _HeaderV2(source, address).read()
    else:
        version, _ = start.take(2)
        count = start.number(2)
        start.take(4)
        size = start.number(4)
        if version != 1:
            raise Hdf5Error("an object header is not where the file says")
        messages = _read_v1_blocks(source, address + 16, size)
        if len(messages) > count:  # those after the last that counts are left from before
            messages = messages[:count]
    return [message for message in messages if message[0] not in (0, CONTINUATION)]


def _read_v1_blocks(source: Source, address: int, size: int) -> list[tuple[int, bytes]]:
    messages: list[tuple[int, bytes]] = []
    blocks, seen = [(address, size)], {address}
    while blocks:
        block = source.block(*blocks.pop(0), "an object header")
        while block.position + 8 <= len(block.data):
            kind, length = block.number(2), block.number(2)
            flags = block.take(4)[0]
            data = block.take(length)
            _check_flags(kind, flags)
            messages.append((kind, data))
            if kind == CONTINUATION:
                _continue(data, blocks, seen)
    return messages


def _check_flags(kind: int, flags: int) -> None:
    if flags & 2 and kind:
        raise Hdf5Error("a header shares a part with another object")


def _continue(data: bytes, blocks: list[tuple[int, int]], seen: set[int]) -> None:
    piece = Bytes(data, "the rest of an object header")
    address, size = piece.number(8), piece.number(8)
    if address in seen:
        raise Hdf5Error("an object header goes round in a circle")
    seen.add(address)
    blocks.append((address, size))


class _HeaderV2:
    """An object header of version 2 (IV.A.1.b), which files of `track_order=True` have."""

    def __init__(self, source: Source, address: int):
        self._source = source
        self._address = address

    def read(self) -> list[tuple[int, bytes]]:
        source, address = self._source, self._address
        flags = source.block(address, 6, "an object header").data[5]
        if source.read(address + 4, 1) != b"\x02":
            raise Hdf5Error("an object header has an unknown version")
        start = address + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        size = int.from_bytes(source.read(start, width), "little")
        blocks, seen = [(start + width, size)], {address}
        messages: list[tuple[int, bytes]] = []
        first = True
        while blocks:
            where, length = blocks.pop(0)
            block = source.block(where, length, "an object header")
            if not first:
                block.expect(b"OCHK")
            end = len(block.data) - (0 if first else 4)  # a checksum follows
            first = False
            overhead = 6 if flags & 4 else 4
            while block.position + overhead <= end:
                kind, size = block.number(1), block.number(2)
                _check_flags(kind, block.number(1))
                block.take(overhead - 4)
                data = block.take(size)
                messages.append((kind, data))
                if kind == CONTINUATION:
                    _continue(data, blocks, seen)
        return messages


def read_symbols(source: Source, tree: int, heap: int, group: str) -> dict[str, int]:
    """Read the table of names of a group (III.A, III.B, III.C).

    Args:
        source: The file.
        tree: Where its tree is.
        heap: Where the heap with its names is.
        group: Its path, for errors.

    Returns:
        Names and the addresses of what they mean.
    """
    head = source.block(heap, 32, "a heap of names")
    head.expect(b"HEAP\x00")
    head.take(3)
    size = head.number(8)
    head.take(8)
    names = source.block(head.number(8), size, "a heap of names").data
    links: dict[str, int] = {}
    for _, address in tree_leaves(source, tree, 0, 8):
        table = source.block(address, 8, "a table of names")
        table.expect(b"SNOD\x01")
        table.take(1)
        count = table.number(2)
        table = source.block(address + 8, 40 * count, "a table of names")
        for _ in range(count):
            name = _name_at(names, table.number(8), group)
            target, cache = table.number(8), table.number(4)
            table.take(20)
            if cache == 2:
                raise Hdf5Error(f"{name!r} in {group!r} is a link, which is never followed")
            _add_link(links, name, target, group)
    return links


def _name_at(names: bytes, offset: int, group: str) -> str:
    end = names.find(b"\0", offset) if offset < len(names) else -1
    if end < 0:
        raise Hdf5Error(f"a name in {group!r} is damaged")
    return _decode_name(names[offset:end], group)


def _decode_name(data: bytes, group: str) -> str:
    try:
        name = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Hdf5Error(f"a name in {group!r} is no text") from error
    if not name or "/" in name or name in (".", ".."):
        raise Hdf5Error(f"{group!r} has the impossible name {name!r}")
    return name


def _add_link(links: dict[str, int], name: str, target: int, group: str) -> None:
    if name in links:
        raise Hdf5Error(f"{group!r} has the name {name!r} twice")
    links[name] = target


def read_link(data: bytes, links: dict[str, int], group: str) -> None:
    """Read a link message (IV.A.2.g), which must be a plain one.

    Args:
        data: The message.
        links: Gets the name and the address of what it means.
        group: The path of the group, for errors.
    """
    piece = Bytes(data, "a link")
    version, flags = piece.take(2)
    if version != 1:
        raise Hdf5Error(f"a link in {group!r} has the unknown version {version}")
    kind = piece.number(1) if flags & 8 else 0
    piece.take((8 if flags & 4 else 0) + (1 if flags & 16 else 0))
    name = _decode_name(piece.take(piece.number(1 << (flags & 3))), group)
    if kind != 0:
        raise Hdf5Error(f"{name!r} in {group!r} is a link, which is never followed")
    _add_link(links, name, piece.number(8), group)


def tree_leaves(source: Source, root: int, kind: int, key_size: int) -> list[tuple[bytes, int]]:
    """Read the leaves of a version 1 B-tree (III.A.1).

    Args:
        source: The file.
        root: Where its root is.
        kind: 0 for names, 1 for chunks.
        key_size: Bytes of a key.

    Returns:
        The first key and the address of each leaf.
    """
    leaves: list[tuple[bytes, int]] = []
    nodes, seen = [(root, _MAX_DEPTH)], set()
    while nodes:
        address, below = nodes.pop(0)
        if address == UNDEFINED and not seen:
            return []
        if address in seen:
            raise Hdf5Error("a tree goes round in a circle")
        seen.add(address)
        head = source.block(address, 24, "a tree")
        head.expect(b"TREE")
        its_kind, level = head.take(2)
        count = head.number(2)
        if its_kind != kind or level >= below:
            raise Hdf5Error("a tree is damaged")
        node = source.block(address + 24, count * (key_size + 8), "a tree")
        for _ in range(count):
            key, child = node.take(key_size), node.number(8)
            if level == 0:
                leaves.append((key, child))
            else:
                nodes.append((child, level))
    return leaves


class StringHeap:
    """Strings of variable size, in global heap collections (III.E).

    Args:
        source: The file.
    """

    def __init__(self, source: Source):
        self._source = source
        self._collections: dict[int, dict[int, tuple[int, int]]] = {}

    def get(self, reference: bytes) -> bytes:
        """Look up a string.

        Args:
            reference: Its size, the address of its collection and its number there.
        """
        piece = Bytes(reference, "a string")
        size, address, index = piece.number(4), piece.number(8), piece.number(4)
        if size == 0:
            return b""
        if address not in self._collections:
            self._collections[address] = self._read_collection(address)
        place = self._collections[address].get(index)
        if place is None or place[1] < size:
            raise Hdf5Error("a string is missing from the heap")
        return self._source.read(place[0], size)

    def _read_collection(self, address: int) -> dict[int, tuple[int, int]]:
        head = self._source.block(address, 16, "a heap of strings")
        head.expect(b"GCOL\x01")
        head.take(3)
        end = address + head.number(8)
        if end > self._source.size:
            raise Hdf5Error("a heap of strings lies beyond the end of the file")
        places: dict[int, tuple[int, int]] = {}
        position = address + 16
        while position + 16 <= end:
            entry = self._source.block(position, 16, "a heap of strings")
            index = entry.number(2)
            entry.take(6)
            size = entry.number(8)
            if index == 0:
                break
            if size > end - position - 16 or index in places:
                raise Hdf5Error("a heap of strings is damaged")
            places[index] = (position + 16, size)
            position += 16 + -(-size // 8) * 8
        return places
