"""Where batches come from, and the checks of the arguments that say so."""

from __future__ import annotations

from typing import Any

import numpy as np

from nacre import config
from nacre.training.arrays import (
    ArrayData,
    check_positive,
    class_weight_to_sample_weight,
    train_validation_split,
    unpack_x_y_sample_weight,
)
from nacre.training.batches import ArrayBatches, BatchSource, is_batch_source
from nacre.utils.warnings_utils import warn

__all__ = ["Source", "data_source", "training_source", "validation_source"]


def check_verbose(verbose: Any) -> int:
    """Turns `verbose` into 0, 1 or 2."""
    if isinstance(verbose, str) and verbose == "auto":
        return 1
    if isinstance(verbose, (bool, int)) and int(verbose) in (0, 1, 2):
        return int(verbose)
    raise ValueError(f"`verbose` must be 0, 1, 2 or 'auto'. Received: {verbose!r}")


def check_shuffle(shuffle: Any) -> str:
    if isinstance(shuffle, (bool, np.bool_, int)):
        return "global" if shuffle else "none"
    if isinstance(shuffle, str) and shuffle == "batch":
        return shuffle
    raise ValueError(f"`shuffle` must be True, False or 'batch'. Received: {shuffle!r}")


def check_validation_freq(value: Any) -> Any:
    if isinstance(value, (list, tuple, set)):
        if not value:
            raise ValueError("`validation_freq` must not be empty.")
        return sorted(check_positive(epoch, "validation_freq") for epoch in value)
    return check_positive(value, "validation_freq")


