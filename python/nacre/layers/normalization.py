"""Normalization of each sample by itself: layer, RMS, group and unit normalization."""

from __future__ import annotations

from typing import Any

from nacre import constraints, initializers, ops, regularizers
from nacre.layers.dense import check_units
from nacre.layers.input_spec import InputSpec
from nacre.layers.layer import Layer


def _axes(axis: Any, rank: int, owner: str) -> list[int]:
    axes = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    for value in axes:
        if isinstance(value, bool) or not isinstance(value, int) or not -rank <= value < rank:
            raise ValueError(
                f"{owner}: expected `axis` within an input of rank {rank}. Received: {axis!r}"
            )
    return sorted(value % rank for value in axes)


class _ScaledAndShifted(Layer):
    """A normalization followed by a learnt scale and shift."""

    def __init__(
        self,
        axis: Any,
        epsilon: float,
        center: bool,
        scale: bool,
        options: dict,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        for part in ("beta", "gamma"):
            setattr(self, f"{part}_initializer", initializers.get(options[f"{part}_initializer"]))
            setattr(self, f"{part}_regularizer", regularizers.get(options[f"{part}_regularizer"]))
            setattr(self, f"{part}_constraint", constraints.get(options[f"{part}_constraint"]))
            setattr(self, part, None)
        self.supports_masking = True

    def _make_weights(self, shape: tuple) -> None:
        for part, wanted in (("gamma", self.scale), ("beta", self.center)):
            if wanted:
                weight = self.add_weight(
                    name=part,
                    shape=shape,
                    initializer=getattr(self, f"{part}_initializer"),
                    regularizer=getattr(self, f"{part}_regularizer"),
                    constraint=getattr(self, f"{part}_constraint"),
                    autocast=False,
                )
                setattr(self, part, weight)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return tuple(input_shape)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            **self._arguments(
                "axis",
                "epsilon",
                "center",
                "scale",
                "beta_initializer",
                "gamma_initializer",
                "beta_regularizer",
                "gamma_regularizer",
                "beta_constraint",
                "gamma_constraint",
            ),
        }


class LayerNormalization(_ScaledAndShifted):
    """Normalize each sample to mean 0 and variance 1 along the given axes.

    Args:
        axis: The axis or axes.
        epsilon: Added to the variance.
        center: Whether to add a learnt beta.
        scale: Whether to multiply by a learnt gamma.
        beta_initializer: The first value of beta.
        gamma_initializer: The first value of gamma.
        beta_regularizer: A penalty on beta.
        gamma_regularizer: A penalty on gamma.
        beta_constraint: A projection of beta after each update.
        gamma_constraint: A projection of gamma after each update.
        **kwargs: As for `Layer`; `rms_scaling`, an older argument of Keras, can only be False.
    """

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        options = {
            "beta_initializer": beta_initializer,
            "gamma_initializer": gamma_initializer,
            "beta_regularizer": beta_regularizer,
            "gamma_regularizer": gamma_regularizer,
            "beta_constraint": beta_constraint,
            "gamma_constraint": gamma_constraint,
        }
        if kwargs.pop("rms_scaling", False):
            raise ValueError("LayerNormalization: for `rms_scaling` use RMSNormalization.")
        super().__init__(axis, epsilon, center, scale, options, **kwargs)

    def build(self, input_shape: Any) -> None:
        axes = _axes(self.axis, len(input_shape), self._label())
        self._make_weights(tuple(input_shape[axis] for axis in axes))

    def call(self, inputs: Any) -> Any:
        axes = _axes(self.axis, len(inputs.shape), self._label())
        return ops.layer_normalization(
            inputs,
            gamma=self.gamma,
            beta=self.beta,
            axis=axes if len(axes) > 1 else axes[0],
            epsilon=self.epsilon,
        )

    def get_config(self) -> dict:
        return {**super().get_config(), "rms_scaling": False}


