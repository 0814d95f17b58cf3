"""Keras on its JAX backend."""

from __future__ import annotations

import os

from benchmarks.models.data import Arrays
from benchmarks.models.libraries.keras_like import KerasTrainer
from benchmarks.models.tasks import Task

os.environ["KERAS_BACKEND"] = "jax"


def load() -> str:
    import jax
    import keras

    return f"Keras {keras.__version__}, JAX {jax.__version__}"


class Trainer(KerasTrainer):
    def __init__(self, task: Task, arrays: Arrays):
        import keras

        super().__init__(keras, task, arrays)
