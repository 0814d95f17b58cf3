"""`BackupAndRestore`: go on with a training that was interrupted."""

from __future__ import annotations

import json
import os
import shutil

from nacre.callbacks.batch_counter import BatchCounter
from nacre.callbacks.callback import Callback

__all__ = ["BackupAndRestore"]


class BackupAndRestore(Callback):
    """Keeps weights, optimizer state and epoch in a folder, from which a new `fit` goes on.

    The model must be built before `fit`. An epoch that was under way starts again.

    Args:
        backup_dir: The folder; one for each training.
        save_freq: `"epoch"`, or after how many batches to save.
        double_checkpoint: Whether to keep the state before the last one too, for the case that
            the last one cannot be read.
        delete_checkpoint: Whether to remove the state, and the folder if nothing else is in it,
            when training has ended.
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike,
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise ValueError(f"BackupAndRestore: expected a folder. Received: {backup_dir!r}")
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._counter = BatchCounter(save_freq, type(self).__name__)
        if save_freq == "epoch":
            self._idle_hooks = (BackupAndRestore.on_train_batch_end,)
        self._epoch = 0
        self._batch = 0
        self._weights_path = os.path.join(self.backup_dir, "latest.weights.h5")
        self._metadata_path = os.path.join(self.backup_dir, "training_metadata.json")

    def _backups(self) -> list[tuple[str, str]]:
        return [(path, path + ".bkp") for path in (self._weights_path, self._metadata_path)]

    def on_train_begin(self, logs: dict | None = None) -> None:
        if not self.model.built:
            raise ValueError(
                "BackupAndRestore: the model must be built before `fit`: give it an input shape, "
                "or call it on a batch."
            )
        self._epoch = 0
        try:
            self._restore()
        except (OSError, ValueError):
            # The last state may be damaged; before it there may be another.
            weights, metadata = self._backups()
            if not os.path.exists(weights[1]):
                raise
            for path, backup in (weights, metadata):
                if os.path.exists(backup):
                    shutil.copyfile(backup, path)
            self._restore()

    def _restore(self) -> None:
        model = self.model
        if not os.path.exists(self._weights_path):
            return
        if model.optimizer is not None and not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        model.load_weights(self._weights_path)
        if os.path.exists(self._metadata_path):
            with open(self._metadata_path) as file:
                self._epoch = int(json.load(file)["epoch"])
            object.__setattr__(model, "_initial_epoch", self._epoch)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._batch = batch
        if self._counter.is_due(batch):
            self._save()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch + 1
        self._batch = 0
        if self.save_freq == "epoch":
            self._save()

    def _save(self) -> None:
        os.makedirs(self.backup_dir, exist_ok=True)
        if self.double_checkpoint:
            for path, backup in self._backups():
                if os.path.exists(path):
                    shutil.copyfile(path, backup)
        self.model.save_weights(self._weights_path, overwrite=True)
        temporary = self._metadata_path + ".tmp"
        with open(temporary, "w") as file:
            json.dump({"epoch": self._epoch, "batch": self._batch}, file)
        os.replace(temporary, self._metadata_path)

    def on_train_end(self, logs: dict | None = None) -> None:
        if not self.delete_checkpoint or not os.path.isdir(self.backup_dir):
            return
        for path in [path for pair in self._backups() for path in pair]:
            if os.path.exists(path):
                os.remove(path)
        if not os.listdir(self.backup_dir):  # what is not ours stays
            os.rmdir(self.backup_dir)
