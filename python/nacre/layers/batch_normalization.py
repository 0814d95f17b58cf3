"""Batch normalization."""

from __future__ import annotations

from typing import Any

from nacre import _core, config, constraints, initializers, ops, regularizers
from nacre.keras2 import ignore_options
from nacre.layers.input_spec import InputSpec
from nacre.layers.layer import Layer


class BatchNormalization(Layer):
    """Normalize each channel: by the batch in training, by moving statistics otherwise.

    A layer with `trainable=False` uses its moving statistics in training too.

    Args:
        axis: The axis of the channels.
        momentum: The share of the old moving statistics kept at each update.
        epsilon: Added to the variance.
        center: Whether to add a learnt beta.
        scale: Whether to multiply by a learnt gamma.
        beta_initializer: The first value of beta.
        gamma_initializer: The first value of gamma.
        moving_mean_initializer: The first value of the moving mean.
        moving_variance_initializer: The first value of the moving variance.
        beta_regularizer: A penalty on beta.
        gamma_regularizer: A penalty on gamma.
        beta_constraint: A projection of beta after each update.
        gamma_constraint: A projection of gamma after each update.
        renorm: Not available; only False.
        renorm_clipping: Not available; only None.
        renorm_momentum: Accepted for compatibility.
        synchronized: Not available; only False. There is one device to train on.
        **kwargs: As for `Layer`; `fused`, as in Keras 2, is ignored.
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ):
        ignore_options("BatchNormalization", kwargs)
        super().__init__(**kwargs)
        if renorm or renorm_clipping is not None:
            raise ValueError(f"{self._label()}: `renorm` is not available. Received: {renorm!r}")
        if synchronized:
            raise ValueError(
                f"{self._label()}: `synchronized` is not available. Received: {synchronized!r}"
            )
        if isinstance(axis, (list, tuple)) and len(axis) == 1:
            axis = axis[0]
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise ValueError(f"{self._label()}: expected `axis` to be an int. Received: {axis!r}")
        self.axis = axis
        self.momentum = momentum
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.renorm_momentum = renorm_momentum
        self.synchronized = synchronized
        self.supports_masking = True
        self.gamma = None
        self.beta = None

    def build(self, input_shape: Any) -> None:
        rank = len(input_shape)
        if not -rank <= self.axis < rank or input_shape[self.axis] is None:
            raise ValueError(
                f"{self._label()}: expected a known size at axis {self.axis}. "
                f"Received shape {tuple(input_shape)}."
            )
        shape = (input_shape[self.axis],)
        if self.scale:
            self.gamma = self.add_weight(
                name="gamma",
                shape=shape,
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                autocast=False,
            )
        if self.center:
            self.beta = self.add_weight(
                name="beta",
                shape=shape,
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                autocast=False,
            )
        for name in ("moving_mean", "moving_variance"):
            variable = self.add_weight(
                name=name,
                shape=shape,
                initializer=getattr(self, f"{name}_initializer"),
                trainable=False,
                autocast=False,
            )
            setattr(self, name, variable)
        axis = self.axis % rank
        self.input_spec = InputSpec(ndim=rank, axes={axis: input_shape[axis]})

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        if training and self.trainable:
            if mask is None:
                return self._normalize_by_batch(inputs)
            mean, variance = self._masked_moments(inputs, mask)
            self._update(mean, variance)
        else:
            mean, variance = self.moving_mean, self.moving_variance
        return self._normalize(inputs, mean, variance)

    def _normalize_by_batch(self, inputs: Any) -> Any:
        axis = self.axis % len(inputs.shape)
        reduced = [i for i in range(len(inputs.shape)) if i != axis]
        channels = (inputs.shape[axis],)
        gamma = self.gamma if self.scale else ops.ones(channels, dtype=inputs.dtype)
        beta = self.beta if self.center else ops.zeros(channels, dtype=inputs.dtype)
        outputs, mean, variance = _core.call(
            "batch_norm", [inputs, gamma, beta], {"axes": reduced, "epsilon": float(self.epsilon)}
        )
        self._update(mean, variance)
        return outputs

    def _update(self, mean: Any, variance: Any) -> None:
        kept, new = float(self.momentum), 1.0 - float(self.momentum)
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(ops.add(ops.multiply(moving, kept), ops.multiply(value, new)))

    def _masked_moments(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        """Return mean and variance over the positions that the mask keeps."""
        rank = len(inputs.shape)
        if len(mask.shape) != rank - 1:
            raise ValueError(
                f"{self._label()}: expected a mask of rank {rank - 1}. "
                f"Received shape {tuple(mask.shape)}."
            )
        axis = self.axis % rank
        reduced = [i for i in range(rank) if i != axis]
        kept = ops.broadcast_to(ops.expand_dims(ops.cast(mask, "bool"), -1), inputs.dims)
        zeros = ops.zeros_like(inputs)
        count = ops.sum(ops.cast(kept, inputs.dtype), axis=reduced, keepdims=True)
        count = ops.add(count, config.epsilon())
        mean = ops.divide(
            ops.sum(ops.where(kept, inputs, zeros), axis=reduced, keepdims=True), count
        )
        distance = ops.where(kept, ops.subtract(inputs, mean), zeros)
        variance = ops.divide(ops.sum(ops.square(distance), axis=reduced, keepdims=True), count)
        channels = (inputs.shape[axis],)
        return ops.reshape(mean, channels), ops.reshape(variance, channels)

    def _normalize(self, inputs: Any, mean: Any, variance: Any) -> Any:
        # As scale and shift per channel, the rest is one pass over the inputs.
        scale = ops.rsqrt(ops.add(variance, float(self.epsilon)))
        if self.scale:
            scale = ops.multiply(scale, self.gamma)
        shift = ops.multiply(ops.negative(mean), scale)
        if self.center:
            shift = ops.add(shift, self.beta)
        rank = len(inputs.shape)
        axis = self.axis % rank
        if axis != rank - 1:
            shape = [1] * rank
            shape[axis] = inputs.shape[axis]
            scale, shift = ops.reshape(scale, shape), ops.reshape(shift, shape)
        return ops.add(ops.multiply(inputs, scale), shift)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return tuple(input_shape)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            **self._arguments(
                "axis",
                "momentum",
                "epsilon",
                "center",
                "scale",
                "beta_initializer",
                "gamma_initializer",
                "moving_mean_initializer",
                "moving_variance_initializer",
                "beta_regularizer",
                "gamma_regularizer",
                "beta_constraint",
                "gamma_constraint",
                "renorm_momentum",
                "synchronized",
            ),
            "renorm": False,
            "renorm_clipping": None,
        }
