"""Models: `Sequential`, functional and subclassed, and functions that copy them."""

from typing import Any

__all__ = ["Model", "Sequential", "clone_model", "model_from_json"]

_HOMES = {
    "Model": "model",
    "Functional": "functional",
    "Sequential": "sequential",
    "clone_model": "cloning",
    "model_from_json": "cloning",
}


def __getattr__(name: str) -> Any:
    # Layers record their calls through `nacre.models.node`, so models are loaded when asked for.
    if name not in _HOMES:
        raise AttributeError(f"nacre.models.{name} is not offered by Nacre.")
    import importlib

    value = getattr(importlib.import_module(f"nacre.models.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
