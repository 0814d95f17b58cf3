"""The decoder reads what the data files hold, and nothing in a pickle can make it do more."""

import os
import pickle
import struct
import time

import numpy as np
import pytest

from nacre.datasets import pickled
from nacre.datasets.npz import read_npz
from nacre.datasets.pickled import UnsafePickleError, decode
from tests.datasets.making import PICKLE_PROTOCOLS, lists, npz, python2_dict

VALUES = [
    [1, 200, 70000, -5, 2**40, -(2**70), True, False, None, 1.5, "text", "\u20ac"],
    {"a": [1, 2], "b": (1, (2, 3, 4), ()), 5: []},
    list(range(5000)),
    [[n, n + 300, -n] for n in range(2500)],
    {f"key {n}": n for n in range(1500)},
]


@pytest.mark.parametrize("protocol", PICKLE_PROTOCOLS)
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_plain_values(protocol, value):
    assert decode(pickle.dumps(value, protocol=protocol)) == value


@pytest.mark.parametrize("protocol", range(3, 5))
@pytest.mark.parametrize("dtype", ["u1", "i4", ">i2", "f8", "?"])
def test_arrays(protocol, dtype):
    array = np.arange(24).reshape(4, 6).astype(dtype)
    for value in (array, np.asfortranarray(array), array[:0]):
        result = decode(pickle.dumps(value, protocol=protocol))
        assert result.dtype == value.dtype
        np.testing.assert_array_equal(result, value)
        assert result.flags.writeable


@pytest.mark.parametrize("protocol", range(3, 5))
def test_arrays_of_lists(protocol):
    texts = lists(np.random.default_rng(0), 40)
    result = decode(pickle.dumps(texts, protocol=protocol))
    assert result.dtype == object
    assert result.tolist() == texts.tolist()


def test_what_python_2_wrote():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3072), dtype=np.uint8)
    batch = {"labels": [1, 2, 3], "data": pixels, "batch_label": b"training batch 1"}
    result = decode(python2_dict(batch))
    assert result[b"labels"] == [1, 2, 3]
    assert result[b"batch_label"] == b"training batch 1"
    np.testing.assert_array_equal(result[b"data"], pixels)
    theirs = pickle.loads(python2_dict(batch), encoding="bytes")
    np.testing.assert_array_equal(theirs[b"data"], pixels)


class Evil:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def hostile():
    """Pickles that would do something, by Python's own unpickler or by a careless one."""
    dumps = pickle.dumps
    array = b"cnumpy.core.multiarray\n_reconstruct\n"
    dtype = b"cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R"
    return {
        "system": dumps(Evil(os.system, "touch evil")),
        "system, protocol 0": dumps(Evil(os.system, "touch evil"), protocol=0),
        "eval": dumps(Evil(eval, "open('evil', 'w')")),
        "inside a dict": dumps({"data": Evil(os.system, "touch evil")}, protocol=2),
        "inside an array": dumps(np.array([Evil(os.system, "touch evil")], dtype=object)),
        "instance": b"(S'touch evil'\nios\nsystem\n.",
        "object": b"(cos\nsystem\nS'touch evil'\no.",
        "class": b"cos\nsystem\n.",
        "import alone": b"cantigravity\nfly_hash\n.",
        "getattr": b"c__builtin__\ngetattr\n.",
        "numpy's own": b"cnumpy\nload\nS'evil'\n\x85R.",
        "dotted name": b"\x80\x04\x8c\x05numpy\x8c\x10ndarray.__init__\x93.",
        "new object": b"\x80\x02cnumpy\nndarray\nK\x05\x85\x81.",
        "array type as a function": b"cnumpy\nndarray\nK\x05\x85R.",
        "array of another type": array + b"U\x01xK\x00\x85U\x01b\x87R.",
        "state for a name": b"cnumpy\nndarray\n}U\x01aK\x01sb.",
        "state for a list": b"](K\x01K\x02tb.",
        "persistent": b"S'evil'\nQ.",
        "persistent, protocol 0": b"Pevil\n.",
        "extension": b"\x80\x02\x82\x01.",
        "out-of-band buffer": b"\x80\x05\x97.",
        "dtype with parts": b"cnumpy\ndtype\nU\x03V16K\x00K\x01\x87R.",
        "bytes as pointers": array
        + b"cnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x01\x85"
        + dtype
        + b"\x89U\x08AAAAAAAAtb.",
        "flags that hide objects": dtype + b"(K\x03U\x01|NU\x01a}K\x08K\x08K\x00tb.",
        "huge array": array
        + b"cnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01\x8a\x06\xff\xff\xff\xff\xff\x00\x85"
        + b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R\x89U\x01atb.",
        "huge string": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"abc.",
        "huge Python 2 string": b"T\xff\xff\xff\x7fabc.",
        "huge place in the memo": b"K\x01r\xff\xff\xff\xff0.",
        "huge number": b"I" + b"9" * 100_000 + b"\n.",
        "unknown place in the memo": b"h\x07.",
        "empty": b"",
        "no end": b"K\x01",
        "nothing on the stack": b".",
        "too much on the stack": b"K\x01K\x01.",
        "mark left": b"(K\x01.",
        "unknown instruction": b"\xff.",
        "append to a number": b"K\x01K\x01a.",
        "odd dict": b"}(K\x01u.",
        "incomplete array": array + b"cnumpy\nndarray\nK\x00\x85U\x01b\x87R.",
        "tuple of too many": b"K\x01\x87.",
    }


