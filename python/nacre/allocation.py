"""A limit on the memory of the Variables that are made while a file is loaded.

The configuration in a file may ask for weights of any size. The file must hold these weights, so
that its own size says how much the configuration can need.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["AllocationError", "allocation_limit", "check_allocation"]

_local = threading.local()
_DTYPE_BYTES = {"float64": 8, "int64": 8, "uint64": 8, "float16": 2, "bfloat16": 2, "bool": 1}


class AllocationError(ValueError):
    """More memory was asked for than a file can account for."""


@contextmanager
def allocation_limit(size: int) -> Iterator[None]:
    """Within, this thread's new Variables may take this much memory together.

    Args:
        size: Bytes.
    """
    outer = getattr(_local, "left", None)
    _local.left = size
    try:
        yield
    finally:
        _local.left = outer


def check_allocation(shape: tuple[int, ...], dtype: str, name: str, note: bool = True) -> None:
    """Note that a Variable is about to be made.

    Args:
        shape: Its shape.
        dtype: Its dtype.
        name: Its name, for the error.
        note: Whether it counts; False only asks.

    Raises:
        AllocationError: The limit in force is too low for it.
    """
    left = getattr(_local, "left", None)
    if left is None:
        return
    size = math.prod(shape) * _DTYPE_BYTES.get(dtype, 4)
    if size > left:
        raise AllocationError(
            f"the configuration asks for {size} bytes, shape {shape}, for {name!r}, and the file "
            "does not hold as many"
        )
    if note:
        _local.left = left - size
