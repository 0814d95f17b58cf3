"""Reshaping, transposing, broadcasting and repeating."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from nacre.ops._common import (
    Dim,
    Shape,
    Tensor,
    argument_axes,
    as_index,
    call,
    element_count,
    is_concrete,
    normalize_axes,
    normalize_axis,
    reshape_to,
    shape_argument,
    tensor,
    transpose_to,
)
from nacre.ops._dispatch import keras_op

__all__ = [
    "broadcast_to",
    "expand_dims",
    "flip",
    "fliplr",
    "flipud",
    "moveaxis",
    "ravel",
    "rearrange",
    "repeat",
    "reshape",
    "roll",
    "rot90",
    "squeeze",
    "swapaxes",
    "tile",
    "transpose",
]


def resolve_shape(dims: list[Any], target: list[Any]) -> list[Any]:
    """Replaces a -1 in a new shape by what the element count leaves for it."""
    unknown = [i for i, d in enumerate(target) if not isinstance(d, Dim) and d == -1]
    if any(not isinstance(d, Dim) and d < -1 for d in target) or len(unknown) > 1:
        raise ValueError(
            "reshape: expected sizes >= 0, at most one of them -1. "
            f"Received: newshape={tuple(target)}"
        )
    if not unknown:
        return target
    rest = list(target)
    rest.pop(unknown[0])
    # Equal sizes cancel, so that (batch, ...) -> (batch, -1) needs no symbolic division.
    have, want = list(dims), []
    for dim in rest:
        if isinstance(dim, Dim) and dim in have:
            have.remove(dim)
        else:
            want.append(dim)
    total, known = element_count(have), element_count(want)
    if isinstance(total, int) and isinstance(known, int):
        if known == 0 or total % known:
            raise ValueError(
                f"reshape: cannot arrange the elements of shape {_text(dims)} "
                f"in the shape {_text(target)}"
            )
        size: Any = total // known
    elif isinstance(known, int) and known == 1:
        size = total
    else:
        size = total // known
    result = list(target)
    result[unknown[0]] = size
    return result


def _text(dims: Any) -> str:
    return "(" + ", ".join(str(d) for d in dims) + ("," if len(dims) == 1 else "") + ")"


def _without_none(newshape: Any, dims: list[Any]) -> Any:
    """`None` is an unknown size: the one to be found, or, beside a -1, that of the same axis."""
    if not isinstance(newshape, (list, tuple)) or None not in newshape:
        return newshape
    known = [d for d in newshape if d is not None]
    if len(known) == len(newshape) - 1 and not any(isinstance(d, int) and d == -1 for d in known):
        return [-1 if d is None else d for d in newshape]
    return [dims[i] if d is None and i < len(dims) else d for i, d in enumerate(newshape)]


@keras_op
def reshape(x: Any, newshape: Any) -> Tensor:
    """The same elements in another shape.

    Args:
        x: the tensor.
        newshape: the new shape; one size may be -1 and follows from the others.
    """
    x = tensor(x)
    dims = list(x.dims)
    target = shape_argument(_without_none(newshape, dims), "newshape")
    target = resolve_shape(dims, target)
    return x if target == dims else reshape_to(x, target)


@keras_op
def ravel(x: Any) -> Tensor:
    """The elements in one axis."""
    x = tensor(x)
    return x if x.ndim == 1 else reshape_to(x, [element_count(x.dims)])


@keras_op
def transpose(x: Any, axes: Any = None) -> Tensor:
    """Permutes the axes.

    Args:
        x: the tensor.
        axes: for each axis of the result, which axis of `x` it is; `None` reverses them.
    """
    x = tensor(x)
    if axes is None:
        return transpose_to(x, range(x.ndim - 1, -1, -1))
    perm = argument_axes(list(axes), x.ndim)
    if sorted(perm) != list(range(x.ndim)):
        raise ValueError(
            f"transpose: expected axes to name each of the {x.ndim} axes once. "
            f"Received: axes={tuple(axes)}"
        )
    return transpose_to(x, perm)


@keras_op
def moveaxis(x: Any, source: Any, destination: Any) -> Tensor:
    """Moves axes to other places; the rest keep their order."""
    x = tensor(x)
    source, destination = argument_axes(source, x.ndim), argument_axes(destination, x.ndim)
    if len(source) != len(destination) or len(set(source)) != len(source):
        raise ValueError(
            "moveaxis: expected as many destinations as distinct sources. "
            f"Received: source={source}, destination={destination}"
        )
    perm = [a for a in range(x.ndim) if a not in source]
    for to, axis in sorted(zip(destination, source, strict=True)):
        perm.insert(to, axis)
    return transpose_to(x, perm)


@keras_op
def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """Exchanges two axes."""
    x = tensor(x)
    perm = list(range(x.ndim))
    a, b = normalize_axis(axis1, x.ndim, "axis1"), normalize_axis(axis2, x.ndim, "axis2")
    perm[a], perm[b] = perm[b], perm[a]
    return transpose_to(x, perm)


@keras_op
def expand_dims(x: Any, axis: Any) -> Tensor:
    """Inserts axes of size 1.

    Args:
        x: the tensor.
        axis: where they stand in the result: an integer or several.
    """
    x = tensor(x)
    count = len(axis) if isinstance(axis, (list, tuple)) else 1
    axes = normalize_axes(axis, x.ndim + count)
    rest = iter(x.dims)
    return reshape_to(x, [1 if a in axes else next(rest) for a in range(x.ndim + count)])


@keras_op
def squeeze(x: Any, axis: Any = None) -> Tensor:
    """Removes axes of size 1.

    Args:
        x: the tensor.
        axis: which ones; `None` means all of size 1.
    """
    x = tensor(x)
    if axis is None:
        axes = [a for a, d in enumerate(x.dims) if d == 1]
    else:
        axes = normalize_axes(axis, x.ndim)
        for a in axes:
            if x.dims[a] != 1:
                raise ValueError(
                    f"squeeze: expected axis {a} to have size 1. Received: shape {x.shape}"
                )
    if not axes:
        return x
    return reshape_to(x, [d for a, d in enumerate(x.dims) if a not in axes])


@keras_op
def broadcast_to(x: Any, shape: Any) -> Tensor:
    """Repeats axes of size 1, and adds axes in front, until the shape is reached."""
    x = tensor(x)
    return call("broadcast_to", [x], {"shape": Shape(shape_argument(shape))})


@keras_op
def flip(x: Any, axis: Any = None) -> Tensor:
    """Reverses the order of elements along axes; `None` means all of them."""
    x = tensor(x)
    axes = normalize_axes(axis, x.ndim)
    return call("reverse", [x], {"axes": axes}) if axes else x


@keras_op
def fliplr(x: Any) -> Tensor:
    """Reverses the order along axis 1."""
    return flip(x, axis=1)


@keras_op
def flipud(x: Any) -> Tensor:
    """Reverses the order along axis 0."""
    return flip(x, axis=0)


@keras_op
def rot90(array: Any, k: int = 1, axes: Any = (0, 1)) -> Tensor:
    """Rotates by 90 degrees, `k` times, in the plane of two axes, from the first to the second."""
    x = tensor(array)
    if len(axes) != 2:
        raise ValueError(f"rot90: expected two axes. Received: axes={axes}")
    a, b = (normalize_axis(axis, x.ndim) for axis in axes)
    if a == b:
        raise ValueError(f"rot90: expected two different axes. Received: axes={axes}")
    k = operator.index(k) % 4
    if k == 0:
        return x
    if k == 2:
        return call("reverse", [x], {"axes": sorted((a, b))})
    perm = list(range(x.ndim))
    perm[a], perm[b] = b, a
    if k == 1:
        return transpose_to(call("reverse", [x], {"axes": [b]}), perm)
    return call("reverse", [transpose_to(x, perm)], {"axes": [b]})


def slice_along(x: Tensor, axis: int, start: Any, size: Any) -> Tensor:
    """`size` elements from `start` along one axis."""
    dims = list(x.dims)
    starts: list[Any] = [0] * len(dims)
    starts[axis], dims[axis] = start, size
    return call(
        "slice", [x], {"start": Shape(starts), "size": Shape(dims), "stride": [1] * len(dims)}
    )


@keras_op
def roll(x: Any, shift: Any, axis: Any = None) -> Tensor:
    """Moves elements along axes; what leaves at one end comes back at the other.

    Args:
        x: the tensor.
        shift: by how much: an integer, or one per axis.
        axis: an axis or several; `None` rolls the flattened tensor.
    """
    x = tensor(x)
    if axis is None:
        return reshape_to(roll(ravel(x), shift, 0), x.dims)
    axes = argument_axes(axis, x.ndim)
    shifts = list(shift) if isinstance(shift, (list, tuple)) else [shift] * len(axes)
    if len(axes) == 1 and len(shifts) > 1:
        axes = axes * len(shifts)
    if len(shifts) != len(axes):
        raise ValueError(f"roll: expected one shift per axis. Received: shift={shift}, axis={axis}")
    for by, along in zip(shifts, axes, strict=True):
        size = x.dims[along]
        by = operator.index(by)
        if isinstance(size, int):
            by = by % size if size else 0
        if by == 0:
            continue
        split = size - by if by > 0 else -by
        left = slice_along(x, along, 0, split)
        right = slice_along(x, along, split, size - split)
        x = call("concat", [right, left], {"axis": along})
    return x


@keras_op
def tile(x: Any, repeats: Any) -> Tensor:
    """Lays copies of a tensor side by side.

    Args:
        x: the tensor.
        repeats: how many along each axis; missing axes are added in front on either side.
    """
    x = tensor(x)
    counts = shape_argument(repeats, "repeats")
    dims = list(x.dims)
    dims = [1] * (len(counts) - len(dims)) + dims
    counts = [1] * (len(dims) - len(counts)) + counts
    if all(isinstance(c, int) and c == 1 for c in counts):
        return reshape_to(x, dims)
    split: list[Any] = []
    wide: list[Any] = []
    for count, dim in zip(counts, dims, strict=True):
        split += [1, dim]
        wide += [count, dim]
    copies = call("broadcast_to", [reshape_to(x, split)], {"shape": Shape(wide)})
    return reshape_to(copies, [c * d for c, d in zip(counts, dims, strict=True)])


@keras_op
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Tensor:
    """Repeats each element.

    Args:
        x: the tensor.
        repeats: how often: an integer, or one for each element along the axis.
        axis: the axis; `None` means that of the flattened tensor.
    """
    x = tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = normalize_axis(axis, x.ndim)
    dims = list(x.dims)
    if isinstance(repeats, Dim):
        count: Any = repeats
    else:
        if not is_concrete(repeats):
            raise TypeError("repeat: repeats must be known while tracing. Received: a tensor")
        counts = np.asarray(repeats)
        if counts.size > 1:
            if counts.shape != (dims[axis],):
                raise ValueError(
                    f"repeat: expected one count for each of the {dims[axis]} elements along "
                    f"axis {axis}. Received: repeats of shape {counts.shape}"
                )
            index = np.repeat(np.arange(dims[axis]), counts)
            return call("gather", [x, as_index(index, dims[axis])], {"axis": axis})
        count = int(counts.reshape(()))
    wide = [*dims[: axis + 1], count, *dims[axis + 1 :]]
    split = [*dims[: axis + 1], 1, *dims[axis + 1 :]]
    copies = call("broadcast_to", [reshape_to(x, split)], {"shape": Shape(wide)})
    dims[axis] = dims[axis] * count
    return reshape_to(copies, dims)


def _pattern_groups(side: str) -> list[list[str]]:
    groups: list[list[str]] = []
    inside = False
    for token in side.replace("(", " ( ").replace(")", " ) ").split():
        if token in "()":
            inside = token == "("
            if inside:
                groups.append([])
        elif inside:
            groups[-1].append(token)
        else:
            groups.append([token])
    return groups


@keras_op
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Tensor:
    """Splits, permutes and merges axes as a pattern says, for example `"b (h w) c -> b h w c"`.

    Args:
        tensor: the tensor.
        pattern: the axes before and after, parentheses around those that are merged.
        **axes_lengths: sizes of axes that cannot be found from the shape.
    """
    x = _to_tensor(tensor)
    left, arrow, right = pattern.partition("->")
    if not arrow:
        raise ValueError(f"rearrange: expected '->' in the pattern. Received: {pattern!r}")
    before, after = _pattern_groups(left), _pattern_groups(right)
    if len(before) != x.ndim:
        raise ValueError(
            f"rearrange: the pattern {pattern!r} has {len(before)} axes. Received: shape {x.shape}"
        )
    sizes: dict[str, Any] = dict(axes_lengths)
    names: list[str] = []
    for group, dim in zip(before, x.dims, strict=True):
        unknown = [n for n in group if n not in sizes]
        if len(unknown) > 1:
            raise ValueError(f"rearrange: the sizes of {unknown} in {pattern!r} must be given")
        known = element_count([sizes[n] for n in group if n in sizes])
        if unknown:
            sizes[unknown[0]] = dim if isinstance(known, int) and known == 1 else dim // known
        names += group
    flat = [name for group in after for name in group]
    if sorted(flat) != sorted(names) or len(set(names)) != len(names):
        raise ValueError(f"rearrange: both sides of {pattern!r} must name the same axes, each once")
    x = reshape_to(x, [sizes[name] for name in names])
    x = transpose_to(x, [names.index(name) for name in flat])
    return reshape_to(x, [element_count([sizes[n] for n in group]) for group in after])


_to_tensor = tensor
