"""Matrix products and what is made of them."""

from __future__ import annotations

import builtins
import operator
from typing import Any

from nacre.ops._common import (
    Tensor,
    as_float,
    binary,
    call,
    cast,
    element_count,
    normalize_axis,
    reshape_to,
    sum_dtype,
    transpose_to,
)
from nacre.ops._dispatch import keras_op
from nacre.ops.binary_ops import promoted
from nacre.ops.reduce import reduce_over
from nacre.ops.shaping import moveaxis, ravel

__all__ = [
    "cdist",
    "correlate",
    "cross",
    "dot",
    "inner",
    "kron",
    "matmul",
    "outer",
    "tensordot",
    "vdot",
]


def multiply_matrices(
    a: Tensor, b: Tensor, transpose_a: bool = False, transpose_b: bool = False
) -> Tensor:
    """The matrix product primitive, on operands of one dtype and rank 2 or more."""
    return call("matmul", [a, b], {"transpose_a": transpose_a, "transpose_b": transpose_b})


def factors(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    """Operands of a contraction: one dtype, wide enough for the sums."""
    (x1, x2), dtype = promoted(x1, x2)
    wide = sum_dtype(dtype)
    return (x1, x2) if wide == dtype else (cast(x1, wide), cast(x2, wide))


@keras_op
def matmul(x1: Any, x2: Any) -> Tensor:
    """The matrix product; leading axes broadcast.

    Args:
        x1: the left factor; a vector counts as a row.
        x2: the right factor; a vector counts as a column.
    """
    a, b = factors(x1, x2)
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError(
            f"matmul: expected tensors of rank 1 or more. Received: shapes {a.shape} and {b.shape}"
        )
    row, column = a.ndim == 1, b.ndim == 1
    if row:
        a = reshape_to(a, [1, *a.dims])
    if column:
        b = reshape_to(b, [*b.dims, 1])
    result = multiply_matrices(a, b)
    if not (row or column):
        return result
    dims = list(result.dims)
    if column:
        dims.pop()
    if row:
        dims.pop(-1 if column else -2)
    return reshape_to(result, dims)


@keras_op
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Tensor:
    """The sum of products over several axes.

    Args:
        x1: the left tensor.
        x2: the right tensor.
        axes: how many of the last axes of `x1` meet as many of the first of `x2`, or two lists
            of axes that meet.
    """
    a, b = factors(x1, x2)
    if isinstance(axes, int):
        if not 0 <= axes <= builtins.min(a.ndim, b.ndim):
            raise ValueError(
                f"tensordot: expected axes between 0 and {builtins.min(a.ndim, b.ndim)}. "
                f"Received: axes={axes}"
            )
        left, right = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    else:
        first, second = axes
        first = first if isinstance(first, (list, tuple)) else [first]
        second = second if isinstance(second, (list, tuple)) else [second]
        left = [normalize_axis(i, a.ndim) for i in first]
        right = [normalize_axis(i, b.ndim) for i in second]
        if len(left) != len(right):
            raise ValueError(
                f"tensordot: expected as many axes of x1 as of x2. Received: axes={axes}"
            )
    for i, j in zip(left, right, strict=True):
        m, n = a.dims[i], b.dims[j]
        if isinstance(m, int) and isinstance(n, int) and m != n:
            raise ValueError(
                f"tensordot: axis {i} of x1 and axis {j} of x2 must have equal sizes. "
                f"Received: shapes {a.shape} and {b.shape}"
            )
    free_a = [i for i in range(a.ndim) if i not in left]
    free_b = [i for i in range(b.ndim) if i not in right]
    inner_size = element_count([a.dims[i] for i in left])
    rows = [a.dims[i] for i in free_a]
    columns = [b.dims[i] for i in free_b]
    a = reshape_to(transpose_to(a, free_a + left), [element_count(rows), inner_size])
    b = reshape_to(transpose_to(b, right + free_b), [inner_size, element_count(columns)])
    return reshape_to(multiply_matrices(a, b), rows + columns)


@keras_op
def dot(x1: Any, x2: Any) -> Tensor:
    """The sum of products over the last axis of `x1` and the second to last (or only) of `x2`."""
    a, b = factors(x1, x2)
    if a.ndim == 0 or b.ndim == 0:
        return binary("mul", a, b)
    if b.ndim == 1:
        return tensordot(a, b, [[a.ndim - 1], [0]])
    return tensordot(a, b, [[a.ndim - 1], [b.ndim - 2]])


@keras_op
def inner(x1: Any, x2: Any) -> Tensor:
    """The sum of products over the last axes of both."""
    a, b = factors(x1, x2)
    if a.ndim == 0 or b.ndim == 0:
        return binary("mul", a, b)
    return tensordot(a, b, [[a.ndim - 1], [b.ndim - 1]])


@keras_op
def vdot(x1: Any, x2: Any) -> Tensor:
    """The sum of products of the flattened tensors."""
    a, b = factors(x1, x2)
    return tensordot(ravel(a), ravel(b), 1)


@keras_op
def outer(x1: Any, x2: Any) -> Tensor:
    """Every element of one flattened tensor times every element of the other."""
    (a, b), _ = promoted(x1, x2)
    a, b = ravel(a), ravel(b)
    return binary("mul", reshape_to(a, [a.dims[0], 1]), reshape_to(b, [1, b.dims[0]]))


@keras_op
def kron(x1: Any, x2: Any) -> Tensor:
    """The Kronecker product."""
    (a, b), _ = promoted(x1, x2)
    ndim = builtins.max(a.ndim, b.ndim)
    m = [1] * (ndim - a.ndim) + list(a.dims)
    n = [1] * (ndim - b.ndim) + list(b.dims)
    a = reshape_to(a, [d for size in m for d in (size, 1)])
    b = reshape_to(b, [d for size in n for d in (1, size)])
    return reshape_to(binary("mul", a, b), [p * q for p, q in zip(m, n, strict=True)])


@keras_op
def cross(
    x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Tensor:
    """The cross product of vectors of size 2 or 3.

    Args:
        x1: the left vectors.
        x2: the right vectors.
        axisa: the axis of the vectors in `x1`.
        axisb: the axis of the vectors in `x2`.
        axisc: the axis of the vectors in the result, unless both have size 2.
        axis: if given, stands for all three.
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    (a, b), _ = promoted(x1, x2)
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    sizes = (a.dims[-1], b.dims[-1])
    if sizes[0] not in (2, 3) or sizes[1] not in (2, 3):
        raise ValueError(f"cross: expected vectors of size 2 or 3. Received: sizes {sizes}")

    def parts(x: Tensor) -> list[Tensor | None]:
        from nacre.ops.joining import unstack

        pieces: list[Tensor | None] = list(unstack(x, axis=-1))
        return pieces if len(pieces) == 3 else [*pieces, None]

    def times(p: Tensor | None, q: Tensor | None) -> Tensor | None:
        return None if p is None or q is None else binary("mul", p, q)

    def minus(p: Tensor | None, q: Tensor | None) -> Tensor:
        if p is None:
            return call("neg", [q])
        return p if q is None else binary("sub", p, q)

    (a1, a2, a3), (b1, b2, b3) = parts(a), parts(b)
    last = minus(times(a1, b2), times(a2, b1))
    if sizes == (2, 2):
        return last
    first = minus(times(a2, b3), times(a3, b2))
    second = minus(times(a3, b1), times(a1, b3))
    dims = list(last.dims)
    rows = [reshape_to(p, [*dims, 1]) for p in (first, second, last)]
    return moveaxis(call("concat", rows, {"axis": len(dims)}), -1, axisc)


@keras_op
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Tensor:
    """The cross-correlation of two vectors.

    Args:
        x1: a vector.
        x2: a vector.
        mode: `"valid"`, `"same"` or `"full"`: where the shorter one must lie in the longer.
    """
    a, b = factors(x1, x2)
    if a.ndim != 1 or b.ndim != 1:
        raise ValueError(f"correlate: expected vectors. Received: shapes {a.shape}, {b.shape}")
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"correlate: expected mode 'valid', 'same' or 'full'. Received: {mode!r}")
    n, m = operator.index(a.dims[0]), operator.index(b.dims[0])
    if n == 0 or m == 0:
        raise ValueError("correlate: expected vectors that are not empty")
    from nacre.ops.joining import pad
    from nacre.ops.shaping import flip, slice_along

    swapped = m > n
    if swapped:
        a, b, n, m = b, a, m, n
    before, after = {
        "valid": (0, 0),
        "full": (m - 1, m - 1),
        "same": (m // 2, m - 1 - m // 2) if not swapped else ((m - 1) // 2, m - 1 - (m - 1) // 2),
    }[mode]
    a = pad(a, [(before, after)])
    length = n + before + after - m + 1
    total: Any = None
    for i in range(m):
        term = binary("mul", slice_along(a, 0, i, length), slice_along(b, 0, i, 1))
        total = term if total is None else binary("add", total, term)
    return flip(total) if swapped else total


@keras_op
def cdist(x: Any, y: Any) -> Tensor:
    """The Euclidean distance of every row of one tensor from every row of another.

    Args:
        x: `(..., n, d)`.
        y: `(..., m, d)`.

    Returns:
        `(..., n, m)`.
    """
    a, b = as_float(x), as_float(y)
    (a, b), _ = promoted(a, b)
    if a.ndim < 2 or b.ndim < 2:
        raise ValueError(f"cdist: expected rows of vectors. Received: {a.shape} and {b.shape}")
    left = reshape_to(a, [*a.dims[:-1], 1, a.dims[-1]])
    right = reshape_to(b, [*b.dims[:-2], 1, *b.dims[-2:]])
    gaps = call("square", [binary("sub", left, right)])
    return call("sqrt", [reduce_over("reduce_sum", gaps, [gaps.ndim - 1])])
