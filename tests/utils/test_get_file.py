import hashlib
import io
import os
import resource
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import pytest

from nacre.utils import downloads, file_utils, get_file
from tests.utils.server import Answer, home, server

__all__ = ["home", "server"]

DATA = bytes(range(256)) * 40
SHA256 = hashlib.sha256(DATA).hexdigest()
MD5 = hashlib.md5(DATA).hexdigest()


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_once_and_is_then_in_the_cache(server, home):
    server.answers["a.bin"] = Answer(DATA)
    path = get_file(origin=f"{server.url}/a.bin", file_hash=SHA256)
    assert path == str(home / "datasets" / "a.bin")
    assert Path(path).read_bytes() == DATA
    assert get_file("a.bin", f"{server.url}/a.bin", file_hash=SHA256) == path
    assert server.requests == ["a.bin"]
    assert names_in(home / "datasets") == ["a.bin"]
    get_file("a.bin", f"{server.url}/a.bin", force_download=True)
    assert server.requests == ["a.bin"] * 2


def test_names_and_folders(server, home, tmp_path):
    server.answers["a.bin"] = Answer(DATA)
    origin = f"{server.url}/a.bin?x=1"
    server.answers["a.bin?x=1"] = Answer(DATA)
    assert get_file("b", origin, cache_subdir="models") == str(home / "models" / "b")
    assert get_file(None, origin, cache_dir=tmp_path / "c") == str(tmp_path / "c/datasets/a.bin")
    absolute = tmp_path / "d"
    assert get_file("b", origin, cache_subdir=absolute) == str(absolute / "b")


@pytest.mark.parametrize(
    ("hashes", "right"),
    [
        ({"file_hash": SHA256}, True),
        ({"file_hash": SHA256.upper()}, True),
        ({"file_hash": MD5}, True),
        ({"md5_hash": MD5}, True),
        ({"file_hash": MD5, "hash_algorithm": "md5"}, True),
        ({"file_hash": "0" * 64}, False),
        ({"md5_hash": "0" * 32}, False),
    ],
)
def test_hashes(server, home, hashes, right):
    server.answers["a"] = Answer(DATA)
    if right:
        get_file("a", f"{server.url}/a", **hashes)
        return
    with pytest.raises(ValueError, match=r"damaged or not the right file.*0{32}"):
        get_file("a", f"{server.url}/a", **hashes)
    assert names_in(home / "datasets") == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"origin": None},
        {"fname": "x/y"},
        {"fname": ".."},
        {"origin": "http://127.0.0.1/"},
        {"origin": "gopher://127.0.0.1/a"},
        {"file_hash": "abc"},
        {"file_hash": "g" * 64},
        {"file_hash": SHA256, "hash_algorithm": "md5"},
        {"file_hash": SHA256, "hash_algorithm": "crc"},
        {"extract": True, "archive_format": None},
        {"extract": True, "archive_format": "rar"},
    ],
)
def test_arguments_that_make_no_sense(home, arguments):
    with pytest.raises(ValueError, match="Received"):
        get_file(**{"origin": "http://127.0.0.1:9/a", **arguments})


def test_a_stale_file_is_replaced_by_the_right_one(server, home):
    (home / "datasets").mkdir(parents=True)
    (home / "datasets" / "a").write_bytes(b"old")
    server.answers["a"] = Answer(DATA)
    assert get_file("a", f"{server.url}/a") == str(home / "datasets" / "a")
    assert server.requests == []  # without a hash it is taken as it is
    path = get_file("a", f"{server.url}/a", file_hash=SHA256)
    assert Path(path).read_bytes() == DATA


FAILURES = {
    "cut": Answer(DATA, stop_at=1000),
    "cut without a length": Answer(DATA, stop_at=1000, announce=False),
    "refused": Answer(status=403),
    "missing": Answer(status=404),
    "another file": Answer(DATA[:-1]),
    "hangs at once": Answer(DATA, stop_at=0, hang=True),
    "hangs in the middle": Answer(DATA, stop_at=2000, hang=True),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_changes_nothing(server, home, monkeypatch, failure):
    monkeypatch.setattr(downloads, "TIMEOUT", 0.2)
    server.answers["a"] = FAILURES[failure]
    folder = home / "datasets"
    folder.mkdir(parents=True)
    (folder / "a").write_bytes(b"good")
    before = time.monotonic()
    with pytest.raises((OSError, ValueError)) as raised:
        get_file("a", f"{server.url}/a", file_hash=SHA256, force_download=True)
    assert time.monotonic() - before < 5
    assert (folder / "a").read_bytes() == b"good"
    assert names_in(folder) == ["a"]
    for part in (f"{server.url}/a", str(folder / "a"), SHA256):
        assert part in str(raised.value)


def test_a_server_that_drips_is_given_up(home, monkeypatch):
    class Dripping:
        def read(self, size):
            time.sleep(0.02)
            return b"x"

    monkeypatch.setattr(downloads, "TIMEOUT", 0.1)
    with pytest.raises(TimeoutError, match="bytes came in"):
        list(downloads._timely(Dripping()))


def test_without_a_connection_the_error_says_what_to_do(home):
    with pytest.raises(OSError, match="save it as") as raised:
        get_file("a.npz", "http://127.0.0.1:9/a.npz", file_hash=SHA256)
    for part in ("http://127.0.0.1:9/a.npz", str(home / "datasets" / "a.npz"), SHA256):
        assert part in str(raised.value)
    (home / "datasets" / "a.npz").write_bytes(DATA)
    assert get_file("a.npz", "http://127.0.0.1:9/a.npz", file_hash=SHA256)


def test_no_space(server, home):
    server.answers["a"] = Answer(b"x" * 400_000)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, old[1]))
    try:
        with pytest.raises(OSError, match="cannot write the download"):
            get_file("a", f"{server.url}/a")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert names_in(home / "datasets") == []


