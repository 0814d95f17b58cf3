"""Keras on its PyTorch backend."""

from __future__ import annotations

import os

from benchmarks.models.data import Arrays
from benchmarks.models.libraries.keras_like import KerasTrainer
from benchmarks.models.tasks import Task

os.environ["KERAS_BACKEND"] = "torch"


def load() -> str:
    import keras
    import torch

    return f"Keras {keras.__version__}, PyTorch {torch.__version__}"


class Trainer(KerasTrainer):
    def __init__(self, task: Task, arrays: Arrays):
        import keras

        super().__init__(keras, task, arrays)
