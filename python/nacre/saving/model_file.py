"""Whole models in Keras's own format: a `.keras` archive, or a directory with the same members."""

from __future__ import annotations

import datetime
import json
import os
import zipfile
from contextlib import nullcontext
from typing import Any

from nacre.allocation import allocation_limit
from nacre.saving import archive, lambda_code, scopes
from nacre.saving.atomic import replaced_file
from nacre.saving.hdf5_reader import Hdf5File
from nacre.saving.hdf5_structures import Source
from nacre.saving.paths import opened
from nacre.saving.serialization import deserialize_keras_object, serialize_keras_object
from nacre.saving.weights import load_state, write_state
from nacre.utils.warnings_utils import warn

# The version of Keras whose layout is written, which is what its metadata say.
KERAS_VERSION = "3.15.1"
# For what a model has besides the weights in its file: metrics, random generators.
_ALLOWANCE = 1 << 24
# The slots of an optimizer are in the file only after the first step: a few for each weight.
_SLOTS = 8


def save_archive(model: Any, path: str) -> None:
    """Write a `.keras` file.

    Args:
        model: The model.
        path: The file.
    """
    members = _members(model)
    with replaced_file(path) as file, zipfile.ZipFile(file, "w") as archived:
        for name, data in members.items():
            archived.writestr(name, data)


def save_directory(model: Any, path: str) -> None:
    """Write a directory with the members of a `.keras` file, each of which is whole or not there.

    Args:
        model: The model.
        path: The directory, which is made if need be.
    """
    members = _members(model)
    os.makedirs(path, exist_ok=True)
    for name, data in members.items():
        with replaced_file(os.path.join(path, name)) as file:
            file.write(data)


def _members(model: Any) -> dict[str, bytes]:
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    metadata = {"keras_version": KERAS_VERSION, "date_saved": now}
    return {
        archive.METADATA: json.dumps(metadata).encode(),
        archive.CONFIG: config_json(model).encode(),
        archive.WEIGHTS: write_state(model),
    }


def config_json(model: Any, shared: bool = True, **kwargs: Any) -> str:
    """Write the configuration of a model as JSON.

    Args:
        model: The model.
        shared: Whether objects that occur twice are marked as one.
        **kwargs: Arguments of `json.dumps`.

    Returns:
        The text.
    """
    with scopes.writing_scope() if shared else nullcontext():
        config = scopes.without_unshared_numbers(serialize_keras_object(model))
    if lambda_code.holds_lambda(config.get("compile_config")):
        warn("What `compile` was given is left out of the configuration: it has code in it.")
        del config["compile_config"]
    config = lambda_code.as_plain_data(config)
    try:
        return json.dumps(config, **kwargs)
    except TypeError as error:
        raise ValueError(
            f"{model._label()}: its configuration holds something that is not plain data: {error}"
        ) from error


def load_archive(path: str, custom_objects: Any, compile: bool, safe_mode: bool) -> Any:
    """Read a `.keras` file.

    Args:
        path: The file.
        custom_objects: Names and the classes or functions that they mean.
        compile: Whether to compile the model as it was.
        safe_mode: Whether to refuse Python code in the file.

    Returns:
        The model.
    """
    with opened(path) as file:
        members = archive.Archive(file)
        if archive.METADATA in members:
            members.read(archive.METADATA)  # damage in any part of the file is worth an error
        config = parse_config(members.read(archive.CONFIG))
        weights = Hdf5File(members.open(archive.WEIGHTS))
        return restore(config, weights, custom_objects, compile, safe_mode)


def load_directory(path: str, custom_objects: Any, compile: bool, safe_mode: bool) -> Any:
    """Read what `save_directory` wrote.

    Args:
        path: The directory.
        custom_objects: Names and the classes or functions that they mean.
        compile: Whether to compile the model as it was.
        safe_mode: Whether to refuse Python code in the files.

    Returns:
        The model.
    """
    with opened(os.path.join(path, archive.CONFIG)) as file:
        config = parse_config(file.read())
    with opened(os.path.join(path, archive.WEIGHTS)) as file:
        weights = Hdf5File(Source(file, 0, os.fstat(file.fileno()).st_size))
        return restore(config, weights, custom_objects, compile, safe_mode)


def parse_config(data: bytes | str) -> dict:
    """Parse a configuration.

    Args:
        data: JSON.

    Returns:
        The configuration.
    """
    try:
        config = json.loads(data)
    except UnicodeDecodeError as error:
        raise ValueError(f"its configuration is no text: {error}") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"its configuration is no JSON: {error}") from error
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise ValueError("its configuration is not that of a model")
    return config


def weights_limit(weights: Hdf5File) -> int:
    """Say how much memory a model may take whose weights are in a file."""
    return weights.total_bytes() + _ALLOWANCE


def restore(
    config: dict, weights: Hdf5File, custom_objects: Any, compile: bool, safe_mode: bool
) -> Any:
    """Make a model and give it its state.

    Args:
        config: The configuration.
        weights: The weights.
        custom_objects: Names and the classes or functions that they mean.
        compile: Whether to compile it as it was.
        safe_mode: Whether to refuse Python code in the configuration.

    Returns:
        The model.
    """
    from nacre.models.model import Model

    compile_config = config.pop("compile_config", None)
    limit = weights_limit(weights)
    with (
        scopes.file_scope(),
        scopes.safe_mode_scope(safe_mode if scopes.in_safe_mode() is None else None),
    ):
        with allocation_limit(limit):
            model = deserialize_keras_object(config, custom_objects)
            if not isinstance(model, Model):
                raise ValueError(f"it holds a {type(model).__name__}, not a model")
        if compile and compile_config:
            from nacre.saving.registration import CustomObjectScope

            slots = _SLOTS * 8 * sum(_count(variable) for variable in model.trainable_variables)
            with allocation_limit(slots + _ALLOWANCE), CustomObjectScope(custom_objects):
                model.compile_from_config(compile_config)
    load_state(model, weights)
    return model


def _count(variable: Any) -> int:
    count = 1
    for size in variable.shape:
        count *= size
    return count
