"""Damaged files: cut off anywhere, or with any byte changed, they are an error or do no harm."""

import random

import pytest

from tests.saving.making import members, write_members

NAMES = ["good.keras", "good.h5", "good.weights.h5"]


@pytest.fixture(scope="module")
def plain(good, tmp_path_factory):
    """The same files as Keras writes them: HDF5 without a checksum behind its end."""
    folder = tmp_path_factory.mktemp("plain")
    for name in ("good.h5", "good.weights.h5"):
        data = (good / name).read_bytes()
        assert data[-16:].startswith(b"NacreCRC")
        (folder / name).write_bytes(data[:-16])
    return folder


def _cut(reader, path, step):
    size = path.stat().st_size
    # The checksum may be missing, as in a file of Keras.
    ends = size - 16 if path.suffix == ".h5" else size
    for length in range(0, ends, step):
        assert "error" in reader.read(path, ["cut", length]), length


@pytest.mark.parametrize("name", NAMES)
def test_cut_off(reader, good, name):
    _cut(reader, good / name, 64 * 13)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", NAMES)
def test_cut_off_at_every_64th_byte(reader, good, name):
    _cut(reader, good / name, 64)


def _flip(reader, path, places, harmless):
    """Change bytes; files whose weights were read are in `harmless` or have the same weights."""
    rng = random.Random(0)
    weights = reader.read(path)["weights"]
    read = []
    for place in places:
        answer = reader.read(path, ["flip", place, rng.randrange(1, 256)])
        if "weights" in answer:
            read.append(place)
            assert answer["weights"] == weights or harmless, place
    return read


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_byte(reader, good, name):
    path = good / name
    rng = random.Random(1)
    size = path.stat().st_size
    # Ends are where the headers of a zip archive and of the root of HDF5 are.
    places = [
        *rng.sample(range(size), 60),
        *rng.sample(range(200), 20),
        *range(size - 200, size, 9),
    ]
    _flip(reader, path, places, harmless=False)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", NAMES)
def test_every_changed_byte(reader, good, name):
    path = good / name
    read = _flip(reader, path, range(path.stat().st_size), harmless=False)
    # What is left is dates in a zip archive, and the mark of a checksum.
    assert len(read) < 200


@pytest.mark.parametrize("name", ["good.h5", "good.weights.h5"])
def test_a_changed_byte_without_a_checksum(reader, plain, name):
    path = plain / name
    rng = random.Random(2)
    _flip(reader, path, rng.sample(range(path.stat().st_size), 120), harmless=True)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", ["good.h5", "good.weights.h5"])
def test_many_changed_bytes_without_a_checksum(reader, plain, name):
    path = plain / name
    rng = random.Random(3)
    places = rng.sample(range(path.stat().st_size), 6000)
    _flip(reader, path, places, harmless=True)


def test_changed_weights_in_an_archive_that_was_put_together_again(reader, good, tmp_path):
    contents = members(good / "good.keras")
    weights = contents["model.weights.h5"]
    rng = random.Random(4)
    for place in rng.sample(range(len(weights)), 40):
        flipped = bytearray(weights)
        flipped[place] ^= rng.randrange(1, 256)
        contents["model.weights.h5"] = bytes(flipped)
        reader.read(write_members(tmp_path / "again.keras", contents))
