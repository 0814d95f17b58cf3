"""Downloads that end with the right file in its place, or leave that place as it was."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

from nacre.saving.atomic import replaced_file
from nacre.utils.io_utils import print_msg
from nacre.utils.progbar import Progbar

__all__ = ["TIMEOUT", "Checksum", "download", "locked"]

# A server that sends less than `_LEAST` bytes in so many seconds is given up.
TIMEOUT = 30.0
_LEAST = 1024
# How long to wait for another process that is downloading the same file.
LOCK_PATIENCE = 1800.0
_PIECE = 1 << 18
_SCHEMES = ("http", "https", "ftp", "file")
_TITLES = {"sha256": "SHA-256", "md5": "MD5"}
_DIGITS = {64: "sha256", 32: "md5"}


@dataclass(frozen=True)
class Checksum:
    """What a file's hash has to be.

    Args:
        algorithm: `"sha256"` or `"md5"`.
        digest: The hash, as lower-case hexadecimal digits.
    """

    algorithm: str
    digest: str

    @classmethod
    def parse(cls, digest: str, algorithm: str = "auto") -> Checksum:
        """Take a hash as a user gives it.

        Args:
            digest: Hexadecimal digits.
            algorithm: `"sha256"`, `"md5"`, or `"auto"` to tell by the number of digits.

        Raises:
            ValueError: It is no hash of this kind.
        """
        text = str(digest).strip().lower()
        found = _DIGITS.get(len(text))
        if found is None or text.strip("0123456789abcdef"):
            raise ValueError(
                "file_hash: expected the 64 hexadecimal digits of a SHA-256 hash or the 32 of an "
                f"MD5 hash. Received: {digest!r}"
            )
        if algorithm not in ("auto", *_TITLES):
            raise ValueError(
                f"hash_algorithm: expected 'auto', 'sha256' or 'md5'. Received: {algorithm!r}"
            )
        if algorithm not in ("auto", found):
            raise ValueError(
                f"file_hash: expected a {_TITLES[algorithm]} hash. Received: {digest!r}, which "
                "has another length."
            )
        return cls(found, text)

    def __str__(self) -> str:
        return f"{_TITLES[self.algorithm]} {self.digest}"

    def start(self) -> Any:
        """A hash object that has seen nothing yet."""
        if self.algorithm == "md5":
            return hashlib.md5(usedforsecurity=False)
        return hashlib.sha256()

    def matches(self, path: str) -> bool:
        """Whether a file has this hash."""
        state = self.start()
        with open(path, "rb") as file:
            while piece := file.read(_PIECE):
                state.update(piece)
        return state.hexdigest() == self.digest


def download(origin: str, target: str, checksum: Checksum | None = None) -> None:
    """Fetch a file. What stands at `target` is replaced only by a whole file with the right hash.

    Args:
        origin: URL.
        target: Where the file is to be.
        checksum: What its hash must be, if that is known.

    Raises:
        OSError: The file could not be fetched or written.
        ValueError: Its hash is another one, or nothing can be fetched from such a URL.
    """
    if urllib.parse.urlsplit(origin).scheme.lower() not in _SCHEMES:
        raise ValueError(f"origin: expected a URL of {', '.join(_SCHEMES)}. Received: {origin!r}")
    print_msg(f"Downloading data from {origin}")
    state = checksum.start() if checksum else None
    try:
        with replaced_file(target) as file:
            for piece in _pieces(origin, target, checksum):
                if state is not None:
                    state.update(piece)
                _write(file, piece, target)
            if checksum is not None and state.hexdigest() != checksum.digest:
                raise ValueError(
                    f"What {origin} sent is damaged or not the right file: expected "
                    f"{checksum}, received {state.hexdigest()}. Nothing was written to {target}."
                )
    except KeyboardInterrupt:
        print_msg(f"\nThe download of {origin} was interrupted.")
        raise


def _write(file: BinaryIO, piece: bytes, target: str) -> None:
    try:
        file.write(piece)
    except OSError as error:
        raise OSError(error.errno, f"cannot write the download: {error.strerror}", target) from None


def _pieces(origin: str, target: str, checksum: Checksum | None) -> Iterator[bytes]:
    """What the server sends, while a bar shows how far that is."""
    try:
        with urllib.request.urlopen(origin, timeout=TIMEOUT) as response:
            length = response.headers.get("Content-Length", "")
            expected = int(length) if length.isdecimal() else None
            bar = Progbar(expected)
            received = 0
            for piece in _timely(response):
                received += len(piece)
                if expected is None or received < expected:
                    bar.update(received)
                yield piece
            if expected is not None and received != expected:
                raise ConnectionError(f"it ended after {received} of {expected} bytes")
            bar.update(received, finalize=True)
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as err:
        raise OSError(_help(origin, target, checksum, err)) from err


def _timely(response: Any) -> Iterator[bytes]:
    """What is received, as long as it comes fast enough."""
    read = getattr(response, "read1", response.read)
    since, received = time.monotonic(), 0
    while piece := read(_PIECE):
        yield piece
        received += len(piece)
        if time.monotonic() - since > TIMEOUT:
            if received < _LEAST:
                raise TimeoutError(f"only {received} bytes came in {TIMEOUT:.0f} seconds")
            since, received = time.monotonic(), 0


def _help(origin: str, target: str, checksum: Checksum | None, error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    if isinstance(error, urllib.error.HTTPError):
        reason = f"the server answered {error.code} {error.reason}"
        error.close()
    elif isinstance(reason, TimeoutError):
        reason = f"nothing came for {TIMEOUT:g} seconds ({reason})"
    must = f" Its hash must be {checksum}." if checksum else ""
    return (
        f"Could not download {origin}: {reason}. Where there is no connection, fetch the file by "
        f"other means and save it as {target}.{must}"
    )


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Keep other processes and threads out of a block that names the same lock file.

    The lock ends with its process, however that ends. Where a file system has no locks, none is
    taken: files are put in place whole in any case.

    Args:
        path: The lock file, which is made, and removed in the end.

    Raises:
        TimeoutError: Somebody else holds the lock for too long.
    """
    descriptor = _acquire(path)
    try:
        yield
    finally:
        with suppress(OSError):
            os.unlink(path)
        os.close(descriptor)


def _acquire(path: str) -> int:
    import fcntl

    deadline = time.monotonic() + LOCK_PATIENCE
    told = False
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        except OSError:
            return descriptor  # this file system knows no locks
        else:
            # Who held the lock before may have removed the file since it was opened here.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                    return descriptor
            os.close(descriptor)
            continue
        if not told:
            print_msg(f"Waiting for another process that holds {path}")
            told = True
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"{path} is held by another process for more than {LOCK_PATIENCE:g} seconds."
            )
        time.sleep(0.05)
