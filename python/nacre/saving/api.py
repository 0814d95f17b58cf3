"""Models and weights to files and back."""

from __future__ import annotations

import os
from typing import Any

from nacre.saving.paths import local_path, may_write, opened
from nacre.utils.warnings_utils import warn

__all__ = ["load_model", "load_weights", "save_model", "save_weights"]

_LEGACY = (".h5", ".hdf5")


def save_model(
    model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
) -> None:
    """Write a model to a file: its configuration, its weights, what it was compiled with.

    The file is written whole or not at all: until it is complete, one of that name stays as it is.

    Args:
        model: The model.
        filepath: Ends in `.keras`, or in `.h5` or `.hdf5` for the format of Keras 2.
        overwrite: Whether to replace a file of that name without asking.
        zipped: False writes a directory with the members of the `.keras` archive.
        **kwargs: `include_optimizer`, for the format of Keras 2; `save_format`, which the name
            implies.

    Raises:
        ValueError: The name ends in something else.
    """
    from nacre.saving import legacy_h5, model_file

    path = local_path(filepath)
    include_optimizer = kwargs.pop("include_optimizer", True)
    known = path.endswith((".keras", *_LEGACY))
    save_format = kwargs.pop("save_format", None)
    if kwargs:
        raise ValueError(f"`save_model` got unknown arguments: {sorted(kwargs)}")
    if save_format and not known:
        raise ValueError(
            f"Give the format by the end of the name, `.keras` or `.h5`. Received: {path!r} and "
            f"save_format={save_format!r}"
        )
    if zipped is False and known:
        raise ValueError(
            "With `zipped=False` a directory is written, whose name should not end in `.keras` or "
            f"`.h5`. Received: {path!r}"
        )
    if zipped is not False and not known:
        raise ValueError(
            f"Expected a name that ends in `.keras`, or in `.h5` for the format of Keras 2. "
            f"Received: {path!r}"
        )
    if not may_write(path, overwrite):
        return
    if not model.built:
        warn(f"{model._label()} has not been built: the file may hold no weights.")
    if zipped is False:
        model_file.save_directory(model, path)
    elif path.endswith(".keras"):
        model_file.save_archive(model, path)
    else:
        legacy_h5.save_model(model, path, bool(include_optimizer))


