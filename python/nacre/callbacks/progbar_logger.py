"""`ProgbarLogger`: progress on standard output."""

from __future__ import annotations

from nacre.callbacks.callback import Callback
from nacre.utils.io_utils import print_msg
from nacre.utils.progbar import Progbar

__all__ = ["ProgbarLogger"]


class ProgbarLogger(Callback):
    """Prints a progress bar, or a line an epoch with `verbose=2`.

    While a model trains it is asked for a new drawing a few times a second, not after every batch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.progbar: Progbar | None = None
        self.target: int | None = None
        self.seen = 0
        self.verbose = 1
        self.epochs = 1
        self._called_in_fit = False

    def set_params(self, params: dict) -> None:
        super().set_params(params)
        verbose = params.get("verbose", 1)
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs = params.get("epochs", 1)
        self.target = params.get("steps")

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._called_in_fit = True  # validation inside `fit` stays silent

    def on_test_begin(self, logs: dict | None = None) -> None:
        if not self._called_in_fit:
            self._start()

    def on_predict_begin(self, logs: dict | None = None) -> None:
        self._start()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._start()
        if self.verbose and self.epochs > 1:
            print_msg(f"Epoch {epoch + 1}/{self.epochs}")

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.progress(batch + 1, logs)

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if not self._called_in_fit:
            self.progress(batch + 1, logs)

    def on_predict_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.progress(batch + 1, None)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._finish(logs)

    def on_test_end(self, logs: dict | None = None) -> None:
        if not self._called_in_fit:
            self._finish(logs)

    def on_predict_end(self, logs: dict | None = None) -> None:
        self._finish(None)

    def progress(self, seen: int, logs: dict | None) -> None:
        """Draws the bar after `seen` steps."""
        self.seen = seen
        if self.progbar is None:
            self._start()
        if self.verbose == 1:
            self.progbar.update(seen, list((logs or {}).items()), finalize=False)

    def _start(self) -> None:
        self.seen = 0
        self.progbar = Progbar(self.target, verbose=self.verbose, stateless_metrics=())

    def _finish(self, logs: dict | None) -> None:
        if self.progbar is None:
            self._start()
        if self.target is None:  # the length of the data was not known before this epoch
            self.target = self.progbar.target = self.seen
        self.progbar.update(self.target, list((logs or {}).items()), finalize=True)
