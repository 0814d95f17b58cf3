"""Gradients of functions, and functions that are traced once and then run by the core."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from nacre import _core, tree
from nacre._core import Tensor

__all__ = ["Function", "GradientTape", "function", "grad", "value_and_grad"]


_ARRAYS = (np.ndarray, np.generic, Tensor)


class GradientTape:
    """Records what is computed inside its `with` block, to differentiate it afterwards.

    Inside a traced function (a `train_step`, say) it costs nothing: the graph has all that is
    needed. Outside of one, ops run at once and are recorded meanwhile.

    Args:
        persistent: whether `gradient` may be called more than once.
        watch_accessed_variables: accepted; whatever is asked for can be differentiated by.
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._persistent = bool(persistent)
        self._mark: tuple[int, int] | None = None
        self._tape: Any = None
        self._used = False

    def __enter__(self) -> GradientTape:
        if self._mark is not None or self._tape is not None:
            raise RuntimeError("GradientTape: this tape has recorded already; make a new one")
        if _core.is_tracing():
            self._mark = _core.trace_mark()
        else:
            self._tape = _core.Tape()
            self._tape.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._tape is not None:
            self._tape.stop()

    def watch(self, tensor: Any) -> None:
        """Accepted: whatever is asked for can be differentiated by.

        Args:
            tensor: a tensor, a Variable, or a structure of them.
        """
        for leaf in tree.flatten(tensor):
            if not isinstance(leaf, (Tensor, _core.Variable)):
                raise TypeError(
                    f"GradientTape.watch: expected tensors or Variables. Received: {leaf!r}"
                )

    def gradient(
        self,
        target: Any,
        sources: Any,
        output_gradients: Any = None,
        unconnected_gradients: str = "none",
    ) -> Any:
        """The gradient of the sum of the targets with respect to each source.

        Args:
            target: a tensor, or a structure of them.
            sources: a tensor or Variable, or a structure of them.
            output_gradients: for each target what it is weighted with; ones if left out.
            unconnected_gradients: what stands for a source that no target depends on: `"none"`
                for `None`, or `"zero"`.

        Returns:
            A structure like that of the sources.
        """
        if self._used and not self._persistent:
            raise RuntimeError(
                "GradientTape.gradient: a tape can be used once, unless it is made with "
                "persistent=True"
            )
        mode = getattr(unconnected_gradients, "value", unconnected_gradients)
        if mode not in ("none", "zero"):
            raise ValueError(
                "GradientTape.gradient: expected unconnected_gradients 'none' or 'zero'. "
                f"Received: {unconnected_gradients!r}"
            )
        if self._mark is None and self._tape is None:
            raise RuntimeError("GradientTape.gradient: nothing was recorded; use `with tape:`")
        self._used = True
        targets = _tensors_of(target, "target")
        xs = _tensors_of(sources, "source")
        seeds = None if output_gradients is None else _seeds(output_gradients, target, targets)
        if self._tape is None:
            found = _core.gradients(targets, xs, seeds, self._mark)
        else:
            if not self._persistent:
                self._tape.stop()
            found = self._tape.gradients(targets, xs, seeds)
        if mode == "zero":
            from nacre import ops

            found = [ops.zeros_like(x) if g is None else g for g, x in zip(found, xs, strict=True)]
        return tree.pack_sequence_as(sources, list(found))


def _tensors_of(structure: Any, what: str) -> list[Any]:
    leaves = tree.flatten(structure)
    for leaf in leaves:
        if not isinstance(leaf, (Tensor, _core.Variable)):
            raise TypeError(
                f"GradientTape.gradient: expected each {what} to be a tensor or a Variable. "
                f"Received: {leaf!r} of type {type(leaf).__name__}"
            )
    return leaves


def _seeds(output_gradients: Any, target: Any, targets: list[Any]) -> list[Any]:
    from nacre.ops._common import tensor

    single = isinstance(target, (Tensor, _core.Variable))
    seeds = [output_gradients] if single else tree.flatten(output_gradients)
    if len(seeds) != len(targets):
        raise ValueError(
            "GradientTape.gradient: expected one output gradient for each of the "
            f"{len(targets)} targets. Received: {len(seeds)}"
        )
    return [None if s is None else tensor(s, t.dtype) for s, t in zip(seeds, targets, strict=True)]


