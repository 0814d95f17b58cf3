"""The HDF5 files of Keras 2: a group for each layer, configurations in attributes."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from nacre.allocation import allocation_limit
from nacre.saving import lambda_code, legacy_config, scopes
from nacre.saving.atomic import replaced_file
from nacre.saving.hdf5_nodes import Dataset
from nacre.saving.hdf5_reader import Group, Hdf5File, with_checksum
from nacre.saving.hdf5_structures import Source
from nacre.saving.model_file import KERAS_VERSION, weights_limit
from nacre.saving.paths import opened
from nacre.saving.registration import CustomObjectScope
from nacre.saving.serialization import deserialize_keras_object
from nacre.saving.weights import read_array, to_numpy
from nacre.utils.warnings_utils import warn

# An object's header holds at most 64 KiB, so that longer lists of names are cut into pieces.
_HEADER_LIMIT = 64512
_OWN = "top_level_model_weights"


def save_model(model: Any, path: str, include_optimizer: bool) -> None:
    """Write a model to a file of Keras 2.

    Args:
        model: The model.
        path: The file.
        include_optimizer: Whether to write what it was compiled with.
    """
    compiled = include_optimizer and model.compiled and model.optimizer is not None
    config = lambda_code.as_plain_data(legacy_config.from_model(model))
    training = legacy_config.training_config(model) if compiled else None
    if lambda_code.holds_lambda(training):
        warn("What `compile` was given is left out of the file: it has code in it.")
        training = None

    def write(file: Any) -> None:
        file.attrs["keras_version"] = KERAS_VERSION
        file.attrs["backend"] = "nacre"
        file.attrs["model_config"] = json.dumps(config).encode()
        if training is not None:
            file.attrs["training_config"] = json.dumps(training).encode()
        _write_layers(file.create_group("model_weights"), model)
        if compiled and model.optimizer.variables:
            _write_weights(file.create_group("optimizer_weights"), model.optimizer.variables)

    _write_file(path, write)


def save_weights(model: Any, path: str) -> None:
    """Write the weights of a model, alone, to a file of Keras 2.

    Args:
        model: The model.
        path: The file.
    """
    _write_file(path, lambda file: _write_layers(file, model))


def _write_file(path: str, write: Callable[[Any], None]) -> None:
    """Put together a file in memory, then write it whole."""
    import h5py

    with h5py.File("model", "w", driver="core", backing_store=False) as file:
        write(file)
        file.flush()
        data = file.id.get_file_image()
    with replaced_file(path) as target:
        target.write(with_checksum(data))


def _write_layers(group: Any, model: Any) -> None:
    _write_names(group, "layer_names", [layer.name for layer in model.layers])
    group.attrs["backend"] = b"nacre"
    group.attrs["keras_version"] = KERAS_VERSION.encode()
    for layer in sorted(model.layers, key=lambda layer: layer.name):
        _write_weights(group.create_group(layer.name), _weights_of(layer))
    _write_weights(group.create_group(_OWN), _own_weights(model))


def _write_weights(group: Any, variables: list) -> None:
    names: list[str] = []
    for variable in variables:
        name, count = variable.path, 0
        while name in names:
            count += 1
            name = f"{variable.path}_{count}"
        names.append(name)
    _write_names(group, "weight_names", names)
    for name, variable in zip(names, variables, strict=True):
        value, dtype = to_numpy(variable)
        dataset = group.create_dataset(name, data=value)
        if dtype == "bfloat16":
            dataset.attrs["dtype"] = dtype


def _write_names(group: Any, name: str, values: list[str]) -> None:
    data = [value.encode() for value in values]
    pieces = 1
    while any(np.asarray(piece).nbytes > _HEADER_LIMIT for piece in np.array_split(data, pieces)):
        pieces += 1
    if pieces == 1:
        group.attrs[name] = data
        return
    for index, piece in enumerate(np.array_split(data, pieces)):
        group.attrs[f"{name}{index}"] = piece


def read_names(group: Group, name: str) -> list[str]:
    """Read a list of names, which may be cut into pieces.

    Args:
        group: The group.
        name: The attribute, or what the attributes' names start with.

    Returns:
        The names.
    """
    if name in group.attributes:
        return _strings(group, name)
    names: list[str] = []
    index = 0
    while f"{name}{index}" in group.attributes:
        names += _strings(group, f"{name}{index}")
        index += 1
    return names


def _strings(group: Group, name: str) -> list[str]:
    value = group.attribute(name)
    if isinstance(value, np.ndarray) and value.size == 0:
        return []
    if not isinstance(value, list):
        raise ValueError(f"attribute {name!r} of {group.name!r} is no list of names")
    return value


def _weights_of(layer: Any) -> list:
    """The weights in Keras 2's order."""
    return layer.trainable_weights + layer.non_trainable_weights


def _own_weights(model: Any) -> list:
    return model._trainable_variables + model._non_trainable_variables


