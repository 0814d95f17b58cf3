"""Nacre."""

from __future__ import annotations

from benchmarks.models.data import Arrays
from benchmarks.models.libraries.keras_like import KerasTrainer
from benchmarks.models.tasks import Task


def load() -> str:
    import nacre

    # Much is imported when it is first named; what every program names belongs to the cost.
    assert nacre.Sequential
    assert nacre.layers.Dense
    assert nacre.optimizers.Adam

    return f"Nacre {nacre.__version__}"


class Trainer(KerasTrainer):
    def __init__(self, task: Task, arrays: Arrays):
        import nacre

        super().__init__(nacre, task, arrays)
