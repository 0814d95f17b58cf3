"""Reads arrays out of `.npz` files without trust in their contents."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Sequence

import numpy as np

from nacre.datasets.pickled import UnsafePickleError, decode

__all__ = ["MAX_BYTES", "read_npz", "split"]

# The largest array of the data sets has 47 million bytes.
MAX_BYTES = 1 << 28


def read_npz(path: str, names: Sequence[str]) -> list[np.ndarray]:
    """Read arrays of numbers, and of lists of integers.

    Args:
        path: The file.
        names: The arrays that are wanted.

    Raises:
        ValueError: The file is damaged, lacks one of them, or holds something else.
    """
    arrays = []
    try:
        with zipfile.ZipFile(path) as archive:
            for name in names:
                with archive.open(f"{name}.npy") as member:
                    data = member.read(MAX_BYTES + 1)
                if len(data) > MAX_BYTES:
                    raise ValueError(f"{name} has more than {MAX_BYTES} bytes")
                arrays.append(_decode(data))
    except KeyError as error:
        raise ValueError(f"{path}: {error.args[0]}") from None
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    return arrays


def _decode(data: bytes) -> np.ndarray:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"an array has the unknown format version {version}")
    shape, fortran, dtype = readers[version](stream)
    rest = data[stream.tell() :]
    if dtype.hasobject:
        array = decode(rest)
        if not isinstance(array, np.ndarray) or array.shape != shape:
            raise UnsafePickleError("an array is not what its header says")
        return array
    if len(rest) != math.prod(shape) * dtype.itemsize:
        raise ValueError("an array is incomplete")
    return np.frombuffer(rest, dtype).reshape(shape, order="F" if fortran else "C").copy()


def split(
    x: np.ndarray, y: np.ndarray, test_split: float, seed: int
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Shuffle samples as Keras does, and keep the last of them for testing.

    Args:
        x: Samples.
        y: Targets.
        test_split: Fraction for testing.
        seed: Seed of the shuffling.
    """
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    x, y = x[order], y[order]
    count = int(len(x) * (1 - test_split))
    return (x[:count].copy(), y[:count].copy()), (x[count:].copy(), y[count:].copy())
