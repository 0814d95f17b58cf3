"""Names of files: which are accepted, and errors that name them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from nacre.utils.io_utils import print_msg


def local_path(filepath: Any) -> str:
    """Check that a path is one of this machine's file systems.

    Args:
        filepath: A string or path.

    Returns:
        The path as a string.
    """
    if not isinstance(filepath, (str, os.PathLike)):
        kind = type(filepath).__name__
        raise TypeError(f"Expected the path of a file. Received: {filepath!r} of type {kind}")
    path = os.fsdecode(filepath)
    if "://" in path:
        raise ValueError(f"Files are read and written on local file systems. Received: {path!r}")
    return path


def may_write(path: str, overwrite: bool) -> bool:
    """Ask the user when a file exists and must not be replaced without asking.

    Args:
        path: The file.
        overwrite: Whether not to ask.

    Returns:
        Whether to go on.

    Raises:
        FileExistsError: There is nobody to ask.
    """
    if overwrite or not os.path.exists(path):
        return True
    question = f"[WARNING] {path} already exists - overwrite? [y/n]"
    try:
        answer = input(question).strip().lower()
        while answer not in ("y", "n"):
            answer = input('Enter "y" (overwrite) or "n" (cancel).').strip().lower()
    except EOFError as error:
        raise FileExistsError(f"{path} exists, and there is nobody to ask.") from error
    if answer == "y":
        print_msg("[TIP] Next time specify overwrite=True!")
    return answer == "y"


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """Open a file for reading.

    Whatever is wrong with its contents is a ValueError that names it.

    Args:
        path: The file.

    Yields:
        The file.
    """
    # A pipe that nobody writes to would be waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError(f"{path}: this is no file.")
    with open(descriptor, "rb") as file, naming(path):
        yield file


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Within, errors other than the system's are ValueErrors that name a file.

    Args:
        path: The file.
    """
    try:
        yield
    except (Warning, OSError):
        raise
    except MemoryError as error:
        raise MemoryError(f"{path}: {error}") from error
    except RecursionError as error:
        raise ValueError(f"{path}: its configuration is nested too deeply.") from error
    except KeyError as error:
        raise ValueError(f"{path}: its configuration lacks {error}.") from error
    except Exception as error:
        text = str(error) or type(error).__name__
        raise ValueError(f"{path}: {text.rstrip('.')}.") from error
