"""The process of one library: reads commands, one JSON object a line, and answers each with one."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.models import data, tasks
from benchmarks.models.libraries import LIBRARIES


def _seconds(work: Callable[[], object]) -> float:
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _peak_memory() -> int:
    """The largest resident size that this process has had, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM line")


class Worker:
    """Keeps one model between commands, so that rounds of training continue each other."""

    def __init__(self, library: str):
        module, packages, self.title = LIBRARIES[library]
        self.missing = [p for p in packages.split(",") if importlib.util.find_spec(p) is None]
        self.module_name = f"benchmarks.models.libraries.{module}"

    def load(self) -> dict[str, Any]:
        if self.missing:
            return {"missing": self.missing}
        module = importlib.import_module(self.module_name)
        start = time.perf_counter()
        version = module.load()
        elapsed = time.perf_counter() - start
        self.new_trainer = module.Trainer
        return {"version": version, "import_s": elapsed}

    def prepare(self, task: str, quick: bool, folder: str) -> dict[str, Any]:
        chosen = tasks.TASKS[task]
        self.task = chosen.quick() if quick else chosen
        self.arrays = data.read(Path(folder))
        first = []
        # The first model of a process also pays for what the library sets up once.
        for _ in range(3):
            self._renew()
            first.append(_seconds(self.trainer.first_step))
        self._renew()
        self.trainer.train(1)
        return {"first_step_s": first[0], "next_first_step_s": min(first[1:])}

    def _renew(self) -> None:
        """Make a new model once the last one is gone, so that memory never holds two."""
        self.trainer = None
        gc.collect()
        self.trainer = self.new_trainer(self.task, self.arrays)

    def train(self) -> dict[str, Any]:
        seconds = _seconds(lambda: self.trainer.train(self.task.epochs))
        steps = self.task.epochs * self.task.steps(len(self.arrays["x_train"]))
        return {"step_s": seconds / steps, "steps": steps}

    def memory(self) -> dict[str, Any]:
        """The peak so far: import, data, and every fit up to now."""
        return {"peak": _peak_memory(), "data": sum(a.nbytes for a in self.arrays.values())}

    def predict_row(self, seconds: float) -> dict[str, Any]:
        row = self.arrays["x_test"][:1].copy()
        for _ in range(3):
            self.trainer.predict_row(row)
        times = []
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline or len(times) < 5:
            start = time.perf_counter()
            self.trainer.predict_row(row)
            times.append(time.perf_counter() - start)
        return {"median_s": float(np.median(times))}

    def accuracy(self) -> dict[str, Any]:
        outputs = self.trainer.outputs(self.arrays["x_test"])
        return {"accuracy": tasks.accuracy(self.task, outputs, self.arrays["y_test"])}


def serve(worker: object) -> None:
    """Answer commands by calling the worker's methods of the same name."""
    # Answers go where standard output was; what libraries print goes to standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        command = json.loads(line)
        answer = getattr(worker, command.pop("do"))(**command)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve(Worker(sys.argv[1]))
