"""Speed of pictures out of files: by themselves beside Keras, and while a network is trained.

    python -m benchmarks.images FOLDER

FOLDER holds a folder of pictures for each class, or `train/`, which does. Times are the best of
several rounds, taken in turns, since machines are noisy.
"""

from __future__ import annotations

import argparse
import importlib
import os
import time
import warnings

import numpy as np

import nacre
from nacre import layers
from nacre.preprocessing import image
from nacre.training import batches

AUGMENTATION = {
    "rotation_range": 15,
    "width_shift_range": 0.1,
    "height_shift_range": 0.1,
    "horizontal_flip": True,
    "rescale": 1 / 255,
}


def flow(library, folder, size, augmentation=AUGMENTATION):
    """Batches of 32 pictures out of a folder, by a library's module `image`."""
    generator = library.ImageDataGenerator(**augmentation)
    return generator.flow_from_directory(
        folder, target_size=(size, size), batch_size=32, class_mode="binary", seed=1
    )


def keras_images():
    """Keras's module of pictures, or why it is not there."""
    try:
        importlib.import_module("scipy")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module("keras.src.legacy.preprocessing.image")
    except ImportError as error:
        return str(error)


def pictures_per_second(flow, steps):
    start = time.perf_counter()
    count = sum(len(next(flow)[0]) for _ in range(steps))
    return count / (time.perf_counter() - start)


def compare_speed(folder, size, steps, rounds):
    """Prints how many pictures a second each library makes."""
    libraries = {"nacre": image}
    keras = keras_images()
    if isinstance(keras, str):
        print(f"keras is left out: {keras}")
    else:
        libraries["keras"] = keras
    flows = {name: flow(library, folder, size) for name, library in libraries.items()}
    best = dict.fromkeys(flows, 0.0)
    ratios = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(rounds):
            now = {name: pictures_per_second(each, steps) for name, each in flows.items()}
            best = {name: max(best[name], now[name]) for name in flows}
            if "keras" in now:
                ratios.append(now["nacre"] / now["keras"])
    for name, value in best.items():
        print(f"{name}: {value:.0f} pictures a second, augmented")
    if ratios:
        ratio = best["nacre"] / best["keras"]
        print(f"ratio: {ratio:.2f} of the best, {np.median(ratios):.2f} in the middle")


def network(size):
    """The network of a tutorial on cats and dogs."""
    nacre.utils.set_random_seed(0)
    model = nacre.Sequential([layers.Input((size, size, 3))])
    for filters in (32, 64, 128):
        model.add(layers.Conv2D(filters, 3, activation="relu"))
        model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(512, activation="relu"))
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


class Waiting:
    """Adds up how long training waits for batches."""

    def __init__(self):
        self.seconds = 0.0

    def __enter__(self):
        self._take = take = batches.OrderedWorkers.take

        def timed(producer):
            start = time.perf_counter()
            batch = take(producer)
            self.seconds += time.perf_counter() - start
            return batch

        batches.OrderedWorkers.take = timed
        return self

    def __exit__(self, *error):
        batches.OrderedWorkers.take = self._take


def compare_training(folder, size, steps, rounds):
    """Prints how long an epoch takes from files and from memory."""
    augmented = flow(image, folder, size)
    plain = flow(image, folder, size, {"rescale": 1 / 255})
    parts = [next(plain) for _ in range(steps)]
    x, y = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    model = network(size)
    model.fit(x[:32], y[:32], verbose=0)
    best = {"memory": np.inf, "files": np.inf, "augmented": np.inf}
    waited = {}
    for _ in range(rounds):
        for name in best:
            source = {"memory": (x, y), "files": (plain,), "augmented": (augmented,)}[name]
            options = {"batch_size": 32} if name == "memory" else {"steps_per_epoch": steps}
            with Waiting() as waiting:
                start = time.perf_counter()
                model.fit(*source, **options, verbose=0)
                seconds = time.perf_counter() - start
            if seconds < best[name]:
                best[name], waited[name] = seconds, waiting.seconds
    for name, seconds in best.items():
        share = 100 * waited[name] / seconds
        print(
            f"{name}: {seconds:.2f} s for {steps} steps, {seconds / best['memory']:.2f} of "
            f"memory's, {share:.1f} % of it waiting for data"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="a folder of pictures for each class, or of train/")
    parser.add_argument("--size", type=int, default=150, help="height and width (default: 150)")
    parser.add_argument("--steps", type=int, default=15, help="batches a round (default: 15)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default: 3)")
    parser.add_argument("--only", choices=["speed", "training"], help="one of the two parts")
    options = parser.parse_args()
    below = os.path.join(options.folder, "train")
    folder = below if os.path.isdir(below) else options.folder
    arguments = (folder, options.size, options.steps, options.rounds)
    if options.only != "training":
        compare_speed(*arguments)
    if options.only != "speed":
        compare_training(*arguments)


if __name__ == "__main__":
    main()
