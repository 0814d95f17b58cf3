"""Layers that join several inputs, and the functions of the same names."""

from __future__ import annotations

from functools import reduce
from typing import Any

from nacre import ops
from nacre.layers.layer import Layer
from nacre.layers.shape_utils import is_shape
from nacre.losses.regression import l2_normalize


class Merge(Layer):
    """The base of elementwise merges: inputs of lower rank get axes of size 1 after the batch."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def _merge(self, inputs: list) -> Any:
        raise TypeError(f"{type(self).__name__} should define `_merge(self, inputs)`.")

    def _check_list(self, value: Any) -> None:
        if not isinstance(value, (list, tuple)) or not value or is_shape(value):
            raise ValueError(
                f"{self._label()}: expected a list of inputs. Received: {_summary(value)}"
            )

    def build(self, input_shape: Any) -> None:
        self._check_list(input_shape)
        self.compute_output_shape(input_shape)

    def call(self, inputs: Any) -> Any:
        self._check_list(inputs)
        rank = max(len(x.shape) for x in inputs)
        expanded = []
        for x in inputs:
            for _ in range(rank - len(x.shape)):
                x = ops.expand_dims(x, 1)
            expanded.append(x)
        return self._merge(expanded)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        shapes = [tuple(shape) for shape in input_shape]
        merged = shapes[0][1:]
        for shape in shapes[1:]:
            merged = _broadcast(merged, shape[1:], shapes, self._label())
        batches = {shape[0] for shape in shapes if shape} - {None}
        if len(batches - {1}) > 1:
            raise ValueError(
                f"{self._label()}: expected inputs of one batch size. Received shapes {shapes}."
            )
        return (max(batches) if batches and None not in [s[0] for s in shapes] else None, *merged)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        masks = previous_mask
        if masks is None or any(mask is None for mask in masks):
            return None
        return reduce(ops.logical_or, masks)


def _summary(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return f"one input of shape {tuple(shape)}" if shape is not None else repr(value)


def _broadcast(first: tuple, second: tuple, shapes: list, owner: str) -> tuple:
    if len(first) < len(second):
        first, second = second, first
    leading = len(first) - len(second)
    merged = list(first[:leading])
    for a, b in zip(first[leading:], second, strict=True):
        if a is None or b is None:
            merged.append(None if a in (None, 1) or b in (None, 1) else a)
        elif a != b and 1 not in (a, b):
            raise ValueError(
                f"{owner}: expected inputs of shapes that broadcast. Received shapes {shapes}."
            )
        else:
            merged.append(max(a, b) if 0 not in (a, b) else 0)
    return tuple(merged)


def _mask_like(x: Any) -> Any:
    """Return the mask of a tensor, extended over its last axis; None without one."""
    mask = getattr(x, "_keras_mask", None)
    if mask is None:
        return None
    return ops.broadcast_to(ops.expand_dims(mask, -1), x.dims)


def _merge_unmasked(op: Any, inputs: list) -> Any:
    """Merge so that a masked value gives way to the other ones."""
    outputs, kept = inputs[0], _mask_like(inputs[0])
    for x in inputs[1:]:
        mask = _mask_like(x)
        if mask is not None:
            x = ops.where(mask, x, outputs)
        if kept is not None:
            outputs = ops.where(kept, outputs, x)
        both = mask is not None and kept is not None
        kept = ops.logical_or(kept, mask) if both else None
        outputs = op(outputs, x)
    if kept is not None:
        outputs._keras_mask = ops.any(kept, axis=-1)
    return outputs


class Add(Merge):
    """Add the inputs.

    Args:
        **kwargs: As for `Layer`.
    """

    def _merge(self, inputs: list) -> Any:
        return reduce(ops.add, inputs)


class Subtract(Merge):
    """Subtract the second input from the first.

    Args:
        **kwargs: As for `Layer`.
    """

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        if len(input_shape) != 2:
            raise ValueError(f"{self._label()}: expected 2 inputs. Received: {len(input_shape)}")

    def _merge(self, inputs: list) -> Any:
        if len(inputs) != 2:
            raise ValueError(f"{self._label()}: expected 2 inputs. Received: {len(inputs)}")
        return ops.subtract(inputs[0], inputs[1])


class Multiply(Merge):
    """Multiply the inputs.

    Args:
        **kwargs: As for `Layer`.
    """

    def _merge(self, inputs: list) -> Any:
        masks = [_mask_like(x) for x in inputs]
        if all(mask is None for mask in masks):
            return reduce(ops.multiply, inputs)
        # A masked factor counts as 1; where all are masked, the product is 0.
        factors = [
            x if mask is None else ops.where(mask, x, ops.ones_like(x))
            for x, mask in zip(inputs, masks, strict=True)
        ]
        outputs = reduce(ops.multiply, factors)
        if any(mask is None for mask in masks):
            return outputs
        kept = reduce(ops.logical_or, masks)
        outputs = ops.where(kept, outputs, ops.zeros_like(outputs))
        outputs._keras_mask = ops.any(kept, axis=-1)
        return outputs


class Average(Merge):
    """Average the inputs.

    Args:
        **kwargs: As for `Layer`.
    """

    def _merge(self, inputs: list) -> Any:
        return ops.divide(reduce(ops.add, inputs), float(len(inputs)))


class Maximum(Merge):
    """Take the elementwise maximum of the inputs.

    Args:
        **kwargs: As for `Layer`.
    """

    def _merge(self, inputs: list) -> Any:
        return _merge_unmasked(ops.maximum, inputs)


class Minimum(Merge):
    """Take the elementwise minimum of the inputs.

    Args:
        **kwargs: As for `Layer`.
    """

    def _merge(self, inputs: list) -> Any:
        return _merge_unmasked(ops.minimum, inputs)


class Concatenate(Merge):
    """Join the inputs along an axis.

    Args:
        axis: The axis.
        **kwargs: As for `Layer`.
    """

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any) -> Any:
        self._check_list(inputs)
        return ops.concatenate(list(inputs), axis=self.axis)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        shapes = [tuple(shape) for shape in input_shape]
        merged = list(shapes[0])
        rank = len(merged)
        if any(len(shape) != rank for shape in shapes) or not -rank <= self.axis < rank:
            self._raise_mismatch(shapes)
        axis = self.axis % rank
        for shape in shapes[1:]:
            for i, size in enumerate(shape):
                if i == axis:
                    unknown = merged[i] is None or size is None
                    merged[i] = None if unknown else merged[i] + size
                elif merged[i] is None:
                    merged[i] = size
                elif size is not None and size != merged[i]:
                    self._raise_mismatch(shapes)
        return tuple(merged)

    def _raise_mismatch(self, shapes: list) -> None:
        raise ValueError(
            f"{self._label()}: expected inputs of one shape except at axis {self.axis}. "
            f"Received shapes {shapes}."
        )

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        masks = previous_mask
        if masks is None or all(mask is None for mask in masks):
            return None
        full = []
        for x, mask in zip(inputs, masks, strict=True):
            if mask is None:
                mask = ops.ones_like(x, dtype="bool")
            elif len(mask.shape) < len(x.shape):
                mask = ops.broadcast_to(ops.expand_dims(mask, -1), x.dims)
            full.append(mask)
        return ops.any(ops.concatenate(full, axis=self.axis), axis=-1)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("axis")}


class Dot(Merge):
    """Compute products summed along one axis of each of two inputs, sample by sample.

    Args:
        axes: The axis, or one for each input; not the batch axis.
        normalize: Whether to scale to length 1 along the axes beforehand.
        **kwargs: As for `Layer`.
    """

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        pair = [axes, axes] if isinstance(axes, int) else axes
        if (
            not isinstance(pair, (list, tuple))
            or len(pair) != 2
            or not all(isinstance(axis, int) for axis in pair)
        ):
            raise ValueError(
                f"{self._label()}: expected `axes` to be an int or two ints. Received: {axes!r}"
            )
        self.axes = axes
        self.normalize = normalize
        self.supports_masking = True

    def _pair(self, shapes: list) -> tuple[int, int]:
        axes = [self.axes, self.axes] if isinstance(self.axes, int) else self.axes
        first, second = (axis % len(shape) for axis, shape in zip(axes, shapes, strict=True))
        if first == 0 or second == 0:
            raise ValueError(f"{self._label()}: the batch axis cannot be summed over.")
        return first, second

    def compute_output_shape(self, input_shape: Any) -> tuple:
        shapes = [tuple(shape) for shape in input_shape]
        if len(shapes) != 2 or any(len(shape) < 2 for shape in shapes):
            raise ValueError(
                f"{self._label()}: expected 2 inputs of rank at least 2. Received shapes {shapes}."
            )
        first, second = self._pair(shapes)
        sizes = shapes[0][first], shapes[1][second]
        if None not in sizes and sizes[0] != sizes[1]:
            raise ValueError(
                f"{self._label()}: expected equal sizes at axes {first} and {second}. "
                f"Received shapes {shapes}."
            )
        kept = [size for i, size in enumerate(shapes[0]) if i != first]
        kept += [size for i, size in enumerate(shapes[1]) if i not in (0, second)]
        return tuple(kept) if len(kept) > 1 else (*kept, 1)

    def call(self, inputs: Any) -> Any:
        self._check_list(inputs)
        x, y = inputs
        first, second = self._pair([x.shape, y.shape])
        if self.normalize:
            x, y = l2_normalize(x, first), l2_normalize(y, second)
        left = [i for i in range(1, len(x.shape)) if i != first]
        right = [i for i in range(1, len(y.shape)) if i != second]
        rows = [x.dims[i] for i in left]
        columns = [y.dims[i] for i in right]
        x = ops.reshape(
            ops.transpose(x, (0, *left, first)), (x.dims[0], _product(rows), x.dims[first])
        )
        y = ops.reshape(
            ops.transpose(y, (0, second, *right)), (y.dims[0], y.dims[second], _product(columns))
        )
        shape = (x.dims[0], *rows, *columns)
        return ops.reshape(ops.matmul(x, y), shape if len(shape) > 1 else (*shape, 1))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        return None

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("axes", "normalize")}


def _product(dims: list) -> Any:
    size: Any = 1
    for dim in dims:
        size = size * dim
    return size


def add(inputs: Any, **kwargs: Any) -> Any:
    """Add inputs; the function of `Add`."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """Subtract the second of two inputs from the first; the function of `Subtract`."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """Multiply inputs; the function of `Multiply`."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """Average inputs; the function of `Average`."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """Take the maximum of inputs; the function of `Maximum`."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """Take the minimum of inputs; the function of `Minimum`."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """Join inputs along an axis; the function of `Concatenate`."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """Multiply two inputs and sum along axes; the function of `Dot`."""
    return Dot(axes=axes, **kwargs)(inputs)
