"""`Model`: a layer that can be trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nacre import tree
from nacre.keras2 import GeneratorMethods
from nacre.keras_tensor import KerasTensor
from nacre.layers.call_arguments import is_tensors, shapes_of
from nacre.layers.layer import Layer
from nacre.layers.shape_utils import map_shapes
from nacre.models.graph import FunctionalGraph
from nacre.models.node import _infer
from nacre.tracking import add_by_identity, bump_structure
from nacre.training.trainer import Trainer

__all__ = ["Model"]


def _shapes(tensors: Any) -> Any:
    if isinstance(tensors, (list, tuple)) and len(tensors) == 1:
        tensors = tensors[0]
    return tree.map_structure(lambda tensor: tensor.shape, tensors)


def _is_functional(args: tuple, kwargs: dict) -> bool:
    return (
        len(args) >= 2
        or (len(args) == 1 and "outputs" in kwargs)
        or ("inputs" in kwargs and "outputs" in kwargs)
    )


class Model(Trainer, GeneratorMethods, Layer):
    """A network with `fit`, `evaluate` and `predict`.

    There are two ways to make one: `Model(inputs, outputs)` from placeholders, or a subclass that
    makes its layers in `__init__` and calls them in `call`. Both may be combined: a subclass made
    with `inputs` and `outputs` may override `train_step`.

    Args:
        *args: `inputs` and `outputs`, for a functional model.
        **kwargs: `name`, `trainable` and `dtype`, and `inputs` and `outputs` by name.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Model:
        if cls is Model and _is_functional(args, kwargs):
            from nacre.models.functional import Functional

            return Functional.__new__(Functional, *args, **kwargs)
        model = super().__new__(cls, *args, **kwargs)
        object.__setattr__(model, "_graph", None)
        model._init_trainer()
        return model

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not _is_functional(args, kwargs):
            if args:
                raise TypeError(
                    f"{type(self).__name__} expects `inputs` and `outputs`, or keyword arguments "
                    f"such as `name`. Received positional arguments: {args!r}"
                )
            super().__init__(**kwargs)
            self.supports_masking = True
            return
        named = dict(zip(("inputs", "outputs", "name"), args, strict=False))
        inputs = named.get("inputs", kwargs.pop("inputs", None))
        outputs = named.get("outputs", kwargs.pop("outputs", None))
        name = named.get("name", kwargs.pop("name", None))
        trainable = kwargs.pop("trainable", True)
        super().__init__(name=name, **kwargs)
        self.supports_masking = True
        self._set_graph(FunctionalGraph(inputs, outputs, self._label()))
        self.built = True
        if not trainable:
            self.trainable = False

    def _set_graph(self, graph: FunctionalGraph | None) -> None:
        """Adopts a graph and the layers in it."""
        object.__setattr__(self, "_graph", graph)
        if graph is not None:
            for layer in graph.layers:
                add_by_identity(self._layers, layer)
        bump_structure()

    # Calling

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Computes the outputs; a subclass without `inputs` and `outputs` defines this itself.

        Args:
            inputs: Tensors in place of the input placeholders.
            training: Whether layers are to behave as in training.
            mask: Masks of the inputs.
        """
        if self._graph is None:
            raise TypeError(
                f"{self._label()}: a model should define `call(self, inputs)`, or be made of "
                "`inputs` and `outputs`."
            )
        return self._graph.run(inputs, mask)

    def _build_from(self, given: dict, first: Any) -> None:
        # A subclass without `build` makes its weights when `call` first calls its layers.
        if type(self).build is not Model.build:
            super()._build_from(given, first)
            return
        shapes = {f"{name}_shape": shapes_of(x) for name, x in given.items() if is_tensors(x)}
        if self._build_shapes is None and is_tensors(first):
            kept = ((shapes_of(first),), {}) if len(shapes) == 1 else ((), shapes)
            object.__setattr__(self, "_build_shapes", kept)  # for the configuration

    def build(self, input_shape: Any = None) -> None:
        """Makes all weights, by calling the model on placeholders of this shape.

        Args:
            input_shape: Shape with the batch axis, or a structure of shapes.
        """
        if self._graph is not None:
            return
        if input_shape is None:
            raise ValueError(f"{self._label()}: `build` needs `input_shape`.")
        if type(self).call is Model.call:
            return
        self._call_on_shapes((input_shape,), {})

    def _call_on_shapes(self, args: tuple, kwargs: dict) -> None:
        def placeholder(shape: tuple) -> KerasTensor:
            return KerasTensor(shape, self.compute_dtype)

        args = tuple(map_shapes(placeholder, shape) for shape in args)
        kwargs = {name: map_shapes(placeholder, shape) for name, shape in kwargs.items()}
        try:
            _infer(self, args, kwargs)
        finally:
            self._clear_losses()

    def build_from_config(self, config: dict) -> None:
        """Makes all weights as in the model whose configuration this is.

        Args:
            config: What `get_build_config` returned.
        """
        shapes = (config or {}).get("shapes_dict")
        if self.built or not shapes or type(self).build is not Model.build:
            super().build_from_config(config)
            return
        shapes = {name.removesuffix("_shape"): shape for name, shape in shapes.items()}
        self._call_on_shapes((), shapes)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Outputs carry the masks that the layers inside gave them."""
        return None

    # Structure

    @property
    def layers(self) -> list[Layer]:
        """The layers of the model, not those inside of them."""
        return self._flatten_layers(include_self=False, recursive=False)

    @layers.setter
    def layers(self, value: Any) -> None:
        raise AttributeError(f"{self._label()}: `layers` cannot be set. Use another name.")

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Finds a layer.

        Args:
            name: Its name.
            index: Its place in `layers`.

        Raises:
            ValueError: There is none.
        """
        if (name is None) == (index is None):
            raise ValueError("`get_layer` needs `name` or `index`, and not both.")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(
                    f"{self._label()} has {len(layers)} layers. Received: index={index}"
                )
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise ValueError(
            f"{self._label()} has no layer named {name!r}. "
            f"It has: {', '.join(layer.name for layer in layers)}."
        )

    def _need_graph(self, what: str) -> FunctionalGraph:
        if self._graph is None:
            raise AttributeError(
                f"{self._label()} has no `{what}`: it is not made of placeholders."
            )
        return self._graph

    @property
    def inputs(self) -> list[KerasTensor]:
        """The input placeholders."""
        return self._need_graph("inputs").inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The output placeholders."""
        return self._need_graph("outputs").outputs

    @property
    def input(self) -> Any:
        """The input placeholder, or the structure of them."""
        if self._graph is None:
            return super().input
        return self._graph.input_structure

    @property
    def output(self) -> Any:
        """The output placeholder, or the structure of them."""
        if self._graph is None:
            return super().output
        return self._graph.output_structure

    @property
    def input_shape(self) -> Any:
        """Shapes of the inputs."""
        return _shapes(self.input)

    @property
    def output_shape(self) -> Any:
        """Shapes of the outputs."""
        return _shapes(self.output)

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs."""
        return self._need_graph("input_names").input_names

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs."""
        return self._need_graph("output_names").output_names

    # For the trainer

    def _declared_inputs(self, data: Any) -> list[KerasTensor]:
        graph = self._graph
        if graph is None or not graph.strict:
            return []
        x = data[0] if isinstance(data, (tuple, list)) else data
        if isinstance(x, dict) and not isinstance(graph.input_structure, dict):
            by_name = dict(zip(graph.input_names, graph.inputs, strict=True))
            keys = tree._keys(x)
            return [by_name[key] for key in keys] if all(key in by_name for key in keys) else []
        flat = graph.inputs
        return flat if len(tree.flatten(x)) == len(flat) else []

    def _input_parts(self) -> int:
        return 1 if self._graph is None else len(self._graph.inputs)

    # Looking at it and copying it

    def summary(
        self,
        line_length: int | None = None,
        positions: list[float] | None = None,
        print_fn: Callable | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Prints a table of the layers.

        Args:
            line_length: Width of the table.
            positions: Where the columns end, as shares of the width.
            print_fn: Called with the text in place of printing it.
            expand_nested: Whether to list the layers of nested models.
            show_trainable: Whether to show which layers can be trained.
            layer_range: Names of the first and the last layer to list.
        """
        from nacre.utils.summary_utils import print_summary

        print_summary(
            self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range
        )

    def save(
        self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
    ) -> None:
        """Writes the model to a file, which `nacre.saving.load_model` reads.

        Args:
            filepath: Ends in `.keras`, or in `.h5` or `.hdf5` for the format of Keras 2.
            overwrite: Whether to replace a file of that name without asking.
            zipped: False writes a directory with the members of the `.keras` archive.
            **kwargs: As for `nacre.saving.save_model`.
        """
        from nacre.saving import save_model

        save_model(self, filepath, overwrite, zipped, **kwargs)

    def save_weights(
        self,
        filepath: Any,
        overwrite: bool = True,
        max_shard_size: float | None = None,
        **kwargs: Any,
    ) -> None:
        """Writes the weights, and the state of the optimizer, to a file.

        Args:
            filepath: Ends in `.weights.h5`, or else in `.h5` for the format of Keras 2.
            overwrite: Whether to replace a file of that name without asking.
            max_shard_size: Not available; only None.
            **kwargs: As for `nacre.saving.save_weights`.
        """
        from nacre.saving import save_weights

        save_weights(self, filepath, overwrite, max_shard_size, **kwargs)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Reads weights out of a file; one that does not fit leaves the model as it was.

        Args:
            filepath: A file of weights or of a model.
            skip_mismatch: Whether layers that do not fit are left as they are, with a warning.
            **kwargs: As for `nacre.saving.load_weights`.
        """
        from nacre.saving import load_weights

        load_weights(self, filepath, skip_mismatch, **kwargs)

    def to_json(self, **kwargs: Any) -> str:
        """The configuration of the model as JSON text.

        Args:
            **kwargs: Arguments of `json.dumps`.
        """
        from nacre.saving.model_file import config_json

        return config_json(self, shared=False, **kwargs)

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: Any = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """Would write the model for another library to run; none of the formats is available.

        Args:
            filepath: The file.
            format: The format.
            verbose: Whether to print what is done.
            input_signature: The shapes and dtypes of the inputs.
            **kwargs: Options of the format.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            f"{self._label()}: `export` has no formats so far. Received: format={format!r}. "
            "`save` writes a `.keras` file, which Keras reads, and Keras exports."
        )

    def __reduce__(self) -> tuple:
        """Pickles and copies the configuration and the weights, not what was compiled."""
        compile_config = self.get_compile_config() if self.compiled else None
        build_config = self.get_build_config() if self.built else None
        state = (self.get_config(), build_config, compile_config, self.get_weights())
        return _restore_model, (type(self), *state)

    def get_config(self) -> dict:
        if self._graph is not None and type(self).__init__ is Model.__init__:
            from nacre.models.functional import graph_config

            return graph_config(self)
        return super().get_config()

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Model:
        if {"layers", "input_layers", "output_layers"} <= set(config):
            from nacre.models.functional import model_from_graph_config

            return model_from_graph_config(cls, config, custom_objects)
        return super().from_config(config)


Model.get_config._is_default = True  # type: ignore[attr-defined]


def _restore_model(
    cls: type, config: dict, build_config: Any, compile_config: Any, weights: list
) -> Model:
    """Makes a model out of what `Model.__reduce__` kept."""
    model = cls.from_config(config)
    if build_config:
        model.build_from_config(build_config)
    if compile_config:
        model.compile_from_config(compile_config)
    if weights:
        model.set_weights(weights)
    return model
