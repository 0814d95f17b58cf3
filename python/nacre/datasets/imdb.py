"""IMDB: reviews of films, good ones and bad ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from nacre.datasets import texts
from nacre.datasets.npz import read_npz
from nacre.datasets.sources import fetch


def load_data(
    path: Any = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
    **kwargs: Any,
) -> Any:
    """Load the IMDB reviews (A. Maas and others, 2011): 50,000 texts as lists of word numbers.

    Words are numbered by how often they occur. See https://keras.io/api/datasets/imdb/.

    Args:
        path: Name of the file in the cache folder.
        num_words: Numbers from this one on are replaced by `oov_char`; by default, as in Keras,
            only the greatest number is.
        skip_top: Numbers below this one are replaced by `oov_char`.
        maxlen: Texts of so many words and more are left out, counting `start_char`.
        seed: Seed of the shuffling.
        start_char: The number that every text starts with, or `None`.
        oov_char: The number that stands for what was left out; `None` drops the words.
        index_from: What is added to the number of a word.
        **kwargs: `nb_words`, the older name of `num_words`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays of 25,000 lists each, and labels 0 (bad) and
        1 (good).

    Raises:
        ValueError: No text is shorter than `maxlen`.
    """
    if "nb_words" in kwargs:
        num_words = kwargs.pop("nb_words")
    if kwargs:
        raise TypeError(f"imdb.load_data has no argument {next(iter(kwargs))!r}.")
    names = ("x_train", "y_train", "x_test", "y_test")
    x_train, y_train, x_test, y_test = read_npz(fetch("imdb.npz", path), names)
    generator = np.random.RandomState(seed)
    x_train, y_train = texts.shuffled(x_train, y_train, generator)
    x_test, y_test = texts.shuffled(x_test, y_test, generator)
    train, test = texts.Texts(x_train), texts.Texts(x_test)
    for part in (train, test):
        part.prepare(start_char, index_from)
    if maxlen:
        y_train = y_train[train.keep_shorter(maxlen)]
        y_test = y_test[test.keep_shorter(maxlen)]
    if not num_words:
        num_words = int(max(part.words.max(initial=0) for part in (train, test)))
    for part in (train, test):
        part.limit(skip_top, num_words, oov_char)
    return (train.to_lists(), y_train), (test.to_lists(), y_test)


def get_word_index(path: Any = "imdb_word_index.json") -> dict[str, int]:
    """Get the numbers of the words, before `index_from` is added to them.

    Args:
        path: Name of the file in the cache folder.

    Returns:
        Word to number; 1 is the most frequent word.
    """
    return texts.read_word_index("imdb_word_index.json", path)
