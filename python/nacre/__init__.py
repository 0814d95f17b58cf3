"""Nacre: Keras-compatible deep learning with its own C++ core."""

from typing import Any

__version__ = "0.1.0"

# Everything public is loaded when it is first used, so that `import nacre` costs next to nothing.
_SUBMODULES = frozenset(
    (
        "activations",
        "backend",
        "callbacks",
        "config",
        "constraints",
        "data",
        "datasets",
        "dtype_policies",
        "initializers",
        "layers",
        "losses",
        "metrics",
        "mixed_precision",
        "models",
        "ops",
        "optimizers",
        "preprocessing",
        "random",
        "regularizers",
        "saving",
        "tree",
        "utils",
    )
)
_HOMES = {
    "DTypePolicy": "nacre.dtype_policies",
    "FloatDTypePolicy": "nacre.dtype_policies",
    "Function": "nacre.autograd",
    "GradientTape": "nacre.autograd",
    "Initializer": "nacre.initializers",
    "Input": "nacre.layers.input_layer",
    "InputSpec": "nacre.layers",
    "KerasTensor": "nacre.keras_tensor",
    "Layer": "nacre.layers",
    "Loss": "nacre.losses",
    "Metric": "nacre.metrics",
    "Model": "nacre.models",
    "Optimizer": "nacre.optimizers",
    "Regularizer": "nacre.regularizers",
    "Sequential": "nacre.models",
    "Tensor": "nacre.tensor",
    "Variable": "nacre.variable",
    "function": "nacre.autograd",
    "grad": "nacre.autograd",
    "name_scope": "nacre.naming",
    "value_and_grad": "nacre.autograd",
}
__all__ = sorted(_SUBMODULES | set(_HOMES) | {"version"})


def version() -> str:
    """The version of Nacre."""
    return __version__


def __getattr__(name: str) -> Any:
    import importlib

    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    elif name in _SUBMODULES:
        value = importlib.import_module(f"nacre.{name}")
    else:
        raise AttributeError(f"nacre.{name} is not offered by Nacre.")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
