"""Files that are either written whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

# A file without a name, which vanishes with the process; not every system or file system has it.
_NAMELESS = getattr(os, "O_TMPFILE", 0)


@contextmanager
def replaced_file(path: str) -> Iterator[BinaryIO]:
    """Give a file to write to, which takes the place of `path` when the block ends.

    Until then, and for ever if the block raises or the process dies, `path` is as it was. The
    contents are on the disk before the name is changed. Symbolic links are followed.

    Args:
        path: Where the file is to be.

    Yields:
        The file, open for writing and reading.
    """
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, f".{os.path.basename(target)[:200]}.{secrets.token_hex(6)}")
    if os.path.isdir(target):
        raise IsADirectoryError(f"{path}: cannot write a file, since a directory has this name.")
    descriptor, named = _open_temporary(folder, temporary, path)
    try:
        with open(descriptor, "w+b") as file:
            yield file
            file.flush()
            with suppress(FileNotFoundError):
                os.fchmod(file.fileno(), stat.S_IMODE(os.stat(target).st_mode))
            os.fsync(file.fileno())
            if not named:
                _give_name(file.fileno(), folder, temporary)
                named = True
        os.replace(temporary, target)
    except BaseException:
        if named:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
        raise
    _sync_folder(folder)


def _open_temporary(folder: str, temporary: str, path: str) -> tuple[int, bool]:
    """Open a file beside the target; say whether it has a name yet."""
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{path}: there is no directory {folder!r} to write to.")
    if _NAMELESS and os.path.isdir("/proc/self/fd"):
        with suppress(OSError):
            return os.open(folder, _NAMELESS | os.O_RDWR | os.O_CLOEXEC, 0o666), False
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_CLOEXEC", 0)
    return os.open(temporary, flags, 0o666), True


def _give_name(descriptor: int, folder: str, name: str) -> None:
    place = os.open(folder, os.O_RDONLY)
    try:
        # With a directory given, this is linkat(), which alone follows the link in /proc.
        os.link(f"/proc/self/fd/{descriptor}", name, src_dir_fd=place, follow_symlinks=True)
    finally:
        os.close(place)


def _sync_folder(folder: str) -> None:
    """Let the new name outlive a loss of power, where directories can be synced."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
