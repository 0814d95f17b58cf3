"""Layers around another layer."""

from __future__ import annotations

from typing import Any

from nacre import initializers, ops
from nacre.layers.layer import Layer


class Wrapper(Layer):
    """A layer that holds another one; a base class.

    Args:
        layer: The layer inside.
        **kwargs: As for `Layer`.
    """

    def __init__(self, layer: Layer, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise ValueError(f"{self._label()}: expected a layer. Received: {layer!r}")
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("layer")}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Wrapper:
        """Make a layer from what `get_config` returned.

        Args:
            config: The arguments of the constructor.
            custom_objects: Names and the classes that they mean.

        Returns:
            The layer, without its weights.
        """
        from nacre.saving import deserialize_keras_object

        config = dict(config)
        layer = config.pop("layer")
        if not isinstance(layer, Layer):
            layer = deserialize_keras_object(layer, custom_objects)
        return cls(layer, **config)


class SpectralNormalization(Wrapper):
    """Keep the largest singular value of a layer's kernel at 1.

    Every training call divides the kernel by an estimate of that value, from power iterations that
    go on where the last call stopped. The quotient takes the kernel's place, and gradients are
    those by the quotient: the rule of Keras on TensorFlow.

    Miyato et al., "Spectral Normalization for Generative Adversarial Networks", 2018.

    Args:
        layer: A layer with a `kernel` or with `embeddings`.
        power_iterations: How many iterations each training call makes.
        **kwargs: As for `Layer`.
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any):
        super().__init__(layer, **kwargs)
        if not isinstance(power_iterations, int) or power_iterations <= 0:
            raise ValueError(
                f"{self._label()}: expected `power_iterations` to be a positive integer. "
                f"Received: {power_iterations!r}"
            )
        self.power_iterations = power_iterations

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        kernel = getattr(self.layer, "kernel", None)
        self.kernel = getattr(self.layer, "embeddings", None) if kernel is None else kernel
        if self.kernel is None:
            raise ValueError(
                f"{self._label()}: expected a layer with a `kernel` or with `embeddings`. "
                f"Received: {self.layer!r}"
            )
        self.vector_u = self.add_weight(
            name="vector_u",
            shape=(1, self.kernel.shape[-1]),
            initializer=initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            dtype=self.kernel.dtype,
        )

    def call(self, inputs: Any, training: Any = False) -> Any:
        if training:
            self._normalize_kernel()
        return ops.cast(self.layer(inputs), inputs.dtype)

    def _normalize_kernel(self) -> None:
        kernel = ops.convert_to_tensor(self.kernel)
        fixed = ops.stop_gradient(kernel)
        weights = ops.reshape(fixed, (-1, kernel.shape[-1]))
        before = ops.convert_to_tensor(self.vector_u)
        u = before
        for _ in range(self.power_iterations):
            v = ops.normalize(ops.matmul(u, ops.transpose(weights)), axis=None)
            u = ops.normalize(ops.matmul(v, weights), axis=None)
        sigma = ops.reshape(ops.matmul(ops.matmul(v, weights), ops.transpose(u)), ())
        empty = ops.all(ops.equal(fixed, 0.0))  # a kernel of zeros stays one
        sigma = ops.where(empty, ops.ones_like(sigma), sigma)
        self.vector_u.assign(ops.where(empty, before, u))
        # Adding what is zero makes the gradient by the kernel that by the quotient.
        self.kernel.assign(ops.add(ops.divide(fixed, sigma), ops.subtract(kernel, fixed)))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("power_iterations")}
