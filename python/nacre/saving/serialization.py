"""Objects to configurations and back.

The names in a configuration are looked up in a closed table: the public names of this package and
what the user registered or passed. Nothing is imported, evaluated or unpickled.
"""

from __future__ import annotations

import reprlib
import types
from typing import Any

import numpy as np

from nacre.saving import lambda_code, registration, scopes
from nacre.saving.known_names import find_class, find_function, note_seen, public_home

_ARRAY_DTYPES = ("bool", "float16", "float32", "float64") + tuple(
    f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)
)


class SerializationError(ValueError):
    """A configuration that cannot be written or read."""


def serialize_keras_object(obj: Any) -> Any:
    """Turn an object into plain data: numbers, strings, lists and dicts.

    Args:
        obj: An object with `get_config()`, a function, an array, a nest of these, or plain data.

    Returns:
        The configuration, which `deserialize_keras_object` turns back.
    """
    if obj is None or isinstance(obj, (str, int, float, bool)):
        return obj
    if isinstance(obj, list):
        return [serialize_keras_object(item) for item in obj]
    if isinstance(obj, tuple):
        return tuple(serialize_keras_object(item) for item in obj)
    if isinstance(obj, dict):
        if obj.get("class_name") == "__lambda__":  # made by the `get_config` of a layer
            return obj
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("utf-8")}}
    if isinstance(obj, slice):
        bounds = {part: getattr(obj, part) for part in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": bounds}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, np.ndarray):
        config = {"value": obj.tolist(), "dtype": str(obj.dtype)}
        return {"class_name": "__numpy__", "config": config} if obj.ndim else obj.item()
    if hasattr(obj, "_keras_history"):
        return _serialize_keras_tensor(obj)
    if isinstance(obj, (types.FunctionType, types.BuiltinFunctionType)):
        return _serialize_function(obj)
    if isinstance(obj, type):
        return _serialize_class(obj)
    if hasattr(obj, "get_config"):
        return _serialize_instance(obj)
    if hasattr(obj, "__array__") and hasattr(obj, "dtype"):
        array = np.asarray(obj)
        return {
            "class_name": "__tensor__",
            "config": {"value": array.tolist(), "dtype": str(array.dtype)},
        }
    raise SerializationError(
        f"Cannot serialize {obj!r}: it is neither plain data nor an object with `get_config()`."
    )


def _serialize_keras_tensor(tensor: Any) -> dict:
    operation, node_index, tensor_index = tensor._keras_history
    return {
        "class_name": "__keras_tensor__",
        "config": {
            "shape": tuple(tensor.shape),
            "dtype": tensor.dtype,
            "keras_history": [operation.name, node_index, tensor_index],
        },
    }


def _serialize_function(fn: Any) -> dict:
    if fn.__name__ == "<lambda>":
        # Good for a copy in this process; `lambda_code` makes plain data of it for a file.
        return {"class_name": "__lambda__", "config": {"value": fn}}
    if public_home(fn) is None:
        note_seen(fn)
    # Keras looks functions up by name, whatever module they are from.
    return {
        "module": "builtins",
        "class_name": "function",
        "config": registration.get_registered_name(fn),
        "registered_name": "function",
    }


def _serialize_class(cls: type) -> dict:
    home = public_home(cls)
    if home is None:
        note_seen(cls)
    return {
        "module": home[0] if home else None,
        "class_name": "__class__",
        "config": cls.__name__,
        "registered_name": None if home else registration.get_registered_name(cls),
    }


def _serialize_instance(obj: Any) -> dict:
    cls = type(obj)
    home = public_home(cls)
    if home is not None:
        module, name, registered = home[0], home[1], None
        if name == "Functional":  # which Keras has no public name for
            module = "keras.src.models.functional"
    else:
        name, registered = cls.__name__, registration.get_registered_name(cls)
        note_seen(cls)
        module = None if cls.__module__ == "__main__" else cls.__module__
        if module == "nacre.dtype_policies":
            module, registered = "keras", None
    config = {
        "module": module,
        "class_name": name,
        "config": serialize_keras_object(obj.get_config()),
        "registered_name": registered,
    }
    for part in ("build_config", "compile_config"):
        getter = getattr(obj, f"get_{part}", None)
        value = getter() if getter is not None else None
        if value is not None:
            config[part] = serialize_keras_object(value)
    scopes.note_written(obj, config)
    return config


def _deserialize_special(class_name: str, config: dict) -> Any:
    if class_name == "__bytes__":
        return config["value"].encode("utf-8")
    if class_name == "__slice__":
        return slice(config["start"], config["stop"], config["step"])
    if class_name == "__ellipsis__":
        return Ellipsis
    if class_name in ("__numpy__", "__tensor__"):
        array = _make_array(config["value"], config["dtype"])
        if class_name == "__numpy__":
            return array
        from nacre import ops

        return ops.convert_to_tensor(array)
    if class_name == "__keras_tensor__":
        from nacre.keras_tensor import KerasTensor

        shape = tuple(None if dim is None else int(dim) for dim in config["shape"])
        return KerasTensor(shape, dtype=config["dtype"])
    if class_name == "__lambda__":
        value = config.get("value", config)
        return value if callable(value) else lambda_code.load(value)
    raise SerializationError(f"Cannot deserialize {class_name!r}: this kind of data is not known.")


def _make_array(value: Any, dtype: Any) -> np.ndarray:
    if dtype not in _ARRAY_DTYPES:
        raise SerializationError(f"Cannot deserialize an array of dtype {dtype!r}.")
    return np.array(value, dtype=dtype)


def _unknown(kind: str, name: str) -> SerializationError:
    return SerializationError(
        f"Unknown {kind} {name!r}. If it is your own, register it with "
        "`register_keras_serializable`, or pass it in `custom_objects`."
    )


def deserialize_keras_object(
    config: Any,
    custom_objects: dict[str, Any] | None = None,
    safe_mode: bool = True,
    *,
    module: str | None = None,
) -> Any:
    """Make an object from its configuration.

    Args:
        config: What `serialize_keras_object` returned, or the older form `{"class_name",
            "config"}`.
        custom_objects: Names and the classes or functions that they mean.
        safe_mode: Whether to refuse Python code, which only a `lambda` is. False runs it.
        module: The public module of an older configuration that does not name one, for instance
            `keras.layers`.

    Returns:
        The object.

    Raises:
        SerializationError: If a name is unknown or the configuration is not well-formed.
    """
    if config is None or isinstance(config, (str, int, float, bool)):
        return config
    nested = {"custom_objects": custom_objects, "safe_mode": safe_mode}
    if isinstance(config, list):
        return [deserialize_keras_object(item, **nested) for item in config]
    if isinstance(config, tuple):
        return tuple(deserialize_keras_object(item, **nested) for item in config)
    if not isinstance(config, dict):
        return config
    if "class_name" not in config or "config" not in config:
        return {key: deserialize_keras_object(value, **nested) for key, value in config.items()}
    name, inner = config["class_name"], config["config"]
    home = config.get("module") or module
    if name in ("function", "__class__"):
        find = find_function if name == "function" else find_class
        found = find(home, inner, config.get("registered_name"), custom_objects)
        if found is None:
            raise _unknown(name.strip("_"), inner)
        return found
    if not isinstance(name, str):
        raise SerializationError(f"`class_name` should be a string. Received: {name!r}")
    with scopes.safe_mode_scope(safe_mode if scopes.in_safe_mode() is None else None):
        if name.startswith("__") and name.endswith("__"):
            return _deserialize_special(name, inner)
        shared = scopes.shared_object(config)
        if shared is not None:
            return shared
        cls = find_class(home, name, config.get("registered_name", name), custom_objects)
        if cls is None:
            raise _unknown("class", name)
        instance = _make_instance(cls, config, inner, custom_objects)
    scopes.note_read(instance, config)
    return instance


def _make_instance(cls: Any, config: dict, inner: Any, custom_objects: dict | None) -> Any:
    if isinstance(cls, types.FunctionType):
        return cls
    if not hasattr(cls, "from_config"):
        raise SerializationError(f"{cls!r} has no `from_config()`.")
    if not isinstance(inner, dict):
        raise SerializationError(
            f"The configuration of {config['class_name']!r} should be a dict. "
            f"Received: {reprlib.repr(inner)}"
        )
    with registration.CustomObjectScope(custom_objects):
        try:
            instance = cls.from_config(inner)
        except TypeError as error:
            raise TypeError(
                f"{cls.__name__} could not be made from its configuration "
                f"{reprlib.repr(inner)}: {error}"
            ) from error
        build_config = config.get("build_config")
        if build_config and not getattr(instance, "built", True):
            instance.build_from_config(build_config)
        compile_config = config.get("compile_config")
        if compile_config and hasattr(instance, "compile_from_config"):
            instance.compile_from_config(compile_config)
    return instance


def get_by_identifier(
    identifier: Any,
    table: dict[str, Any],
    kind: str,
    module: str,
    base: type | None = None,
) -> Any:
    """Resolve what users may give for an initializer, loss, metric, ...: the shared `get`.

    Args:
        identifier: None, a name, a configuration, a class, an instance or a callable.
        table: Names and the classes or functions that they mean.
        kind: What it is called in errors, for instance `initializer`.
        module: The public module of configurations without one.
        base: Instances and subclasses of this are accepted whether callable or not.

    Returns:
        None, a function, or an instance.

    Raises:
        ValueError: If the identifier means nothing.
    """
    if identifier is None:
        return None
    if isinstance(identifier, dict):
        obj = deserialize_keras_object(identifier, module=module)
    elif isinstance(identifier, str):
        obj = registration.get_registered_object(identifier, module_objects=table)
        if obj is None:
            raise ValueError(f"Unknown {kind}: {identifier!r}. Known: {', '.join(known(table))}")
    else:
        obj = identifier
    if isinstance(obj, type):
        obj = obj()
    if callable(obj) or (base is not None and isinstance(obj, base)):
        return obj
    raise ValueError(f"Could not interpret {kind} identifier: {identifier!r}")


def known(table: dict[str, Any]) -> list[str]:
    """List the lower-case names of a table, for error messages.

    Args:
        table: Names and objects.

    Returns:
        The names that users write, sorted.
    """
    return sorted(name for name in table if name == name.lower())