def test_a_cache_that_cannot_be_written(server, home, tmp_path, monkeypatch):
    """A good file in it is used; another one goes to the folder for temporary files."""
    (home / "datasets").mkdir(parents=True)
    (home / "datasets" / "a").write_bytes(DATA)
    monkeypatch.setattr(file_utils.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: not str(path).startswith(str(home)) and access(path, mode)
    )
    server.answers["b"] = Answer(DATA)
    assert get_file("a", f"{server.url}/a", file_hash=SHA256) == str(home / "datasets" / "a")
    assert get_file("b", f"{server.url}/b") == str(tmp_path / "tmp/.keras/datasets/b")
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    with pytest.raises(PermissionError, match="somebody else"):
        get_file("c", f"{server.url}/b")


def test_two_processes_download_once(server, home):
    server.answers["a"] = Answer(DATA, delay=0.5)
    code = (
        "from nacre.utils import get_file\n"
        f"print(get_file('a', '{server.url}/a', file_hash='{SHA256}'))"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for run in runs:
        output, _ = run.communicate(timeout=60)
        assert run.returncode == 0
        assert output.splitlines()[-1] == str(home / "datasets" / "a")
    assert server.requests == ["a"]
    assert names_in(home / "datasets") == ["a"]


def test_a_lock_that_is_never_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "LOCK_PATIENCE", 0.1)
    path = str(tmp_path / ".lock")
    with downloads.locked(path):
        with pytest.raises(TimeoutError, match=r"\.lock"):
            with downloads.locked(path):
                pass
    with downloads.locked(path):
        pass
    assert not os.path.exists(path)


def test_many_threads_hold_a_lock_one_by_one(tmp_path):
    inside, most = [], []

    def enter():
        with downloads.locked(str(tmp_path / ".lock")):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.005)
            inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8


def tar_bytes(mode="w:gz"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        entry = tarfile.TarInfo("set/a.txt")
        entry.size = len(DATA)
        archive.addfile(entry, io.BytesIO(DATA))
    return buffer.getvalue()


def zip_bytes():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("set/a.txt", DATA)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "arguments", "folder", "file"),
    [
        (tar_bytes(), {"extract": True}, "x.tar.gz", "x.tar.gz_archive"),
        (tar_bytes(), {"fname": "y", "extract": True}, "y", "y_archive"),
        (tar_bytes(), {"fname": "y.tar.gz", "untar": True}, "y_extracted", "y.tar.gz"),
        (tar_bytes("w:bz2"), {"fname": "y", "extract": True}, "y", "y_archive"),
        (tar_bytes("w:xz"), {"fname": "y", "extract": True}, "y", "y_archive"),
        (tar_bytes("w"), {"fname": "y", "extract": True}, "y", "y_archive"),
        (zip_bytes(), {"fname": "y.zip", "extract": True}, "y_extracted", "y.zip"),
        (zip_bytes(), {"fname": "y", "extract": True, "archive_format": ["zip"]}, "y", "y_archive"),
    ],
)
def test_archives_are_unpacked(server, home, data, arguments, folder, file):
    server.answers["x.tar.gz"] = Answer(data)
    for _ in range(2):  # the second time from the cache, over what is there
        path = get_file(origin=f"{server.url}/x.tar.gz", **arguments)
        assert path == str(home / "datasets" / folder)
        assert Path(path, "set", "a.txt").read_bytes() == DATA
    assert names_in(home / "datasets") == sorted([folder, file])
    assert len(server.requests) == 1


def test_what_is_no_archive_says_so(server, home):
    server.answers["a"] = Answer(DATA)
    with pytest.raises(ValueError, match="no archive of the kinds tried: tar, zip"):
        get_file("a", f"{server.url}/a", extract=True)
    assert names_in(home / "datasets") == ["a_archive"]
