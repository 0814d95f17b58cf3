"""Reuters: short news of 46 topics."""

from __future__ import annotations

from typing import Any

import numpy as np

from nacre.datasets import texts
from nacre.datasets.npz import read_npz
from nacre.datasets.sources import fetch

_TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves "
    "ship cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin "
    "strategic-metal livestock retail ipi iron-steel rubber heat jobs lei bop zinc orange pet-chem "
    "dlr gas silver wpi hog lead"
)


def load_data(
    path: Any = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Any:
    """Load the Reuters news (Reuters-21578): 11,228 texts as lists of word numbers.

    Words are numbered by how often they occur. See https://keras.io/api/datasets/reuters/.

    Args:
        path: Name of the file in the cache folder.
        num_words: Numbers from this one on are replaced by `oov_char`; by default, as in Keras,
            only the greatest number is.
        skip_top: Numbers below this one are replaced by `oov_char`.
        maxlen: Texts of so many words and more are left out, counting `start_char`.
        test_split: Fraction of the texts for testing.
        seed: Seed of the shuffling.
        start_char: The number that every text starts with, or `None`.
        oov_char: The number that stands for what was left out; `None` drops the words.
        index_from: What is added to the number of a word.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays of lists, and labels 0 to 45.
    """
    generator = np.random.RandomState(seed)
    lists, labels = texts.shuffled(*read_npz(fetch("reuters.npz", path), ("x", "y")), generator)
    news = texts.Texts(lists)
    news.prepare(start_char, index_from)
    if maxlen:
        labels = labels[news.keep_shorter(maxlen)]
    news.limit(skip_top, num_words or int(news.words.max(initial=0)), oov_char)
    lists = news.to_lists()
    count = int(len(lists) * (1 - test_split))
    return (lists[:count], labels[:count].copy()), (lists[count:], labels[count:].copy())


def get_word_index(path: Any = "reuters_word_index.json") -> dict[str, int]:
    """Get the numbers of the words, before `index_from` is added to them.

    Args:
        path: Name of the file in the cache folder.

    Returns:
        Word to number; 1 is the most frequent word.
    """
    return texts.read_word_index("reuters_word_index.json", path)


def get_label_names() -> tuple[str, ...]:
    """Get the names of the topics, in the order of their labels."""
    return tuple(_TOPICS.split())
