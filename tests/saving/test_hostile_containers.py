"""Files whose container is made to do harm: links, odd members, archives in archives."""

import os
import zipfile

import numpy as np
import pytest

from tests.saving.making import (
    BIG,
    h5_image,
    members,
    write_members,
)


def _links(kind):
    import h5py

    def fill(file):
        group = file.create_group("layers/dense/vars")
        if kind == "external":
            group["0"] = h5py.ExternalLink("/etc/passwd", "x")
        elif kind == "soft":
            group["0"] = h5py.SoftLink("/optimizer")
        elif kind == "cycle":
            file["layers/dense/layers"] = file["layers"]
            group["0"] = np.zeros((8, 4), "f4")
        elif kind == "storage":
            group.create_dataset("0", (8, 4), "f4", external=[("/etc/passwd", 0, 128)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((8, 4), "f4")
            layout[:] = h5py.VirtualSource("/etc/passwd", "x", (8, 4))
            group.create_virtual_dataset("0", layout)
        elif kind == "reference":
            group.create_dataset("0", (8, 4), h5py.ref_dtype)
        elif kind == "compound":
            group.create_dataset("0", (8, 4), np.dtype([("a", "f4"), ("b", "f4")]))
        elif kind == "sequence":
            group.create_dataset("0", (8, 4), h5py.vlen_dtype(np.float32))
        elif kind == "strings":
            group.create_dataset("0", (8, 4), h5py.string_dtype())
        elif kind == "type":
            file["type"] = np.dtype("f4")
            group.create_dataset("0", (8, 4), file["type"])
        elif kind == "group":
            group.create_group("0")
        elif kind == "empty":
            group.create_dataset("0", (8, 4), "f4", chunks=(8, 4))
        elif kind == "unwritten":
            group.create_dataset("0", (BIG,), "f4")
        elif kind == "sparse":
            group.create_dataset("0", (BIG,), "f4", chunks=(1024,))
        elif kind == "bomb":
            group.create_dataset("0", data=np.zeros(1 << 25, "u1"), compression=9)
        elif kind == "large chunk":
            group.create_dataset("0", (8, 4), "f4", maxshape=(None, 4), chunks=(1 << 28, 1))
        elif kind == "complex":
            group["0"] = np.zeros((8, 4), "c8")
        else:
            options = {"compression": "lzf"} if kind == "lzf" else {kind: True}
            group.create_dataset("0", data=np.ones((64, 64), "f4"), chunks=(8, 8), **options)
        group["1"] = np.zeros(4, "f4")

    return fill


@pytest.mark.parametrize(
    "kind",
    [
        *("external", "soft", "cycle", "storage", "virtual", "reference", "compound", "sequence"),
        *("strings", "type", "group", "empty", "unwritten", "sparse", "bomb", "large chunk"),
        *("complex", "lzf", "fletcher32"),
    ],
)
def test_parts_of_hdf5_that_are_refused(reader, good, tmp_path, kind):
    image = h5_image(_links(kind))
    path = tmp_path / "odd.weights.h5"
    path.write_bytes(image)
    answer = reader.read(path)
    assert "error" in answer
    contents = {**members(good / "good.keras"), "model.weights.h5": image}
    assert "error" in reader.read(write_members(tmp_path / "odd.keras", contents))


def test_what_lies_behind_a_link_is_not_read(reader, good, tmp_path):
    import h5py

    weights = good / "good.weights.h5"
    for link in (
        lambda name: h5py.ExternalLink(str(weights), name),
        lambda name: h5py.SoftLink(f"/there/{name}"),
    ):

        def fill(file, link=link):
            with h5py.File(weights) as other:
                other.copy("/layers", file.create_group("there"))
            for name in ("layers", "optimizer"):
                file[name] = link(name)

        path = tmp_path / "linked.weights.h5"
        path.write_bytes(h5_image(fill))
        assert "is a link, which is never followed" in reader.read(path)["error"]


def test_many_arrays_in_one_place(reader, good, tmp_path):
    # Each says that its values are where those of the first are.
    def fill(file):
        group = file.create_group("layers/dense/vars")
        for index in range(64):
            group[str(index)] = np.full(1 << 10, index, "f4")

    image = bytearray(h5_image(fill))
    place = {}
    for index in range(64):
        pattern = np.full(1 << 10, index, "f4").tobytes()[:4096]
        place[index] = image.find(pattern)
    first = place[0].to_bytes(8, "little")
    del image
    image = h5_image(fill)
    for index in range(1, 64):
        image = image.replace(place[index].to_bytes(8, "little"), first)
    path = tmp_path / "one.weights.h5"
    path.write_bytes(image)
    assert "in the same place" in reader.read(path)["error"]


def _zip(path, good, change, **options):
    contents = members(good / "good.keras")
    with zipfile.ZipFile(path, "w", **options) as file:
        change(contents, file)
        for name, content in contents.items():
            file.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../outside", "it holds '../outside'"),
        ("/etc/passwd", "it holds '/etc/passwd'"),
        ("assets/vocabulary.txt", "it holds 'assets/vocabulary.txt'"),
        ("config.json", "it holds 'config.json'"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_that_are_not_expected(reader, good, tmp_path, name, message):
    path = _zip(tmp_path / "odd.keras", good, lambda _, file: file.writestr(name, b"{}"))
    assert message in reader.read(path)["error"]


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_missing_members(reader, good, tmp_path, name):
    contents = members(good / "good.keras")
    del contents[name]
    path = write_members(tmp_path / "odd.keras", contents)
    assert f"it holds no '{name}'" in reader.read(path)["error"]


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5", "metadata.json"])
def test_members_that_unpack_to_too_much(reader, good, tmp_path, name):
    contents = members(good / "good.keras")
    contents[name] += b" " * (80 << 20)
    path = write_members(
        tmp_path / "bomb.keras", contents, compression=zipfile.ZIP_DEFLATED, compresslevel=9
    )
    assert "would unpack" in reader.read(path)["error"]


def test_a_member_that_is_longer_than_it_says(reader, good, tmp_path):
    contents = members(good / "good.keras")
    size = len(contents["config.json"])
    contents["config.json"] += b" " * (80 << 20)
    path = write_members(tmp_path / "liar.keras", contents, compression=zipfile.ZIP_DEFLATED)
    whole = size + (80 << 20)
    data = path.read_bytes().replace(whole.to_bytes(4, "little"), size.to_bytes(4, "little"))
    path.write_bytes(data)
    assert "checksum is wrong" in reader.read(path)["error"]


def test_a_compressed_archive_is_read(reader, good, tmp_path):
    contents = members(good / "good.keras")
    path = write_members(tmp_path / "c.keras", contents, compression=zipfile.ZIP_DEFLATED)
    assert reader.read(path)["weights"] == reader.read(good / "good.keras")["weights"]


def test_files_that_are_none(reader, tmp_path):
    for name in ("a.keras", "a.h5", "a.weights.h5"):
        for content in (b"", b"PK\x05\x06" + bytes(18), b"\x89HDF\r\n\x1a\n", bytes(4096)):
            (tmp_path / name).write_bytes(content)
            assert "error" in reader.read(tmp_path / name)
        (tmp_path / name).unlink()
        assert "No such file" in reader.read(tmp_path / name)["error"]
        os.mkfifo(tmp_path / name)
        assert "this is no file" in reader.read(tmp_path / name)["error"]
        (tmp_path / name).unlink()
        (tmp_path / name).mkdir()
        assert "error" in reader.read(tmp_path / name)
