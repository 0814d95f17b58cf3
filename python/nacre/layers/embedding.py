"""The table of vectors for integer inputs."""

from __future__ import annotations

from typing import Any

from nacre import _core, constraints, initializers, ops, regularizers
from nacre.layers.dense import check_units
from nacre.layers.layer import Layer


class Embedding(Layer):
    """Look up one vector per integer. An integer out of range raises.

    Args:
        input_dim: How many vectors there are.
        output_dim: Their size.
        embeddings_initializer: The first value of the table, of shape (input_dim, output_dim).
        embeddings_regularizer: A penalty on the table.
        embeddings_constraint: A projection of the table after each update.
        mask_zero: Whether input 0 marks a masked position.
        weights: A table to start from.
        lora_rank: Not available; only None.
        lora_alpha: Not available; only None.
        quantization_config: Not available; only None.
        **kwargs: As for `Layer`; `input_length`, as in Keras 2.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: None = None,
        lora_alpha: None = None,
        quantization_config: None = None,
        **kwargs: Any,
    ):
        input_length = kwargs.pop("input_length", None)
        if input_length is not None and "input_shape" not in kwargs:
            length = input_length if isinstance(input_length, (list, tuple)) else (input_length,)
            kwargs["input_shape"] = tuple(length)
        super().__init__(weights=weights, **kwargs)
        for name, value in (
            ("lora_rank", lora_rank),
            ("lora_alpha", lora_alpha),
            ("quantization_config", quantization_config),
        ):
            if value is not None:
                raise ValueError(f"{self._label()}: `{name}` is not available. Received: {value!r}")
        self.input_dim = check_units(input_dim, self._label(), "input_dim")
        self.output_dim = check_units(output_dim, self._label(), "output_dim")
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.autocast = False
        self.embeddings = None

    def build(self, input_shape: Any = None) -> None:
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.input_dim, self.output_dim),
            initializer=self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
        )

    def call(self, inputs: Any) -> Any:
        if inputs.dtype not in ("int32", "int64"):
            inputs = ops.cast(inputs, "int32")
        # Not ops.take, which counts negative indices from the end: here they are mistakes.
        return _core.call("gather", [self.embeddings, inputs], {"axis": 0})

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (*input_shape, self.output_dim)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            **self._arguments(
                "input_dim",
                "output_dim",
                "embeddings_initializer",
                "embeddings_regularizer",
                "activity_regularizer",
                "embeddings_constraint",
                "mask_zero",
            ),
            "quantization_config": None,
        }
