"""scikit-learn's MLPClassifier. It tracks the loss but no accuracy."""

from __future__ import annotations

import warnings

import numpy as np

from benchmarks.models.data import Arrays
from benchmarks.models.tasks import DenseTask


def load() -> str:
    import sklearn
    import sklearn.neural_network

    return f"scikit-learn {sklearn.__version__}"


class Trainer:
    def __init__(self, task: DenseTask, arrays: Arrays):
        from sklearn.neural_network import MLPClassifier

        warnings.filterwarnings("ignore", category=UserWarning)
        self.binary = task.loss == "binary_crossentropy"
        self.batch_size = task.batch_size
        self.x = arrays["x_train"]
        self.y = arrays["y_train"].ravel().astype(np.int64)
        ((units, activation),) = task.layers[:-1]
        self.model = MLPClassifier(
            hidden_layer_sizes=(units,),
            activation={"relu": "relu", "sigmoid": "logistic"}[activation],
            solver=task.optimizer,
            learning_rate_init=task.learning_rate,
            momentum=0.0,
            alpha=0.0,
            batch_size=task.batch_size,
            tol=0.0,
            n_iter_no_change=10**9,
            warm_start=True,
        )

    def first_step(self) -> None:
        size = self.batch_size
        self.model.partial_fit(self.x[:size], self.y[:size], classes=np.unique(self.y))

    def train(self, epochs: int) -> None:
        self.model.set_params(max_iter=epochs)
        self.model.fit(self.x, self.y)

    def predict_row(self, row: np.ndarray) -> np.ndarray:
        outputs = self.model.predict_proba(row)
        return outputs[:, 1:] if self.binary else outputs

    outputs = predict_row
