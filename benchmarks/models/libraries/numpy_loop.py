"""NumPy alone: forward and backward written out by hand, float32."""

from __future__ import annotations

import itertools

import numpy as np

from benchmarks.models.data import Arrays
from benchmarks.models.tasks import DenseTask


def load() -> str:
    return f"NumPy {np.__version__}"


def _activate(name: str, x: np.ndarray) -> np.ndarray:
    if name == "relu":
        return np.maximum(x, 0)
    if name == "sigmoid":
        return 1 / (1 + np.exp(-x))
    exponentials = np.exp(x - x.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


class Trainer:
    def __init__(self, task: DenseTask, arrays: Arrays):
        self.task = task
        self.x, self.y = arrays["x_train"], arrays["y_train"]
        self.rng = np.random.default_rng(0)
        sizes = [task.inputs, *(units for units, _ in task.layers)]
        self.parameters = []
        for fan_in, fan_out in itertools.pairwise(sizes):
            limit = np.sqrt(6 / (fan_in + fan_out))
            self.parameters.append(
                self.rng.uniform(-limit, limit, (fan_in, fan_out)).astype(np.float32)
            )
            self.parameters.append(np.zeros(fan_out, np.float32))
        self.moments = [(np.zeros_like(p), np.zeros_like(p)) for p in self.parameters]
        self.count, self.loss_sum, self.hits = 0, 0.0, 0

    def _forward(self, x: np.ndarray) -> list[np.ndarray]:
        values = [x]
        for index, (_, activation) in enumerate(self.task.layers):
            kernel, bias = self.parameters[2 * index : 2 * index + 2]
            values.append(_activate(activation, values[-1] @ kernel + bias))
        return values

    def _track(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Add to loss and hits; return the targets in the shape of the outputs."""
        clipped = np.clip(outputs, 1e-7, 1 - 1e-7)
        if self.task.loss == "binary_crossentropy":
            self.loss_sum -= float((y * np.log(clipped) + (1 - y) * np.log(1 - clipped)).sum())
            self.hits += int(((outputs > 0.5) == (y > 0.5)).sum())
            return y
        rows = np.arange(len(y))
        self.loss_sum -= float(np.log(clipped[rows, y]).sum())
        self.hits += int((outputs.argmax(axis=1) == y).sum())
        targets = np.zeros_like(outputs)
        targets[rows, y] = 1
        return targets

    def _step(self, x: np.ndarray, y: np.ndarray) -> None:
        values = self._forward(x)
        delta = (values[-1] - self._track(values[-1], y)) / np.float32(len(x))
        gradients = [None] * len(self.parameters)
        for index in reversed(range(len(self.task.layers))):
            gradients[2 * index] = values[index].T @ delta
            gradients[2 * index + 1] = delta.sum(axis=0)
            if index:
                delta = delta @ self.parameters[2 * index].T
                value = values[index]
                relu = self.task.layers[index - 1][1] == "relu"
                delta *= (value > 0) if relu else value * (1 - value)
        self._update(gradients)

    def _update(self, gradients: list) -> None:
        rate = self.task.learning_rate
        self.count += 1
        if self.task.optimizer == "adam":
            rate *= np.sqrt(1 - 0.999**self.count) / (1 - 0.9**self.count)
        rate = np.float32(rate)
        for parameter, gradient, (first, second) in zip(
            self.parameters, gradients, self.moments, strict=True
        ):
            if self.task.optimizer == "sgd":
                parameter -= rate * gradient
                continue
            first += (gradient - first) * np.float32(0.1)
            second += (gradient * gradient - second) * np.float32(0.001)
            parameter -= rate * first / (np.sqrt(second) + np.float32(1e-7))

    def first_step(self) -> None:
        size = self.task.batch_size
        self._step(self.x[:size], self.y[:size])

    def train(self, epochs: int) -> None:
        size, rows = self.task.batch_size, len(self.x)
        for _ in range(epochs):
            order = self.rng.permutation(rows)
            for start in range(0, rows, size):
                batch = order[start : start + size]
                self._step(self.x[batch], self.y[batch])

    def predict_row(self, row: np.ndarray) -> np.ndarray:
        return self._forward(row)[-1]

    outputs = predict_row
