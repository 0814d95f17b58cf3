"""Tracing of `train_step`, `test_step` and `predict_step`, and the cache of what came out.

A step is traced once for each form of data: the structure of its arrays, their dtypes and ranks.
Sizes are symbols where the model declares them unknown, and for the batch. Any other size is fixed
at first; when it turns up with another value, one new trace makes it a symbol too.
"""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np

from nacre import _core, config, ops, tracking, tree

__all__ = ["StepCache", "StepFunction", "input_dtype"]

# Building layers, Variables and traces is done by one thread at a time; running is not.
trace_lock = threading.RLock()

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_LIMIT = 16  # traces kept for each kind of step


def input_dtype(dtype: np.dtype) -> str:
    """The dtype that a step sees for data of this dtype: floats become `floatx()`."""
    name = dtype.name
    return config.floatx() if name in _FLOATS else name


class StepFunction:
    """One traced step.

    Attributes:
        exe: The compiled step.
        skeleton: The structure of its data, with `None` for absent parts and `True` for arrays.
        dtypes: The dtype of each array as the step sees it.
        sizes: For each array its sizes, `None` where they vary.
        relaxable: Whether a new trace may turn more sizes into symbols.
    """

    def __init__(self, mode: str, skeleton: Any, dtypes: list, sizes: list) -> None:
        self.mode = mode
        self.skeleton = skeleton
        self.dtypes = dtypes
        self.sizes = sizes
        self.symbols: dict[tuple[int, int], str] = {}
        self.seen: list[tuple] = []
        self.relaxable = True
        self.exe: Any = None
        self.output_structure: Any = None
        self.logs: list[tuple[str, tuple | None]] = []

    def matches(self, skeleton: Any, dtypes: list, leaves: list) -> bool:
        """Says whether this step can run these arrays."""
        if not self.same_form(skeleton, dtypes, leaves):
            return False
        for sizes, leaf in zip(self.sizes, leaves, strict=True):
            for size, actual in zip(sizes, leaf.shape, strict=True):
                if size is not None and size != actual:
                    return False
        bound: dict[str, int] = {}
        for (leaf, axis), symbol in self.symbols.items():
            size = leaves[leaf].shape[axis]
            if bound.setdefault(symbol, size) != size:
                return False
        return True

    def same_form(self, skeleton: Any, dtypes: list, leaves: list) -> bool:
        """Says whether only sizes stand between this step and these arrays."""
        return (
            self.dtypes == dtypes
            and self.skeleton == skeleton
            and all(len(s) == leaf.ndim for s, leaf in zip(self.sizes, leaves, strict=True))
        )

    def trace(self, step: Any, name: str) -> None:
        """Traces and compiles a step.

        Args:
            step: `train_step`, `test_step` or `predict_step` of a model.
            name: Name of the program, for messages.
        """
        trace = _core.Trace()
        with trace:
            leaves = [
                trace.input(dtype, self._dims(index), f"data_{index}")
                for index, dtype in enumerate(self.dtypes)
            ]
            result = step(fill_skeleton(self.skeleton, iter(leaves)))
            if self.mode == "predict":
                outputs = [ops.convert_to_tensor(leaf) for leaf in tree.flatten(result)]
                self.output_structure = tree.map_structure(lambda _: None, result)
            else:
                outputs = self._flatten_logs(result)
        self.exe = _core.compile(trace.finish(outputs), name=name)

    def _dims(self, leaf: int) -> list:
        return [
            _core.Dim.symbol("batch" if axis == 0 else self.symbols[leaf, axis])
            if size is None
            else size
            for axis, size in enumerate(self.sizes[leaf])
        ]

    def _flatten_logs(self, result: Any) -> list:
        if not isinstance(result, dict):
            raise ValueError(
                f"`{self.mode}_step` must return a dictionary from names to values. "
                f"Received: {result!r}"
            )
        outputs = []
        for name, value in result.items():
            value = ops.convert_to_tensor(value)
            shape = tuple(value.shape)
            if not shape:
                self.logs.append((name, None))
                outputs.append(value)
                continue
            if None in shape:
                raise ValueError(
                    f"`{self.mode}_step` returned {name!r} of shape {shape}: logs need fixed sizes."
                )
            self.logs.append((name, shape))
            flat = ops.reshape(value, (math.prod(shape),))
            outputs += [flat[i] for i in range(math.prod(shape))]
        return outputs

    def logs_of(self, values: Any) -> dict[str, Any]:
        """Names the outputs of a step: a dictionary sorted by name, of Python floats."""
        logs: dict[str, Any] = {}
        position = 0
        for name, shape in self.logs:
            if shape is None:
                logs[name] = float(values[position])
                position += 1
            else:
                count = math.prod(shape)
                part = [float(v) for v in values[position : position + count]]
                logs[name] = np.array(part, dtype=np.float32).reshape(shape)
                position += count
        return {name: logs[name] for name in sorted(logs)}

    def loss_index(self) -> int:
        """The place of the loss among the outputs; -1 when there is none."""
        position = 0
        for name, shape in self.logs:
            if name == "loss" and shape is None:
                return position
            position += 1 if shape is None else math.prod(shape)
        return -1


