"""`split_dataset`: one set of samples cut into two data sets."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from nacre import _core

__all__ = ["split_dataset"]


def split_dataset(
    dataset: Any,
    left_size: float | int | None = None,
    right_size: float | int | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """Cuts samples into two data sets, for training and for testing, say.

    All samples are taken into memory, unless they are arrays, of which only rows are chosen.

    Args:
        dataset: A `Dataset`, an array, a list or tuple of arrays of equal length, or anything with
            a length and indices. A `Dataset` whose last step is `batch` is cut between samples, and
            both parts have batches of the same size.
        left_size: Samples of the first part: a number, or a share between 0 and 1. Without it, what
            the second part leaves.
        right_size: Samples of the second part, likewise.
        shuffle: Whether to shuffle the samples before.
        seed: For the shuffle.
        preferred_backend: `None`; both parts are always `nacre.data.Dataset`s.

    Returns:
        Two `Dataset`s.

    Raises:
        TypeError: `dataset` is nothing of the kind, or a size is no number.
        ValueError: The sizes do not fit the number of samples, or a part would be empty.
    """
    from nacre.data import AUTOTUNE, Dataset
    from nacre.data.rows import gather

    if preferred_backend is not None:
        raise ValueError(
            "split_dataset: `preferred_backend` is not supported: the parts are Datasets. "
            f"Received: {preferred_backend!r}"
        )
    if left_size is None and right_size is None:
        raise ValueError("split_dataset: give `left_size` or `right_size`, or both.")
    arrays, size, batch_size = _samples(dataset)
    order = list(range(size))
    if shuffle:
        seed = random.randint(0, 10**6) if seed is None else seed
        random.Random(seed).shuffle(order)
    left, right = _sizes(left_size, right_size, size)
    parts = []
    for where, whole in ((order[:left], range(left)), (order[-right:], range(size - right, size))):
        rows = np.asarray(where) if shuffle else whole
        part = Dataset.from_tensor_slices(gather(arrays, rows))
        if batch_size is not None:
            part = part.batch(batch_size)
        parts.append(part.prefetch(AUTOTUNE))
    return parts[0], parts[1]


def _samples(dataset: Any) -> tuple[Any, int, int | None]:
    """Arrays of all samples, their number, and the size of batches they came in."""
    from nacre.data import batching, nodes

    batch_size = None
    node = getattr(dataset, "_data_node", None)
    if isinstance(dataset, (np.ndarray, _core.Tensor)):
        node = nodes.Slices(dataset)
    elif isinstance(dataset, (list, tuple)):
        for index, array in enumerate(dataset):
            if not hasattr(array, "shape"):
                raise ValueError(
                    "split_dataset: expected a list or tuple of arrays. "
                    f"Received: {type(array).__name__} at index {index}"
                )
        node = nodes.Slices(tuple(dataset)) if len(dataset) else nodes.Listed([])
    elif node is None:
        if not (hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")):
            raise TypeError(
                "split_dataset: expected a Dataset, an array, or a list or tuple of arrays. "
                f"Received: {type(dataset).__name__}"
            )
        node = nodes.FromGenerator(lambda: (dataset[i] for i in range(len(dataset))), (), None)
    elif isinstance(node, batching.Batch):
        batch_size = node.size
        node = batching.Unbatch(node)
    rows = node.rows()
    if rows is not None and rows.plain:
        arrays, size = rows.arrays, rows.size
    else:
        if node.cardinality() == nodes.INFINITE:
            raise ValueError("split_dataset: the data set has no end.")
        elements = list(node.elements())
        size = len(elements)
        joined = batching.Batch(node, max(size, 1), False)
        arrays = joined.join(elements) if elements else None
    if not size:
        raise ValueError("split_dataset: received no samples.")
    return arrays, size, batch_size


def _sizes(left: Any, right: Any, total: int) -> tuple[int, int]:
    for name, value in (("left_size", left), ("right_size", right)):
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(
                f"split_dataset: `{name}` must be an integer or a float. "
                f"Received: {value!r} of type {type(value).__name__}"
            )
        if value <= 0 or value >= (1 if isinstance(value, float) else total):
            raise ValueError(
                f"split_dataset: `{name}` must be a positive integer below {total}, or a float "
                f"between 0 and 1. Received: {value}"
            )
    if isinstance(left, float) and isinstance(right, float) and left + right > 1:
        raise ValueError(
            f"split_dataset: `left_size` and `right_size` must not exceed 1 together. Received: "
            f"{left} and {right}"
        )
    left, right = (round(v * total) if isinstance(v, float) else v for v in (left, right))
    left = total - right if left is None else left
    right = total - left if right is None else right
    if left + right > total:
        raise ValueError(
            f"split_dataset: there are {total} samples. Received `left_size` and `right_size` of "
            f"{left} and {right} samples"
        )
    if not left or not right:
        raise ValueError(
            f"split_dataset: of {total} samples, one part would get none: {left} and {right}."
        )
    return left, right
