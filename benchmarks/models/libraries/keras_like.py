"""The trainer of every library that has Keras's interface."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from benchmarks.models.data import Arrays
from benchmarks.models.tasks import Task


class KerasTrainer:
    """`Sequential`, `compile`, `fit`, `predict`, with their defaults."""

    def __init__(self, keras: ModuleType, task: Task, arrays: Arrays):
        self.x, self.y = arrays["x_train"], arrays["y_train"]
        self.batch_size = task.batch_size
        self.model = task.build(keras)
        optimizer = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}[task.optimizer]
        self.model.compile(
            optimizer=optimizer(learning_rate=task.learning_rate),
            loss=task.loss,
            metrics=["accuracy"],
        )

    def first_step(self) -> None:
        size = self.batch_size
        self.model.fit(self.x[:size], self.y[:size], batch_size=size, epochs=1, verbose=0)

    def train(self, epochs: int) -> None:
        self.model.fit(self.x, self.y, batch_size=self.batch_size, epochs=epochs, verbose=0)

    def predict_row(self, row: np.ndarray) -> np.ndarray:
        return self.model.predict(row, verbose=0)

    def outputs(self, rows: np.ndarray) -> np.ndarray:
        return self.model.predict(rows, batch_size=self.batch_size, verbose=0)
