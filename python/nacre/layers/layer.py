"""The base class of layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from nacre import _core, naming, tree
from nacre.config import FLOAT_DTYPES
from nacre.keras_tensor import KerasTensor
from nacre.layers.call_arguments import (
    holds_keras_tensor,
    is_tensors,
    masks_of,
    shapes_of,
    trace_token,
)
from nacre.layers.call_context import context
from nacre.layers.call_signature import Signature, signature_of
from nacre.layers.input_spec import check_inputs
from nacre.layers.layer_config import LayerConfig
from nacre.layers.shape_utils import batch_size_of, map_shapes
from nacre.stateless import run_stateless

_PLAIN = (type(None), bool, int, float, str)


class Layer(LayerConfig):
    """A function of tensors that owns weights.

    A subclass makes its weights in `build(input_shape)` and defines `call(inputs)`.

    Args:
        activity_regularizer: A penalty on the outputs, divided by the batch size.
        trainable: Whether an optimizer may change the weights.
        dtype: The dtype, or dtype policy, of weights and computation.
        autocast: Whether floating inputs are cast to the compute dtype.
        name: Made from the class name if None.
        **kwargs: `input_shape`, `input_dim`, `batch_input_shape` and `weights`, as in Keras 2.
    """

    # Calling

    def build(self, input_shape: Any) -> None:
        """Make the weights. The default has none to make.

        Args:
            input_shape: The shape of the first argument of `call`, or a structure of shapes.
        """
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs.

        Args:
            *args: The inputs.
            **kwargs: Further arguments.

        Returns:
            A tensor or a structure of them.
        """
        raise TypeError(f"{self._label()}: should define `call(self, inputs)`.")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Build the layer if need be, and compute its outputs.

        Args:
            *args: The arguments of `call`.
            **kwargs: Further arguments of `call`; `training` and `mask` are filled in.

        Returns:
            The outputs.
        """
        if not self._initialized:
            raise RuntimeError(
                f"{type(self).__name__}: `__init__` should call `super().__init__()` first."
            )
        if holds_keras_tensor(args) or (kwargs and holds_keras_tensor(kwargs)):
            from nacre.models.node import record_layer_call

            try:
                return record_layer_call(self, args, kwargs)
            finally:
                self._clear_losses()  # those of the scratch trace mean nothing outside of it
        args, kwargs = self._convert_arguments(args, kwargs)
        signature = signature_of(type(self).call)
        training = kwargs.get("training")
        if training is not None and not signature.accepts("training"):
            del kwargs["training"]  # for the layers inside; `call` itself does not look at it
        given = signature.bind(args, kwargs, self._label())
        training = given.get("training", training)
        first = next(iter(given.values()), None)
        if self.input_spec is not None:
            check_inputs(self.input_spec, first, self._label())
        self._begin_losses()
        _core.push_scope(self._label())
        naming.push_scope(self.name, self)
        outer_training = context.training
        context.depth += 1
        try:
            if not self.built:
                self._build_from(given, first)
            context.training = _resolve_training(signature, training, given, kwargs)
            previous_mask = self._resolve_masks(signature, given, first, kwargs)
            outputs = self.call(*args, **kwargs)
            if not self.built:
                self.built = True
            if self.activity_regularizer is not None:
                self._add_activity_losses(outputs)
            self._attach_masks(first, outputs, previous_mask)
            return outputs
        finally:
            context.depth -= 1
            context.training = outer_training
            naming.pop_scope()
            _core.pop_scope()

    def _begin_losses(self) -> None:
        """Forget the losses of the previous outermost call, except within one trace."""
        if context.depth:
            return
        token = trace_token()
        if token is None or token != self._loss_token:
            self._clear_losses()
            object.__setattr__(self, "_loss_token", token)

    def _convert_arguments(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        if len(args) == 1 and not kwargs:
            x = args[0]
            if x.__class__ is _core.Tensor and x.dtype == self.compute_dtype:
                return args, kwargs
        args = tuple(self._convert(arg) for arg in args)
        if kwargs:
            kwargs = {name: self._convert(value) for name, value in kwargs.items()}
        if args and not is_tensors(args[0]):
            for leaf in tree.flatten(args[0]):
                if isinstance(leaf, (int, float, complex, str)):
                    raise ValueError(
                        f"{self._label()}: expected a tensor or an array as input. "
                        f"Received: {args[0]!r}"
                    )
        return args, kwargs

    def _convert(self, x: Any) -> Any:
        """Turn arrays into tensors, and cast floating ones to the compute dtype."""
        if isinstance(x, _PLAIN):
            return x
        if isinstance(x, _core.Tensor):
            tensor = x
        elif isinstance(x, _core.Variable):
            tensor = x.read()
        elif isinstance(x, (list, tuple)):
            if x and all(isinstance(item, (int, float)) for item in x):
                return x  # a shape, an axis list or the like: the layer knows
            converted = [self._convert(item) for item in x]
            if hasattr(x, "_fields"):
                return type(x)(*converted)
            return converted if isinstance(x, list) else tuple(converted)
        elif isinstance(x, dict):
            return {key: self._convert(value) for key, value in x.items()}
        elif hasattr(x, "__array__"):
            array = np.asarray(x)
            if array.dtype.kind not in "biuf":
                raise ValueError(
                    f"{self._label()}: expected numbers. Received an array of dtype {array.dtype}."
                )
            tensor = _core.convert(array)
        else:
            return x
        dtype = tensor.dtype
        if not self.autocast or dtype == self.compute_dtype or dtype not in FLOAT_DTYPES:
            return tensor
        if self.compute_dtype not in FLOAT_DTYPES:
            return tensor
        cast = _core.cast(tensor, self.compute_dtype)
        mask = getattr(x, "_keras_mask", None)
        if mask is not None:
            cast._keras_mask = mask
        return cast

    def _build_from(self, given: dict, first: Any) -> None:
        """Call `build` with the shapes of the arguments of `call`."""
        if type(self).build is Layer.build:
            return
        if not is_tensors(first) and first is not None:
            raise ValueError(
                f"{self._label()}: expected a tensor or an array as input. Received: {first!r}"
            )
        names = signature_of(type(self).build).names
        if len(names) <= 1:
            self.build(*([shapes_of(first)] if names else []))
        else:
            shapes = {f"{key}_shape": shapes_of(x) for key, x in given.items() if is_tensors(x)}
            self.build(**{name: shapes[name] for name in names if name in shapes})
        if self.input_spec is not None:  # which `build` may have refined
            check_inputs(self.input_spec, first, self._label())

    def _resolve_masks(self, signature: Any, given: dict, first: Any, kwargs: dict) -> Any:
        """Fill in the mask arguments of `call`; return the mask of the first argument."""
        previous_mask = masks_of(first)
        if not signature.masks:
            return previous_mask
        tensors = {name: x for name, x in given.items() if is_tensors(x)}
        if len(tensors) == 1 or (len(tensors) == 2 and "mask" in tensors):
            positional = "mask" in given and "mask" not in kwargs
            if "mask" in signature.masks and given.get("mask") is None and not positional:
                kwargs["mask"] = previous_mask
        else:
            for name, x in tensors.items():
                key = f"{name}_mask"
                if key in signature.masks and given.get(key) is None:
                    kwargs[key] = masks_of(x)
        explicit = given.get("mask")
        return previous_mask if explicit is None else explicit

    def _add_activity_losses(self, outputs: Any) -> None:
        from nacre import ops

        for output in tree.flatten(outputs):
            if not isinstance(output, _core.Tensor):
                continue
            loss = self.activity_regularizer(output)
            if output.ndim > 0:
                loss = ops.divide(loss, batch_size_of(output, loss.dtype))
            self.add_loss(loss)

    def stateless_call(
        self,
        trainable_variables: list,
        non_trainable_variables: list,
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple:
        """Compute the outputs with other values in the Variables, which stay as they are.

        Args:
            trainable_variables: A value for each of `trainable_variables`.
            non_trainable_variables: A value for each of `non_trainable_variables`.
            *args: The arguments of `call`.
            return_losses: Whether to return the losses too.
            **kwargs: Further arguments of `call`.

        Returns:
            The outputs, the new values of the variables that are not trainable, and the losses.

        Raises:
            ValueError: The layer has not been built, or the number of values is not right.
        """
        if not self.built:
            raise ValueError(f"{self._label()}: stateless_call needs a built layer; call it first.")
        trainable, others = self.trainable_variables, self.non_trainable_variables
        for variables, values, name in (
            (trainable, trainable_variables, "trainable_variables"),
            (others, non_trainable_variables, "non_trainable_variables"),
        ):
            if len(variables) != len(values):
                raise ValueError(
                    f"{self._label()}: stateless_call expected {len(variables)} values as "
                    f"`{name}`. Received: {len(values)}"
                )

        def run() -> tuple:
            outputs = self(*args, **kwargs)
            return outputs, list(self.losses) if return_losses else []

        (outputs, losses), values = run_stateless(
            [*trainable, *others],
            [*trainable_variables, *non_trainable_variables],
            run,
            self._label(),
        )
        state = values[len(trainable) :]
        return (outputs, state, losses) if return_losses else (outputs, state)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Say what calling the layer on placeholders would return: `compute_output_spec`.

        Args:
            *args: KerasTensors.
            **kwargs: Further arguments of `call`.
        """
        return self.compute_output_spec(*args, **kwargs)

    # Masks

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Compute the mask of the outputs.

        Args:
            inputs: The first argument of `call`.
            previous_mask: Its mask.

        Returns:
            By default the same mask.
        """
        return previous_mask

    def _attach_masks(self, inputs: Any, outputs: Any, previous_mask: Any) -> None:
        if not self.supports_masking:
            if previous_mask is not None and any(
                m is not None for m in tree.flatten(previous_mask)
            ):
                import warnings

                warnings.warn(
                    f"{self._label()} was passed an input with a mask, which it does not support: "
                    "the layers after it will not see the mask."
                )
            return
        if previous_mask is None and type(self).compute_mask is Layer.compute_mask:
            return
        flat = tree.flatten(outputs)
        if all(getattr(x, "_keras_mask", None) is not None for x in flat):
            return
        masks = self.compute_mask(inputs, previous_mask)
        if masks is None:
            return
        for x, mask in zip(flat, tree.flatten(masks), strict=False):
            if mask is not None and isinstance(x, _core.Tensor):
                if getattr(x, "_keras_mask", None) is None:
                    x._keras_mask = mask

    # Shapes

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Say what calling the layer on placeholders would return.

        Args:
            *args: KerasTensors.
            **kwargs: Further arguments of `call`.

        Returns:
            A KerasTensor or a structure of them.
        """
        from nacre.models.node import _infer

        try:
            return _infer(self, args, kwargs)
        finally:
            self._clear_losses()

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Say what shape the outputs have.

        Args:
            input_shape: The shape of the first argument of `call`, or a structure of shapes.

        Returns:
            A shape or a structure of shapes.
        """
        inputs = map_shapes(lambda shape: KerasTensor(shape, dtype=self.compute_dtype), input_shape)
        outputs = self.compute_output_spec(inputs)
        return tree.map_structure(lambda x: tuple(x.shape), outputs)

    @property
    def input(self) -> Any:
        """The placeholder, or placeholders, of the first functional call of this layer."""
        inputs = self._first_node().inputs
        return inputs[0] if len(inputs) == 1 else inputs

    @property
    def output(self) -> Any:
        """What the first functional call of this layer returned."""
        return self._first_node().outputs

    def _first_node(self) -> Any:
        if not self._inbound_nodes:
            raise AttributeError(
                f"{self._label()} has not been called on a placeholder: it has no input or output."
            )
        return self._inbound_nodes[0]


def _resolve_training(signature: Signature, training: Any, given: dict, kwargs: dict) -> Any:
    """Find `training`: the argument, else the outer call's, else the default of `call`."""
    if training is not None:
        return training
    training = context.training
    if training is None:
        training = signature.defaults.get("training")
    positional = "training" in given and "training" not in kwargs
    if training is not None and signature.training and not positional:
        kwargs["training"] = training
    return training
