"""Einstein summation, reduced to transposes, reshapes and matrix products."""

from __future__ import annotations

import builtins
from typing import Any

from nacre.ops._common import (
    Shape,
    Tensor,
    binary,
    call,
    cast,
    element_count,
    reshape_to,
    sum_dtype,
    tensor,
    transpose_to,
)
from nacre.ops._dispatch import keras_op
from nacre.ops.binary_ops import promoted
from nacre.ops.contraction import multiply_matrices
from nacre.ops.joining import diagonal
from nacre.ops.reduce import reduce_over

__all__ = ["einsum"]

# Labels of the axes that an ellipsis stands for; letters are the user's.
_ELLIPSIS_LABELS = "0123456789"


def parse(subscripts: str, ranks: list[int]) -> tuple[list[str], str]:
    """Labels of each operand and of the result, ellipses written out."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(
            f"einsum: {subscripts!r} names {len(terms)} operands. Received: {len(ranks)}"
        )
    longest = 0
    for term, rank in zip(terms, ranks, strict=True):
        letters = term.replace("...", "", 1)
        if not all(c.isalpha() for c in letters):
            raise ValueError(f"einsum: expected letters, ',', '->' and '...'. Got {subscripts!r}")
        extra = rank - len(letters)
        if extra < 0 or (extra and "..." not in term):
            raise ValueError(
                f"einsum: the term {term!r} of {subscripts!r} has {len(letters)} axes. "
                f"Received: an operand of rank {rank}"
            )
        longest = builtins.max(longest, extra)
    if longest > len(_ELLIPSIS_LABELS):
        raise ValueError("einsum: an ellipsis may stand for at most 10 axes")
    dots = _ELLIPSIS_LABELS[:longest]
    inputs = []
    for term, rank in zip(terms, ranks, strict=True):
        extra = rank - len(term.replace("...", "", 1))
        inputs.append(term.replace("...", dots[longest - extra :]))
    if arrow:
        output = right.replace("...", dots)
    else:
        counts = "".join(terms).replace("...", "")
        output = dots + "".join(sorted(c for c in set(counts) if counts.count(c) == 1))
    for label in output:
        if output.count(label) > 1 or not any(label in term for term in inputs):
            raise ValueError(
                f"einsum: each axis of the result of {subscripts!r} must be named once and occur "
                "in some operand"
            )
    return inputs, output


def _without_repeats(x: Tensor, labels: str) -> tuple[Tensor, str]:
    """Takes the diagonal of axes that share a label."""
    for label in labels:
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            x = diagonal(x, 0, first, second)
            labels = labels[:first] + labels[first + 1 : second] + labels[second + 1 :] + label
    return x, labels


def _sum_out(x: Tensor, labels: str, keep: set[str]) -> tuple[Tensor, str]:
    """Sums axes that occur nowhere else."""
    axes = [i for i, label in enumerate(labels) if label not in keep]
    if not axes:
        return x, labels
    return reduce_over("reduce_sum", x, axes), "".join(c for c in labels if c in keep)


def _dims_of(label: str, x: Tensor, labels: str) -> Any:
    return x.dims[labels.index(label)]


def _check_sizes(a: Tensor, la: str, b: Tensor, lb: str, subscripts: str) -> None:
    for label in la:
        if label in lb:
            m, n = _dims_of(label, a, la), _dims_of(label, b, lb)
            if isinstance(m, int) and isinstance(n, int) and m != n and 1 not in (m, n):
                raise ValueError(
                    f"einsum: axis {label!r} of {subscripts!r} has size {m} in one operand and "
                    f"{n} in another"
                )


def _contract(
    a: Tensor, la: str, b: Tensor, lb: str, keep: set[str], subscripts: str
) -> tuple[Tensor, str]:
    """Two operands as one, summing what occurs in neither `keep` nor outside of them."""
    _check_sizes(a, la, b, lb, subscripts)
    a, la = _sum_out(a, la, keep | set(lb))
    b, lb = _sum_out(b, lb, keep | set(la))
    batch = [c for c in la if c in lb and c in keep]
    inner = [c for c in la if c in lb and c not in keep]
    free_a = [c for c in la if c not in lb]
    free_b = [c for c in lb if c not in la]
    # A size 1 against n in a summed axis broadcasts, as in NumPy.
    a = _match(a, la, b, lb, inner)
    b = _match(b, lb, a, la, inner)
    if not inner:
        return _multiply(a, la, b, lb, batch, free_a, free_b)

    def grouped(x: Tensor, labels: str, groups: list[list[str]]) -> Tensor:
        x = transpose_to(x, [labels.index(c) for group in groups for c in group])
        dims = x.dims
        at = len(groups[0])
        shape = list(dims[:at])
        for group in groups[1:]:
            shape.append(element_count(dims[at : at + len(group)]))
            at += len(group)
        return x if shape == list(dims) else reshape_to(x, shape)

    rows = [_dims_of(c, a, la) for c in free_a]
    columns = [_dims_of(c, b, lb) for c in free_b]
    # Whichever order of the last two groups needs no transpose is told to the product.
    flip_a = _stands_last(la, batch, inner, free_a)
    flip_b = _stands_last(lb, batch, free_b, inner)
    left = grouped(a, la, [batch, inner, free_a] if flip_a else [batch, free_a, inner])
    right = grouped(b, lb, [batch, free_b, inner] if flip_b else [batch, inner, free_b])
    product = multiply_matrices(left, right, flip_a, flip_b)
    lead = list(product.dims[: len(batch)])
    labels = "".join(batch + free_a + free_b)
    shape = [*lead, *rows, *columns]
    return (product if shape == list(product.dims) else reshape_to(product, shape)), labels


def _stands_last(labels: str, batch: list[str], first: list[str], last: list[str]) -> bool:
    """Whether the labels already stand in the order batch, first, last."""
    return bool(first and last) and labels == "".join(batch + first + last)


def _match(x: Tensor, lx: str, y: Tensor, ly: str, labels: list[str]) -> Tensor:
    dims = list(x.dims)
    for label in labels:
        i = lx.index(label)
        if dims[i] == 1:
            dims[i] = _dims_of(label, y, ly)
    if dims == list(x.dims):
        return x
    return call("broadcast_to", [x], {"shape": Shape(dims)})


def _multiply(
    a: Tensor,
    la: str,
    b: Tensor,
    lb: str,
    batch: list[str],
    free_a: list[str],
    free_b: list[str],
) -> tuple[Tensor, str]:
    """Operands with nothing to sum between them: a broadcast product."""
    labels = batch + free_a + free_b

    def spread(x: Tensor, own: str) -> Tensor:
        x = transpose_to(x, [own.index(c) for c in labels if c in own])
        dims = iter(x.dims)
        shape = [next(dims) if c in own else 1 for c in labels]
        return x if shape == list(x.dims) else reshape_to(x, shape)

    return binary("mul", spread(a, la), spread(b, lb)), "".join(labels)


@keras_op
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Tensor:
    """Sums of products, written with a letter for each axis, such as `"bij,bjk->bik"`.

    Args:
        subscripts: the letters of each operand and, after `->`, of the result.
        *operands: the tensors.
        **kwargs: `optimize` is accepted; operands are always contracted from left to right.
    """
    kwargs.pop("optimize", None)
    kwargs.pop("precision", None)
    if kwargs:
        raise TypeError(f"einsum: unknown arguments {sorted(kwargs)}")
    if not operands:
        raise ValueError("einsum: expected at least one operand")
    items, dtype = promoted(*(tensor(x) for x in operands))
    wide = sum_dtype(dtype)
    items = [cast(x, wide) for x in items]
    inputs, output = parse(subscripts, [x.ndim for x in items])
    terms = [_without_repeats(x, labels) for x, labels in zip(items, inputs, strict=True)]
    result, labels = terms[0]
    for i in range(1, len(terms)):
        keep = set(output).union(*(set(labels) for _, labels in terms[i + 1 :]))
        result, labels = _contract(result, labels, *terms[i], keep, subscripts)
    result, labels = _sum_out(result, labels, set(output))
    return transpose_to(result, [labels.index(c) for c in output])
