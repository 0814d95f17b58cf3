"""The networks to train, and how; what trains them is in `data`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks import networks


@dataclass(frozen=True)
class Task:
    """How a network is trained, and how long one round of the benchmark takes."""

    name: str
    title: str
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

    def build(self, lib: ModuleType) -> Any:
        """Make the model, not compiled, with a library that has Keras's interface."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class DenseTask(Task):
    """A stack of dense layers."""

    inputs: int
    layers: tuple[tuple[int, str], ...]  # (units, activation)

    def build(self, lib: ModuleType) -> Any:
        layers = [lib.layers.Input((self.inputs,))]
        layers += [lib.layers.Dense(units, activation=name) for units, name in self.layers]
        return lib.Sequential(layers)


@dataclass(frozen=True, kw_only=True)
class PictureTask(Task):
    """A convolutional network of `benchmarks.networks` on pictures."""

    rows: int  # pictures of one epoch
    size: int = 32  # height and width

    def build(self, lib: ModuleType) -> Any:
        return networks.BUILDERS[self.name](lib, (self.size, self.size, 3))


XOR = DenseTask(
    name="xor",
    title="XOR, 2-4-1, full batch of 4, Adam",
    inputs=2,
    layers=((4, "relu"), (1, "sigmoid")),
    loss="binary_crossentropy",
    batch_size=4,
    epochs=1000,
    quick_epochs=100,
)
SIGN = DenseTask(
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
DIGITS = DenseTask(
    name="digits",
    title="8x8 digits, 64-64-10, batch 32, Adam",
    inputs=64,
    layers=((64, "relu"), (10, "softmax")),
    loss="sparse_categorical_crossentropy",
    batch_size=32,
    epochs=20,
    quick_epochs=4,
)
MNIST = DenseTask(
    name="mnist",
    title="MNIST, 784-64-10, batch 32, Adam",
    inputs=784,
    layers=((64, "relu"), (10, "softmax")),
    loss="sparse_categorical_crossentropy",
    batch_size=32,
    epochs=1,
    quick_epochs=1,
)


def _pictures(name: str, title: str, rows: int, **options: Any) -> PictureTask:
    options = {"loss": "sparse_categorical_crossentropy", "batch_size": 64, **options}
    title = f"{title}, batch {options['batch_size']}, Adam"
    return PictureTask(name=name, title=title, rows=rows, epochs=1, quick_epochs=1, **options)


CATS = _pictures(
    "cats",
    "cats and dogs, 150x150, 3 convolutions",
    256,
    loss="binary_crossentropy",
    batch_size=32,
    size=150,
)
UNET = _pictures("unet", "U-Net, 32x32, a class for each pixel", 512)
DENSE = (XOR, SIGN, DIGITS, MNIST)
PICTURES = (
    _pictures("cifar", "CIFAR-10, 3 convolutions", 2560),
    CATS,
    _pictures("lenet5", "LeNet-5 on CIFAR-10", 2560),
    _pictures("resnet", "residual network of 14 layers on CIFAR-10", 512),
    _pictures("mobilenet", "depthwise network on CIFAR-10", 512),
    UNET,
)
TASKS: dict[str, Task] = {task.name: task for task in DENSE + PICTURES}
GROUPS = {
    "dense": [task.name for task in DENSE],
    "pictures": [task.name for task in PICTURES],
}


def accuracy(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:
    """The share of labels that the outputs name."""
    if task.loss == "binary_crossentropy":
        return float(((outputs > 0.5) == (labels > 0.5)).mean())
    return float((outputs.argmax(axis=-1) == labels).mean())
