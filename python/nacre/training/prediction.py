"""`predict` and `predict_on_batch`."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np

from nacre import _core, ops, tree
from nacre.callbacks.callback_list import CallbackList
from nacre.training import evaluation
from nacre.training.arrays import ArrayData
from nacre.training.sources import Source, check_verbose, data_source
from nacre.training.step_function import StepFunction, input_dtype

__all__ = ["FastPredict", "predict", "predict_on_batch"]


class FastPredict:
    """What `Model.predict` compares its argument with to skip all preparation.

    Args:
        function: A traced step with one input and one output.
        array: An input that it was made for.
        version: The structure version at that time.
    """

    __slots__ = ("dtype", "exe", "shape", "version")

    def __init__(self, function: StepFunction, array: np.ndarray, version: int) -> None:
        self.exe = function.exe
        self.dtype = array.dtype
        self.shape = array.shape[1:]
        self.version = version


def predict(model: Any, x: Any, batch_size: Any, verbose: Any, steps: Any, callbacks: Any) -> Any:
    """Runs `Model.predict`; see there."""
    verbose = check_verbose(verbose)
    source = data_source(model, x, None, None, batch_size, steps)
    if not isinstance(callbacks, CallbackList):
        callbacks = CallbackList(
            callbacks,
            add_progbar=verbose != 0,
            model=model,
            verbose=verbose,
            epochs=1,
            steps=source.steps,
        )
    if source.data is None or model.run_eagerly or _wants_outputs(callbacks):
        return _predict_in_python(model, source, callbacks)
    function = model._steps.get("predict", source.data.data, source.data.leaves)
    arrays = source.data.leaves
    if source.limit is not None:
        arrays = [array[: source.limit * source.batch_size] for array in arrays]
    progbar = callbacks._progbar
    on_batch = None
    if progbar is not None and progbar.verbose == 1:
        on_batch = _progress(progbar)
    callbacks.on_predict_begin()
    outputs = _core.run_batches(function.exe, arrays, source.batch_size, on_batch)
    callbacks.on_predict_end()
    if x.__class__ is np.ndarray and function.output_structure is None and len(outputs) == 1:
        fast = FastPredict(function, x, model._steps.version)
        object.__setattr__(model, "_fast_predict", fast)
    return tree.pack_sequence_as(function.output_structure, outputs)


def _progress(progbar: Any) -> Any:
    return lambda step, steps: progbar.progress(step, None)


def _wants_outputs(callbacks: CallbackList) -> bool:
    return callbacks.listens("predict_batch_begin") or callbacks.listens("predict_batch_end")


def _predict_in_python(model: Any, source: Source, callbacks: CallbackList) -> Any:
    """Prediction batch by batch, for callbacks that look at outputs and for sources of batches."""
    begin = callbacks.batch_hook("predict_batch_begin")
    end = callbacks.batch_hook("predict_batch_end")
    progbar = callbacks._progbar
    parts: list[list] = []
    structure = None
    callbacks.on_predict_begin()
    with closing(source.batches.epoch(source.limit)) as batches:
        for step, batch in enumerate(batches):
            if begin is not None:
                begin(step)
            outputs = _run_batch(model, batch)
            structure = outputs
            parts.append(tree.flatten(outputs))
            if end is not None:
                end(step, {"outputs": outputs})
            if progbar is not None:
                progbar.progress(step + 1, None)
            if getattr(model, "stop_predicting", False):
                break
    callbacks.on_predict_end()
    if not parts:
        raise ValueError("`predict` received no batches of data.")
    joined = [np.concatenate(pieces) for pieces in zip(*parts, strict=True)]
    return tree.pack_sequence_as(structure, joined)


def _run_batch(model: Any, batch: ArrayData) -> Any:
    if model.run_eagerly:
        data = tree.map_structure(
            lambda leaf: (
                None if leaf is None else ops.convert_to_tensor(leaf, dtype=input_dtype(leaf.dtype))
            ),
            batch.data,
        )
        return evaluation.as_arrays(model.predict_step(data))
    function = model._steps.get("predict", batch.data, batch.leaves)
    outputs = [tensor.numpy() for tensor in function.exe(*batch.leaves)]
    return tree.pack_sequence_as(function.output_structure, outputs)


def predict_on_batch(model: Any, x: Any) -> Any:
    """Runs `Model.predict_on_batch`; see there."""
    return _run_batch(model, ArrayData(x, parts=model._input_parts()))
