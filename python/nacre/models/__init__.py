"""Models: `Sequential`, functional and subclassed, and functions that copy them."""

from typing import Any

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]

_HOMES = {
    "Model": "model",
    "Functional": "functional",
    "Sequential": "sequential",
    "clone_model": "cloning",
    "load_model": "nacre.saving",
    "model_from_json": "cloning",
    "save_model": "nacre.saving",
}


def __getattr__(name: str) -> Any:
    # Layers record their calls through `nacre.models.node`, so models are loaded when asked for.
    if name not in _HOMES:
        raise AttributeError(f"nacre.models.{name} is not offered by Nacre.")
    import importlib

    home = _HOMES[name] if "." in _HOMES[name] else f"nacre.models.{_HOMES[name]}"
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value
