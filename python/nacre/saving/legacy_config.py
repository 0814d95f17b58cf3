"""Configurations of Keras 2, turned into those of Keras 3 and back."""

from __future__ import annotations

from typing import Any

from nacre import tree
from nacre.saving.serialization import serialize_keras_object

_MODELS = ("Sequential", "Functional", "Model")
# What Keras 2 wrote into the configurations of layers and means nothing any more.
_LAMBDA_EXTRAS = ("module", "function_type", "output_shape_type", "output_shape_module")
_INPUT_EXTRAS = ("sparse", "ragged", "optional")
_OPTIMIZER_EXTRAS = ("is_legacy_optimizer", "jit_compile")


# Writing


def from_model(model: Any) -> dict:
    """Make the `model_config` of a model.

    Args:
        model: The model.

    Returns:
        Its configuration, as plain data.
    """
    return _to_legacy(serialize_keras_object(model))


def _to_legacy(entry: dict) -> dict:
    """Leave out what Keras 2 did not write of a layer, and of the layers in a model."""
    if entry.get("module") in ("keras.ops",) or "class_name" not in entry:
        return entry
    if (entry.get("module") or "").startswith("keras.src.ops."):
        return entry
    config = entry["config"]
    if isinstance(config, dict) and isinstance(config.get("layers"), list):
        config = {**config, "layers": [_to_legacy(layer) for layer in config["layers"]]}
    legacy = {"class_name": entry.get("registered_name") or entry["class_name"], "config": config}
    for key in ("name", "inbound_nodes"):
        if key in entry:
            legacy[key] = entry[key]
    return legacy


def training_config(model: Any) -> dict:
    """Make the `training_config` of a compiled model.

    Args:
        model: The model.

    Returns:
        What it was compiled with, as plain data.
    """
    arguments = dict(model._compile_arguments)
    arguments.pop("optimizer")
    arguments["loss"] = tree.map_structure(_full_name, arguments["loss"])
    config = tree.map_structure(_describe, arguments)
    optimizer = serialize_keras_object(model.optimizer)
    config["optimizer_config"] = {
        "class_name": optimizer["registered_name"] or optimizer["class_name"],
        "config": optimizer["config"],
    }
    return config


def _describe(obj: Any) -> Any:
    config = serialize_keras_object(obj)
    if not isinstance(config, dict):
        return config
    if config["class_name"] == "function":
        return config["config"]
    return {
        "class_name": config["registered_name"] or config["class_name"],
        "config": config["config"],
    }


def _full_name(loss: Any) -> Any:
    """Spell out `mse` and the like, which Keras 3 does not find in files of this kind."""
    from nacre import losses

    if not isinstance(loss, str) or loss in ("crossentropy", "ce"):
        return loss
    return getattr(losses.get(loss), "__name__", loss)


# Reading


def to_current(entry: Any) -> dict:
    """Turn a `model_config`, or the configuration of a layer in one, into that of Keras 3.

    Args:
        entry: The configuration.

    Returns:
        The same in today's form.
    """
    if not isinstance(entry, dict) or "class_name" not in entry or "config" not in entry:
        raise ValueError("its configuration is not that of a model or layer of Keras 2")
    if "module" in entry:
        return entry
    name, config = entry["class_name"], entry["config"]
    if name in _MODELS:
        current = {"module": "keras", "class_name": name, "config": _model_config(name, config)}
        if name == "Model":
            current["class_name"] = "Functional"
        if current["class_name"] == "Functional":
            current["module"] = "keras.models"
        current["registered_name"] = None
    else:
        if not isinstance(config, dict):
            raise ValueError(f"the configuration of {name!r} is no dict")
        # Without a registered name, one of the user's may have this name.
        current = {
            "module": "keras.layers",
            "class_name": name,
            "config": _layer_config(name, config),
        }
        if isinstance(config.get("layers"), list):  # a model of a class of the user's
            current["config"] = _model_config(name, config)
    for key in ("name", "inbound_nodes"):
        if key in entry:
            current[key] = entry[key]
    return current


