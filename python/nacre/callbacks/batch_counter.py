"""Counting batches between two savings."""

from __future__ import annotations

__all__ = ["BatchCounter"]


class BatchCounter:
    """Says after which batches something is due, across the ends of epochs.

    Args:
        frequency: `"epoch"` for never, or a number of batches.
        owner: The callback, for errors.

    Raises:
        ValueError: If the frequency is neither.
    """

    def __init__(self, frequency: str | int, owner: str) -> None:
        number = isinstance(frequency, int) and not isinstance(frequency, bool) and frequency > 0
        if frequency != "epoch" and not number:
            raise ValueError(
                f"{owner}: expected `save_freq` to be 'epoch' or a positive integer. "
                f"Received: {frequency!r}"
            )
        self._frequency = frequency
        self._since = 0
        self._last = -1

    def is_due(self, batch: int) -> bool:
        """Say whether something is due after a batch.

        Args:
            batch: The batch in its epoch, from 0; some may have passed unseen.
        """
        if self._frequency == "epoch":
            return False
        self._since += batch + 1 if batch <= self._last else batch - self._last
        self._last = batch
        if self._since < self._frequency:  # type: ignore[operator]
            return False
        self._since = 0
        return True