def array_batch_size(size: int, batch_size: Any, steps: int | None, name: str) -> int:
    """Samples a batch: as given, or so that there are `steps` batches, or 32."""
    if batch_size is not None:
        return check_positive(batch_size, name)
    return 32 if steps is None else max(-(-size // steps), 1)


def check_steps(steps: Any, name: str, available: int | None = None) -> int | None:
    """Checks a number of steps, which cannot be more than there are batches."""
    if steps is None or (isinstance(steps, int) and steps == -1):
        steps = None
    else:
        steps = check_positive(steps, name)
    limit = config.max_steps_per_epoch()
    if limit is not None:
        steps = limit if steps is None else min(steps, limit)
    if steps is not None and available is not None and steps > available:
        warn(
            f"Your input ran out of data: `{name}` is {steps}, but there are {available} batches. "
            "Epochs end after those."
        )
        return available
    return steps


class Source:
    """Where the batches of a phase come from: arrays or a `BatchSource`.

    Attributes:
        data: Arrays, or `None`.
        batches: What a loop in Python iterates over.
        batch_size: Samples a batch; 0 when the source decides.
        limit: Number of steps that was asked for.
        steps: Number of steps of an epoch, or `None` when it is not known.
    """

    def __init__(
        self, source: Any, batch_size: Any, steps: Any, shuffle: str, names: tuple[str, str]
    ) -> None:
        if isinstance(source, ArrayData):
            self.data: ArrayData | None = source
            wanted = None if steps is None else check_positive(steps, names[1])
            self.batch_size = array_batch_size(source.size, batch_size, wanted, names[0])
            self.limit = check_steps(steps, names[1], source.steps(self.batch_size))
            self.batches: Any = ArrayBatches(
                source, self.batch_size, shuffle, goes_on=names[1] == "steps_per_epoch"
            )
            self.steps = wanted or self.limit or self.batches.steps
        else:
            if batch_size is not None:
                raise ValueError(
                    f"`{names[0]}` must not be given for data that comes in batches already."
                )
            self.data = None
            self.batch_size = 0
            self.limit = check_steps(steps, names[1])
            # Training without end can be stopped by a callback; nothing else has a use for it.
            if self.limit is None and source.endless and names[1] != "steps_per_epoch":
                raise ValueError(f"The data has no end: give `{names[1]}`.")
            self.batches = source
            self.steps = self.limit if self.limit is not None else source.steps

    def warn_if_short(self, epochs: int) -> None:
        """Warns when arrays run out in the middle of one of so many epochs, which then ends."""
        if self.data is None or self.limit is None:
            return
        whole, rest = divmod(self.batches.steps, self.limit)
        if rest and epochs > whole:
            warn(
                f"Your input ran out of data: an epoch has {self.limit} steps, but after {whole} "
                f"epochs only {rest} of the {self.batches.steps} batches are left. That epoch ends "
                "after those, and the next one starts the data again."
            )


def training_source(
    model: Any, x: Any, y: Any, shuffle: str, arguments: dict
) -> tuple[Source, Any]:
    """The source of training batches, and the validation data, which may be split off from it."""
    sample_weight, class_weight = arguments["sample_weight"], arguments["class_weight"]
    validation_data, split = arguments["validation_data"], arguments["validation_split"]
    parts = model._input_parts()
    names = ("batch_size", "steps_per_epoch")
    if x is None:
        raise ValueError("`x` is missing: `fit` needs data.")
    if is_batch_source(x):
        check_batch_source(x, y, sample_weight, "x")
        if split and validation_data is None:
            raise ValueError(
                "`validation_split` is only supported for arrays, which can be cut. Received `x` "
                f"of type {type(x).__name__}: give `validation_data`, or cut it with "
                "`utils.split_dataset`."
            )
        source = BatchSource(x, "x", shuffle != "none", class_weight, parts, goes_on=True)
        steps = arguments["steps_per_epoch"]
        return Source(source, arguments["batch_size"], steps, shuffle, names), validation_data
    if validation_data is None and split:
        (x, y, sample_weight), validation_data = train_validation_split(
            x, y, sample_weight, split, parts
        )
    elif split:
        check_split(split)
    if class_weight is not None:
        if sample_weight is not None:
            raise ValueError("Give `class_weight` or `sample_weight`, not both.")
        sample_weight = class_weight_to_sample_weight(y, class_weight)
    data = ArrayData(x, y, sample_weight, parts)
    source = Source(data, arguments["batch_size"], arguments["steps_per_epoch"], shuffle, names)
    return source, validation_data


def check_split(split: Any) -> None:
    """Checks a `validation_split` that `validation_data` overrules."""
    if not isinstance(split, (int, float)) or not 0 <= split < 1:
        raise ValueError(f"`validation_split` must lie in [0, 1). Received: {split!r}")


def check_batch_source(x: Any, y: Any, sample_weight: Any, name: str) -> None:
    """Raises when targets or weights are given beside a source that delivers them itself."""
    for other, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(
                f"`{other}` must not be given when `{name}` delivers batches, which hold it. "
                f"Received `{name}` of type {type(x).__name__}."
            )


def validation_source(model: Any, data: Any, train: Source, arguments: dict) -> Source:
    """The source of validation batches."""
    names = ("validation_batch_size", "validation_steps")
    parts = model._input_parts()
    batch_size, steps = arguments["validation_batch_size"], arguments["validation_steps"]
    if is_batch_source(data):
        return Source(BatchSource(data, "validation_data", parts=parts), None, steps, "none", names)
    try:
        x, y, sample_weight = unpack_x_y_sample_weight(data)
    except ValueError as error:
        raise ValueError(f"`validation_data`: {error}") from error
    arrays = ArrayData(x, y, sample_weight, parts)
    if batch_size is None:
        batch_size = train.batch_size or None
    if steps is None and batch_size is None:
        batch_size = 32
    return Source(arrays, batch_size, steps, "none", names)


def data_source(
    model: Any, x: Any, y: Any, sample_weight: Any, batch_size: Any, steps: Any
) -> Source:
    """Where the batches of `evaluate` and `predict` come from."""
    if x is None:
        raise ValueError("`x` is missing.")
    parts = model._input_parts()
    if is_batch_source(x):
        check_batch_source(x, y, sample_weight, "x")
        source: Any = BatchSource(x, "x", parts=parts)
    else:
        source = ArrayData(x, y, sample_weight, parts)
    return Source(source, batch_size, steps, "none", ("batch_size", "steps"))
