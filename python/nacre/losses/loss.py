"""The base class of losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nacre import ops, tree
from nacre.losses.reduction import (
    is_float,
    keras_mask,
    reduce_weighted_values,
    standardize_reduction,
    to_float,
    to_tensor,
    with_mask_of,
)
from nacre.naming import auto_name


class Loss:
    """A function of targets and outputs, with a rule for reducing it to a scalar.

    A subclass defines `call(y_true, y_pred)`, which returns one loss per sample.

    Args:
        name: Defaults to the class name in snake case.
        reduction: `sum_over_batch_size` (the mean over all per-sample losses), `sum`, `mean`,
            `mean_with_sample_weight` or None.
        dtype: The dtype in which the loss is computed; by default that of the outputs.
    """

    def __init__(
        self, name: str | None = None, reduction: Any = "sum_over_batch_size", dtype: Any = None
    ):
        self.name = name or auto_name(type(self).__name__)
        self.reduction = standardize_reduction(reduction)
        self._dtype = getattr(dtype, "compute_dtype", dtype)

    @property
    def dtype(self) -> str:
        """The dtype in which the loss is computed, where it was given; else `floatx`."""
        from nacre.config import floatx

        return self._dtype or floatx()

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Compute the reduced loss.

        Args:
            y_true: The targets.
            y_pred: The outputs.
            sample_weight: Weights of the samples.

        Returns:
            A scalar, or per-sample losses when `reduction` is None.
        """
        mask = keras_mask(y_pred)
        y_pred = tree.map_structure(self._convert, y_pred)
        y_true = tree.map_structure(ops.convert_to_tensor, y_true)
        if not tree.is_nested(y_true) and not tree.is_nested(y_pred) and is_float(y_true.dtype):
            y_true = to_float(y_true, y_pred.dtype if is_float(y_pred.dtype) else None)
        values = self.call(y_true, y_pred)
        out_mask = keras_mask(values)
        if out_mask is not None:
            mask = out_mask if mask is None else mask & out_mask
        return reduce_weighted_values(values, sample_weight, mask, self.reduction, self._dtype)

    def _convert(self, x: Any) -> Any:
        x = to_tensor(x)
        if self._dtype is not None and is_float(x.dtype):
            return to_float(x, self._dtype)
        return x

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Compute one loss per sample.

        Args:
            y_true: The targets.
            y_pred: The outputs.

        Returns:
            A tensor.
        """
        raise TypeError(f"{type(self).__name__} should define `call(self, y_true, y_pred)`.")

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict) -> Loss:
        """Make a loss from what `get_config` returned.

        Args:
            config: The arguments of the constructor.

        Returns:
            The loss.
        """
        return cls(**config)


class LossFunctionWrapper(Loss):
    """A loss made from a function `fn(y_true, y_pred, **kwargs)`.

    Args:
        fn: Returns one loss per sample.
        reduction: As for `Loss`.
        name: As for `Loss`.
        dtype: As for `Loss`.
        **kwargs: Passed on to `fn`.
    """

    def __init__(
        self,
        fn: Callable,
        reduction: Any = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        from nacre.losses.reduction import squeeze_or_expand

        if not tree.is_nested(y_true) and not tree.is_nested(y_pred):
            fixed_true, fixed_pred = squeeze_or_expand(y_true, y_pred)
            y_true, y_pred = with_mask_of(fixed_true, y_true), with_mask_of(fixed_pred, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict:
        from nacre.saving import serialize_keras_object

        config = super().get_config()
        config["fn"] = serialize_keras_object(self.fn)
        config.update(serialize_keras_object(self._fn_kwargs))
        return config

    @classmethod
    def from_config(cls, config: dict) -> Loss:
        from nacre.saving import deserialize_keras_object

        if "fn" in config:
            config = deserialize_keras_object(config)
        return cls(**config)

    def __repr__(self) -> str:
        return f"<LossFunctionWrapper({self.fn}, kwargs={self._fn_kwargs})>"


class FunctionLoss(LossFunctionWrapper):
    """A loss whose configuration is its own arguments, not the wrapped function."""

    def get_config(self) -> dict:
        return {**Loss.get_config(self), **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict) -> Loss:
        return cls(**config)
