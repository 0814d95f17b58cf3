"""Answers `import keras` and `import tensorflow` in one process, for scripts run as they are.

Names of `keras` and `tensorflow.keras` are those of this package; of TensorFlow itself there are
the few below. Any other name raises an error that says which one it was.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Any

from nacre import config

__all__ = ["install"]

_ROOTS = ("keras", "tensorflow", "tf_keras")

# tensorflow name -> (module, name) in this package.
_TENSORFLOW = {
    "GradientTape": ("nacre.autograd", "GradientTape"),
    "Tensor": ("nacre.tensor", "Tensor"),
    "TensorSpec": ("nacre.data", "TensorSpec"),
    "Variable": ("nacre.variable", "Variable"),
    "cast": ("nacre.ops", "cast"),
    "concat": ("nacre.ops", "concatenate"),
    "constant": ("nacre.ops", "convert_to_tensor"),
    "convert_to_tensor": ("nacre.ops", "convert_to_tensor"),
    "equal": ("nacre.ops", "equal"),
    "expand_dims": ("nacre.ops", "expand_dims"),
    "eye": ("nacre.ops", "eye"),
    "gather": ("nacre.ops", "take"),
    "matmul": ("nacre.ops", "matmul"),
    "maximum": ("nacre.ops", "maximum"),
    "minimum": ("nacre.ops", "minimum"),
    "multiply": ("nacre.ops", "multiply"),
    "add": ("nacre.ops", "add"),
    "subtract": ("nacre.ops", "subtract"),
    "divide": ("nacre.ops", "divide"),
    "ones": ("nacre.ops", "ones"),
    "ones_like": ("nacre.ops", "ones_like"),
    "pow": ("nacre.ops", "power"),
    "range": ("nacre.ops", "arange"),
    "reduce_max": ("nacre.ops", "max"),
    "reduce_mean": ("nacre.ops", "mean"),
    "reduce_min": ("nacre.ops", "min"),
    "reduce_prod": ("nacre.ops", "prod"),
    "reduce_sum": ("nacre.ops", "sum"),
    "reshape": ("nacre.ops", "reshape"),
    "shape": ("nacre.ops", "shape"),
    "square": ("nacre.ops", "square"),
    "squeeze": ("nacre.ops", "squeeze"),
    "stack": ("nacre.ops", "stack"),
    "stop_gradient": ("nacre.ops", "stop_gradient"),
    "tile": ("nacre.ops", "tile"),
    "transpose": ("nacre.ops", "transpose"),
    "where": ("nacre.ops", "where"),
    "zeros": ("nacre.ops", "zeros"),
    "zeros_like": ("nacre.ops", "zeros_like"),
    "abs": ("nacre.ops", "abs"),
    "argmax": ("nacre.ops", "argmax"),
    "exp": ("nacre.ops", "exp"),
    "sigmoid": ("nacre.ops", "sigmoid"),
    "sqrt": ("nacre.ops", "sqrt"),
    "tanh": ("nacre.ops", "tanh"),
}
_DTYPES = config.ALL_DTYPES
_MATH = (
    *("abs", "exp", "log", "log1p", "sqrt", "square", "sin", "cos", "tanh"),
    *("sigmoid", "softplus", "maximum", "minimum", "pow"),
)
_TENSORFLOW_VERSION = "2.20.0"  # the release whose `tf.keras` the names follow


class _Alias(ModuleType):
    """A module under another name: attributes come from a module of this package."""

    def __init__(self, name: str, target: ModuleType) -> None:
        super().__init__(name, target.__doc__)
        self.__path__ = []  # lets names below it be looked for, and refused by name
        self._target = target

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__version__", "__all__"):
            raise AttributeError(name)
        try:
            value = getattr(self._target, name)
        except AttributeError:
            raise AttributeError(_missing(f"{self.__name__}.{name}")) from None
        if isinstance(value, ModuleType) and value.__name__ == f"{self._target.__name__}.{name}":
            return importlib.import_module(f"{self.__name__}.{name}")
        return value

    def __dir__(self) -> list[str]:
        return dir(self._target)


class _TensorFlow(ModuleType):
    """The names of TensorFlow that there are."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "The few names of TensorFlow that Nacre offers.")
        self.__path__ = []
        self.__version__ = _TENSORFLOW_VERSION

    def __getattr__(self, name: str) -> Any:
        if name in _DTYPES or name == "string":
            return name
        if name in _TENSORFLOW:
            module, attribute = _TENSORFLOW[name]
            return getattr(importlib.import_module(module), attribute)
        if name in ("data", "keras", "nn", "math", "random"):
            return importlib.import_module(f"tensorflow.{name}")
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(_missing(f"tensorflow.{name}"))

    @staticmethod
    def function(func: Any = None, **options: Any) -> Any:
        """`tf.function`: steps are compiled anyway, so the function stays as it is."""
        if func is None:
            return lambda decorated: decorated
        return func

    @staticmethod
    def one_hot(indices: Any, depth: int, axis: int = -1, dtype: Any = "float32") -> Any:
        """`tf.one_hot`, whose `depth` is called `num_classes` elsewhere."""
        from nacre import ops

        return ops.one_hot(indices, depth, axis=axis, dtype=dtype)

    @staticmethod
    def py_function(func: Any, inp: Any, Tout: Any) -> Any:
        """`tf.py_function`: calls a function of tensors, as nothing is traced here."""
        return _typed(func(*inp), Tout)

    @staticmethod
    def numpy_function(func: Any, inp: Any, Tout: Any) -> Any:
        """`tf.numpy_function`: calls a function of arrays, as nothing is traced here."""
        return _typed(func(*(part.numpy() for part in inp)), Tout)


