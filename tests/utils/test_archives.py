"""Archives made to do harm: each is refused, and leaves nothing behind."""

import gzip
import io
import os
import tarfile
import zipfile

import pytest

from nacre.utils import archives
from nacre.utils.archives import ArchiveError, extract, read_tar_members


def entry(name, kind=tarfile.REGTYPE, data=b"", link="", size=None):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    info.size = len(data) if size is None else size
    return info, data


def write_tar(path, *entries, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return path


GOOD = entry("good.txt", data=b"good")
HOSTILE = {
    "parent": entry("../evil", data=b"x"),
    "parent inside": entry("a/../../evil", data=b"x"),
    "absolute": entry("/tmp/evil", data=b"x"),
    "symbolic link out": entry("evil", tarfile.SYMTYPE, link="/etc/passwd"),
    "symbolic link": entry("evil", tarfile.SYMTYPE, link="good.txt"),
    "hard link out": entry("evil", tarfile.LNKTYPE, link="../../secret"),
    "hard link": entry("evil", tarfile.LNKTYPE, link="good.txt"),
    "character device": entry("evil", tarfile.CHRTYPE),
    "block device": entry("evil", tarfile.BLKTYPE),
    "pipe": entry("evil", tarfile.FIFOTYPE),
    "folder out": entry("../evil", tarfile.DIRTYPE),
    "file under a file": entry("good.txt/evil", data=b"x"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_members(tmp_path, case):
    path = write_tar(tmp_path / "a.tgz", GOOD, HOSTILE[case])
    with pytest.raises(ArchiveError, match=r"evil|collide"):
        extract(path, tmp_path / "out" / "here")
    assert os.listdir(tmp_path / "out") == []
    assert sorted(os.listdir(tmp_path)) == ["a.tgz", "out"]


def test_what_was_there_stays(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "good.txt").write_text("mine")
    with pytest.raises(ArchiveError):
        extract(write_tar(tmp_path / "a.tgz", GOOD, HOSTILE["parent"]), tmp_path / "out")
    assert (tmp_path / "out" / "good.txt").read_text() == "mine"
    extract(write_tar(tmp_path / "a.tgz", GOOD), tmp_path / "out")
    assert (tmp_path / "out" / "good.txt").read_text() == "good"


def zip_link():
    info = zipfile.ZipInfo("evil")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "a/../../evil", zip_link()])
def test_hostile_zip_members(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("good.txt", "good")
        archive.writestr(name, "/etc/passwd")
    with pytest.raises(ArchiveError, match="evil"):
        extract(tmp_path / "a.zip", tmp_path / "out")
    assert os.listdir(tmp_path) == ["a.zip"]


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_bombs(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(archives, "FLOOR", 100_000)
    path, zeros = tmp_path / "bomb", bytes(2_000_000)
    if kind == "tar":
        write_tar(path, GOOD, entry("evil", data=zeros))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("evil", zeros)
    with pytest.raises(ArchiveError, match="far more than its size"):
        extract(path, tmp_path / "out")
    assert os.listdir(tmp_path) == ["bomb"]


def test_a_bomb_of_names(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "FLOOR", 100_000)
    monkeypatch.setattr(archives, "RATIO", 1)
    write_tar(tmp_path / "a", *(entry(f"e{n}") for n in range(1000)))
    with pytest.raises(ArchiveError, match="far more than its size"):
        extract(tmp_path / "a", tmp_path / "out")


def test_a_header_that_asks_for_much(tmp_path):
    info = tarfile.TarInfo("long")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 32
    (tmp_path / "a").write_bytes(gzip.compress(info.tobuf() + bytes(10240)))
    with pytest.raises(ArchiveError, match="asks for 4294967296 bytes"):
        extract(tmp_path / "a", tmp_path / "out")


def test_a_zip_entry_that_is_larger_than_it_says(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("evil", bytes(500_000))
    data = path.read_bytes()
    path.write_bytes(data.replace((500_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(ArchiveError, match="evil"):
        extract(path, tmp_path / "out")
    assert os.listdir(tmp_path) == ["a.zip"]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_truncated_archives(tmp_path, mode):
    path = write_tar(tmp_path / "a", entry("evil", data=os.urandom(50_000)), mode=mode)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises((ArchiveError, OSError)):
        extract(path, tmp_path / "out")
    assert os.listdir(tmp_path) == ["a"]


def test_folders_and_programs(tmp_path):
    program = entry("./bin/run", data=b"#!")
    program[0].mode = 0o755
    extract(write_tar(tmp_path / "a", entry("empty", tarfile.DIRTYPE), program), tmp_path / "out")
    assert os.path.isdir(tmp_path / "out" / "empty")
    assert os.access(tmp_path / "out" / "bin" / "run", os.X_OK)


def test_members_are_read_without_unpacking(tmp_path):
    path = write_tar(tmp_path / "a", GOOD, entry("b/c", data=b"inner"), HOSTILE["parent"])
    assert read_tar_members(path, ["b/c", "good.txt"]) == {"b/c": b"inner", "good.txt": b"good"}
    with pytest.raises(ArchiveError, match="holds no 'missing'"):
        read_tar_members(write_tar(tmp_path / "b", GOOD), ["missing"])
