"""Models and weights to files and back."""

from __future__ import annotations

import datetime
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from nacre.allocation import allocation_limit
from nacre.saving import archive
from nacre.saving.atomic import replaced_file
from nacre.saving.hdf5_reader import Hdf5File
from nacre.saving.hdf5_structures import Source

__all__ = ["load_model", "load_weights", "save_model", "save_weights"]

# The version of Keras whose layout is written, as the metadata of a file says.
KERAS_VERSION = "3.15.1"
# For what a model has besides the weights in its file: metrics, random generators.
_ALLOWANCE = 1 << 24


def save_model(
    model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
) -> None:
    """Write a model to a file: configuration, weights, what it was compiled with.

    The file is written whole or not at all: until it is complete, one of that name stays as it is.

    Args:
        model: The model.
        filepath: Ends in `.keras`, or in `.h5` or `.hdf5` for the format of Keras 2.
        overwrite: Whether to replace a file of that name without asking.
        zipped: False writes a directory with the members of the `.keras` archive.
        **kwargs: `include_optimizer`, for the format of Keras 2; `save_format`, which is implied
            by the name.

    Raises:
        ValueError: The name ends in something else.
    """
    path = local_path(filepath)
    kwargs.pop("include_optimizer", True)
    if kwargs:
        raise ValueError(f"`save_model` got unknown arguments: {sorted(kwargs)}")
    if not may_write(path, overwrite):
        return
    if not path.endswith(".keras"):
        raise ValueError(f"Expected a file name that ends in `.keras`. Received: {path!r}")
    _save_archive(model, path)


def _save_archive(model: Any, path: str) -> None:
    members = _members(model)
    with replaced_file(path) as file, zipfile.ZipFile(file, "w") as archived:
        for name, data in members.items():
            archived.writestr(name, data)


def _members(model: Any) -> dict[str, bytes]:
    from nacre.saving.serialization import serialize_keras_object
    from nacre.saving.weights import write_state

    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    metadata = {"keras_version": KERAS_VERSION, "date_saved": now}
    return {
        archive.METADATA: json.dumps(metadata).encode(),
        archive.CONFIG: json.dumps(serialize_keras_object(model)).encode(),
        archive.WEIGHTS: write_state(model),
    }


def load_model(
    filepath: Any,
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """Read a model that `save_model`, or Keras, has written.

    Args:
        filepath: The file.
        custom_objects: Names and the classes or functions that they mean.
        compile: Whether to compile the model as it was.
        safe_mode: Whether to refuse Python code in the file.

    Returns:
        The model.

    Raises:
        ValueError: The file is damaged, or holds something that is unknown or not allowed.
    """
    path = local_path(filepath)
    with opened(path) as file:
        members = archive.Archive(file)
        config = json.loads(members.read(archive.CONFIG))
        weights = Hdf5File(members.open(archive.WEIGHTS))
        return _restore(config, weights, custom_objects, compile, safe_mode)


def _restore(
    config: Any, weights: Hdf5File, custom_objects: Any, compile: bool, safe_mode: bool
) -> Any:
    from nacre.saving.serialization import deserialize_keras_object
    from nacre.saving.weights import load_state

    if not compile:
        config["compile_config"] = None
    size = sum(dataset.bytes for dataset in weights.root.datasets())
    with allocation_limit(size + _ALLOWANCE):
        model = deserialize_keras_object(config, custom_objects, safe_mode)
    load_state(model, weights)
    return model


def save_weights(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    objects_to_skip: list | None = None,
) -> None:
    """Write the weights of a model, and the state of its optimizer, to a `.weights.h5` file.

    Args:
        model: The model, which has been built.
        filepath: Ends in `.weights.h5`.
        overwrite: Whether to replace a file of that name without asking.
        max_shard_size: Not available; only None.
        objects_to_skip: Layers and optimizers to leave out.

    Raises:
        ValueError: The name ends in something else, or the model has not been built.
    """
    from nacre.saving.weights import write_state

    path = local_path(filepath)
    if max_shard_size is not None:
        raise ValueError(
            "`save_weights` writes one file, so that `max_shard_size` must be None. "
            f"Received: {max_shard_size!r}"
        )
    if not path.endswith(".weights.h5"):
        raise ValueError(f"Expected a file name that ends in `.weights.h5`. Received: {path!r}")
    _check_built(model, "save")
    if not may_write(path, overwrite):
        return
    data = write_state(model, objects_to_skip)
    with replaced_file(path) as file:
        file.write(data)


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
    """Give a model the weights in a file.

    A file that does not fit leaves the model as it was.

    Args:
        model: The model, which has been built.
        filepath: A file of weights or of a model.
        skip_mismatch: Whether layers that do not fit are left as they are, with a warning.
        **kwargs: `objects_to_skip`, layers and optimizers to leave as they are.

    Raises:
        ValueError: The file is damaged or does not fit the model.
    """
    from nacre.saving.weights import load_state

    path = local_path(filepath)
    skip = kwargs.pop("objects_to_skip", None)
    if kwargs:
        raise ValueError(f"`load_weights` got unknown arguments: {sorted(kwargs)}")
    _check_built(model, "load")
    with opened(path) as file:
        if path.endswith(".keras"):
            source = archive.Archive(file).open(archive.WEIGHTS)
        else:
            source = Source(file, 0, os.fstat(file.fileno()).st_size)
        load_state(model, Hdf5File(source), skip_mismatch, skip)


def local_path(filepath: Any) -> str:
    """Check that a path is one of this machine's file systems, and give it as a string."""
    if not isinstance(filepath, (str, os.PathLike)):
        raise TypeError(
            f"Expected a path. Received: {filepath!r} of type {type(filepath).__name__}"
        )
    path = os.fspath(filepath)
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if "://" in path:
        raise ValueError(f"Files are read and written on local file systems. Received: {path!r}")
    return path


def may_write(path: str, overwrite: bool) -> bool:
    """Ask the user when a file exists and must not be replaced without asking."""
    return overwrite or not os.path.exists(path)


def _check_built(model: Any, what: str) -> None:
    if not model.built:
        raise ValueError(
            f"{model._label()}: cannot {what} weights before they are made. Build the model, or "
            "call it on data, first."
        )


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """Open a file for reading; errors of what is done with it name it."""
    with open(path, "rb") as file:
        yield file
