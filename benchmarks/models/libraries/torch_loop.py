"""PyTorch: the training loop of its tutorials."""

from __future__ import annotations

import numpy as np

from benchmarks.models.data import Arrays
from benchmarks.models.tasks import DenseTask, PictureTask, Task


def load() -> str:
    import torch

    return f"PyTorch {torch.__version__}"


def _dense(task: DenseTask):
    from torch import nn

    modules, fan_in = [], task.inputs
    for units, activation in task.layers:
        modules += [nn.Linear(fan_in, units)]
        modules += {"relu": [nn.ReLU()], "sigmoid": [nn.Sigmoid()], "softmax": []}[activation]
        fan_in = units
    return nn.Sequential(*modules)


def _model(task: Task):
    if not isinstance(task, PictureTask):
        return _dense(task)
    from benchmarks.models.libraries import torch_networks

    return torch_networks.make(task.name, task.size)


class Trainer:
    def __init__(self, task: Task, arrays: Arrays):
        import torch
        from torch import nn

        self.torch, self.task = torch, task
        self.binary = task.loss == "binary_crossentropy"
        self.x, self.y = torch.from_numpy(arrays["x_train"]), torch.from_numpy(arrays["y_train"])
        if not self.binary:
            self.y = self.y.long()
        self.model = _model(task)
        self.loss = nn.BCELoss() if self.binary else nn.CrossEntropyLoss()
        parameters = self.model.parameters()
        if task.optimizer == "sgd":
            self.optimizer = torch.optim.SGD(parameters, lr=task.learning_rate)
        else:
            # The fused form is the fastest that PyTorch has on a CPU.
            self.optimizer = torch.optim.Adam(parameters, lr=task.learning_rate, fused=True)
        self.loss_sum, self.hits = torch.zeros(()), torch.zeros((), dtype=torch.long)

    def _inputs(self, x):
        """Pictures as PyTorch names their axes; in memory they stay as they are."""
        return x.permute(0, 3, 1, 2) if x.ndim == 4 else x

    def _step(self, x, y) -> None:
        self.optimizer.zero_grad()
        outputs = self.model(self._inputs(x))
        loss = self.loss(outputs, y)
        loss.backward()
        self.optimizer.step()
        with self.torch.no_grad():
            self.loss_sum += loss * len(x)
            hits = (outputs > 0.5) == (y > 0.5) if self.binary else outputs.argmax(dim=1) == y
            self.hits += hits.sum()

    def first_step(self) -> None:
        size = self.task.batch_size
        self._step(self.x[:size], self.y[:size])

    def train(self, epochs: int) -> None:
        for _ in range(epochs):
            for batch in self.torch.randperm(len(self.x)).split(self.task.batch_size):
                self._step(self.x[batch], self.y[batch])

    def predict_row(self, row: np.ndarray) -> np.ndarray:
        self.model.eval()
        with self.torch.inference_mode():
            outputs = self.model(self._inputs(self.torch.from_numpy(row)))
            if not self.binary:
                outputs = outputs.softmax(dim=1)
        self.model.train()
        return (outputs.permute(0, 2, 3, 1) if outputs.ndim == 4 else outputs).numpy()

    def outputs(self, rows: np.ndarray) -> np.ndarray:
        size = self.task.batch_size
        parts = [self.predict_row(rows[i : i + size]) for i in range(0, len(rows), size)]
        return np.concatenate(parts)