def fill_skeleton(skeleton: Any, leaves: Any) -> Any:
    """Puts arrays, in order, into the places of a skeleton."""
    return tree.map_structure(lambda leaf: next(leaves) if leaf else None, _ordered(skeleton))


def _ordered(skeleton: Any) -> Any:
    # Leaves are numbered in the order of `tree.flatten`, which sorts the keys of dictionaries.
    if isinstance(skeleton, dict):
        return {key: _ordered(skeleton[key]) for key in tree._keys(skeleton)}
    if isinstance(skeleton, (list, tuple)):
        return tree._rebuild(skeleton, [_ordered(item) for item in skeleton])
    return skeleton


def skeleton_of(data: Any) -> Any:
    """The structure of data: `True` for arrays, `None` for absent parts."""
    if data.__class__ is np.ndarray:
        return True
    return tree.map_structure(lambda leaf: None if leaf is None else True, data)


class StepCache:
    """The traced steps of a model.

    Args:
        model: The model.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._functions: dict[str, list[StepFunction]] = {"train": [], "test": [], "predict": []}
        self._version = -1
        self._layers: list = []
        self._flags: tuple = ()

    def clear(self) -> None:
        """Forgets every trace."""
        for functions in self._functions.values():
            functions.clear()

    @property
    def version(self) -> int:
        """The structure version that the cached steps belong to."""
        return self._version

    def refresh(self) -> None:
        """Forgets traces of a structure that is no longer the model's."""
        version = tracking.structure_version()
        if version == self._version:
            return
        layers, flags = self._structure()
        same = len(layers) == len(self._layers) and all(
            a is b for a, b in zip(layers, self._layers, strict=True)
        )
        if not same or flags != self._flags:
            self.clear()
        self._layers, self._flags = layers, flags
        self._version = version

    def _structure(self) -> tuple[list, tuple]:
        layers = list(self._model._flatten_layers())
        parts = [*layers, *self._model.variables]
        flags = tuple(getattr(part, "_trainable", None) for part in parts)
        # A schedule in place of a number is another program; a new number is not.
        optimizer = getattr(self._model, "optimizer", None)
        return parts, (*flags, id(getattr(optimizer, "_learning_rate", None)))

    def get(self, mode: str, data: Any, leaves: list) -> StepFunction:
        """The traced step for data of this form, traced now if need be.

        Args:
            mode: `"train"`, `"test"` or `"predict"`.
            data: Structure of arrays, as the step will receive it.
            leaves: Its arrays.
        """
        if tracking.structure_version() != self._version:
            with trace_lock:
                self.refresh()
        skeleton = skeleton_of(data)
        declared = self._model._declared_inputs(data)
        dtypes = [
            declared[i].dtype if i < len(declared) else input_dtype(leaf.dtype)
            for i, leaf in enumerate(leaves)
        ]
        found = self._find(mode, skeleton, dtypes, leaves)
        if found is not None:
            return found
        with trace_lock:
            found = self._find(mode, skeleton, dtypes, leaves)
            return found or self._build(mode, skeleton, dtypes, leaves, declared)

    def _find(self, mode: str, skeleton: Any, dtypes: list, leaves: list) -> StepFunction | None:
        for function in self._functions[mode]:
            if function.matches(skeleton, dtypes, leaves):
                return function
        return None

    def _build(
        self, mode: str, skeleton: Any, dtypes: list, leaves: list, declared: list
    ) -> StepFunction:
        functions = self._functions[mode]
        shapes = tuple(leaf.shape for leaf in leaves)
        for old in functions:
            if old.relaxable and old.same_form(skeleton, dtypes, leaves):
                relaxed = self._relaxed(old, shapes, declared)
                if relaxed is not None:
                    functions.remove(old)
                    functions.append(relaxed)
                    return relaxed
                break
        function = StepFunction(mode, skeleton, dtypes, [])
        for index, shape in enumerate(shapes):
            known = declared[index].shape if index < len(declared) else ()
            function.sizes.append(_first_sizes(shape, known))
            for axis, size in enumerate(function.sizes[index]):
                if size is None and axis:
                    function.symbols[index, axis] = f"n{index}_{axis}"
        function.seen.append(shapes)
        self._trace(function)
        # The model needs these sizes fixed: other sizes are not tried as symbols again.
        for other in functions:
            if other.same_form(skeleton, dtypes, leaves):
                other.relaxable = function.relaxable = False
        functions.append(function)
        del functions[:-_LIMIT]
        return function

    def _relaxed(self, old: StepFunction, shapes: tuple, declared: list) -> StepFunction | None:
        """Traces a step again with symbols for the sizes that differ; `None` if it needs them."""
        relaxed = _relax(old, shapes, declared)
        if relaxed is None:
            return None
        try:
            self._trace(relaxed)
            relaxed.exe.step_names([[1, *shape[1:]] for shape in shapes])  # do these sizes fit?
        except (TypeError, ValueError):
            return None
        return relaxed

    def _trace(self, function: StepFunction) -> None:
        model = self._model
        step = getattr(model, f"{function.mode}_step")
        with model._compiled_trainable_state():
            function.trace(step, f"{model.name}.{function.mode}_step")
        model._clear_losses()  # which belong to the trace, and would keep it alive
        # Tracing may have built layers, metrics and the optimizer: that is this structure now.
        self._layers, self._flags = self._structure()
        self._version = tracking.structure_version()


