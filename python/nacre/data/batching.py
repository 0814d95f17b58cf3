"""Steps that put elements together to batches, and take batches apart."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from nacre.data import rows as orders
from nacre.data.nodes import UNKNOWN, Node, Step
from nacre.data.structure import TensorSpec, as_array, flatten, map_leaves

__all__ = ["Batch", "PaddedBatch", "Unbatch"]


def _stack(verb: str, leaves: tuple) -> Any:
    if leaves[0] is None:
        return None
    arrays = [np.asarray(as_array(leaf)) for leaf in leaves]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise ValueError(
            f"Dataset.{verb}: elements of different shapes make no batch. Received the shapes "
            f"{sorted(shapes)[:4]}; `padded_batch` fills them up."
        )
    return np.stack(arrays)


class Batch(Step):
    """As many elements at a time as a batch has, stacked.

    Args:
        source: The elements.
        size: Elements in a batch.
        drop_remainder: Whether a smaller batch at the end is left out.
    """

    verb = "batch"

    def __init__(self, source: Node, size: int, drop_remainder: bool) -> None:
        super().__init__(source)
        self.size = size
        self.drop_remainder = drop_remainder

    def elements(self) -> Iterator:
        rows = self.source.rows()
        if rows is None:
            return self._collect()
        pieces = orders.batched(rows.order(), self.size, self.drop_remainder)
        return (orders.gather(rows.arrays, piece) for piece in pieces)

    def _collect(self) -> Iterator:
        source = self.source.elements()
        while elements := list(islice(source, self.size)):
            if len(elements) < self.size and self.drop_remainder:
                return
            yield self.join(elements)

    def join(self, elements: list) -> Any:
        """A batch of elements."""
        try:
            return map_leaves(lambda *leaves: _stack(self.verb, leaves), *elements)
        except (KeyError, TypeError) as error:
            raise ValueError(f"Dataset.{self.verb}: elements differ in structure.") from error

    def cardinality(self) -> int:
        count = self.source.cardinality()
        if count < 0:
            return count
        return count // self.size if self.drop_remainder else -(-count // self.size)

    def spec(self) -> Any:
        size = self.size if self.drop_remainder else None
        return map_leaves(
            lambda s: TensorSpec((size, *(s.shape or ())), s.dtype) if s is not None else None,
            self.source.spec(),
        )


class PaddedBatch(Batch):
    """Batches of elements of different sizes, filled up at the end of each axis.

    Args:
        source: The elements.
        size: Elements in a batch.
        drop_remainder: Whether a smaller batch at the end is left out.
        shapes: A structure of shapes to fill up to, with `None` for the largest size in the batch.
        values: A structure of what to fill with, or one value for all.
    """

    verb = "padded_batch"

    def __init__(
        self, source: Node, size: int, drop_remainder: bool, shapes: Any, values: Any
    ) -> None:
        super().__init__(source, size, drop_remainder)
        self.shapes = shapes
        self.values = values

    def elements(self) -> Iterator:
        return self._collect()

    def join(self, elements: list) -> Any:
        like = elements[0]
        shapes = map_leaves(lambda _: None, like) if self.shapes is None else self.shapes
        values = self.values
        if not isinstance(values, (tuple, dict)):
            values = map_leaves(lambda _: self.values, like)
        shape_of = iter(_flatten_up_to(like, shapes))
        value_of = iter(_flatten_up_to(like, values))
        flat = [flatten(element) for element in elements]
        joined = iter(
            [_pad(leaves, next(shape_of), next(value_of)) for leaves in zip(*flat, strict=True)]
        )
        return _refill(like, joined)

    def spec(self) -> Any:
        size = self.size if self.drop_remainder else None
        inner = self.source.spec()
        shapes = iter(
            [None] * len(flatten(inner))
            if self.shapes is None
            else _flatten_up_to(inner, self.shapes)
        )

        def of_leaf(spec: Any) -> Any:
            shape = next(shapes)
            shape = [None] * len(spec.shape) if shape is None else _sizes(shape)
            return TensorSpec((size, *shape), spec.dtype)

        return _refill(inner, iter([of_leaf(leaf) for leaf in flatten(inner)]))


def _flatten_up_to(like: Any, structure: Any) -> list:
    """What stands in a structure where another one has its leaves, which may itself be a tuple."""
    if isinstance(like, dict):
        return [part for key in sorted(like) for part in _flatten_up_to(like[key], structure[key])]
    if isinstance(like, tuple):
        if len(like) != len(structure):
            raise ValueError(
                f"Dataset.padded_batch: expected {len(like)} shapes or values for the parts of an "
                f"element. Received: {structure!r}"
            )
        pairs = zip(like, structure, strict=True)
        return [part for inner, value in pairs for part in _flatten_up_to(inner, value)]
    return [structure]


def _refill(like: Any, leaves: Iterator) -> Any:
    if isinstance(like, dict):
        filled = {key: _refill(like[key], leaves) for key in sorted(like)}
        return type(like)((key, filled[key]) for key in like)
    if isinstance(like, tuple):
        items = [_refill(item, leaves) for item in like]
        return type(like)(*items) if hasattr(like, "_fields") else tuple(items)
    return next(leaves)


def _sizes(shape: Any) -> list:
    return [None if size in (None, -1) else int(size) for size in shape]


def _pad(leaves: tuple, shape: Any, value: Any) -> np.ndarray:
    arrays = [np.asarray(as_array(leaf)) for leaf in leaves]
    ranks = {array.ndim for array in arrays}
    if len(ranks) > 1:
        raise ValueError(
            f"Dataset.padded_batch: elements must have one rank. Received ranks {sorted(ranks)}"
        )
    largest = [max(sizes) for sizes in zip(*(array.shape for array in arrays), strict=True)]
    asked = [None] * len(largest) if shape is None else _sizes(shape)
    if len(asked) != len(largest):
        raise ValueError(
            f"Dataset.padded_batch: expected a shape of {len(largest)} sizes. Received: {shape!r}"
        )
    full = [have if want is None else want for want, have in zip(asked, largest, strict=True)]
    if any(have > want for want, have in zip(full, largest, strict=True)):
        raise ValueError(
            f"Dataset.padded_batch: an element of size {tuple(largest)} is larger than the shape "
            f"{tuple(full)} to fill up to."
        )
    text = arrays[0].dtype.kind == "O"
    if value is None:
        value = b"" if text else 0
    value = value.encode() if isinstance(value, str) else value
    out = np.full((len(arrays), *full), value, arrays[0].dtype)
    for row, array in enumerate(arrays):
        out[(row, *(slice(size) for size in array.shape))] = array
    return out


class Unbatch(Step):
    """The rows of each element."""

    def elements(self) -> Iterator:
        for element in self.source.elements():
            arrays = map_leaves(as_array, element)
            sizes = {array.shape[:1] for array in flatten(arrays) if array is not None}
            if len(sizes) != 1 or sizes == {()}:
                raise ValueError(
                    "Dataset.unbatch: all parts of an element must have the same first size. "
                    f"Received: {sorted(sizes)}"
                )
            for index in range(sizes.pop()[0]):
                yield map_leaves(lambda a, at=index: None if a is None else a[at], arrays)

    def cardinality(self) -> int:
        count = self.source.cardinality()
        if count <= 0:
            return count
        sizes = {spec.shape[:1] for spec in flatten(self.source.spec()) if spec is not None}
        size = sizes.pop()
        return UNKNOWN if sizes or size in ((), (None,)) else count * size[0]

    def spec(self) -> Any:
        return map_leaves(
            lambda s: None if s is None else TensorSpec(s.shape[1:], s.dtype), self.source.spec()
        )
