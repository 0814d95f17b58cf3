"""Files from the network, kept in Keras's cache folder."""

from __future__ import annotations

import os
import tempfile
import urllib.parse
from typing import Any

from nacre.utils import archives, downloads
from nacre.utils.io_utils import print_msg

__all__ = ["get_file", "keras_home"]


def keras_home() -> str:
    """Keras's folder for what it keeps: `$KERAS_HOME`, or else `~/.keras`."""
    return os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")


def get_file(
    fname: Any = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: Any = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: Any = None,
    force_download: bool = False,
) -> str:
    """Get a file from a URL, unless it is in the cache already.

    The file is written beside its place and then renamed, under a lock, so that programs that run
    at the same time download it once, and a download that fails changes nothing. An archive is
    unpacked only if all of its members are plain files and folders below its folder. See
    https://keras.io/api/utils/python_utils/#get_file-function.

    Args:
        fname: Name of the file in the cache; by default the last part of the URL. Of an archive,
            the name of its folder, if there is no dot in it.
        origin: URL of the file.
        untar: Older spelling of `extract=True` with `archive_format="tar"`.
        md5_hash: Older spelling of `file_hash` for an MD5 hash.
        file_hash: SHA-256 or MD5 hash that the file must have, in the cache too. Without it a
            cached file is taken as it is.
        cache_subdir: Folder below the cache folder, or an absolute path.
        hash_algorithm: `"sha256"`, `"md5"`, or `"auto"` to tell by the length of the hash.
        extract: Whether to unpack the file, which is an archive.
        archive_format: `"tar"` (also packed by gzip, bzip2 or xz), `"zip"`, a list of these, or
            `"auto"` for both.
        cache_dir: Cache folder; `$KERAS_HOME` or `~/.keras` by default.
        force_download: Whether to download the file even if it is there.

    Returns:
        Path of the file, or of the folder that an archive was unpacked to.

    Raises:
        OSError: The file could not be fetched or written; the message says how to place it by
            hand.
        ValueError: The file has another hash, or the archive must not be unpacked.
    """
    if origin is None:
        raise ValueError("get_file: expected `origin`, the URL of the file. Received: None")
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    checksum = None
    if file_hash is not None:
        checksum = downloads.Checksum.parse(file_hash, hash_algorithm)
    extract = bool(extract or untar)
    formats = _formats("tar" if untar else archive_format) if extract else ()
    name, unpacked = _names(fname, origin, extract)
    base = os.path.expanduser(os.fspath(cache_dir) if cache_dir is not None else keras_home())
    wanted = os.path.join(base, os.fspath(cache_subdir))
    path = os.path.join(wanted, name)
    cached = not force_download and _is_good(path, checksum)
    if cached and not extract:
        return path
    folder = _writable_folder(wanted, os.fspath(cache_subdir))
    with downloads.locked(os.path.join(folder, f".{name}.lock")):
        if not cached:
            path = os.path.join(folder, name)
            # Another process may have brought the file while this one waited.
            if force_download or not _is_good(path, checksum, tell=True):
                downloads.download(origin, path, checksum)
        if not extract:
            return path
        unpacked = os.path.join(folder, unpacked)
        archives.extract(path, unpacked, formats)
    return unpacked


def _formats(archive_format: Any) -> tuple[str, ...]:
    if archive_format == "auto":
        return ("tar", "zip")
    formats = (archive_format,) if isinstance(archive_format, str) else tuple(archive_format or ())
    if not formats or any(name not in ("tar", "zip") for name in formats):
        raise ValueError(
            "archive_format: expected 'auto', 'tar', 'zip' or a list of formats, to unpack by. "
            f"Received: {archive_format!r}"
        )
    return formats


def _names(fname: Any, origin: str, extract: bool) -> tuple[str, str]:
    """The file's name in the cache, and its folder's if it is an archive."""
    given = os.fspath(fname) if fname else ""
    name = given or os.path.basename(urllib.parse.urlsplit(origin).path)
    if os.sep in given:
        raise ValueError(
            "fname: expected a name without folders; `cache_dir` and `cache_subdir` say where it "
            f"goes. Received: {fname!r}"
        )
    if name in ("", ".", "..") or "\0" in name:
        raise ValueError(
            f"get_file: the file needs a name, `fname`. Received: fname={fname!r}, and an origin "
            f"that has none: {origin!r}"
        )
    if not extract:
        return name, ""
    if given and "." in given:
        return name, f"{given.partition('.')[0]}_extracted"
    return f"{name}_archive", name


def _is_good(path: str, checksum: downloads.Checksum | None, tell: bool = False) -> bool:
    """Whether a file is there and has the right hash, if one is known."""
    if not os.path.isfile(path):
        return False
    if checksum is None or checksum.matches(path):
        return True
    if tell:
        print_msg(f"{path} is incomplete or outdated: its hash is not {checksum}.")
    return False


def _writable_folder(wanted: str, below: str) -> str:
    """The folder that is wanted, or one for temporary files where nothing can be written."""
    if _can_write(wanted):
        return wanted
    temporary = os.path.join(tempfile.gettempdir(), ".keras")
    folder = os.path.join(temporary, below)
    if os.path.isabs(below) or not _can_write(folder):
        raise PermissionError(f"{wanted}: cannot write to this folder. KERAS_HOME names another.")
    if os.stat(temporary).st_uid != os.getuid():
        raise PermissionError(
            f"{wanted}: cannot write to this folder, and {temporary} belongs to somebody else. "
            "KERAS_HOME names another."
        )
    return folder


def _can_write(folder: str) -> bool:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)
