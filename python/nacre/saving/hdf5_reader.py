"""A reader of the part of HDF5 that Keras and h5py write by default.

Weights come from strangers, and the HDF5 library follows links to other files, knows dozens of
formats and can be made to crash. This reader knows groups, plain arrays and attributes, reads what
it is asked for and nothing else, and checks each size against the file before it reads: whatever
the bytes are, the outcome is the data or an error. What it does not know, it refuses by name.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

from nacre.saving.hdf5_nodes import (
    BOMB_FLOOR,
    BOMB_RATIO,
    DATASPACE,
    DATATYPE,
    LAYOUT,
    Dataset,
    Node,
)
from nacre.saving.hdf5_structures import Source, StringHeap, read_header, read_link, read_symbols
from nacre.saving.hdf5_types import UNDEFINED, Bytes, Hdf5Error

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_CHECKSUM = b"NacreCRC"
_PIECE = 1 << 20
_MAX_DEPTH = 64
_LINK_INFO, _LINK, _SYMBOL_TABLE = 0x02, 0x06, 0x11


class Hdf5File:
    """An HDF5 file.

    Args:
        source: Its bytes.

    Raises:
        Hdf5Error: It is none, or one of a kind that Keras does not write.
    """

    def __init__(self, source: Source):
        self.source = source
        self.strings = StringHeap(source)
        if source.size < 96 or source.read(0, 8) != SIGNATURE:
            raise Hdf5Error("it does not start as an HDF5 file does")
        head = Bytes(source.read(8, 88), "the superblock")
        version = head.number(1)
        if version in (0, 1):
            sizes = head.take(7)[4:6]
            head.take(8 if version == 0 else 12)
            base, _, end, driver = (head.number(8) for _ in range(4))
            head.take(8)
            root = head.number(8)
        elif version in (2, 3):
            sizes = head.take(3)[:2]
            base, driver, end, root = (head.number(8) for _ in range(4))
        else:
            raise Hdf5Error(f"the superblock has the unknown version {version}")
        if sizes != b"\x08\x08" or base != 0 or driver != UNDEFINED:
            raise Hdf5Error("the superblock is damaged or of a kind that Keras does not write")
        if end > source.size:
            raise Hdf5Error(
                f"the file is incomplete: it should have {end} bytes. It has {source.size}"
            )
        _check_sum(source, end)
        self.root = Group(self, root, "/")

    def total_bytes(self) -> int:
        """Say how many bytes all arrays have together.

        Raises:
            Hdf5Error: Two of them share storage: a small file could then hold arrays of any size.
        """
        total, extents = 0, []
        for dataset in self.root.datasets():
            total += dataset.bytes
            extents += dataset.extents()
        end = 0
        for address, size in sorted(extents):
            if address < end:
                raise Hdf5Error("two arrays lie in the same place")
            end = address + size
        return min(total, max(BOMB_FLOOR, BOMB_RATIO * self.source.size))


def with_checksum(image: bytes) -> bytes:
    """Put a checksum behind the end of an HDF5 file, where other readers do not look.

    The format has none for what Keras writes. HDF5 takes it away when it changes the file.

    Args:
        image: The file.

    Returns:
        The file with the checksum.
    """
    return image + _CHECKSUM + struct.pack("<II", zlib.crc32(image), 0)


def _check_sum(source: Source, end: int) -> None:
    if source.size < end + 16 or source.read(end, 8) != _CHECKSUM:
        return  # not written by this package
    crc = 0
    for position in range(0, end, _PIECE):
        crc = zlib.crc32(source.read(position, min(_PIECE, end - position)), crc)
    if source.read(end + 8, 8) != struct.pack("<II", crc, 0):
        raise Hdf5Error("the file is damaged: its checksum is wrong")


class Group(Node):
    """A folder of a file.

    Args:
        file: The file.
        address: Where its header is.
        name: Its path, for errors.
    """

    def __init__(self, file: Hdf5File, address: int, name: str):
        super().__init__(file, read_header(file.source, address), name)
        self._links = self._read_links()

    def _read_links(self) -> dict[str, int]:
        tables = self._all(_SYMBOL_TABLE)
        links: dict[str, int] = {}
        for data in tables[:1]:
            piece = Bytes(data, "a symbol table")
            links = read_symbols(self._file.source, piece.number(8), piece.number(8), self.name)
        for data in self._all(_LINK_INFO):
            piece = Bytes(data, "a link table")
            flags = piece.take(2)[1]
            piece.take(8 if flags & 1 else 0)
            if piece.number(8) != UNDEFINED:
                raise Hdf5Error(
                    f"the links of {self.name!r} are in a heap, which only files written with "
                    "`libver='latest'` have"
                )
        for data in self._all(_LINK):
            read_link(data, links, self.name)
        return dict(sorted(links.items()))

    def keys(self) -> list[str]:
        """The names of what is in the group, sorted."""
        return list(self._links)

    def __contains__(self, name: str) -> bool:
        return name in self._links

    def get(self, path: str) -> Group | Dataset | None:
        """Find a group or dataset.

        Args:
            path: Names joined by `/`.

        Returns:
            It, or None when there is none.
        """
        node: Any = self
        for part in path.split("/"):
            if not isinstance(node, Group) or part not in node._links:
                return None
            node = node._open(part)
        return node

    def _open(self, name: str) -> Group | Dataset:
        path = f"{self.name.rstrip('/')}/{name}"
        messages = read_header(self._file.source, self._links[name])
        kinds = {number for number, _ in messages}
        if kinds & {DATASPACE, DATATYPE, LAYOUT}:
            return Dataset(self._file, messages, path)
        return Group(self._file, self._links[name], path)

    def group(self, path: str) -> Group:
        """Find a group that must be there."""
        found = self.get(path)
        if not isinstance(found, Group):
            raise Hdf5Error(f"there is no group {path!r} in {self.name!r}")
        return found

    def dataset(self, path: str) -> Dataset:
        """Find a dataset that must be there."""
        found = self.get(path)
        if not isinstance(found, Dataset):
            raise Hdf5Error(f"there is no dataset {path!r} in {self.name!r}")
        return found

    def datasets(self, depth: int = 0, seen: set[int] | None = None) -> Iterator[Dataset]:
        """Go through all datasets in the group and in those below it, each once."""
        seen = set() if seen is None else seen
        if depth > _MAX_DEPTH:
            raise Hdf5Error("groups are nested too deeply")
        for name, address in self._links.items():
            if address in seen:
                continue
            seen.add(address)
            node = self._open(name)
            if isinstance(node, Dataset):
                yield node
            else:
                yield from node.datasets(depth + 1, seen)
