"""The arrays that each task trains on."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.models import tasks
from benchmarks.models.tasks import PictureTask, Task

Arrays = dict[str, np.ndarray]

_DIGITS = Path(__file__).parents[2] / "python" / "nacre" / "datasets" / "digits.npz"
_TEST_PICTURES = 1000
_CAT, _DOG = 3, 5


@dataclass
class Sources:
    """The files that were named on the command line."""

    mnist: Path | None = None
    cifar: Path | None = None

    @classmethod
    def of(cls, paths: list[Path]) -> Sources:
        """Tell by what is in them which file is which.

        Args:
            paths: Files of NumPy's .npz format. MNIST has `x_train`, `y_train`, `x_test` and
                `y_test`, with pictures of one channel. CIFAR-10 has the same with three channels,
                or compressed pictures: `jpeg` (the bytes of all, one behind the other), `ends`
                (where each ends), `labels`, and `n_train` (so many of them, from the first, are
                the training set).

        Returns:
            The sources.
        """
        sources = cls()
        for path in paths:
            with np.load(path, allow_pickle=False) as file:
                if {"jpeg", "ends", "labels", "n_train"} <= set(file.files):
                    sources.cifar = path
                elif {"x_train", "y_train", "x_test", "y_test"} <= set(file.files):
                    if file["x_test"].ndim == 4:
                        sources.cifar = path
                    else:
                        sources.mnist = path
                else:
                    raise SystemExit(
                        f"--data: expected an .npz of MNIST or CIFAR-10. {path} has "
                        f"{', '.join(file.files)}"
                    )
        return sources

    def note(self, task: Task) -> str:
        """What a table says about the task's data: nothing where it is what the title says."""
        return ", random data" if isinstance(task, PictureTask) and self.cifar is None else ""


def load(task: Task, sources: Sources) -> Arrays:
    """Make the arrays of a task: float32 inputs, labels as the task's loss wants them."""
    if isinstance(task, PictureTask):
        return _pictures(task, sources.cifar)
    if task is tasks.XOR:
        x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
        y = np.array([[0], [1], [1], [0]], np.float32)
        return {"x_train": x, "y_train": y, "x_test": x, "y_test": y}
    if task is tasks.SIGN:
        x = np.arange(-10, 11, dtype=np.float32)[:, None]
        y = (x > 0).astype(np.float32)
        return {"x_train": x, "y_train": y, "x_test": x, "y_test": y}
    path, largest = (_DIGITS, 16) if task is tasks.DIGITS else (sources.mnist, 255)
    if path is None:
        raise ValueError("the MNIST task needs the path of an mnist.npz")
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in ("x_train", "y_train", "x_test", "y_test")}
    for part in ("train", "test"):
        pictures = arrays[f"x_{part}"]
        rows = pictures.reshape(len(pictures), -1)
        arrays[f"x_{part}"] = np.divide(rows, largest, dtype=np.float32)
        arrays[f"y_{part}"] = arrays[f"y_{part}"].astype(np.int32)
    return arrays


def _pictures(task: PictureTask, cifar: Path | None) -> Arrays:
    rng = np.random.default_rng(0)
    classes = (_CAT, _DOG) if task is tasks.CATS else range(10)
    arrays = {}
    for part, count in (("train", task.rows), ("test", min(task.rows, _TEST_PICTURES))):
        if cifar is None:
            x = rng.integers(0, 256, (count, 32, 32, 3), np.uint8)
            labels = rng.choice(classes, count)
        else:
            x, labels = _some(cifar, part, classes, count, rng)
        arrays[f"x_{part}"] = _enlarged(x, task.size).astype(np.float32) / np.float32(255)
        arrays[f"y_{part}"] = _targets(task, x, labels)
    return arrays


def _some(
    path: Path, part: str, classes: range | tuple, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw pictures of some classes from the training or the test set."""
    with np.load(path, allow_pickle=False) as file:
        if "jpeg" not in file.files:
            x, labels = file[f"x_{part}"], file[f"y_{part}"].ravel()
            rows = _draw(labels, classes, count, rng)
            return x[rows], labels[rows]
        labels, train = file["labels"].ravel(), int(file["n_train"])
        blob, ends = file["jpeg"], file["ends"]
    first, last = (0, train) if part == "train" else (train, len(labels))
    rows = first + _draw(labels[first:last], classes, count, rng)
    return _decoded(blob, ends, rows), labels[rows]


def _draw(
    labels: np.ndarray, classes: range | tuple, count: int, rng: np.random.Generator
) -> np.ndarray:
    return rng.permutation(np.flatnonzero(np.isin(labels, list(classes))))[:count]


def _decoded(blob: np.ndarray, ends: np.ndarray, rows: np.ndarray) -> np.ndarray:
    try:
        from PIL import Image
    except ImportError as error:
        raise SystemExit("--data: compressed pictures need Pillow (pip install Pillow)") from error
    starts = np.concatenate([[0], ends[:-1]])
    pictures = (blob[starts[row] : ends[row]].tobytes() for row in rows)
    return np.stack([np.asarray(Image.open(io.BytesIO(data))) for data in pictures])


def _enlarged(x: np.ndarray, size: int) -> np.ndarray:
    """Repeat pixels until the pictures are large enough, and cut off what is too much."""
    times = -(-size // x.shape[1])
    return x.repeat(times, axis=1).repeat(times, axis=2)[:, :size, :size] if times > 1 else x


def _targets(task: PictureTask, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    if task is tasks.CATS:
        return (labels == _DOG).astype(np.float32)[:, None]
    if task is tasks.UNET:
        # Dark, medium and bright pixels, about as many of each.
        brightness = x.mean(axis=-1)
        return np.digitize(brightness, np.quantile(brightness, [1 / 3, 2 / 3])).astype(np.int32)
    return labels.astype(np.int32)


def save(arrays: Arrays, folder: Path) -> None:
    """Write the arrays where each library's process reads them: decoded once, for all."""
    for key, array in arrays.items():
        np.save(folder / f"{key}.npy", array)


def read(folder: Path) -> Arrays:
    """Read what `save` wrote."""
    return {file.stem: np.load(file) for file in sorted(folder.glob("*.npy"))}