def _first_sizes(shape: tuple, declared: tuple) -> tuple:
    if len(declared) != len(shape):
        return (None, *shape[1:])
    batch = shape[0] if declared[0] is not None else None
    return (
        batch,
        *(None if d is None else size for d, size in zip(declared[1:], shape[1:], strict=True)),
    )


def _relax(old: StepFunction, shapes: tuple, declared: list) -> StepFunction | None:
    """The same form with a symbol for every size that was seen to vary.

    Returns:
        The form, or `None` when a size varies that the model declares.
    """
    new = StepFunction(old.mode, old.skeleton, old.dtypes, [])
    new.seen = [*old.seen[-3:], shapes]
    names: dict[tuple, str] = {}
    for index, sizes in enumerate(old.sizes):
        known = declared[index].shape if index < len(declared) else ()
        fixed = []
        for axis, size in enumerate(sizes):
            varies = size is None or (axis > 0 and size != shapes[index][axis])
            if varies and len(known) == len(sizes) and known[axis] is not None:
                return None
            fixed.append(None if varies else size)
            if varies and axis:
                # Axes that had equal sizes whenever we looked are taken to be one symbol.
                history = tuple(seen[index][axis] for seen in new.seen)
                new.symbols[index, axis] = names.setdefault(history, f"n{index}_{axis}")
        new.sizes.append(tuple(fixed))
    return new