def _typed(values: Any, dtypes: Any) -> Any:
    """Results of a function as tensors of the dtypes that were promised."""
    from nacre.data.structure import as_leaf, to_user

    if isinstance(dtypes, (list, tuple)):
        return [_typed(value, dtype) for value, dtype in zip(values, dtypes, strict=True)]
    value = to_user(as_leaf(values))
    return value if dtypes in (None, "string") else value.astype(dtypes)


def _missing(name: str) -> str:
    return f"{name} is not offered by Nacre."


def _make_module(name: str) -> ModuleType:
    if name == "tensorflow":
        return _TensorFlow(name)
    if name in ("tensorflow.nn", "tensorflow.math", "tensorflow.random"):
        return _make_tensorflow_part(name)
    if name == "tensorflow.data":
        return _make_data(name)
    parts = name.split(".")
    below = parts[2:] if parts[:2] == ["tensorflow", "keras"] else parts[1:]
    if parts[0] == "tensorflow" and parts[1] != "keras":
        raise ImportError(_missing(name), name=name)
    own = ".".join(["nacre", *below])
    try:
        target = importlib.import_module(own)
    except ModuleNotFoundError as error:
        if error.name is None or not own.startswith(error.name):
            raise
        raise ImportError(_missing(name), name=name) from None
    return _Alias(name, target)


def _make_tensorflow_part(name: str) -> ModuleType:
    from nacre import ops, random
    from nacre.utils.random_seed import set_random_seed

    if name == "tensorflow.nn":
        return _Alias(name, ops.nn)
    module = ModuleType(name)
    module.__path__ = []  # type: ignore[attr-defined]
    if name == "tensorflow.random":
        module.set_seed = set_random_seed  # type: ignore[attr-defined]
        module.normal = random.normal  # type: ignore[attr-defined]
        module.uniform = random.uniform  # type: ignore[attr-defined]
    else:
        for entry in _MATH:
            setattr(module, entry, getattr(ops, "power" if entry == "pow" else entry))
        for entry in ("max", "mean", "min", "sum"):
            setattr(module, f"reduce_{entry}", getattr(ops, entry))

    def missing(attribute: str) -> Any:
        raise AttributeError(_missing(f"{name}.{attribute}"))

    module.__getattr__ = missing  # type: ignore[attr-defined]
    return module


def _make_data(name: str) -> ModuleType:
    from nacre import data

    module = _Alias(name, data)
    # Names from before they left `experimental`.
    experimental = ModuleType(f"{name}.experimental")
    experimental.AUTOTUNE = data.AUTOTUNE  # type: ignore[attr-defined]
    experimental.INFINITE_CARDINALITY = data.INFINITE_CARDINALITY  # type: ignore[attr-defined]
    experimental.UNKNOWN_CARDINALITY = data.UNKNOWN_CARDINALITY  # type: ignore[attr-defined]
    experimental.cardinality = data.Dataset.cardinality  # type: ignore[attr-defined]
    module.experimental = experimental  # type: ignore[attr-defined]
    return module


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds modules under the names of Keras and TensorFlow."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname.partition(".")[0] not in _ROOTS:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: Any) -> ModuleType:
        return _make_module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """All is there already."""


def install() -> None:
    """Lets this process find Nacre under the names `keras` and `tensorflow.keras`."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
