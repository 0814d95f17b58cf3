"""`SwapEMAWeights`: evaluate with the moving averages of weights."""

from __future__ import annotations

from typing import Any

from nacre.callbacks.callback import Callback

__all__ = ["SwapEMAWeights"]


class SwapEMAWeights(Callback):
    """Puts moving averages in the place of weights while the model is evaluated or predicts.

    The optimizer must keep them (`use_ema=True`).

    Args:
        swap_on_epoch: Whether to put them there at the end of epochs too, for callbacks that save
            the model and come after this one.
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._swapped = False

    def _pairs(self) -> list[tuple[Any, Any]]:
        """Variables and their averages, of all optimizers that keep averages."""
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        pairs: list[tuple[Any, Any]] = []
        found = False
        for one in getattr(optimizer, "optimizers", [optimizer]):
            if getattr(one, "use_ema", False) and one.built:
                found = True
                pairs += zip(one._trainable_variables, one._averages, strict=True)
        if not found:
            raise ValueError(
                "SwapEMAWeights: expected an optimizer with `use_ema=True` that has been built. "
                f"Received: {optimizer!r}"
            )
        return pairs

    def _swap(self, wanted: bool) -> None:
        if self._swapped == wanted:
            return
        for variable, average in self._pairs():
            value = variable.numpy()
            variable.assign(average.numpy())
            average.assign(value)
        self._swapped = wanted

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self.swap_on_epoch:
            self._swap(False)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if not self.swap_on_epoch:
            return
        self._swap(True)
        if epoch == (self.params or {}).get("epochs", 0) - 1:
            # The weights get their averages once more at the end of `fit`.
            for variable, average in self._pairs():
                average.assign(variable.numpy())

    def on_test_begin(self, logs: dict | None = None) -> None:
        self._swap(True)

    def on_test_end(self, logs: dict | None = None) -> None:
        self._swap(False)

    def on_predict_begin(self, logs: dict | None = None) -> None:
        self._swap(True)

    def on_predict_end(self, logs: dict | None = None) -> None:
        self._swap(False)
