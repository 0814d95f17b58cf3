"""Activations as layers."""

from __future__ import annotations

from typing import Any

from nacre import activations, constraints, initializers, ops, regularizers
from nacre.layers.input_spec import InputSpec
from nacre.layers.layer import Layer


class _Elementwise(Layer):
    """A layer whose outputs have the shape of its inputs."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return tuple(input_shape)


def _not_negative(value: Any, owner: str, name: str) -> float:
    if value is None or value < 0:
        raise ValueError(
            f"{owner}: expected `{name}` to be a float that is not negative. Received: {value!r}"
        )
    return value


class Activation(_Elementwise):
    """Apply an activation function.

    Args:
        activation: A name or a function.
        **kwargs: As for `Layer`.
    """

    def __init__(self, activation: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("activation")}


class ReLU(_Elementwise):
    """Rectify.

    Args:
        max_value: A ceiling, or None.
        negative_slope: The slope below the threshold.
        threshold: Where the positive part begins.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if max_value is not None:
            _not_negative(max_value, self._label(), "max_value")
        self.max_value = max_value
        self.negative_slope = _not_negative(negative_slope, self._label(), "negative_slope")
        self.threshold = _not_negative(threshold, self._label(), "threshold")

    def call(self, inputs: Any) -> Any:
        return activations.relu(
            inputs,
            negative_slope=self.negative_slope,
            max_value=self.max_value,
            threshold=self.threshold,
        )

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            **self._arguments("max_value", "negative_slope", "threshold"),
        }


class LeakyReLU(_Elementwise):
    """Rectify with a slope below zero.

    Args:
        negative_slope: The slope below zero.
        **kwargs: As for `Layer`; `alpha` is the slope's name in Keras 2.
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
        super().__init__(**kwargs)
        self.negative_slope = _not_negative(negative_slope, self._label(), "negative_slope")

    def call(self, inputs: Any) -> Any:
        return activations.leaky_relu(inputs, negative_slope=self.negative_slope)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("negative_slope")}


class ELU(_Elementwise):
    """Compute x above zero, `alpha * (exp(x) - 1)` below.

    Args:
        alpha: The scale of the negative part.
        **kwargs: As for `Layer`.
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs: Any) -> Any:
        return activations.elu(inputs, alpha=self.alpha)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("alpha")}


class PReLU(_Elementwise):
    """Rectify with a slope below zero that is learnt.

    Args:
        alpha_initializer: The first value of the slopes.
        alpha_regularizer: A penalty on the slopes.
        alpha_constraint: A projection of the slopes after each update.
        shared_axes: Axes along which a slope is shared.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        if shared_axes is not None:
            shared_axes = (
                list(shared_axes) if isinstance(shared_axes, (list, tuple)) else [shared_axes]
            )
        self.shared_axes = shared_axes

    def build(self, input_shape: Any) -> None:
        shape = list(input_shape[1:])
        for axis in self.shared_axes or ():
            shape[axis - 1] = 1
        if None in shape:
            raise ValueError(
                f"{self._label()}: expected known axes, or unknown ones in `shared_axes`. "
                f"Received shape {tuple(input_shape)}."
            )
        self.alpha = self.add_weight(
            name="alpha",
            shape=shape,
            initializer=self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )
        axes = {axis: size for axis, size in enumerate(shape, start=1) if size != 1}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)

    def call(self, inputs: Any) -> Any:
        below = ops.multiply(ops.relu(ops.negative(inputs)), self.alpha)
        return ops.subtract(ops.relu(inputs), below)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            **self._arguments(
                "alpha_initializer", "alpha_regularizer", "alpha_constraint", "shared_axes"
            ),
        }


class Softmax(_Elementwise):
    """Turn logits into probabilities.

    Args:
        axis: The axis, or axes, of the classes.
        **kwargs: As for `Layer`.
    """

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is not None:
            masked = ops.subtract(1.0, ops.cast(mask, inputs.dtype))
            largest = -3e4 if inputs.dtype == "float16" else -1e9
            inputs = ops.add(inputs, ops.multiply(masked, largest))
        axis = self.axis
        if isinstance(axis, (list, tuple)):
            axis = axis[0] if len(axis) == 1 else tuple(axis)
        outputs = activations.softmax(inputs, axis=axis)
        if mask is not None:  # where everything is masked
            outputs = ops.multiply(outputs, ops.cast(mask, outputs.dtype))
        return outputs

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("axis")}