@pytest.mark.parametrize("case", hostile())
def test_hostile_pickles(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnsafePickleError):
        decode(hostile()[case])
    assert os.listdir(tmp_path) == []


def test_tuples_in_tuples_take_no_time():
    """Doubled sixty times, a tuple takes a lifetime to hash or to print, though a moment to make.

    It stands here for a key, a name, a shape, and the code of a dtype.
    """
    doubled = b")" + b"q\x00h\x00\x86" * 60
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    number = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
    started = time.monotonic()
    for data in (
        b"}" + doubled + b"K\x01s.",
        b"\x80\x04" + doubled + doubled + b"\x93.",
        b"\x80\x04\x8c\x05numpy" + doubled + b"\x93.",
        array + b"(K\x01" + doubled + number + b"\x89U\x01atb.",
        b"cnumpy\ndtype\n" + doubled + b"\x85R.",
        number + b"(K\x03" + doubled + b"NNNK\x00K\x00K\x00tb.",
        doubled + doubled + b"R.",
    ):
        with pytest.raises(UnsafePickleError):
            decode(data)
    assert time.monotonic() - started < 5


def test_sizes_are_bounded(monkeypatch):
    monkeypatch.setattr(pickled, "_MAX_INSTRUCTIONS", 1000)
    with pytest.raises(UnsafePickleError, match="too long"):
        decode(b"N" * 1000)
    decode(pickle.dumps(list(range(60_000))))  # runs of integers count as one
    monkeypatch.setattr(pickled, "MAX_BYTES", 10)
    with pytest.raises(UnsafePickleError, match="at most 10"):
        decode(b"K\x01" * 6)


def test_damaged_pickles():
    """Whatever the bytes are, there is a value or this one error."""
    rng = np.random.default_rng(0)
    good = [pickle.dumps(lists(rng, 5), protocol=3), python2_dict({"a": [1], "b": b"c"})]
    refused = 0
    for number in range(400):
        data = bytearray(good[number % 2])
        for place in rng.integers(0, len(data), 4):
            data[place] = rng.integers(0, 256)
        try:
            decode(bytes(data))
        except UnsafePickleError:
            refused += 1
    assert refused > 200


def test_npz_files(tmp_path):
    path = tmp_path / "a.npz"
    texts = lists(np.random.default_rng(0), 10)
    numbers = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    path.write_bytes(npz(x=texts, y=numbers, e=np.zeros((0, 3), "i2")))
    x, y, empty = read_npz(str(path), ("x", "y", "e"))
    assert x.tolist() == texts.tolist()
    np.testing.assert_array_equal(y, numbers)
    assert (empty.shape, empty.dtype) == ((0, 3), np.int16)
    with pytest.raises(ValueError, match=r"a\.npz.*z\.npy"):
        read_npz(str(path), ("z",))
    path.write_bytes(npz(x=np.array([Evil(os.system, "touch evil")], dtype=object)))
    with pytest.raises(ValueError, match=r"a\.npz cannot be read: it names posix\.system"):
        read_npz(str(path), ("x",))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"a\.npz cannot be read"):
        read_npz(str(path), ("x",))
