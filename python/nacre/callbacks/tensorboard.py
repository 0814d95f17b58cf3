"""`TensorBoard`: the course of training for TensorBoard to show."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from nacre.callbacks.callback import Callback
from nacre.callbacks.event_file import EventFile
from nacre.callbacks.learning_rates import log_learning_rates
from nacre.utils.warnings_utils import warn

__all__ = ["TensorBoard"]


class TensorBoard(Callback):
    """Writes metrics into files that TensorBoard reads, in folders `train` and `validation`.

    See https://keras.io/api/callbacks/tensorboard/. TensorBoard itself is not needed for writing.

    Args:
        log_dir: The folder.
        histogram_freq: Every how many epochs to write how weights are distributed; 0 for never.
        write_graph: Whether to write the model's configuration, from which a graph is drawn.
        write_images: Only False: pictures of weights are not written.
        write_steps_per_second: Whether to write how many steps an epoch made per second.
        update_freq: `"epoch"`; or `"batch"` or a number, to write metrics every so many batches
            too.
        profile_batch: Only 0: the profiler of TensorFlow is not there.
        embeddings_freq: Only 0: embeddings are not written.
        embeddings_metadata: Only None.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        super().__init__()
        for name, value in (
            ("write_images", write_images),
            ("profile_batch", profile_batch),
            ("embeddings_freq", embeddings_freq),
            ("embeddings_metadata", embeddings_metadata),
        ):
            if value:
                raise ValueError(
                    f"TensorBoard: `{name}` is not available; scalars, histograms and the graph of "
                    f"layers are written. Received: {name}={value!r}"
                )
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        number = isinstance(self.update_freq, int) and not isinstance(self.update_freq, bool)
        if self.update_freq != "epoch" and not (number and self.update_freq > 0):  # type: ignore[operator]
            raise ValueError(
                "TensorBoard: expected `update_freq` to be 'epoch', 'batch' or a positive integer. "
                f"Received: {update_freq!r}"
            )
        if self.update_freq == "epoch":
            self._idle_hooks = (
                TensorBoard.on_train_batch_begin,
                TensorBoard.on_train_batch_end,
                TensorBoard.on_test_batch_begin,
            )
        self._files: dict[str, EventFile] = {}
        self._train_batch = 0
        self._test_batch = 0
        self._batch_start = 0.0
        self._epoch_start = 0.0
        self._epoch_iterations = 0

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        self._close()
        if self.write_graph:
            self._write_configuration()

    def _file(self, name: str) -> EventFile:
        """The file of training or validation; it is made only when there is something for it."""
        if name not in self._files:
            self._files[name] = EventFile(os.path.join(self.log_dir, name))
        return self._files[name]

    def _close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files = {}

    def _write_configuration(self) -> None:
        from nacre.models import Functional, Sequential

        if not isinstance(self.model, (Functional, Sequential)):
            return
        try:
            text = self.model.to_json()
        except (TypeError, ValueError) as error:
            warn(f"TensorBoard: the model has no configuration to be drawn from: {error}")
            return
        self._file("train").text("keras", text, 0, "graph_keras_model", b"1")

    def _is_recorded(self, step: int) -> bool:
        return self.update_freq != "epoch" and step % self.update_freq == 0  # type: ignore[operator]

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._train_batch = 0

    def on_train_end(self, logs: dict | None = None) -> None:
        self._close()

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self._train_batch += 1
        self._batch_start = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        step = self._train_batch
        if not self._is_recorded(step):
            return
        file = self._file("train")
        if self.write_steps_per_second:
            seconds = max(time.perf_counter() - self._batch_start, 1e-9)
            file.scalar("batch_steps_per_second", 1 / seconds, step)
        _write(file, "batch_{}", logs or {}, step)

    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self._test_batch += 1

    def on_test_end(self, logs: dict | None = None) -> None:
        optimizer = self.model.optimizer
        if not logs or optimizer is None or not hasattr(optimizer, "iterations"):
            return
        if self.update_freq == "epoch" or self._is_recorded(self._test_batch):
            file = self._file("validation")
            _write(file, "evaluation_{}_vs_iterations", logs, _iterations(optimizer))
            file.flush()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self.write_steps_per_second:
            self._epoch_iterations = _iterations(self.model.optimizer)
            self._epoch_start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if logs:
            self._write_metrics(epoch, logs)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            file = self._file("train")
            for weight in [w for layer in self.model.layers for w in layer.weights]:
                file.histogram(f"{weight.path}/histogram", weight.numpy(), epoch)
            file.flush()

    def _write_metrics(self, epoch: int, logs: dict) -> None:
        train = {name: v for name, v in logs.items() if not name.startswith("val_")}
        validation = {name[4:]: v for name, v in logs.items() if name.startswith("val_")}
        optimizer = self.model.optimizer
        if optimizer is not None:
            log_learning_rates(getattr(optimizer, "inner_optimizer", optimizer), train)
        if self.write_steps_per_second:
            seconds = max(time.perf_counter() - self._epoch_start, 1e-9)
            train["steps_per_second"] = (_iterations(optimizer) - self._epoch_iterations) / seconds
        for name, values in (("train", train), ("validation", validation)):
            if values:
                _write(self._file(name), "epoch_{}", values, epoch)
                self._file(name).flush()


def _write(file: EventFile, pattern: str, logs: dict, step: int) -> None:
    for name, value in logs.items():
        if np.ndim(value) == 0:  # a metric with a value per class is no scalar
            file.scalar(pattern.format(name), float(value), step)


def _iterations(optimizer: Any) -> int:
    return int(np.asarray(optimizer.iterations))