class Function:
    """A Python function of tensors that is traced once for each kind of arguments, then run.

    Args:
        fn: the function. It sees symbolic tensors in place of arrays; all other arguments are
            part of what it is traced for.
        name: the name in messages.
    """

    #: How many traces are kept.
    capacity = 32

    def __init__(self, fn: Callable[..., Any], name: str | None = None) -> None:
        if not callable(fn):
            raise TypeError(f"function: expected something to call. Received: {fn!r}")
        functools.update_wrapper(self, fn, updated=())
        self._fn = fn
        self._name = name or getattr(fn, "__name__", type(fn).__name__)
        self._traces: OrderedDict[Any, Any] = OrderedDict()
        self._lock = threading.RLock()

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        return functools.partial(self, instance)

    @property
    def num_traces(self) -> int:
        """How many traces are kept now."""
        return len(self._traces)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if _core.is_tracing() or _core.tape_active():
            return self._fn(*args, **kwargs)
        given = (args, kwargs)
        leaves = tree.flatten(given)
        arrays = []
        key = [_core.get_backend(), _outline(given)]
        for leaf in leaves:
            if isinstance(leaf, _ARRAYS):
                leaf = leaf if isinstance(leaf, Tensor) else _core.convert(leaf)
                arrays.append(leaf)
                key.append((leaf.dtype, leaf.shape))
            else:
                key.append(_static_key(leaf))
        run = self._find(tuple(key), given, leaves, arrays)
        return run(arrays)

    def _find(self, key: tuple, given: Any, leaves: list[Any], arrays: list[Tensor]) -> Any:
        with self._lock:
            found = self._traces.get(key)
            if found is None:
                found = self._trace(given, leaves, arrays)
                self._traces[key] = found
                if len(self._traces) > self.capacity:
                    self._traces.popitem(last=False)
            else:
                self._traces.move_to_end(key)
            return found

    def _trace(self, given: Any, leaves: list[Any], arrays: list[Tensor]) -> Any:
        trace = _core.Trace()
        with trace:
            symbols = iter([trace.input(a.dtype, a.shape, f"arg{i}") for i, a in enumerate(arrays)])
            replaced = [next(symbols) if isinstance(leaf, _ARRAYS) else leaf for leaf in leaves]
            args, kwargs = tree.pack_sequence_as(given, replaced)
            result = self._fn(*args, **kwargs)
            parts = tree.flatten(result)
            # A Variable among the results means its value at the end.
            parts = [p.read() if isinstance(p, _core.Variable) else p for p in parts]
            places = [isinstance(p, Tensor) for p in parts]
            graph = trace.finish(
                [p for p, is_tensor in zip(parts, places, strict=True) if is_tensor]
            )
        executable = _core.compile(graph, None, self._name)
        # What the key names by identity has to stay alive as long as the trace.
        kept = leaves if not all(isinstance(leaf, Tensor) for leaf in leaves) else None

        def run(inputs: list[Tensor], _kept: Any = kept) -> Any:
            outputs = iter(executable(*inputs))
            values = [next(outputs) if p else part for p, part in zip(places, parts, strict=True)]
            return tree.pack_sequence_as(result, values)

        # The symbolic tensors of the trace are not needed any more, only its structure.
        parts[:] = [None if p else part for p, part in zip(places, parts, strict=True)]
        result = tree.pack_sequence_as(result, parts)
        return run


def _outline(structure: Any) -> Any:
    """A hashable picture of a structure without its leaves."""
    if isinstance(structure, dict):
        return ("dict", *((k, _outline(v)) for k, v in structure.items()))
    if isinstance(structure, (list, tuple)):
        return (type(structure), *(_outline(v) for v in structure))
    return None


def _static_key(leaf: Any) -> Any:
    if isinstance(leaf, _core.Variable):
        return ("id", id(leaf))
    try:
        hash(leaf)
    except TypeError:
        return ("id", id(leaf))
    return (type(leaf), leaf)


def function(fn: Callable[..., Any] | None = None, **kwargs: Any) -> Any:
    """Makes a Python function of tensors one that is traced and run by the core.

    Args:
        fn: the function. Without it the result is a decorator.
        **kwargs: `name`; `jit_compile`, `reduce_retracing` and `autograph` make no difference.

    Returns:
        A `Function`. Called within another traced function it becomes part of that one.
    """
    name = kwargs.pop("name", None)
    for accepted in ("jit_compile", "reduce_retracing", "autograph"):
        kwargs.pop(accepted, None)
    if kwargs:
        raise TypeError(f"function: unknown arguments {sorted(kwargs)}")
    if fn is None:
        return lambda f: Function(f, name)
    return Function(fn, name)


def value_and_grad(
    fn: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns what `fn` returns, and its gradient.

    Args:
        fn: returns a scalar tensor; with `has_aux`, a tuple of it and anything else.
        argnums: which arguments to differentiate by: tensors, Variables, or structures of them.
        has_aux: whether `fn` returns more than the scalar.

    Returns:
        A function of the same arguments; gradients have the structure of the arguments.
    """
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def both(*args: Any, **kwargs: Any) -> Any:
        args = list(args)
        for n in numbers:
            args[n] = tree.map_structure(_as_source, args[n])
        with GradientTape() as tape:
            result = fn(*args, **kwargs)
            value = result[0] if has_aux else result
        if not isinstance(value, Tensor) or value.shape != ():
            shape = getattr(value, "shape", None)
            raise ValueError(
                "value_and_grad: expected the function to return a scalar tensor. "
                f"Received: {type(value).__name__} of shape {shape}"
            )
        found = tape.gradient(value, tuple(args[n] for n in numbers), unconnected_gradients="zero")
        return result, (found[0] if isinstance(argnums, int) else found)

    return Function(both, getattr(fn, "__name__", "fn"))


def _as_source(x: Any) -> Any:
    if isinstance(x, _core.Variable):
        return x
    from nacre.ops._common import tensor

    x = tensor(x)
    # A constant of the trace has no place in the graph to differentiate by; its copy has.
    return _core.call("identity", [x]) if _core.is_tracing() and not x.is_symbolic else x


def grad(
    fn: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns the gradient of `fn`; see `value_and_grad`.

    Args:
        fn: returns a scalar tensor; with `has_aux`, a tuple of it and anything else.
        argnums: which arguments to differentiate by.
        has_aux: whether `fn` returns more than the scalar; the rest comes after the gradient.
    """
    both = value_and_grad(fn, argnums, has_aux)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        result, found = both(*args, **kwargs)
        return (found, result[1]) if has_aux else found

    return gradient
