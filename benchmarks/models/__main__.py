"""The command line: `python -m benchmarks.models --help`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks.models import data, report, tasks
from benchmarks.models.libraries import LIBRARIES
from benchmarks.models.runner import Result, Runner


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.models",
        description="Train dense and convolutional networks on Nacre and on every peer that is "
        "installed, in turns, and print what each step, prediction, import and fit costs.",
    )
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="an .npz of MNIST or CIFAR-10 with x_train, y_train, x_test, y_test, or of CIFAR-10 "
        "with jpeg, ends, labels, n_train; may be given twice. Without MNIST its task is left "
        "out; without CIFAR-10 pictures are random numbers",
    )
    parser.add_argument(
        "--tasks",
        default="dense",
        metavar="NAMES",
        help=f"some of {', '.join(tasks.TASKS)}; `dense` and `pictures` stand for the first "
        "four and for the others (%(default)s)",
    )
    parser.add_argument(
        "--libraries", default=",".join(LIBRARIES), help="some of %(default)s", metavar="NAMES"
    )
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="the interpreter of a library, or of all `peers` (every library but nacre); may be "
        "given several times",
    )
    parser.add_argument("--rounds", type=int, default=5, help="turns of each library (%(default)s)")
    parser.add_argument(
        "--pause", type=float, default=1.0, help="seconds of quiet before a turn (%(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="two short rounds and short pauses")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write every number there")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.pause = 2, 0.1
    return options


def _interpreters(libraries: list[str], given: list[str]) -> dict[str, str]:
    pythons = dict.fromkeys(libraries, sys.executable)
    named = {}
    for item in given:
        name, separator, path = item.partition("=")
        if not separator or (name != "peers" and name not in LIBRARIES):
            expected = ", ".join(["peers", *LIBRARIES])
            raise SystemExit(f"--python: expected NAME=PATH with NAME of {expected}. Got: {item}")
        named[name] = path
    for library in libraries:
        if library != "nacre" and "peers" in named:
            pythons[library] = named["peers"]
        pythons[library] = named.get(library, pythons[library])
    return pythons


def _choose(names: str, known: dict[str, object], what: str) -> list[str]:
    chosen = names.split(",")
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise SystemExit(f"--{what}: expected some of {', '.join(known)}. Got: {names}")
    return chosen


def main() -> None:
    """Run the benchmark."""
    options = _arguments()
    libraries = _choose(options.libraries, LIBRARIES, "libraries")
    groups = {name: ",".join(group) for name, group in tasks.GROUPS.items()}
    asked = [groups.get(name, name) for name in options.tasks.split(",")]
    names = _choose(",".join(asked), tasks.TASKS, "tasks")
    sources = data.Sources.of(options.data)
    if sources.mnist is None and "mnist" in names:
        print("No --data given: the digits that ship with Nacre stand in for MNIST.")
        names = [name for name in names if name != "mnist"]
        names += [] if "digits" in names else ["digits"]
    runner = Runner(
        _interpreters(libraries, options.python), options.rounds, options.pause, options.quick
    )
    print(f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, {platform.platform()}")
    results: list[Result] = []
    for name in names:
        task = tasks.TASKS[name]
        with tempfile.TemporaryDirectory(prefix="nacre-bench-") as folder:
            data.save(data.load(task, sources), Path(folder))
            measured = runner.run(task, Path(folder))
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr)
        if measured:
            print(f"\n{report.table(task, measured, sources.note(task))}", flush=True)
        results += measured
    print("\n" + "\n".join(sorted({f"  {result.version}" for result in results})))
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1))


if __name__ == "__main__":
    main()
