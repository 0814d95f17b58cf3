"""Records the public names of the installed Keras, with parameters and defaults."""

from __future__ import annotations

import inspect
import json
import os
from types import ModuleType
from typing import Any

# Classes whose methods and properties are compared too: those that users derive from or hold.
CLASSES = (
    "keras.Model",
    "keras.Sequential",
    "keras.layers.Layer",
    "keras.optimizers.Optimizer",
    "keras.optimizers.schedules.LearningRateSchedule",
    "keras.losses.Loss",
    "keras.metrics.Metric",
    "keras.callbacks.Callback",
    "keras.callbacks.CallbackList",
    "keras.initializers.Initializer",
    "keras.Variable",
    "keras.KerasTensor",
    "keras.InputSpec",
    "keras.random.SeedGenerator",
    "keras.dtype_policies.DTypePolicy",
    "keras.utils.PyDataset",
    "keras.utils.Progbar",
)
# Steps as all of Keras's backends but JAX have them, and what only that one has.
STEP = {"train_step": "data", "test_step": "data", "predict_step": "data"}
OF_JAX = {"compute_loss_and_updates", "jax_state_sync"}


def record() -> str:
    """The text of the data file."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras

    modules: dict[str, dict] = {}
    _walk(keras, modules)
    classes = {}
    for path in CLASSES:
        cls: Any = keras
        for part in path.split(".")[1:]:
            cls = getattr(cls, part)
        classes[path] = _methods(cls)
    calls = {}
    for name, layer in vars(keras.layers).items():
        if inspect.isclass(layer) and issubclass(layer, keras.Layer):
            calls[name] = _parameters(layer.call, skip=True)
    data = {
        "keras": keras.__version__,
        "modules": {path: modules[path] for path in sorted(modules)},
        "classes": classes,
        "calls": dict(sorted(calls.items())),
    }
    return json.dumps(data, indent=0) + "\n"


def _walk(module: ModuleType, modules: dict[str, dict]) -> None:
    names: dict[str, Any] = {}
    for name, value in sorted(vars(module).items()):
        if name.startswith("_") or name == "src":
            continue
        if isinstance(value, ModuleType):
            if value.__name__ == f"{module.__name__}.{name}" and value.__name__ not in modules:
                _walk(value, modules)
        elif inspect.isclass(value):
            names[name] = _parameters(value.__init__, skip=True)
        else:
            names[name] = _parameters(value) if callable(value) else None
    if names:
        modules[module.__name__] = names


def _methods(cls: type) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in dir(cls):
        if name.startswith("_") or name in OF_JAX:
            continue
        value = inspect.getattr_static(cls, name)
        if name in STEP and hasattr(cls, name):
            found[name] = STEP[name]
        elif isinstance(value, (classmethod, staticmethod)):
            found[name] = _parameters(getattr(cls, name))
        else:
            found[name] = _parameters(value, skip=True) if inspect.isfunction(value) else None
    return found


def _parameters(function: Any, skip: bool = False) -> str | None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    parameters = list(signature.parameters.values())[int(skip) :]
    plain = [p.replace(annotation=p.empty) for p in parameters]
    text = str(signature.replace(parameters=plain, return_annotation=signature.empty))
    return text[1:-1]
