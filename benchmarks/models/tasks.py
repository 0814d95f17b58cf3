"""The networks to train and the data to train them on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]

_DIGITS = Path(__file__).parents[2] / "python" / "nacre" / "datasets" / "digits.npz"


@dataclass(frozen=True)
class Task:
    """A dense network, how it is trained, and how long one round of the benchmark takes."""

    name: str
    title: str
    inputs: int
    layers: tuple[tuple[int, str], ...]  # (units, activation)
    loss: str  # "binary_crossentropy" or "sparse_categorical_crossentropy"
    batch_size: int
    epochs: int  # of one round
    quick_epochs: int
    optimizer: str = "adam"
    learning_rate: float = 0.001

    def steps(self, rows: int) -> int:
        """The number of training steps in one epoch."""
        return -(-rows // self.batch_size)

    def quick(self) -> Task:
        """The same task with short rounds."""
        return replace(self, epochs=self.quick_epochs)


XOR = Task(
    name="xor",
    title="XOR, 2-4-1, full batch of 4, Adam",
    inputs=2,
    layers=((4, "relu"), (1, "sigmoid")),
    loss="binary_crossentropy",
    batch_size=4,
    epochs=1000,
    quick_epochs=100,
)
SIGN = Task(
    name="sign",
    title="sign of a number, 1-2-1, full batch of 21, SGD",
    inputs=1,
    layers=((2, "sigmoid"), (1, "sigmoid")),
    loss="binary_crossentropy",
    batch_size=21,
    epochs=1000,
    quick_epochs=100,
    optimizer="sgd",
    learning_rate=0.1,
)
DIGITS = Task(
    name="digits",
    title="8x8 digits, 64-64-10, batch 32, Adam",
    inputs=64,
    layers=((64, "relu"), (10, "softmax")),
    loss="sparse_categorical_crossentropy",
    batch_size=32,
    epochs=20,
    quick_epochs=4,
)
MNIST = Task(
    name="mnist",
    title="MNIST, 784-64-10, batch 32, Adam",
    inputs=784,
    layers=((64, "relu"), (10, "softmax")),
    loss="sparse_categorical_crossentropy",
    batch_size=32,
    epochs=1,
    quick_epochs=1,
)
TASKS = {task.name: task for task in (XOR, SIGN, DIGITS, MNIST)}


def load(task: Task, mnist: Path | None) -> Arrays:
    """Make the arrays of a task: float32 rows, labels as the task's loss wants them."""
    if task is XOR:
        x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
        y = np.array([[0], [1], [1], [0]], np.float32)
        return {"x_train": x, "y_train": y, "x_test": x, "y_test": y}
    if task is SIGN:
        x = np.arange(-10, 11, dtype=np.float32)[:, None]
        y = (x > 0).astype(np.float32)
        return {"x_train": x, "y_train": y, "x_test": x, "y_test": y}
    path, largest = (_DIGITS, 16) if task is DIGITS else (mnist, 255)
    if path is None:
        raise ValueError("the MNIST task needs the path of an mnist.npz")
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in ("x_train", "y_train", "x_test", "y_test")}
    for part in ("train", "test"):
        pictures = arrays[f"x_{part}"]
        rows = pictures.reshape(len(pictures), -1)
        arrays[f"x_{part}"] = np.divide(rows, largest, dtype=np.float32)
        arrays[f"y_{part}"] = arrays[f"y_{part}"].astype(np.int32)
    return arrays


def save(arrays: Arrays, folder: Path) -> None:
    """Write the arrays where each library's process reads them: decoded once, for all."""
    for key, array in arrays.items():
        np.save(folder / f"{key}.npy", array)


def read(folder: Path) -> Arrays:
    """Read what `save` wrote."""
    return {file.stem: np.load(file) for file in sorted(folder.glob("*.npy"))}


def accuracy(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:
    """The share of rows whose label the outputs name."""
    if task.loss == "binary_crossentropy":
        return float(((outputs > 0.5) == (labels > 0.5)).mean())
    return float((outputs.argmax(axis=1) == labels).mean())
