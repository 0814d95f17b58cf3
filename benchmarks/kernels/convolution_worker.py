"""The process of one library in the convolution benchmark; `convolution` gives the commands."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.kernels.convolution_shape import Shape
from benchmarks.models.worker import serve

Made = tuple[Callable[[], float], Callable[[], np.ndarray]]


class Nacre:
    """Compiled as a training step is, and timed call by call."""

    package = "nacre"

    def __init__(self):
        import nacre

        self.nacre, self.version = nacre, f"Nacre {nacre.__version__}"

    def make(self, shape: Shape, direction: str) -> Made:
        """Compute once; return what measures the best time of a few calls, and the result."""
        from nacre import _core

        nacre, ops = self.nacre, self.nacre.ops
        arrays = shape.arrays()
        tensors = [ops.convert_to_tensor(array) for array in arrays.values()]
        options = {"strides": shape.strides, "padding": shape.padding}

        def compute(x, kernel, bias, upstream):
            if "gradient" not in direction:
                y = ops.relu(ops.add(ops.conv(x, kernel, **options), bias))
                return ops.max_pool(y, 2, 2) if direction == "pooled" else y
            wanted = x if direction == "input gradient" else kernel
            with nacre.GradientTape() as tape:
                tape.watch(wanted)
                y = ops.conv(x, kernel, **options)
            return tape.gradient(y, wanted, upstream)

        first = nacre.function(compute)(*tensors)
        # Written into memory that was there before, as in a step.
        result = nacre.Variable(np.zeros(first.shape, np.float32))
        with _core.Trace() as trace:
            result.assign(compute(*(trace.input(t.dtype, t.shape, "") for t in tensors)))
            executable = _core.compile(trace.finish([]), None, direction)

        def best() -> float:
            calls = executable.profile(tensors, 5)
            # In a step the next call would read the result; here it is copied to where it stays.
            return sum(seconds for name, seconds in calls if name != "copy")

        executable(*tensors)
        return best, result.numpy


class Torch:
    """Channels last, which is its fastest on a CPU."""

    package = "torch"

    def __init__(self):
        import torch

        torch.set_num_threads(len(os.sched_getaffinity(0)))
        self.torch, self.version = torch, f"PyTorch {torch.__version__}"

    def make(self, shape: Shape, direction: str) -> Made:
        """Compute once; return what measures the best time of a few calls, and the result."""
        torch, functional = self.torch, self.torch.nn.functional
        last = torch.channels_last
        given = {key: torch.from_numpy(array) for key, array in shape.arrays().items()}
        x, upstream = (given[key].permute(0, 3, 1, 2) for key in ("x", "upstream"))
        kernel = given["kernel"].permute(3, 2, 0, 1).contiguous(memory_format=last)
        options = [shape.strides] * 2, [shape.border] * 2, [1, 1]
        kept: list[Any] = [None]

        def forward():
            y = functional.conv2d(x, kernel, given["bias"], *options, shape.groups)
            functional.relu_(y)
            kept[0] = functional.max_pool2d(y, 2) if direction == "pooled" else y

        def backward():
            wanted = direction == "input gradient"
            found = torch.ops.aten.convolution_backward(
                upstream, x, kernel, None, *options, False, [0, 0], shape.groups,
                [wanted, not wanted, False],
            )  # fmt: skip
            kept[0] = found[0 if wanted else 1]

        work = backward if "gradient" in direction else forward

        def best() -> float:
            found = float("inf")
            with torch.inference_mode():
                for _ in range(5):
                    start = time.perf_counter()
                    work()
                    found = min(found, time.perf_counter() - start)
            return found

        best()
        order = (2, 3, 1, 0) if direction == "kernel gradient" else (0, 2, 3, 1)
        return best, lambda: kept[0].permute(order).contiguous().numpy()


LIBRARIES = {"nacre": Nacre, "torch": Torch}


class Worker:
    """Keeps what it has been given to time between turns."""

    def __init__(self, name: str):
        self.new = LIBRARIES[name]

    def load(self) -> dict[str, Any]:
        if importlib.util.find_spec(self.new.package) is None:
            return {"missing": [self.new.package]}
        self.library = self.new()
        return {"version": self.library.version}

    def prepare(self, shape: str, direction: str, file: str) -> dict[str, Any]:
        """Compute once and write the result to a file, to be compared."""
        self.best, result = self.library.make(Shape.parse(shape), direction)
        np.save(file, result())
        return {}

    def measure(self, seconds: float) -> dict[str, Any]:
        """The best time of one call."""
        best, end = self.best(), time.perf_counter() + seconds
        while time.perf_counter() < end:
            best = min(best, self.best())
        return {"best_s": best}


if __name__ == "__main__":
    serve(Worker(sys.argv[1]))
