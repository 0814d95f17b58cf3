"""What IMDB and Reuters have in common: texts as lists of word numbers."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np

from nacre.datasets.sources import fetch

__all__ = ["Texts", "read_word_index", "shuffled"]


class Texts:
    """Lists of word numbers, kept as one array and the lengths.

    Args:
        lists: The lists.
    """

    def __init__(self, lists: np.ndarray) -> None:
        self.lengths = np.fromiter(map(len, lists), np.int64, len(lists))
        words = itertools.chain.from_iterable(lists)
        self.words = np.fromiter(words, np.int64, int(self.lengths.sum()))

    def __len__(self) -> int:
        return len(self.lengths)

    def to_lists(self) -> np.ndarray:
        """The texts as an array of Python lists."""
        ends = np.cumsum(self.lengths).tolist()
        words = self.words.tolist()
        pairs = zip([0, *ends[:-1]], ends, strict=False)
        return np.fromiter((words[start:end] for start, end in pairs), object, len(ends))

    def shift(self, by: int) -> None:
        """Add to every number."""
        self.words = self.words + by

    def begin_with(self, word: int) -> None:
        """Put a number in front of every text."""
        starts = np.cumsum(self.lengths) - self.lengths
        self.words = np.insert(self.words, starts, word)
        self.lengths = self.lengths + 1

    def keep_shorter(self, maxlen: int) -> np.ndarray:
        """Drop the texts of `maxlen` words and more; say which stay."""
        kept = self.lengths < maxlen
        if not kept.any():
            raise ValueError(f"No text has fewer words than maxlen={maxlen}.")
        self.words = self.words[np.repeat(kept, self.lengths)]
        self.lengths = self.lengths[kept]
        return kept

    def limit(self, skip_top: int, num_words: int, oov_char: int | None) -> None:
        """Replace the numbers outside of a range, or drop them.

        Args:
            skip_top: Least number that stays.
            num_words: The first number that does not stay.
            oov_char: What stands for the others; `None` drops them.
        """
        kept = (self.words >= skip_top) & (self.words < num_words)
        if oov_char is not None:
            self.words = np.where(kept, self.words, oov_char)
            return
        owners = np.repeat(np.arange(len(self)), self.lengths)
        self.lengths = np.bincount(owners[kept], minlength=len(self))
        self.words = self.words[kept]

    def prepare(self, start_char: int | None, index_from: int) -> None:
        """Make room for special numbers, and mark where texts start."""
        self.shift(index_from or 0)
        if start_char is not None:
            self.begin_with(start_char)


def shuffled(
    lists: np.ndarray, labels: np.ndarray, generator: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Shuffle texts and their labels alike.

    Args:
        lists: Texts.
        labels: Labels.
        generator: What draws the order.
    """
    order = np.arange(len(lists))
    generator.shuffle(order)
    return lists[order], labels[order]


def read_word_index(name: str, path: Any) -> dict[str, int]:
    """Read a table of words.

    Args:
        name: The file's name at its origin.
        path: Its name in the cache.
    """
    with open(fetch(name, path), encoding="utf-8") as file:
        return json.load(file)
