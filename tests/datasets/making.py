"""Small files in the formats of the data sets, with made-up contents."""

import gzip
import io
import pickle
import struct
import tarfile

import numpy as np

PICKLE_PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def lists(rng, count, longest=30, words=50):
    """Texts as object arrays of lists, as NumPy pickles them into `.npz` files."""
    texts = [rng.integers(1, words, rng.integers(2, longest)).tolist() for _ in range(count)]
    return np.fromiter(texts, object, count)


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.tobytes())


def cifar(folder, batches):
    """An archive of pickled dicts of bytes, as Python 2 wrote them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, batch in batches.items():
            data = python2_dict(batch)
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def python2_dict(batch):
    """Pickle a dict of strings, lists of numbers and byte arrays as Python 2 did at protocol 2."""
    body = b"\x80\x02}q\x00("
    for number, (key, value) in enumerate(batch.items()):
        body += _python2_string(key.encode()) + b"q" + bytes([number + 1])
        if isinstance(value, np.ndarray):
            body += _python2_array(value)
        elif isinstance(value, list):
            body += pickle.dumps(value, protocol=2)[2:-1]
        else:
            body += _python2_string(value)
    return body + b"u."


def _python2_string(text):
    if len(text) < 256:
        return b"U" + bytes([len(text)]) + text
    return b"T" + struct.pack("<i", len(text)) + text


def _python2_array(array):
    rows, columns = array.shape
    return (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        + b"(K\x01"
        + b"J" + struct.pack("<i", rows) + b"J" + struct.pack("<i", columns) + b"\x86"
        + b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
        + b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + b"\x89" + _python2_string(array.tobytes()) + b"tb"
    )  # fmt: skip