def load_model(path: str, custom_objects: Any, compile: bool, safe_mode: bool) -> Any:
    """Read a model of Keras 2.

    Args:
        path: The file.
        custom_objects: Names and the classes or functions that they mean.
        compile: Whether to compile the model as it was.
        safe_mode: Whether to refuse Python code in the file.

    Returns:
        The model.
    """
    with opened(path) as file:
        stored = Hdf5File(Source(file, 0, os.fstat(file.fileno()).st_size))
        config = _json_attribute(stored.root, "model_config")
        if config is None:
            raise ValueError("it holds weights, but no model: it has no `model_config`")
        with (
            scopes.file_scope(),
            scopes.safe_mode_scope(safe_mode if scopes.in_safe_mode() is None else None),
            CustomObjectScope(custom_objects),
        ):
            model = _restore(config, stored, custom_objects)
            if compile:
                _compile(model, stored.root)
    return model


def _json_attribute(group: Group, name: str) -> Any:
    text = group.attribute(name)
    if text is None:
        return None
    if not isinstance(text, str):
        raise ValueError(f"attribute {name!r} is no text")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"attribute {name!r} is no JSON: {error}") from error


def _restore(config: Any, stored: Hdf5File, custom_objects: Any) -> Any:
    from nacre.models.model import Model

    with allocation_limit(weights_limit(stored)):
        model = deserialize_keras_object(legacy_config.to_current(config), custom_objects)
        if not isinstance(model, Model):
            raise ValueError(f"it holds a {type(model).__name__}, not a model")
    load_weights(model, stored, by_name=False, skip_mismatch=False)
    return model


def _compile(model: Any, root: Group) -> None:
    training = _json_attribute(root, "training_config")
    if training is None:
        logging.getLogger("nacre").warning(
            "The file does not say what the model was compiled with: compile it before training."
        )
        return
    model.compile(**legacy_config.compile_arguments(training))
    if "optimizer_weights" not in root or model.optimizer is None or not model.built:
        return
    model.optimizer.build(model.trainable_variables)
    datasets = _datasets(root.group("optimizer_weights"))
    variables = model.optimizer.variables
    if [tuple(v.shape) for v in variables] != [dataset.shape for dataset in datasets]:
        warn("The state of the optimizer in the file does not fit: it starts afresh.")
        return
    for variable, dataset in zip(variables, datasets, strict=True):
        variable.assign(read_array(dataset))


def _datasets(group: Group) -> list[Dataset]:
    return [group.dataset(name) for name in read_names(group, "weight_names")]


def load_weights(model: Any, stored: Hdf5File, by_name: bool, skip_mismatch: bool) -> None:
    """Give a model the weights in a file of Keras 2. On error it may be changed in part.

    Args:
        model: The model.
        stored: The file.
        by_name: Whether layers are found by their names, not by their order.
        skip_mismatch: Whether weights that do not fit are left as they are, with a warning.
    """
    root = stored.root
    group = root.group("model_weights") if "model_weights" in root else root
    if not any(name.startswith("layer_names") for name in group.attributes):
        raise ValueError("it is no file of weights of Keras 2: it has no `layer_names`")
    names = read_names(group, "layer_names")
    pairs = _by_name(model, group, names) if by_name else _by_order(model, group, names)
    if _OWN in group:
        pairs.append((model, _own_weights(model), _datasets(group.group(_OWN))))
    changes = []
    for layer, variables, datasets in pairs:
        if len(variables) != len(datasets):
            _mismatch(
                f"{layer._label()}: expected {len(variables)} weights. Received: {len(datasets)}",
                skip_mismatch,
            )
            continue
        for variable, dataset in zip(variables, datasets, strict=True):
            if tuple(variable.shape) == dataset.shape:
                changes.append((variable, dataset))
                continue
            _mismatch(
                f"{layer._label()}: expected shape {tuple(variable.shape)} for "
                f"{variable.path!r}. Received shape {dataset.shape}",
                skip_mismatch,
            )
    for variable, dataset in changes:
        variable.assign(read_array(dataset))
    for layer, variables, _ in pairs:
        if variables and hasattr(layer, "finalize_state"):
            layer.finalize_state()


def _mismatch(message: str, skip: bool) -> None:
    if not skip:
        raise ValueError(message)
    warn(f"Weights were left as they are. {message}.")


def _by_order(model: Any, group: Group, names: list[str]) -> list[tuple[Any, list, list]]:
    layers = [layer for layer in model.layers if _weights_of(layer)]
    stored = [_datasets(group.group(name)) for name in names]
    stored = [datasets for datasets in stored if datasets]
    if len(stored) != len(layers):
        raise ValueError(
            f"{model._label()} has {len(layers)} layers with weights. The file has {len(stored)}"
        )
    return [
        (layer, _weights_of(layer), datasets)
        for layer, datasets in zip(layers, stored, strict=True)
    ]


def _by_name(model: Any, group: Group, names: list[str]) -> list[tuple[Any, list, list]]:
    found = []
    for name in names:
        for layer in model.layers:
            if layer.name == name:
                found.append((layer, _weights_of(layer), _datasets(group.group(name))))
    return found
