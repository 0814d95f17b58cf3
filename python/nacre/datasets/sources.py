"""Where the data sets come from, and the hashes that their files must have.

Places, names and hashes are those of Keras 3.15. Keras has MD5 hashes of the two word indices, and
none of the four files of Fashion-MNIST, whose SHA-256 hashes here belong to the files that their
makers publish (https://github.com/zalandoresearch/fashion-mnist, where their MD5 hashes stand).
"""

from __future__ import annotations

import os
from typing import Any

from nacre.utils.file_utils import get_file

__all__ = ["HASHES", "ORIGINS", "fetch"]

_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_CIFAR = "https://www.cs.toronto.edu/~kriz/"

HASHES = {
    "mnist.npz": "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    "train-images-idx3-ubyte.gz": (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
    ),
    "train-labels-idx1-ubyte.gz": (
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
    ),
    "cifar-10-python.tar.gz": "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    "cifar-100-python.tar.gz": "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    "imdb.npz": "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
    "imdb_word_index.json": "bfafd718b763782e994055a2d397834f",
    "reuters.npz": "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
    "reuters_word_index.json": "4d44cc38712099c9e383dc6e5f11a921",
    "boston_housing.npz": "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
    "california_housing.npz": "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
}
ORIGINS = {name: (_CIFAR if name.startswith("cifar") else _KERAS) + name for name in HASHES}


def fetch(name: str, fname: Any = None, folder: str = "") -> str:
    """Get a file of a data set from the cache, or else from the network.

    Args:
        name: Its name at its origin.
        fname: Its name in the cache, if that is another.
        folder: A folder below `datasets` in the cache.

    Returns:
        Its path. Its hash has been checked.
    """
    return get_file(
        name if fname is None else fname,
        ORIGINS[name],
        file_hash=HASHES[name],
        cache_subdir=os.path.join("datasets", folder) if folder else "datasets",
    )
