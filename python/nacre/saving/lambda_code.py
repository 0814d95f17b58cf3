"""Lambdas in files, as Keras writes them: as byte code. Reading one asks for `safe_mode=False`."""

from __future__ import annotations

import base64
import binascii
import marshal
import types
from typing import Any

from nacre.saving import scopes
from nacre.utils.warnings_utils import warn


def as_plain_data(config: Any) -> Any:
    """Replace the lambdas in a configuration by their byte code, with a warning.

    Args:
        config: What `serialize_keras_object` returned.

    Returns:
        The same with plain data in their places.
    """
    if not holds_lambda(config):
        return config
    warn(
        "A lambda is written as byte code, which only this version of Python can read, and only "
        "with `safe_mode=False`. Use a named function that is registered with "
        "`register_keras_serializable`."
    )
    return _replace(config)


def holds_lambda(config: Any) -> bool:
    """Say whether there is a lambda in a configuration."""
    if _is_lambda(config):
        return True
    if isinstance(config, dict):
        config = list(config.values())
    return isinstance(config, (list, tuple)) and any(map(holds_lambda, config))


def _is_lambda(config: Any) -> bool:
    return isinstance(config, dict) and config.get("class_name") == "__lambda__"


def _replace(config: Any) -> Any:
    if _is_lambda(config):
        value = config["config"].get("value")
        if not isinstance(value, types.FunctionType):
            return config
        code = _dump(value)
        # Keras looks for it in one form or the other, depending on the layer.
        return {"class_name": "__lambda__", "config": {"value": list(code.values()), **code}}
    if isinstance(config, dict):
        return {key: _replace(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_replace(value) for value in config)
    return config


def _dump(function: types.FunctionType) -> dict:
    closure = function.__closure__
    return {
        "code": base64.encodebytes(marshal.dumps(function.__code__)).decode("ascii"),
        "defaults": function.__defaults__,
        "closure": None if closure is None else [cell.cell_contents for cell in closure],
    }


def load(config: Any) -> types.FunctionType:
    """Make a lambda out of plain data. It can do whatever its author wanted.

    Args:
        config: Its byte code, defaults and closure, as a list or a dict.

    Returns:
        The lambda. It sees the names `keras`, `nacre`, `layers`, `ops`, `np` and `numpy`.

    Raises:
        ValueError: It is in safe mode, or the data is damaged.
    """
    if scopes.in_safe_mode() is not False:
        raise ValueError(
            "it holds a Python lambda, and reading one would run code from the file. If you "
            "trust where it comes from, pass `safe_mode=False`. Better, write models with "
            "functions that have names, and register these with `register_keras_serializable`"
        )
    if isinstance(config, (list, tuple)) and len(config) == 3:
        config = dict(zip(("code", "defaults", "closure"), config, strict=True))
    try:
        code = marshal.loads(base64.decodebytes(config["code"].encode("ascii")))
    except (binascii.Error, EOFError, ValueError, TypeError, KeyError, UnicodeError) as error:
        raise ValueError(f"the code of a lambda cannot be read: {error}") from error
    if not isinstance(code, types.CodeType):
        raise ValueError("the code of a lambda cannot be read")
    import numpy

    import nacre
    from nacre import layers, ops

    names = {"keras": nacre, "nacre": nacre, "layers": layers, "ops": ops}
    names |= {"np": numpy, "numpy": numpy}
    closure = config.get("closure")
    cells = None if closure is None else tuple(types.CellType(value) for value in closure)
    defaults = config.get("defaults")
    defaults = None if defaults is None else tuple(defaults)
    return types.FunctionType(code, names, code.co_name, defaults, cells)
