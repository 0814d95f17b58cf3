"""What metrics, a longer optimizer and callbacks add to a training step of the MNIST network.

`python -m benchmarks.models.extras` trains the network of the model benchmark in turns: as it is,
with metrics, with more of an optimizer, with both, and with callbacks that listen to epochs.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.models import tasks

_ROWS = 32 * 400


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.models.extras",
        description="Time a training step of the MNIST network with and without metrics, clipping, "
        "moving averages and callbacks.",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="PATH",
        help="an mnist.npz; random data of the same shape without it",
    )
    parser.add_argument("--rounds", type=int, default=15, help="epochs of each (%(default)s)")
    parser.add_argument("--profile", action="store_true", help="print the calls of each step")
    return parser.parse_args()


def _data(path: Path | None) -> tuple[np.ndarray, np.ndarray]:
    if path is None:
        rng = np.random.default_rng(0)
        x = rng.random((_ROWS, tasks.MNIST.inputs), np.float32)
        labels = rng.integers(0, 10, _ROWS)
    else:
        with np.load(path) as arrays:
            x = arrays["x_train"][:_ROWS].reshape(_ROWS, -1).astype(np.float32) / 255
            labels = arrays["y_train"][:_ROWS]
    return x, np.eye(10, dtype=np.float32)[labels]


def _model(optimizer: Any, metrics: list) -> Any:
    import nacre

    nacre.utils.set_random_seed(0)
    model = nacre.Sequential([nacre.layers.Input((tasks.MNIST.inputs,))])
    for units, activation in tasks.MNIST.layers:
        model.add(nacre.layers.Dense(units, activation))
    model.compile(optimizer, "categorical_crossentropy", metrics=metrics)
    return model


def _cases() -> dict[str, tuple[Any, list]]:
    from nacre import metrics, optimizers

    def three() -> list:
        return [metrics.AUC(), metrics.Precision(), metrics.Recall()]

    def longer() -> Any:
        return optimizers.AdamW(global_clipnorm=1.0, use_ema=True)

    return {
        "plain": (optimizers.Adam(), []),
        "AUC, Precision, Recall": (optimizers.Adam(), three()),
        "AdamW, clipping, EMA": (longer(), []),
        "all of these": (longer(), three()),
        "EarlyStopping, ModelCheckpoint, CSVLogger": (optimizers.Adam(), []),
    }


class _Watched:
    """Callbacks of epochs, and the time that they take for themselves."""

    def __init__(self, folder: str) -> None:
        from nacre import callbacks

        self.seconds = 0.0
        self.callbacks = [
            callbacks.EarlyStopping("loss", patience=10**6),
            callbacks.ModelCheckpoint(Path(folder) / "model.keras", "loss", save_best_only=True),
            callbacks.CSVLogger(Path(folder) / "log.csv"),
        ]
        for callback in self.callbacks:
            for hook in ("on_train_begin", "on_epoch_end", "on_train_end"):
                setattr(callback, hook, self._timed(getattr(callback, hook)))

    def _timed(self, hook: Callable) -> Callable:
        def timed(*args: Any) -> None:
            start = time.perf_counter()
            hook(*args)
            self.seconds += time.perf_counter() - start

        return timed


def _epoch(model: Any, x: np.ndarray, y: np.ndarray, watched: _Watched | None) -> float:
    """Train for one epoch; return microseconds a step, without what callbacks write."""
    if watched is not None:
        watched.seconds = 0.0
    start = time.perf_counter()
    model.fit(
        x,
        y,
        batch_size=tasks.MNIST.batch_size,
        verbose=0,
        callbacks=watched.callbacks if watched is not None else None,
    )
    seconds = time.perf_counter() - start - (watched.seconds if watched is not None else 0.0)
    return seconds / tasks.MNIST.steps(len(x)) * 1e6


def _print_profile(name: str, model: Any, x: np.ndarray, y: np.ndarray) -> None:
    rows = tasks.MNIST.batch_size
    function = model._steps.get("train", (x[:rows], y[:rows]), [x[:rows], y[:rows]])
    print(f"\n{name}, microseconds of each call:")
    for label, seconds in function.exe.profile([x[:rows], y[:rows]], 500):
        print(f"{seconds * 1e6:8.2f}  {label}")


def main() -> None:
    """Time the cases in turns and print a table."""
    options = _arguments()
    x, y = _data(options.data)
    cases = {name: _model(*made) for name, made in _cases().items()}
    times: dict[str, list[float]] = {name: [] for name in cases}
    with tempfile.TemporaryDirectory() as folder:
        watched = _Watched(folder)
        for turn in range(options.rounds + 1):
            for name, model in cases.items():
                spent = _epoch(model, x, y, watched if "ModelCheckpoint" in name else None)
                if turn:  # the first epoch traces
                    times[name].append(spent)
    plain = times["plain"]
    print("| MNIST network, batch 32 | best, us | median, us | of plain, best | of plain, median |")
    print("| --- | --- | --- | --- | --- |")
    for name, spent in times.items():
        # Turn by turn, so that what else the machine does counts for both.
        ratio = statistics.median(a / b for a, b in zip(spent, plain, strict=True))
        best = min(spent) / min(plain)
        median = statistics.median(spent)
        print(f"| {name} | {min(spent):.1f} | {median:.1f} | {best:.2f} | {ratio:.2f} |")
    if options.profile:
        for name, model in cases.items():
            _print_profile(name, model, x, y)


if __name__ == "__main__":
    main()
