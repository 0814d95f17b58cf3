"""A reader of the part of HDF5 that Keras and h5py write by default.

Weights come from strangers, and the HDF5 library follows links to other files, knows dozens of
formats and can be made to crash. This reader knows groups, plain arrays and attributes, reads what
it is asked for and nothing else, and checks each size against the file before it reads: whatever
the bytes are, the outcome is the data or an error. What it does not know, it refuses by name.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from nacre.saving.hdf5_structures import (
    Source,
    StringHeap,
    read_header,
    read_link,
    read_symbols,
    tree_leaves,
)
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

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MAX_DEPTH = 64
# Weights hardly compress. What unpacks to a large multiple of its size is not weights.
_BOMB_FLOOR = 1 << 24
_BOMB_RATIO = 100
_DATASPACE, _LINK_INFO, _DATATYPE, _LINK, _EXTERNAL = 0x01, 0x02, 0x03, 0x06, 0x07
_LAYOUT, _FILTERS, _ATTRIBUTE, _SYMBOL_TABLE, _ATTRIBUTE_INFO = 0x08, 0x0B, 0x0C, 0x11, 0x15


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
        self.root = Group(self, root, "/")


class _Node:
    """A group or a dataset: an object header (IV.A.1)."""

    def __init__(self, file: Hdf5File, messages: list[tuple[int, bytes]], name: str):
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


class Dataset(_Node):
    """An array in a file, of which only the header has been read."""

    def __init__(self, file: Hdf5File, messages: list[tuple[int, bytes]], name: str):
        super().__init__(file, messages, name)
        if self._all(_EXTERNAL):
            raise Hdf5Error(f"the values of {name!r} are in another file, which is never opened")
        self.shape = decode_dataspace(self._one(_DATASPACE, "shape"))
        dtype = decode_datatype(self._one(_DATATYPE, "dtype"))
        if isinstance(dtype, StringType):
            raise Hdf5Error(f"{name!r} holds strings, not numbers")
        self.dtype = dtype
        self._layout = decode_layout(self._one(_LAYOUT, "layout"))
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

    def _read_chunks(self, layout: Layout) -> np.ndarray:
        rank = len(self.shape)
        grid = [-(-size // step) for size, step in zip(self.shape, layout.chunk, strict=True)]
        chunks: dict[tuple, tuple[int, int]] = {}
        keys = tree_leaves(self._file.source, layout.address, 1, 8 + 8 * (rank + 1))
        for key, address in keys:
            piece = Bytes(key, "a chunk")
            size, mask = piece.number(4), piece.number(4)
            corner = tuple(piece.number(8) for _ in range(rank))
            if mask or size > self._file.source.size:
                raise Hdf5Error(f"a chunk of {self.name!r} is damaged")
            chunks[corner] = (address, size)
        stored = sum(size for _, size in chunks.values())
        if len(chunks) != math.prod(grid):
            raise Hdf5Error(f"{self.name!r} has {len(chunks)} of its {math.prod(grid)} chunks")
        if self.bytes > max(_BOMB_FLOOR, _BOMB_RATIO * stored):
            raise Hdf5Error(
                f"{self.name!r} would unpack {stored} bytes to {self.bytes}, which is not done"
            )
        array = np.empty(self.shape, self.dtype)
        for corner, (address, size) in chunks.items():
            if any(
                at % step or at >= n
                for at, step, n in zip(corner, layout.chunk, self.shape, strict=True)
            ):
                raise Hdf5Error(f"a chunk of {self.name!r} is not where it should be")
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


class Group(_Node):
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
        return links

    def keys(self) -> list[str]:
        """The names of what is in the group, sorted as in the file."""
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
        if kinds & {_DATASPACE, _DATATYPE, _LAYOUT}:
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
