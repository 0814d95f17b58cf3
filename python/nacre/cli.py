"""The command line: `python -m nacre demo` and `python -m nacre run script.py`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

import nacre

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: The arguments; those of the process when left out.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(
        prog="python -m nacre", description="Keras-compatible deep learning with a C++ core."
    )
    parser.add_argument("--version", action="version", version=f"nacre {nacre.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    demo_parser = commands.add_parser("demo", help="train a classifier of handwritten digits")
    demo_parser.add_argument("--epochs", type=int, default=40, help="epochs (default: 40)")
    demo_parser.add_argument("--seed", type=int, default=0, help="random seed (default: 0)")
    demo_parser.add_argument(
        "--plot",
        default="learning_curve.png",
        metavar="FILE",
        help="where to save the learning curve (default: learning_curve.png)",
    )
    run_parser = commands.add_parser(
        "run", help="run a script that uses keras or tensorflow.keras, as it is"
    )
    run_parser.add_argument("script", help="the script")
    run_parser.add_argument("args", nargs=argparse.REMAINDER, help="its arguments")
    options = parser.parse_args(argv)
    if options.command == "demo":
        return demo(options.epochs, options.seed, options.plot)
    return run(options.script, options.args)


def demo(epochs: int, seed: int, plot: str) -> int:
    """Trains a small classifier on the digits that come with the package.

    Args:
        epochs: How long.
        seed: Seed of all random numbers.
        plot: File for the picture of the learning curve.
    """
    from nacre import Sequential, layers, utils
    from nacre.datasets import digits

    utils.set_random_seed(seed)
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    print(f"Handwritten digits, 8x8: {len(x_train)} to train on, {len(x_test)} to test on.\n")
    model = Sequential(
        [
            layers.Input((8, 8)),
            layers.Rescaling(1 / 16),
            layers.Flatten(),
            *(
                layer
                for _ in range(2)
                for layer in (
                    layers.Dense(256),
                    layers.BatchNormalization(),
                    layers.Activation("relu"),
                    layers.Dropout(0.5),
                )
            ),
            layers.Dense(10, activation="softmax"),
        ],
        name="digits",
    )
    model.summary()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    start = time.perf_counter()
    history = model.fit(
        x_train, y_train, epochs=epochs, batch_size=32, validation_data=(x_test, y_test)
    )
    seconds = time.perf_counter() - start
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"\nTest accuracy: {accuracy:.4f}")
    print(f"Training time: {seconds:.2f} s for {epochs} epochs")
    print(_save_plot(history.history, plot))
    return 0


def _save_plot(history: dict, path: str) -> str:
    """Draws the learning curve when matplotlib is there, and says what came of it."""
    _prefer_headless_plots()
    try:
        from matplotlib import pyplot
    except ImportError:
        return "Learning curve: not drawn, since matplotlib is not installed."
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.5))
    for axes, name in ((left, "loss"), (right, "accuracy")):
        axes.plot(history.get(name, ()), label="training")
        axes.plot(history.get(f"val_{name}", ()), label="test")
        axes.set_xlabel("epoch")
        axes.set_ylabel(name)
        axes.legend()
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)
    return f"Learning curve: {path}"


def _prefer_headless_plots() -> None:
    """Keeps matplotlib from looking for a display where there is none."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        os.environ.setdefault("MPLBACKEND", "Agg")


def run(script: str, args: Sequence[str]) -> int:
    """Runs a script as `python script.py args` would, with Nacre in place of Keras.

    Args:
        script: Path of the script.
        args: What it finds in `sys.argv`.
    """
    import runpy

    from nacre.utils import script_imports

    if not os.path.isfile(script):
        print(f"python -m nacre run: there is no file {script}", file=sys.stderr)
        return 2
    _prefer_headless_plots()
    script_imports.install()
    sys.argv = [script, *args]
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    runpy.run_path(script, run_name="__main__")
    return 0
