"""The state of a model as an HDF5 file, in Keras's layout: `model.weights.h5`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nacre import _core
from nacre.layers.layer import Layer
from nacre.optimizers.optimizer_state import OptimizerState
from nacre.saving.hdf5_nodes import Dataset
from nacre.saving.hdf5_reader import Group, Hdf5File
from nacre.saving.state import Walk
from nacre.utils.warnings_utils import warn

# Where the states of random generators are: an attribute beside the name. Keras does not keep them.
_SEEDS = "nacre_seed_generators"


def write_state(model: Any, skip: Any = None) -> bytes:
    """Make an HDF5 file of the state of a model.

    Args:
        model: The model.
        skip: Layers and optimizers to leave out.

    Returns:
        The contents of the file.
    """
    import h5py

    # In memory: what goes wrong with the disk is then ours to handle, not the HDF5 library's.
    with h5py.File("weights", "w", driver="core", backing_store=False) as file:

        def visit(obj: Any, path: str) -> bool:
            if hasattr(obj, "save_own_variables"):
                group = file.create_group(f"{path}/vars" if path else "vars")
                group.attrs["name"] = obj.name
                obj.save_own_variables(_Writer(group))
                seeds = getattr(obj, "_seed_generators", ())
                if seeds:
                    group.attrs[_SEEDS] = np.stack([seed.state.numpy() for seed in seeds])
            return True

        Walk(visit, skip).go(model)
        file.flush()
        return file.id.get_file_image()


class _Writer:
    """What `save_own_variables` writes to: like a dict."""

    def __init__(self, group: Any):
        self._group = group

    def __setitem__(self, key: str, value: Any) -> None:
        value, dtype = to_numpy(value)
        dataset = self._group.create_dataset(key, data=value)
        if dtype == "bfloat16":
            dataset.attrs["dtype"] = dtype

    def __getitem__(self, key: str) -> np.ndarray:
        return self._group[key][()]

    def __contains__(self, key: str) -> bool:
        return key in self._group

    def __len__(self) -> int:
        return len(self._group)

    def keys(self) -> list[str]:
        """The names written so far."""
        return list(self._group)


def to_numpy(value: Any) -> tuple[np.ndarray, str]:
    """Turn a Variable, tensor or array into an array that can be written, and name its dtype."""
    if isinstance(value, (_core.Variable, _core.Tensor)) and value.dtype == "bfloat16":
        from nacre import ops

        wide = np.asarray(ops.cast(value, "float32")).view(np.uint32)
        return (wide >> 16).astype(np.uint16).view("V2"), "bfloat16"
    array = value.numpy() if isinstance(value, _core.Variable) else np.asarray(value)
    return array, str(array.dtype)


def read_array(dataset: Dataset) -> np.ndarray:
    """Read an array of a file; one of bfloat16 as float32, which NumPy has."""
    array = dataset.read()
    if array.dtype.kind != "V":
        return array
    if array.dtype.itemsize != 2 or dataset.attribute("dtype") != "bfloat16":
        raise ValueError(f"{dataset.name!r} holds bytes of no known meaning")
    return (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32)


class StoredVariables:
    """What `load_own_variables` reads from: like a dict of arrays.

    Args:
        group: The group of the file, or None when there is none.
    """

    def __init__(self, group: Group | None):
        self._group = group
        self._names = group.keys() if group is not None else []

    def keys(self) -> list[str]:
        """The names of the arrays."""
        return list(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __contains__(self, key: str) -> bool:
        return key in self._names

    def __getitem__(self, key: str) -> np.ndarray:
        if self._group is None or key not in self._names:
            raise KeyError(key)
        return read_array(self._group.dataset(key))

    def check(self, variables: list, label: str) -> None:
        """See that arrays and Variables agree in their shapes, before anything is read.

        Args:
            variables: The Variables, in their order.
            label: How errors name their owner.
        """
        for index, variable in enumerate(variables):
            if str(index) not in self._names:
                raise ValueError(f"{label}: the file has no variable {index}")
            found = self._group.dataset(str(index)).shape  # type: ignore[union-attr]
            if found != tuple(variable.shape):
                raise ValueError(
                    f"{label}: expected shape {tuple(variable.shape)} for {variable.path!r}. "
                    f"Received shape {found}"
                )


@contextmanager
def unchanged_on_error(model: Any) -> Iterator[None]:
    """Let a model be as it was if the block raises.

    Args:
        model: The model.
    """
    variables = list(model.variables)
    if model.optimizer is not None:
        variables += model.optimizer.variables
    before = [(variable, variable.read()) for variable in variables]
    try:
        yield
    except BaseException:
        for variable, value in before:
            variable.assign(value)
        raise


def load_state(model: Any, file: Hdf5File, skip_mismatch: bool = False, skip: Any = None) -> None:
    """Give a model the state in a file.

    Args:
        model: The model, which has been built.
        file: The file.
        skip_mismatch: Whether layers that do not fit are left as they are, with a warning.
        skip: Layers and optimizers to leave as they are.

    Raises:
        ValueError: Something does not fit. The model may be changed in part.
    """
    older = "_layer_checkpoint_dependencies" in file.root  # as TensorFlow's Keras 2.13 wrote it
    failed: dict[int, tuple[Any, Exception]] = {}

    def find(path: str) -> Group | None:
        names = [f"{path}/vars" if path else "vars"]
        if older:
            names.append(names[0].replace("layers", "_layer_checkpoint_dependencies"))
        found = [node for node in map(file.root.get, names) if isinstance(node, Group)]
        return found[0] if found else None

    def visit(obj: Any, path: str) -> bool:
        if not hasattr(obj, "load_own_variables"):
            return True
        try:
            _load_one(obj, find(path))
        except Warning:  # made an error by a filter of the user's
            raise
        except Exception as error:
            failed[id(obj)] = obj, error
            return False
        failed.pop(id(obj), None)
        return True

    Walk(visit, skip).go(model)
    if failed:
        names = [f"{type(obj).__name__} {obj.name!r}" for obj, _ in failed.values()]
        first = next(error for _, error in failed.values())
        message = f"{len(failed)} objects do not fit: {', '.join(names)}. The first: {first}"
        if not skip_mismatch:
            raise ValueError(message) from first
        warn(f"Weights were left as they are, since {message}")


def _load_one(obj: Any, group: Group | None) -> None:
    store = StoredVariables(group)
    own = _own_variables(obj)
    # A class of the user's may store what it likes; ours store their variables in order.
    if type(obj).load_own_variables.__module__.startswith("nacre.") and len(store) == len(own):
        store.check(own, obj._label() if isinstance(obj, Layer) else f"Optimizer {obj.name!r}")
    obj.load_own_variables(store)
    seeds = getattr(obj, "_seed_generators", ())
    states = group.attribute(_SEEDS) if seeds and group is not None else None
    if states is not None:
        if np.shape(states) != (len(seeds), 2) or states.dtype != np.uint32:
            raise ValueError(f"{obj._label()}: the file has other random generators")
        for seed, state in zip(seeds, states, strict=True):
            seed.state.assign(state)


def _own_variables(obj: Any) -> list:
    if isinstance(obj, OptimizerState):
        return obj.variables
    return obj._trainable_variables + obj._non_trainable_variables
