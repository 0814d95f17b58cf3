"""The check of a weight's shape before it is made."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from nacre.allocation import check_allocation

# A weight above this size is compared with the machine's memory before it is made.
_CHECKED_BYTES = 1 << 28
_DTYPE_BYTES = {"float64": 8, "int64": 8, "uint64": 8, "float16": 2, "bfloat16": 2, "bool": 1}


def weight_shape(shape: Any, dtype: str, name: str | None, owner: str) -> tuple[int, ...]:
    """Check the shape of a weight.

    Args:
        shape: A sequence of sizes, one size, or None for a scalar.
        dtype: The dtype.
        name: The name of the weight, for errors.
        owner: The layer, for errors.

    Returns:
        The shape as a tuple of ints.

    Raises:
        ValueError: If it is not made of non-negative integers.
        MemoryError: If the weight cannot fit into this machine.
    """
    shape = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
    for dim in shape:
        if not isinstance(dim, (int, np.integer)) or isinstance(dim, bool) or dim < 0:
            raise ValueError(
                f"{owner}: expected a shape of non-negative integers for weight {name!r}. "
                f"Received: {shape}"
            )
    shape = tuple(int(dim) for dim in shape)
    check_allocation(shape, dtype, f"{owner}, {name}", note=False)
    size = math.prod(shape) * _DTYPE_BYTES.get(dtype, 4)
    if size > _CHECKED_BYTES and size > _machine_memory():
        raise MemoryError(
            f"{owner}: weight {name!r} of shape {shape} needs {size / 2**30:.1f} GiB, "
            "more than this machine's memory."
        )
    return shape


def _machine_memory() -> int:
    """Return the bytes of memory that this process can hope for."""
    limit = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(path) as file:
                text = file.read().strip()
        except OSError:
            continue
        if text.isdigit():
            limit = min(limit, int(text))
    return limit