class RMSNormalization(Layer):
    """Divide each sample by its root mean square and multiply by a learnt scale.

    Args:
        axis: The axis or axes.
        epsilon: Added to the mean square.
        **kwargs: As for `Layer`.
    """

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.epsilon = epsilon
        # It drops masks, as in Keras 3.15: losses after it are those that Keras computes.

    def build(self, input_shape: Any) -> None:
        axes = _axes(self.axis, len(input_shape), self._label())
        shape = tuple(input_shape[axis] for axis in axes)
        self.scale = self.add_weight(name="scale", shape=shape, initializer="ones")

    def call(self, x: Any) -> Any:
        axes = _axes(self.axis, len(x.shape), self._label())
        mean_square = ops.mean(ops.square(x), axis=axes, keepdims=True)
        inverse = ops.rsqrt(ops.add(mean_square, float(self.epsilon)))
        shape = [size if axis in axes else 1 for axis, size in enumerate(x.shape)]
        return ops.multiply(ops.multiply(x, inverse), ops.reshape(self.scale, shape))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return tuple(input_shape)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("axis", "epsilon")}


class GroupNormalization(_ScaledAndShifted):
    """Normalize each sample within groups of channels.

    Args:
        groups: How many groups; -1 for one per channel.
        axis: The axis of the channels.
        epsilon: Added to the variance.
        center: Whether to add a learnt beta.
        scale: Whether to multiply by a learnt gamma.
        beta_initializer: The first value of beta.
        gamma_initializer: The first value of gamma.
        beta_regularizer: A penalty on beta.
        gamma_regularizer: A penalty on gamma.
        beta_constraint: A projection of beta after each update.
        gamma_constraint: A projection of gamma after each update.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        options = {
            "beta_initializer": beta_initializer,
            "gamma_initializer": gamma_initializer,
            "beta_regularizer": beta_regularizer,
            "gamma_regularizer": gamma_regularizer,
            "beta_constraint": beta_constraint,
            "gamma_constraint": gamma_constraint,
        }
        super().__init__(axis, epsilon, center, scale, options, **kwargs)
        if groups != -1:
            groups = check_units(groups, self._label(), "groups")
        self.groups = groups

    def build(self, input_shape: Any) -> None:
        (axis,) = _axes(self.axis, len(input_shape), self._label())
        channels = input_shape[axis]
        if channels is None:
            raise ValueError(
                f"{self._label()}: expected a known size at axis {self.axis}. "
                f"Received shape {tuple(input_shape)}."
            )
        if self.groups == -1:
            self.groups = channels
        if channels % self.groups:
            raise ValueError(
                f"{self._label()}: expected {self.groups} groups to divide the channels. "
                f"Received shape {tuple(input_shape)}."
            )
        self._make_weights((channels,))
        self.input_spec = InputSpec(ndim=len(input_shape), axes={axis: channels})

    def call(self, inputs: Any) -> Any:
        rank = len(inputs.shape)
        axis = self.axis % rank
        per_group = inputs.shape[axis] // self.groups
        split = (*inputs.dims[:axis], self.groups, per_group, *inputs.dims[axis + 1 :])
        x = ops.reshape(inputs, split)
        reduced = [i for i in range(1, rank + 1) if i != axis]
        mean = ops.mean(x, axis=reduced, keepdims=True)
        variance = ops.mean(ops.square(ops.subtract(x, mean)), axis=reduced, keepdims=True)
        scale = ops.rsqrt(ops.add(variance, float(self.epsilon)))
        shape = [1] * (rank + 1)
        shape[axis], shape[axis + 1] = self.groups, per_group
        if self.scale:
            scale = ops.multiply(scale, ops.reshape(self.gamma, shape))
        outputs = ops.multiply(ops.subtract(x, mean), scale)
        if self.center:
            outputs = ops.add(outputs, ops.reshape(self.beta, shape))
        return ops.reshape(outputs, inputs.dims)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("groups")}


class UnitNormalization(Layer):
    """Scale each sample to Euclidean length 1 along the given axes.

    Args:
        axis: The axis or axes.
        **kwargs: As for `Layer`.
    """

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        axes = _axes(self.axis, len(inputs.shape), self._label())
        squares = ops.sum(ops.square(inputs), axis=axes, keepdims=True)
        return ops.multiply(inputs, ops.rsqrt(ops.maximum(squares, 1e-24)))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return tuple(input_shape)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("axis")}
