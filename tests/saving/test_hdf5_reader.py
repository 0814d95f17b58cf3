"""The reader of HDF5 against h5py: the same groups, arrays and attributes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nacre.saving.hdf5_reader import Hdf5Error, Hdf5File
from nacre.saving.hdf5_structures import Source
from nacre.saving.hdf5_types import decode_dataspace, decode_datatype, decode_filters, decode_layout
from tests.saving.making import h5_image

KINDS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">f4", ">i2", "?")


def _read(tmp_path, fill, **options):
    path = tmp_path / "file.h5"
    path.write_bytes(h5_image(fill, **options))
    return path


def _compare(path):
    import h5py

    with open(path, "rb") as file, h5py.File(path) as expected:
        root = Hdf5File(Source(file, 0, path.stat().st_size)).root

        def visit(name, item):
            found = root.get(name)
            for key in item.attrs:
                value = item.attrs[key]
                if isinstance(value, (str, bytes)):
                    value = value.decode() if isinstance(value, bytes) else value
                    assert found.attribute(key) == value
                elif value.dtype.kind in "OS":
                    texts = [v.decode() if isinstance(v, bytes) else v for v in value]
                    assert found.attribute(key) == texts
                else:
                    np.testing.assert_array_equal(found.attribute(key), value)
            if isinstance(item, h5py.Dataset):
                assert found.dtype == item.dtype
                np.testing.assert_array_equal(found.read(), item[()])
            else:
                assert found.keys() == sorted(item)

        expected.visititems(visit)


@pytest.mark.parametrize("options", [{}, {"track_order": True}, {"libver": "v108"}])
def test_what_h5py_writes(tmp_path, options):
    rng = np.random.default_rng(0)

    def fill(file):
        group = file.create_group("layers/dense/vars")
        group.attrs["name"] = "dense é"
        group.attrs["names"] = ["a", "bb", ""]
        group.attrs["fixed"] = np.array([b"abc", b"d"])
        group.attrs["none"] = []
        group.attrs["number"] = np.arange(6, dtype="i2").reshape(2, 3)
        for kind in KINDS[: 5 if options else None]:
            values = (rng.random((3, 5)) * 100).astype(kind)
            group.create_dataset(f"of {kind.replace('?', 'bool')}", data=values)
        file["scalar"] = np.float32(2.5)
        file["empty"] = np.zeros((0, 3), "f4")
        file["opaque"] = np.zeros(3, "V2")
        file.create_dataset("chunks", data=rng.random((37, 11)), chunks=(10, 4))
        file.create_dataset("zip", data=rng.random((37, 11)), compression=4, shuffle=True)

    _compare(_read(tmp_path, fill, **options))


def test_many_names(tmp_path):
    def fill(file):
        for index in range(3000):  # a tree of several levels
            file.create_group(f"{index:05d}-{'x' * (index % 50)}")

    _compare(_read(tmp_path, fill))


def test_later_versions_are_named(tmp_path):
    def fill(file):
        for index in range(20):
            file.create_group(str(index))

    path = _read(tmp_path, fill, libver="latest")
    with open(path, "rb") as file, pytest.raises(Hdf5Error, match=r"in a heap|unknown version"):
        Hdf5File(Source(file, 0, path.stat().st_size))


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(_TEXT.filter(bool), st.one_of(_TEXT, st.lists(_TEXT, max_size=30))))
def test_attributes(tmp_path_factory, attributes):
    def fill(file):
        for name, value in attributes.items():
            file.attrs[name] = value

    path = _read(tmp_path_factory.mktemp("attributes"), fill)
    with open(path, "rb") as file:
        root = Hdf5File(Source(file, 0, path.stat().st_size)).root
        assert sorted(root.attributes) == sorted(attributes)
        for name, value in attributes.items():
            found = root.attribute(name)
            if value == []:
                assert found.size == 0
            else:
                assert found == value


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=64))
def test_headers_of_any_bytes(data):
    for decode in (decode_dataspace, decode_datatype, decode_layout, decode_filters):
        try:
            decode(data)
        except Hdf5Error:
            continue
