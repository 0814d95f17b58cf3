"""Sequences, under the names of `keras.preprocessing.sequence`."""

from nacre.utils.sequence_utils import pad_sequences

__all__ = ["pad_sequences"]
