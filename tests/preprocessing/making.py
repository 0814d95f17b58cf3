"""Small folders of pictures for tests."""

import threading
import time

import numpy as np
import pytest

PREFIXES = ("nacre-read", "nacre-data")


def picture(seed, height=12, width=10, channels=3):
    """Random pixels."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, channels), dtype=np.uint8)


def folder_of_classes(root, counts, size=(12, 10), ending="png"):
    """Writes pictures in a folder for each class; returns the folder."""
    pillow = pytest.importorskip("PIL.Image")
    for kind, count in counts.items():
        (root / kind).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            array = picture(len(kind) * 1000 + number, *size)
            pillow.fromarray(array).save(root / kind / f"{number:03}.{ending}")
    return root


def no_threads_left(patience=10.0):
    """Says whether all threads of pictures end within some seconds."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if not any(thread.name.startswith(PREFIXES) for thread in threading.enumerate()):
            return True
        time.sleep(0.01)
    return False