def load_model(
    filepath: Any,
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """Read a model that `save_model`, or Keras, has written.

    Nothing in the file is imported or run: names mean public classes of this package, and what
    was registered or passed. The memory that is used depends on what the file holds, not on what
    it says.

    Args:
        filepath: The file; or the directory, if it was written with `zipped=False`.
        custom_objects: Names and the classes or functions that they mean.
        compile: Whether to compile the model as it was.
        safe_mode: Whether to refuse Python code in the file, which only a `lambda` is.

    Returns:
        The model.

    Raises:
        ValueError: The file is damaged, or holds something that is unknown or not allowed.
    """
    from nacre.saving import legacy_h5, model_file

    path = local_path(filepath)
    if path.endswith(_LEGACY):
        return legacy_h5.load_model(path, custom_objects, compile, safe_mode)
    if os.path.isdir(path) and os.path.exists(os.path.join(path, "config.json")):
        return model_file.load_directory(path, custom_objects, compile, safe_mode)
    if not path.endswith(".keras"):
        raise ValueError(
            "Expected a file whose name ends in `.keras` or `.h5`, or a directory with a "
            f"`config.json`. Received: {path!r}"
        )
    return model_file.load_archive(path, custom_objects, compile, safe_mode)


def save_weights(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    **kwargs: Any,
) -> None:
    """Write the weights of a model, and the state of its optimizer, to a file.

    The file is written whole or not at all.

    Args:
        model: The model, which has been built.
        filepath: Ends in `.weights.h5`, or else in `.h5` or `.hdf5` for the format of Keras 2,
            which has no state of the optimizer.
        overwrite: Whether to replace a file of that name without asking.
        max_shard_size: Not available; only None.
        **kwargs: `objects_to_skip`, layers and optimizers to leave out of a `.weights.h5` file;
            `save_format`, which the name implies.

    Raises:
        ValueError: The name ends in something else, or the model has not been built.
    """
    from nacre.saving import legacy_h5
    from nacre.saving.atomic import replaced_file
    from nacre.saving.hdf5_reader import with_checksum
    from nacre.saving.weights import write_state

    path = local_path(filepath)
    skip = kwargs.pop("objects_to_skip", None)
    save_format = kwargs.pop("save_format", None)
    if save_format not in (None, "h5", "keras"):
        raise ValueError(f"Weights are written as HDF5. Received: save_format={save_format!r}")
    if kwargs:
        raise ValueError(f"`save_weights` got unknown arguments: {sorted(kwargs)}")
    if max_shard_size is not None:
        raise ValueError(
            "`save_weights` writes one file, so that `max_shard_size` must be None. "
            f"Received: {max_shard_size!r}"
        )
    if not path.endswith(_LEGACY):
        raise ValueError(
            "Expected a name that ends in `.weights.h5`, or in `.h5` for the format of Keras 2. "
            f"Received: {path!r}"
        )
    legacy = not path.endswith(".weights.h5")
    if legacy and skip is not None:
        raise ValueError(f"`objects_to_skip` is for `.weights.h5` files. Received: {path!r}")
    if not may_write(path, overwrite):
        return
    _check_built(model, "save")
    if legacy:
        legacy_h5.save_weights(model, path)
        return
    data = with_checksum(write_state(model, skip))
    with replaced_file(path) as file:
        file.write(data)


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
    """Give a model the weights in a file.

    A file that is damaged or does not fit leaves the model as it was.

    Args:
        model: The model, which has been built.
        filepath: A `.weights.h5` file, a `.keras` file, or an `.h5` file as Keras 2 wrote them.
        skip_mismatch: Whether layers that do not fit are left as they are, with a warning.
        **kwargs: `objects_to_skip`, layers and optimizers to leave as they are; `by_name`, for
            files of Keras 2: whether layers are found by their names, not by their order.

    Raises:
        ValueError: The file is damaged or does not fit the model.
    """
    from nacre.saving import archive, legacy_h5, weights
    from nacre.saving.hdf5_reader import Hdf5File
    from nacre.saving.hdf5_structures import Source

    path = local_path(filepath)
    skip = kwargs.pop("objects_to_skip", None)
    by_name = kwargs.pop("by_name", None)
    if kwargs:
        raise ValueError(f"`load_weights` got unknown arguments: {sorted(kwargs)}")
    if not path.endswith((".keras", *_LEGACY)):
        raise ValueError(
            f"Expected a name that ends in `.weights.h5`, `.keras` or `.h5`. Received: {path!r}"
        )
    legacy = path.endswith(_LEGACY) and not path.endswith(".weights.h5")
    if by_name is not None and not legacy:
        raise ValueError(f"`by_name` is for `.h5` files of Keras 2. Received: {path!r}")
    if skip is not None and not path.endswith(".weights.h5"):
        raise ValueError(f"`objects_to_skip` is for `.weights.h5` files. Received: {path!r}")
    _check_built(model, "load")
    with opened(path) as file:
        if path.endswith(".keras"):
            source = archive.Archive(file).open(archive.WEIGHTS)
        else:
            source = Source(file, 0, os.fstat(file.fileno()).st_size)
        stored = Hdf5File(source)
        stored.total_bytes()  # which looks at all of it
        with weights.unchanged_on_error(model):
            if legacy:
                legacy_h5.load_weights(model, stored, bool(by_name), skip_mismatch)
            else:
                weights.load_state(model, stored, skip_mismatch, skip)


def _check_built(model: Any, what: str) -> None:
    if not model.built:
        raise ValueError(
            f"{model._label()}: cannot {what} weights before they are made. Build the model, or "
            "call it on data, first."
        )
