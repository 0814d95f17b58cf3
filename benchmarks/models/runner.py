"""Starts the libraries' processes and lets them take turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.models.libraries import DENSE_ONLY, LIBRARIES
from benchmarks.models.tasks import DenseTask, Task

_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "TF_ENABLE_ONEDNN_OPTS": "1"}


class LibraryFailed(RuntimeError):
    """A library's process ended before it answered."""


@dataclass
class Result:
    """What was measured of one library on one task; times in seconds, sizes in bytes."""

    library: str
    task: str
    version: str = ""
    import_s: float = 0.0
    first_step_s: float = 0.0
    next_first_step_s: float = 0.0
    step_s: list[float] = field(default_factory=list)
    predict_row_s: list[float] = field(default_factory=list)
    peak_memory: int = 0
    data_memory: int = 0
    accuracy: float = 0.0
    epochs_trained: int = 0


class Process:
    """One library's process, addressed with commands."""

    def __init__(
        self, library: str, python: str, log: Path, module: str = "benchmarks.models.worker"
    ):
        self.library, self._log = library, log
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                [python, "-m", module, library],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=Path(__file__).parents[2],
                env={**os.environ, **_QUIET},
            )

    def ask(self, do: str, **arguments: object) -> dict[str, Any]:
        try:
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            tail = "\n".join(self._log.read_text().splitlines()[-15:])
            raise LibraryFailed(f"{self.library} failed at {do!r}:\n{tail}")
        return json.loads(line)

    def close(self) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@dataclass
class Runner:
    """Runs tasks on libraries; `pythons` names the interpreter of each."""

    pythons: dict[str, str]
    rounds: int
    pause: float
    quick: bool

    def run(self, task: Task, folder: Path) -> list[Result]:
        """Measure one task on every library that is installed, in turns.

        Args:
            task: The task.
            folder: Where its arrays were saved; the processes' logs go there too.

        Returns:
            One result for each library that could run.
        """
        processes: dict[str, Process] = {}
        results: dict[str, Result] = {}
        try:
            for library in self.pythons:
                if library in DENSE_ONLY and not isinstance(task, DenseTask):
                    continue
                process = Process(library, self.pythons[library], folder / f"{library}.log")
                processes[library] = process
                result = self._start(process, task, folder)
                if result is not None:
                    results[library] = result
            for turn in range(self.rounds):
                order = list(results)
                # Nobody always follows the same neighbour.
                order = order[turn % len(order) :] + order[: turn % len(order)]
                for library in order:
                    self._turn(processes[library], results, turn)
            for library in list(results):
                self._guard(results, library, lambda p, r: self._finish(p, r), processes[library])
        finally:
            for process in processes.values():
                process.close()
        epochs = 1 + self.rounds * (task.quick_epochs if self.quick else task.epochs)
        for result in results.values():
            result.epochs_trained = epochs
        return list(results.values())

    def _start(self, process: Process, task: Task, folder: Path) -> Result | None:
        library = process.library
        title = LIBRARIES[library][2]
        try:
            loaded = process.ask("load")
            if "missing" in loaded:
                missing = ", ".join(loaded["missing"])
                print(f"  {title}: skipped, {missing} is not installed for its Python")
                return None
            self._say(f"{title}: first steps")
            first = process.ask("prepare", task=task.name, quick=self.quick, folder=str(folder))
        except LibraryFailed as failure:
            print(f"  {failure}")
            return None
        return Result(library, task.name, loaded["version"], loaded["import_s"], **first)

    def _turn(self, process: Process, results: dict[str, Result], turn: int) -> None:
        def train(process: Process, result: Result) -> None:
            time.sleep(self.pause)
            self._say(f"{LIBRARIES[process.library][2]}: round {turn + 1} of {self.rounds}")
            result.step_s.append(process.ask("train")["step_s"])
            result.predict_row_s.append(process.ask("predict_row", seconds=0.2)["median_s"])

        self._guard(results, process.library, train, process)

    @staticmethod
    def _guard(results, library, work, process) -> None:
        """Run a turn; a library that fails in it is reported and leaves the table."""
        if library not in results:
            return
        try:
            work(process, results[library])
        except LibraryFailed as failure:
            print(f"  {failure}")
            del results[library]

    @staticmethod
    def _finish(process: Process, result: Result) -> None:
        memory = process.ask("memory")
        result.peak_memory, result.data_memory = memory["peak"], memory["data"]
        result.accuracy = process.ask("accuracy")["accuracy"]

    @staticmethod
    def _say(text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K  {text}", end="", file=sys.stderr, flush=True)
