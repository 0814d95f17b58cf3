"""Makes models and files for the tests, good ones and hostile ones."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

import nacre
from nacre import layers

BIG = 2**40


def data(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.random((32, 8), dtype=np.float32)
    return x, rng.integers(0, 2, (32, 1)).astype(np.float32)


def trained_model(**compiled: Any) -> nacre.Model:
    """A small functional model with every kind of state, after two steps of training."""
    inputs = nacre.Input((8,))
    x = layers.Dense(4, activation="relu", name="first")(inputs)
    x = layers.BatchNormalization()(x)
    x = nacre.ops.relu(layers.Dropout(0.5)(x)) + 1.0
    x = nacre.Sequential([layers.Dense(3)], name="inner")(x)
    model = nacre.Model(inputs, layers.Dense(1, activation="sigmoid", name="last")(x))
    options = {"optimizer": "adam", "loss": "mse", "metrics": ["mae", nacre.metrics.AUC()]}
    model.compile(**{**options, **compiled})
    x, y = data()
    model.fit(x, y, batch_size=16, verbose=0)
    return model


def members(path: Path) -> dict[str, bytes]:
    """The members of a `.keras` file."""
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def write_members(path: Path, contents: dict[str, bytes], **options: Any) -> Path:
    """Write a `.keras` file out of its members."""
    with zipfile.ZipFile(path, "w", **options) as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return path


def with_config(path: Path, good: Path, change: Any) -> Path:
    """Write a `.keras` file like a good one with a changed configuration."""
    contents = members(good)
    config = json.loads(contents["config.json"])
    changed = change(config)
    contents["config.json"] = json.dumps(config if changed is None else changed).encode()
    return write_members(path, contents)


def h5_image(fill: Any, **options: Any) -> bytes:
    """Make an HDF5 file with h5py."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        fill(file)
    return buffer.getvalue()


def sequential_config(*entries: dict, **more: Any) -> dict:
    """The configuration of a Sequential model of the given layers."""
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "m", "trainable": True, "layers": list(entries)},
        "registered_name": None,
        **more,
    }


def layer_config(kind: str, module: str = "keras.layers", /, **config: Any) -> dict:
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


def input_config(*shape: Any) -> dict:
    return layer_config("InputLayer", batch_shape=[None, *shape], dtype="float32", name="i")


def functional_config(*calls: dict, shape: tuple = (8,)) -> dict:
    """The configuration of a functional model: an input, then layers called on one another."""
    first = {**input_config(*shape), "name": "i", "inbound_nodes": []}
    entries = [first]
    for index, call in enumerate(calls):
        before = entries[-1]["name"]
        tensor = {
            "class_name": "__keras_tensor__",
            "config": {"shape": None, "dtype": "float32", "keras_history": [before, 0, 0]},
        }
        name = f"c{index}"
        entry = {**call, "name": name, "config": {**call["config"], "name": name}}
        entry.setdefault("inbound_nodes", [{"args": [tensor], "kwargs": {}}])
        entries.append(entry)
    return {
        "module": "keras.models",
        "class_name": "Functional",
        "config": {
            "name": "m",
            "layers": entries,
            "input_layers": [["i", 0, 0]],
            "output_layers": [[entries[-1]["name"], 0, 0]],
        },
        "registered_name": None,
    }


def op_config(name: str, /, **config: Any) -> dict:
    entry = layer_config(name, "keras.src.ops.numpy", **config)
    return {**entry, "registered_name": name}
