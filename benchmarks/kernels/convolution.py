"""Convolution, layer by layer, beside PyTorch: `python -m benchmarks.kernels.convolution --help`.

Each library runs in a process of its own, and they take turns. What they compute is compared
before it is timed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.kernels.common import check
from benchmarks.kernels.convolution_shape import DIRECTIONS, Shape, read_shapes
from benchmarks.kernels.convolution_worker import LIBRARIES
from benchmarks.models.runner import LibraryFailed, Process

_PROBE = Path(__file__).parents[1] / "cpp" / "bench_peak.cpp"


@dataclass
class Row:
    """The best times of one direction of one layer, in seconds."""

    shape: Shape
    direction: str
    best_s: dict[str, float]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.kernels.convolution",
        description="Time every direction of convolution layers: with bias and ReLU, the same "
        "with a 2x2 max-pool, the gradient of the input, and of the kernel. Operations are "
        "counted as if borders, and what the pool leaves out, were computed too: a kernel that "
        "skips them can pass the peak.",
    )
    parser.add_argument(
        "shapes",
        nargs="*",
        metavar="SHAPE",
        help="'batch height width channels filters kernel strides groups valid|same'; the lines "
        "of shapes_convolution.txt without any",
    )
    parser.add_argument("--python", metavar="PATH", help="the interpreter that has PyTorch")
    parser.add_argument("--directions", default=",".join(DIRECTIONS), help="some of %(default)s")
    parser.add_argument("--rounds", type=int, default=4, help="turns of each (%(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=0.05, help="of one turn, at least (%(default)s)"
    )
    parser.add_argument(
        "--peak",
        type=float,
        metavar="GFLOPS",
        help="what multiply-adds reach on all cores; measured with a C++ compiler if not given",
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="write every number there")
    return parser.parse_args()


class _Peak:
    """What independent multiply-adds reach on all cores; measured again when asked again."""

    def __init__(self, given: float | None, folder: Path):
        self.gflops = given or 0.0
        self._program = None
        compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("clang++")
        if given is None and compiler is not None:
            self._program = folder / "peak"
            options = ["-O2", "-std=c++20", "-ffp-contract=fast", "-pthread"]
            subprocess.run([compiler, *options, _PROBE, "-o", self._program], check=True)
            self.measure()

    def measure(self) -> None:
        if self._program is None:
            return
        command = [str(self._program), str(len(os.sched_getaffinity(0)))]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = [float(line.split()[1]) for line in lines.splitlines()]
        self.gflops = max([self.gflops, *found])


def _started(pythons: dict[str, str], folder: Path) -> dict[str, Process]:
    processes = {}
    for name, python in pythons.items():
        process = Process(
            name, python, folder / f"{name}.log", "benchmarks.kernels.convolution_worker"
        )
        answer = process.ask("load")
        if "missing" in answer:
            print(f"{name} is not installed for {python}")
            process.close()
            continue
        print(answer["version"])
        processes[name] = process
    return processes


def _compared(shape: Shape, direction: str, folder: Path, names: list[str]) -> None:
    """Both libraries' results, one against the other in double the tolerance of one."""
    if len(names) < 2:
        return
    ours, theirs = (np.load(folder / f"{name}.npy") for name in names)
    taps = shape.kernel * shape.kernel * shape.channels // shape.groups
    terms = int(np.prod(shape.output[:3])) if direction == "kernel gradient" else taps
    if direction == "input gradient":
        terms = shape.kernel * shape.kernel * shape.filters // shape.groups
    check(f"{shape}, {direction}", ours, theirs.astype(np.float64), 4 * terms)


def _rows(
    options: argparse.Namespace, processes: dict[str, Process], folder: Path
) -> Iterator[Row]:
    texts = options.shapes
    shapes = [Shape.parse(text) for text in texts] if texts else read_shapes()
    for shape in shapes:
        for direction in options.directions.split(","):
            if direction == "pooled" and min(shape.output[1:3]) < 2:
                continue
            line = " ".join(str(value) for value in asdict(shape).values())
            for name, process in processes.items():
                file = str(folder / f"{name}.npy")
                process.ask("prepare", shape=line, direction=direction, file=file)
            _compared(shape, direction, folder, list(processes))
            best = dict.fromkeys(processes, float("inf"))
            for _ in range(options.rounds):
                for name, process in processes.items():
                    time.sleep(0.02)  # threads that spin after their work go to sleep
                    measured = process.ask("measure", seconds=options.seconds)["best_s"]
                    best[name] = min(best[name], measured)
            yield Row(shape, direction, best)


def _line(row: Row, peak: float) -> str:
    text = f"{str(row.shape) if row.direction == 'forward' else '':46} {row.direction:15}"
    for seconds in row.best_s.values():
        rate = row.shape.flops / seconds / 1e9
        share = f"{rate / peak:5.0%}" if peak else ""
        text += f" {seconds * 1e6:10.1f} us {rate:7.1f} GFLOP/s {share}"
    if len(row.best_s) == 2:
        ours, theirs = row.best_s.values()
        text += f"  {theirs / ours:6.2f}x"
    return text


def main() -> None:
    """Run the benchmark and print a table."""
    options = _arguments()
    unknown = set(options.directions.split(",")) - set(DIRECTIONS)
    if unknown:
        raise SystemExit(f"--directions: expected some of {', '.join(DIRECTIONS)}. Got: {unknown}")
    pythons = dict.fromkeys(LIBRARIES, sys.executable)
    pythons["torch"] = options.python or sys.executable
    with tempfile.TemporaryDirectory(prefix="nacre-bench-") as name:
        folder = Path(name)
        peak = _Peak(options.peak, folder)
        processes = _started(pythons, folder)
        if peak.gflops:
            print(f"peak of multiply-adds on all cores: {peak.gflops:.0f} GFLOP/s")
        print(f"{'':62} {' '.join(f'{name:32}' for name in processes)}")
        rows = []
        try:
            for row in _rows(options, processes, folder):
                print(_line(row, peak.gflops), flush=True)
                rows.append(row)
        except LibraryFailed as failure:
            raise SystemExit(str(failure)) from failure
        finally:
            for process in processes.values():
                process.close()
        peak.measure()
    print(f"peak, measured again: {peak.gflops:.0f} GFLOP/s")
    if options.json is not None:
        numbers = {"peak_gflops": peak.gflops, "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(numbers, indent=1))


if __name__ == "__main__":
    main()