def _model_config(name: str, config: Any) -> dict:
    if isinstance(config, list):  # the oldest form of Sequential
        config = {"layers": config}
    if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
        raise ValueError(f"the configuration of {name!r} has no layers")
    layers = [to_current(entry) for entry in config["layers"]]
    nested = {layer.get("name") for layer in layers if layer["class_name"] == "Functional"}
    for layer in layers:
        if isinstance(layer.get("inbound_nodes"), list):
            layer["inbound_nodes"] = [_node(node, nested) for node in layer["inbound_nodes"]]
    return {**config, "layers": layers}


def _layer_config(name: str, config: dict) -> dict:
    config = dict(config)
    if name == "InputLayer":
        if "batch_input_shape" in config:
            config["batch_shape"] = config.pop("batch_input_shape")
        if not config.get("sparse") and not config.get("ragged"):
            for key in _INPUT_EXTRAS:
                config.pop(key, None)
    if isinstance(config.get("axis"), list) and len(config["axis"]) == 1:
        config["axis"] = config["axis"][0]
    dtype = config.get("dtype")
    if isinstance(dtype, dict) and dtype.get("class_name") == "Policy":
        config["dtype"] = dtype["config"]["name"]
    if name == "Lambda":
        for key in _LAMBDA_EXTRAS:
            config.pop(key, None)
        for key in ("function", "output_shape", "mask"):
            config[key] = _lambda_function(key, config.get(key))
    return config


def _lambda_function(key: str, value: Any) -> Any:
    # A function was its name, a lambda its code, defaults and closure.
    if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str):
        return {"class_name": "__lambda__", "config": {"value": value}}
    if isinstance(value, str):
        return {"class_name": "function", "config": value, "module": "builtins"}
    return value


def _node(node: Any, nested: set) -> Any:
    """Turn the list form of a call, `[[name, call, output, arguments], ...]`, into a dict.

    Keras 2 counted the making of a functional model, one of those in `nested`, as a call.
    """
    if not isinstance(node, list):
        return node
    tensors = []
    kwargs: dict = {}
    if node and isinstance(node[0], str):  # one tensor, not a list of them
        node = [node]
    for place in node:
        if not isinstance(place, list) or len(place) not in (3, 4):
            raise ValueError("a call of a layer in its configuration is damaged")
        tensors.append(_tensor(place, nested))
        if len(place) == 4:
            kwargs = place[3] or {}
    if not isinstance(kwargs, dict):
        raise ValueError("a call of a layer in its configuration is damaged")
    kwargs = {key: _tensor(value) if _is_place(value) else value for key, value in kwargs.items()}
    return {"args": [tensors[0] if len(tensors) == 1 else tensors], "kwargs": kwargs}


def _is_place(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and isinstance(value[0], str)
        and all(isinstance(index, int) for index in value[1:])
    )


def _tensor(place: list, nested: set) -> dict:
    name, number, output = place[:3]
    history = [name, number - 1 if name in nested else number, output]
    return {"class_name": "__keras_tensor__", "config": {"keras_history": history}}


def compile_arguments(config: Any) -> dict:
    """Turn a `training_config` into the arguments of `compile`.

    Args:
        config: What `training_config`, or Keras 2, wrote.

    Returns:
        The arguments.
    """
    from nacre import losses, metrics, optimizers

    if not isinstance(config, dict) or not isinstance(config.get("optimizer_config"), dict):
        raise ValueError("what the model was compiled with is damaged")
    optimizer = dict(config["optimizer_config"])
    optimizer["config"] = {
        key: value
        for key, value in optimizer["config"].items()
        if key not in _OPTIMIZER_EXTRAS and not (key == "decay" and not value)
    }
    optimizer["class_name"] = optimizer["class_name"].removeprefix("Custom>")
    return {
        "optimizer": optimizers.deserialize(optimizer),
        "loss": _objects(config.get("loss"), losses.deserialize),
        "loss_weights": config.get("loss_weights"),
        "metrics": _objects(config.get("metrics"), metrics.deserialize),
        "weighted_metrics": _objects(config.get("weighted_metrics"), metrics.deserialize),
    }


def _objects(value: Any, deserialize: Any) -> Any:
    if isinstance(value, dict) and "class_name" in value:
        config = value.get("config")
        if isinstance(config, dict) and config.get("reduction") == "auto":
            value = {**value, "config": {**config, "reduction": "sum_over_batch_size"}}
        return deserialize(value)
    if isinstance(value, dict):
        return {key: _objects(item, deserialize) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_objects(item, deserialize) for item in value]
    return value  # a name
