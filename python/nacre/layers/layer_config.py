"""The constructor and the configuration of layers."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from nacre import _core, dtype_policies, naming, regularizers
from nacre.layers.call_signature import signature_of
from nacre.layers.layer_state import LayerState
from nacre.layers.shape_utils import map_shapes
from nacre.naming import auto_name


def _wrap_build(build: Any) -> Any:
    """Let `build` run in the layer's name scope, outside of any trace, and note that it ran."""

    @functools.wraps(build)
    def wrapper(self: LayerConfig, *args: Any, **kwargs: Any) -> None:
        if self._building:  # called by the `build` of a subclass
            build(self, *args, **kwargs)
            return
        object.__setattr__(self, "_building", True)
        naming.push_scope(self.name, self)
        try:
            with _core.init_scope():
                build(self, *args, **kwargs)
        finally:
            naming.pop_scope()
            object.__setattr__(self, "_building", False)
        object.__setattr__(self, "_build_shapes", (args, kwargs))
        self.built = True
        with _core.init_scope():  # else the assignment would become part of a trace
            self._assign_initial_weights()

    wrapper._is_wrapped_build = True  # type: ignore[attr-defined]
    return wrapper


class LayerConfig(LayerState):
    """How a layer is made: names, dtypes, configuration. `Layer` adds the call."""

    input_spec: Any
    supports_masking: bool

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        if name is not None and (not isinstance(name, str) or not name or "/" in name):
            raise ValueError(
                f"{type(self).__name__}: expected `name` to be a string without '/'. "
                f"Received: name={name!r}"
            )
        if not isinstance(trainable, (bool, np.bool_)):
            raise ValueError(
                f"{type(self).__name__}: expected `trainable` to be a bool. Received: {trainable!r}"
            )
        self.name = name or auto_name(type(self).__name__)
        self._set_input_shape_arguments(kwargs)
        object.__setattr__(self, "_initial_weights", kwargs.pop("weights", None))
        if kwargs:
            unknown = ", ".join(f"`{key}`" for key in kwargs)
            raise ValueError(f"{self._label()}: unknown keyword arguments {unknown}.")
        self._dtype_policy = dtype_policies.get(dtype)
        self.autocast = autocast
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.input_spec = None
        if not hasattr(self, "supports_masking"):
            self.supports_masking = False
        object.__setattr__(self, "_trainable", bool(trainable))
        object.__setattr__(self, "_initialized", True)

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        build = cls.__dict__.get("build")
        if build is not None and not getattr(build, "_is_wrapped_build", False):
            cls.build = _wrap_build(build)

    def _set_input_shape_arguments(self, kwargs: dict) -> None:
        """Take the shapes that Keras 2 let the first layer of a model carry."""
        shape = kwargs.pop("input_shape", None)
        dim = kwargs.pop("input_dim", None)
        batch_shape = kwargs.pop("batch_input_shape", None)
        batch_shape = kwargs.pop("batch_shape", None) if batch_shape is None else batch_shape
        batch_size = kwargs.pop("batch_size", None)
        if dim is not None:
            shape = (dim,)
        if isinstance(shape, (int, np.integer)):
            shape = (int(shape),)
        if batch_shape is not None:
            batch_size, *shape = batch_shape
        shape = tuple(shape) if shape is not None else None
        object.__setattr__(self, "_input_shape_arg", shape)
        object.__setattr__(
            self, "_batch_shape_arg", None if shape is None else (batch_size, *shape)
        )

    # Dtypes

    @property
    def dtype_policy(self) -> Any:
        """The dtype policy."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        self._dtype_policy = dtype_policies.get(value)

    @property
    def dtype(self) -> str:
        """The dtype of the weights."""
        return self._dtype_policy.variable_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights."""
        return self._dtype_policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype of the computation."""
        return self._dtype_policy.compute_dtype

    @property
    def quantization_mode(self) -> None:
        """Always `None`: layers are not quantized."""
        return None

    @property
    def input_dtype(self) -> str:
        """The dtype that floating inputs are cast to."""
        return self._dtype_policy.compute_dtype

    # Configuration

    def _assign_initial_weights(self) -> None:
        weights = self._initial_weights
        if weights is not None:
            object.__setattr__(self, "_initial_weights", None)
            weights = list(weights) if isinstance(weights, (list, tuple)) else [weights]
            self.set_weights(weights)

    def get_config(self) -> dict:
        """Return the arguments of the constructor.

        A subclass that does not override this gets those that it was made with.
        """
        config = {
            "name": self.name,
            "trainable": self._trainable,
            "dtype": dtype_policies.serialize(self._dtype_policy),
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if getattr(type(self).get_config, "_is_default", False):
            args, kwargs = self._init_arguments
            given = signature_of(type(self).__init__).bind(args, kwargs, self._label())
            config.update({key: x for key, x in given.items() if key not in ("name", "dtype")})
        return config

    def _arguments(self, *names: str) -> dict:
        """Return attributes that are arguments of the constructor, as plain data."""
        return {name: _plain_data(getattr(self, name)) for name in names}

    @classmethod
    def from_config(cls, config: dict) -> LayerConfig:
        """Make a layer from what `get_config` returned.

        Args:
            config: The arguments of the constructor.

        Returns:
            The layer, without its weights.
        """
        config = dict(config)
        if getattr(cls.get_config, "_is_default", False):
            from nacre.saving import deserialize_keras_object

            config = {key: deserialize_keras_object(value) for key, value in config.items()}
            init = signature_of(cls.__init__)
            if not init.has_varkw:
                config = {key: value for key, value in config.items() if key in init.names}
        return cls(**config)

    def get_build_config(self) -> dict | None:
        """Return what `build_from_config` needs, or None for a layer not built by shape."""
        if self._build_shapes is None:
            return None
        args, kwargs = self._build_shapes
        if len(args) == 1 and not kwargs:
            return {"input_shape": args[0]}
        names = signature_of(type(self).build).positional
        shapes = {**dict(zip(names, args, strict=False)), **kwargs}
        return {"shapes_dict": shapes} if shapes else None

    def build_from_config(self, config: dict) -> None:
        """Build the layer as the one whose configuration this is.

        Args:
            config: What `get_build_config` returned.
        """
        if self.built or not config:
            return
        if config.get("input_shape") is not None:
            self.build(map_shapes(tuple, config["input_shape"]))
        elif config.get("shapes_dict"):
            shapes = config["shapes_dict"].items()
            self.build(**{name: map_shapes(tuple, shape) for name, shape in shapes})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.__dict__.get('name')}, built={self.built}>"

    @property
    def path(self) -> str:
        """The name scopes in which the layer was built, and its name."""
        for variable in self._trainable_variables + self._non_trainable_variables:
            return variable.path.rpartition("/")[0]
        return self.name


def _plain_data(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    from nacre import activations
    from nacre.saving import serialize_keras_object

    if callable(value) and hasattr(value, "__name__"):
        return activations.serialize(value)
    return serialize_keras_object(value)


# The configuration of a class that keeps this method is what its constructor was given.
LayerConfig.get_config._is_default = True  # type: ignore[attr-defined]
