"""Tar and zip archives, unpacked without trust in what they say.

Members are plain files and folders below the folder they are unpacked to. An archive that holds
anything else (absolute paths, `..`, links, devices) or unpacks to absurdly much is refused as a
whole, and nothing of it stays.
"""

from __future__ import annotations

import gzip
import os
import secrets
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

__all__ = ["ArchiveError", "extract", "read_tar_members"]

# An archive may unpack to this many bytes, or to this multiple of its own size.
FLOOR = 1 << 28
RATIO = 100
# What a member costs besides its contents, so that numbers are limited too.
_MEMBER_COST = 512
_PIECE = 1 << 20
# Longest single piece of a tar's own structure, such as a long name.
_MAX_READ = 1 << 22
_FORMATS = ("tar", "zip")
_ERRORS: tuple[type[Exception], ...] = (
    *(tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error),
    *(EOFError, NotImplementedError),
)
try:
    import lzma
except ImportError:  # Python can be built without it
    pass
else:
    _ERRORS += (lzma.LZMAError,)


class ArchiveError(ValueError):
    """An archive that is damaged, or that must not be unpacked."""


class _Bounded:
    """A file whose single reads are bounded, since tar headers can ask for any length."""

    def __init__(self, file: Any):
        self._file = file
        self.tell = file.tell
        self.seek = file.seek

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MAX_READ:
            raise ArchiveError(f"a header asks for {size} bytes")
        return self._file.read(size)


def extract(path: str, folder: str, formats: Collection[str] = _FORMATS) -> None:
    """Unpack an archive. Files of the same name in the folder are replaced, each at once.

    Args:
        path: The archive: tar (plain, or packed by gzip, bzip2 or xz) or zip.
        folder: Where its members go; it is made if need be.
        formats: Formats to try, in this order.

    Raises:
        ArchiveError: It is no such archive, it is damaged, or it must not be unpacked. The folder
            is then as it was.
    """
    unknown = [name for name in formats if name not in _FORMATS]
    if unknown:
        raise ValueError(f"archive_format: expected 'tar' or 'zip'. Received: {unknown[0]!r}")
    folder = os.path.abspath(folder)
    parent, name = os.path.split(folder)
    os.makedirs(parent, exist_ok=True)
    # Nobody else knows this folder, so nobody can put a link into the way.
    fresh = os.path.join(parent, f".{name[:200]}.{secrets.token_hex(6)}")
    os.mkdir(fresh)
    try:
        _unpack(path, fresh, formats)
        _move(fresh, folder)
    except (*_ERRORS, RuntimeError) as error:  # zipfile's word for encrypted members
        raise ArchiveError(f"{path} cannot be unpacked: {error}") from error
    except ArchiveError as error:
        raise ArchiveError(f"{path} is not unpacked: {error}") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def read_tar_members(path: str, names: Collection[str]) -> dict[str, bytes]:
    """Read members of a tar archive, without unpacking anything.

    Args:
        path: The archive.
        names: The members that are wanted.

    Returns:
        Name to contents.

    Raises:
        ArchiveError: A member is missing, or the archive is damaged.
    """
    found: dict[str, bytes] = {}
    try:
        with _open_tar(path) as archive:
            for member, _ in _checked(_tar_members(archive), path):
                if member.name in names and member.isreg():
                    found[member.name] = b"".join(_tar_contents(archive, member))
                if len(found) == len(names):
                    return found
    except _ERRORS as error:
        raise ArchiveError(f"{path} cannot be read: {error}") from error
    except ArchiveError as error:
        raise ArchiveError(f"{path} is not read: {error}") from None
    missing = sorted(set(names) - set(found))
    raise ArchiveError(f"{path} holds no {missing[0]!r}")


def _unpack(path: str, folder: str, formats: Collection[str]) -> None:
    for name in formats:
        if name == "tar":
            try:
                with _open_tar(path) as archive:
                    for member, place in _checked(_tar_members(archive), path):
                        contents = None if member.isdir() else _tar_contents(archive, member)
                        _write(os.path.join(folder, *place), contents, member.mode)
                return
            except _NotThis:
                continue
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for entry, place in _checked(_zip_members(archive), path):
                    contents = None if entry.is_dir() else _zip_contents(archive, entry)
                    _write(os.path.join(folder, *place), contents, entry.external_attr >> 16)
            return
    raise ArchiveError(f"it is no archive of the kinds tried: {', '.join(formats) or 'none'}")


