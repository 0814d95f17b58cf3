"""Loops and branches inside traced functions."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from nacre import _core, tree
from nacre.ops._common import (
    Dim,
    Tensor,
    binary,
    call,
    is_concrete,
    normalize_axis,
    reshape_to,
    tensor,
)
from nacre.ops._dispatch import keras_op
from nacre.ops.shaping import slice_along

__all__ = [
    "associative_scan",
    "cond",
    "fori_loop",
    "map",
    "scan",
    "switch",
    "vectorize",
    "vectorized_map",
    "while_loop",
]


def _tensors(structure: Any) -> list[Tensor]:
    return [tensor(leaf) for leaf in tree.flatten(structure) if leaf is not None]


def _without_none(structure: Any) -> tuple[list[Tensor], Callable[[list[Tensor]], Any]]:
    """The tensors of a structure, and how to put others in their place; `None` stays."""
    leaves = tree.flatten(structure)
    places = [leaf is not None for leaf in leaves]

    def pack(tensors: Any) -> Any:
        rest = iter(tensors)
        return tree.pack_sequence_as(structure, [next(rest) if p else None for p in places])

    return [tensor(leaf) for leaf in leaves if leaf is not None], pack


@keras_op
def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """What one of two functions returns.

    Args:
        pred: a boolean scalar. Where its value is known, only that branch is traced.
        true_fn: called without arguments when `pred` is true.
        false_fn: called without arguments when it is not; must return the same structure.
    """
    if is_concrete(pred):
        value = pred.numpy() if isinstance(pred, (Tensor, _core.Variable)) else pred
        return true_fn() if bool(value) else false_fn()
    packers: list[Any] = []
    structures: list[Any] = []

    def branch(function: Callable[[], Any]) -> Callable[[], list[Tensor]]:
        def run() -> list[Tensor]:
            result = function()
            leaves, pack = _without_none(result)
            packers.append(pack)
            structures.append(tree.map_structure(lambda leaf: leaf is None, result))
            return leaves

        return run

    results = _core.cond(tensor(pred, "bool"), branch(true_fn), branch(false_fn))
    if structures[0] != structures[-1]:
        raise ValueError(
            "cond: both branches must return the same structure. "
            f"Received: {structures[0]} and {structures[-1]}"
        )
    return packers[0](results)


@keras_op
def switch(index: Any, branches: Any, *operands: Any) -> Any:
    """What one of several functions returns.

    Args:
        index: an integer scalar; out of range, the nearest branch is taken.
        branches: the functions.
        *operands: their arguments.
    """
    if not branches:
        raise ValueError("switch: expected at least one branch. Received: none")
    last = len(branches) - 1
    if is_concrete(index):
        value = index.numpy() if isinstance(index, (Tensor, _core.Variable)) else index
        return branches[min(max(int(value), 0), last)](*operands)
    at = tensor(index)

    def choose(first: int) -> Any:
        if first == last:
            return branches[last](*operands)
        return cond(
            binary("le", at, first), lambda: branches[first](*operands), lambda: choose(first + 1)
        )

    return choose(0)


@keras_op
def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    maximum_iterations: int | None = None,
) -> Any:
    """Repeats a function while a condition on its results holds.

    Args:
        cond: takes the loop variables and returns a boolean scalar.
        body: takes the loop variables and returns their next values.
        loop_vars: the first values.
        maximum_iterations: how often at most.
    """
    single = not isinstance(loop_vars, (list, tuple))
    structure = (loop_vars,) if single else loop_vars
    initial, pack = _without_none(structure)
    dtypes = [t.dtype for t in initial]

    def unpack(state: list[Tensor]) -> Any:
        return pack(state)

    def test(state: list[Tensor]) -> list[Tensor]:
        ok = tensor(cond(*unpack(state[: len(initial)])), "bool")
        if maximum_iterations is None:
            return [ok]
        return [call("logical_and", [ok, binary("lt", state[-1], maximum_iterations)])]

    def step(state: list[Tensor]) -> list[Tensor]:
        result = body(*unpack(state[: len(initial)]))
        result = (result,) if single and not isinstance(result, (list, tuple)) else result
        leaves = [t for t in tree.flatten(result) if t is not None]
        if len(leaves) != len(initial):
            raise ValueError(
                f"while_loop: the body must return {len(initial)} values, as many as it takes. "
                f"Received: {len(leaves)}"
            )
        following = [tensor(t, d) for t, d in zip(leaves, dtypes, strict=True)]
        if maximum_iterations is not None:
            following.append(binary("add", state[-1], 1))
        return following

    state = initial if maximum_iterations is None else [*initial, tensor(0, "int32")]
    final = _core.while_loop(test, step, state)
    result = unpack(list(final)[: len(initial)])
    return result[0] if single else result


@keras_op
def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """Repeats a function for each integer of a range.

    Args:
        lower: the first integer.
        upper: the end of the range, not included.
        body_fun: takes the integer and the value, and returns the next value.
        init_val: the first value: a tensor or a structure of tensors.
    """
    flat, pack = _without_none(init_val)
    limit = tensor(upper)

    def step(index: Tensor, *values: Tensor) -> list[Tensor]:
        result = body_fun(index, pack(values))
        return [binary("add", index, 1), *_tensors(result)]

    final = while_loop(
        lambda index, *values: binary("lt", index, limit), step, [tensor(lower, limit.dtype), *flat]
    )
    return pack(final[1:])


@keras_op
def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int = 1,
) -> tuple[Any, Any]:
    """Carries a value along the first axis of tensors.

    Args:
        f: takes the carried value and one slice of `xs`; returns the next value and a result.
        init: the first carried value: a tensor or a structure of tensors.
        xs: the tensor, or structure of tensors, to walk along; `None` with `length`.
        length: how many steps, if `xs` does not tell.
        reverse: whether to start at the end.
        unroll: accepted; loops are never unrolled.

    Returns:
        The last carried value, and the results stacked along a first axis.
    """
    if xs is None and length is None:
        raise ValueError("scan: expected xs or length. Received: neither")
    if not callable(f):
        raise TypeError(f"scan: expected f to be callable. Received: {f!r}")
    carry, pack_carry = _without_none(init)
    sequences, pack_x = _without_none(xs)
    count: Any = length
    if sequences:
        count = sequences[0].dims[0]
        if length is not None and isinstance(count, int) and count != length:
            raise ValueError(
                f"scan: xs has {count} steps along its first axis. Received: length={length}"
            )
    packed: list[Any] = []

    def body(state: list[Tensor], x: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        following, result = f(pack_carry(state), pack_x(x))
        results, pack_result = _without_none(result)
        packed[:] = [pack_result]
        following = _tensors(following)
        if len(following) != len(carry):
            raise ValueError(
                f"scan: f must carry {len(carry)} tensors, as many as init has. "
                f"Received: {len(following)}"
            )
        matched = [tensor(t, c.dtype) for t, c in zip(following, carry, strict=True)]
        return matched, results

    final, stacked = _core.scan(body, carry, sequences, count, bool(reverse))
    return pack_carry(final), (packed[0](stacked) if packed else None)


@keras_op
def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """Applies a function to each slice along the first axis.

    Args:
        f: takes one slice (or structure of slices).
        xs: a tensor, or a structure of tensors.

    Returns:
        The results stacked along a first axis.
    """
    return scan(lambda carry, x: (carry, f(x)), [], xs)[1]


@keras_op
def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """Applies a function to each slice along the first axis; see `map`."""
    return map(function, elements)


def vectorize(
    pyfunc: Callable[..., Any], *, excluded: Any = None, signature: str | None = None
) -> Callable[..., Any]:
    """A function of tensors from a function of scalars.

    Args:
        pyfunc: takes scalars.
        excluded: positions of arguments to pass on as they are.
        signature: not supported.
    """
    if signature is not None:
        raise ValueError(f"vectorize: signatures are not supported. Received: {signature!r}")
    skip = set(excluded or ())

    def wrapped(*args: Any) -> Any:
        from nacre.ops.shaping import broadcast_to

        given = [(i, tensor(a)) for i, a in enumerate(args) if i not in skip]
        # The sum of zeros has the shape that all arguments broadcast to.
        zeros = tensor(0, "int32")
        for _, t in given:
            zeros = binary(
                "add",
                zeros,
                call("broadcast_to", [tensor(0, "int32")], {"shape": _core.Shape(list(t.dims))}),
            )
        dims = zeros.dims
        total: Any = 1
        for d in dims:
            total = total * d
        flat = [reshape_to(broadcast_to(t, dims), [total]) for _, t in given]

        def one(items: list[Tensor]) -> Any:
            complete = list(args)
            for (i, _), item in zip(given, items, strict=True):
                complete[i] = item
            return pyfunc(*complete)

        result = map(one, flat)
        return tree.map_structure(lambda t: reshape_to(t, [*dims, *t.dims[1:]]), result)

    return wrapped


@keras_op
def associative_scan(
    f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """Running combinations along an axis, of a function that may be grouped at will.

    Args:
        f: combines two slices (or structures of slices); must be associative.
        elems: a tensor, or a structure of tensors.
        reverse: whether to start at the end.
        axis: the axis.
    """
    items, pack = _without_none(elems)
    axes = [normalize_axis(axis, t.ndim) for t in items]
    size = items[0].dims[axes[0]]
    if isinstance(size, Dim):
        raise ValueError("associative_scan: the size of the axis must be known while tracing")
    size = operator.index(size)
    if reverse:
        items = _flipped(items, axes)

    def combine(a: list[Tensor], b: list[Tensor]) -> list[Tensor]:
        return _tensors(f(pack(a), pack(b)))

    # Distances double: after each round an element combines twice as many as before it.
    reach = 1
    while reach < size:
        head = [slice_along(t, a, 0, reach) for t, a in zip(items, axes, strict=True)]
        early = [slice_along(t, a, 0, size - reach) for t, a in zip(items, axes, strict=True)]
        late = [slice_along(t, a, reach, size - reach) for t, a in zip(items, axes, strict=True)]
        joined = combine(early, late)
        items = [
            call("concat", [h, j], {"axis": a}) for h, j, a in zip(head, joined, axes, strict=True)
        ]
        reach *= 2
    return pack(_flipped(items, axes) if reverse else items)


def _flipped(items: list[Tensor], axes: list[int]) -> list[Tensor]:
    return [call("reverse", [t], {"axes": [a]}) for t, a in zip(items, axes, strict=True)]