class _NotThis(ArchiveError):
    """The file is no archive of the kind that was tried."""


@contextmanager
def _open_tar(path: str) -> Iterator[tarfile.TarFile]:
    with open(path, "rb") as raw, _unpacked(raw) as file:
        try:
            archive = tarfile.TarFile(fileobj=_Bounded(file))  # type: ignore[arg-type]
        except (*_ERRORS, OSError) as error:
            raise _NotThis(f"it is no tar archive: {error}") from None
        with archive:
            yield archive


def _unpacked(raw: BinaryIO) -> Any:
    """The file without its compression."""
    magic = raw.read(6)
    raw.seek(0)
    if magic[:2] == b"\x1f\x8b":
        return gzip.open(raw)
    if magic[:3] == b"BZh":
        import bz2

        return bz2.open(raw)
    if magic == b"\xfd7zXZ\0":
        return lzma.open(raw)
    return raw


def _tar_members(archive: tarfile.TarFile) -> Iterator[tuple[Any, str, int, str]]:
    for member in archive:
        archive.members = []  # it would keep them all
        kind = ""
        if member.issym() or member.islnk():
            kind = f"a link to {member.linkname!r}"
        elif not (member.isreg() or member.isdir()):
            kind = "neither a file nor a folder"
        yield member, member.name, member.size, kind


def _zip_members(archive: zipfile.ZipFile) -> Iterator[tuple[Any, str, int, str]]:
    for entry in archive.infolist():
        kind = stat.S_IFMT(entry.external_attr >> 16) if entry.create_system == 3 else 0
        plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)
        yield entry, entry.filename, entry.file_size, "" if plain else "no plain file or folder"


def _checked(members: Iterator[Any], path: str) -> Iterator[tuple[Any, list[str]]]:
    """The members one by one with their places, until one must not be unpacked."""
    left = max(FLOOR, RATIO * os.path.getsize(path))
    for member, name, size, wrong in members:
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.startswith("/") or ".." in parts or "\0" in name:
            raise ArchiveError(f"its member {name!r} would lie outside of the folder")
        if wrong:
            raise ArchiveError(f"its member {name!r} is {wrong}, which is not unpacked")
        left -= max(size, 0) + _MEMBER_COST
        if left < 0:
            raise ArchiveError("it would unpack to far more than its size")
        yield member, parts


def _tar_contents(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    file = archive.extractfile(member)
    assert file is not None, "only plain files get here"
    with file:
        yield from _contents(file, member.size, member.name)


def _zip_contents(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(entry) as file:
        yield from _contents(file, entry.file_size, entry.filename)


def _contents(file: Any, size: int, name: str) -> Iterator[bytes]:
    left = size
    while left > 0:
        piece = file.read(min(_PIECE, left))
        if not piece:
            raise ArchiveError(f"its member {name!r} is incomplete")
        left -= len(piece)
        yield piece
    if file.read(1):  # a zip entry's checksum is looked at when its end is reached
        raise ArchiveError(f"its member {name!r} is longer than announced")


def _write(path: str, contents: Iterator[bytes] | None, mode: int) -> None:
    try:
        os.makedirs(path if contents is None else os.path.dirname(path), exist_ok=True)
        if contents is None:
            return
        with open(path, "wb") as file:
            for piece in contents:
                file.write(piece)
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise ArchiveError(f"two of its members collide at {error.filename!r}") from None
    if mode & stat.S_IXUSR:
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)


def _move(fresh: str, folder: str) -> None:
    """Put what was unpacked into its place."""
    if not os.path.lexists(folder):
        os.rename(fresh, folder)
        return
    for place, _, files in os.walk(fresh):
        below = os.path.normpath(os.path.join(folder, os.path.relpath(place, fresh)))
        os.makedirs(below, exist_ok=True)
        for name in files:
            os.replace(os.path.join(place, name), os.path.join(below, name))
